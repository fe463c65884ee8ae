import type { Browser } from "@playwright/test"
import { startChromium } from "../e2e/browser.js"
import { startSite } from "../site/site.js"
import { builtAdapter } from "./built.js"
import { compareRow, interleave, type BenchRow } from "./table.js"
import { alsoSitesOf, fillWhole, largeWhole, site, smallWhole, type WholeSize } from "./whole-session.js"

/**
 * A context with the whole session in it, made by `newContext()` and `restore` (reading back and sessionStorage included),
 * beside one made by `newContext({ storageState })` with the databases that Playwright itself took from the same state.
 */
export async function benchRestoreWhole(): Promise<BenchRow[]> {
  const chromium = await startChromium()
  const server = await startSite({ hostname: `app.${site}` })
  try {
    return [
      await restoreRow(chromium.browser, server.port, smallWhole, 1, 9),
      await restoreRow(chromium.browser, server.port, largeWhole, 0.8, 5),
    ]
  } finally {
    await chromium.stop()
    await server.close()
  }
}

async function restoreRow(
  browser: Browser,
  port: number,
  size: WholeSize,
  limit: number,
  rounds: number,
): Promise<BenchRow> {
  const { capture, restore } = await builtAdapter()
  const source = await browser.newContext()
  await fillWhole(source, port, size)
  const snapshot = await capture(source, { site, alsoSites: alsoSitesOf(size) })
  const storageState = await source.storageState({ indexedDB: true })
  await source.close()
  const times = await interleave(rounds, {
    ours: () =>
      timed(async () => {
        const context = await browser.newContext()
        const { ok, set, gaps } = await restore(context, snapshot)
        if (!ok || set.indexedDB !== size.records || set.cookies !== size.cookies) {
          throw new Error(`Restore left gaps: ${JSON.stringify({ set, gaps })}`)
        }
        return context
      }),
    playwright: () => timed(() => browser.newContext({ storageState })),
  })
  return compareRow(`Restore: ${size.title}`, times.ours, times.playwright, limit)
}

async function timed(open: () => Promise<{ close(): Promise<void> }>): Promise<number> {
  const start = performance.now()
  const context = await open()
  const time = performance.now() - start
  await context.close()
  return time
}
