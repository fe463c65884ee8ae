import type { Page } from "@playwright/test"
import { setTimeout } from "node:timers/promises"
import type { SaveIntent, SaveState } from "../../extension/save-state.js"
import { defaultKinds } from "../../shared/report.js"
import { startBrowser, type TestBrowser } from "../e2e/browser.js"
import { startSite } from "../site/site.js"
import { builtAdapter } from "./built.js"
import { compareRow, interleave, type BenchRow } from "./table.js"
import { alsoSitesOf, fillWhole, largeWhole, site, smallWhole, type WholeSize } from "./whole-session.js"

/**
 * The whole session out of a browser, by the extension and by the Playwright adapter, beside Playwright's
 * `storageState({ indexedDB: true })` on the same state in the same browser.
 */
export async function benchCapture(): Promise<BenchRow[]> {
  return [...(await captureRows(smallWhole, 0.7, 9)), ...(await captureRows(largeWhole, 0.5, 7))]
}

/** What Playwright's types do not tell of an origin (`storageState` in 1.65). */
interface WithDatabases {
  indexedDB?: { stores: { records: unknown[] }[] }[]
}

async function captureRows(size: WholeSize, limit: number, rounds: number): Promise<BenchRow[]> {
  const { capture } = await builtAdapter()
  const server = await startSite({ hostname: `app.${site}` })
  const browser = await startBrowser()
  try {
    const [page] = await fillWhole(browser.context, server.port, size)
    const alsoSites = alsoSitesOf(size)
    const save = await prepareSaves(browser, page, alsoSites)
    const times = await interleave(rounds, {
      extension: async () => {
        const { timings, sealed } = await save()
        const gaps = sealed.gaps.filter(({ kind }) => kind !== "portability")
        if (gaps.length > 0) throw new Error(`The capture left gaps: ${JSON.stringify(gaps)}`)
        return timings.capture ?? Number.NaN
      },
      adapter: () =>
        timed(
          () => capture(browser.context, { site, alsoSites }),
          ({ report: { captured } }) => {
            expectCount(captured.cookies, size.cookies)
            expectCount(captured.indexedDB, size.records)
          },
        ),
      storageState: () =>
        timed(
          () => browser.context.storageState({ indexedDB: true }),
          ({ cookies, origins }) => {
            expectCount(cookies.length, size.cookies)
            // Playwright also reads the extension's page, which holds next to nothing.
            const ofSite = origins.filter(({ origin }) => origin.startsWith("http"))
            const stores = (ofSite as WithDatabases[]).flatMap(({ indexedDB = [] }) =>
              indexedDB.flatMap(({ stores }) => stores),
            )
            expectCount(
              stores.reduce((sum, { records }) => sum + records.length, 0),
              size.records,
            )
          },
        ),
    })
    return [
      compareRow(`Capture by the extension: ${size.title}`, times.extension, times.storageState, limit),
      compareRow(`Capture by the Playwright adapter: ${size.title}`, times.adapter, times.storageState, null),
    ]
  } finally {
    await browser.stop()
    await server.close()
  }
}

/** Trusts the computer and allows the sites; the function saves once, and gives how that ended. */
export async function prepareSaves(
  browser: TestBrowser,
  page: Page,
  alsoSites: string[],
): Promise<() => Promise<SaveState & { phase: "saved" }>> {
  const patterns = [site, ...alsoSites].map((one) => `*://*.${one}/*`)
  for (const pattern of patterns) await browser.allow(pattern)
  const popup = await browser.openPopup(page)
  await popup.getByRole("button", { name: "Trust this computer" }).click()
  await popup.getByRole("button", { name: "Trust this computer" }).waitFor({ state: "hidden" })
  const tabId = await browser.tabIdOf(page)
  // Another page of the extension asks for the saves: the popup shows sessions and sizes meanwhile, as it should.
  await popup.close()
  const asker = await browser.openPage("welcome")
  if (!(await asker.evaluate((origins) => chrome.permissions.request({ origins }), patterns))) {
    throw new Error("The browser did not give the permission")
  }
  return async () => {
    const intent: SaveIntent = {
      id: crypto.randomUUID(),
      tabId,
      site,
      alsoSites,
      account: "default",
      kinds: [...defaultKinds],
      withoutOrigins: [],
      openFirst: [],
    }
    const asked = asker.evaluate(
      async (message) => {
        const reply: unknown = await chrome.runtime.sendMessage(message)
        if ("error" in (reply as object)) throw new Error(JSON.stringify(reply))
      },
      { type: "save", intent },
    )
    const answer = { isThere: false }
    // The answer comes when the save has ended; an error is thrown below.
    void asked.then(
      () => (answer.isThere = true),
      () => (answer.isThere = true),
    )
    for (;;) {
      const state = await asker.evaluate(
        async () => (await chrome.storage.session.get("save"))["save"] as SaveState | undefined,
      )
      if (state?.intent.id === intent.id) {
        if (state.phase === "failed" || state.phase === "waiting") throw new Error(state.message)
        if (state.phase === "saved") {
          await asked
          return state
        }
      }
      if (answer.isThere) await asked
      await setTimeout(50)
    }
  }
}

async function timed<T>(work: () => Promise<T>, check: (result: T) => void): Promise<number> {
  const started = performance.now()
  const result = await work()
  const time = performance.now() - started
  check(result)
  return time
}

function expectCount(found: number | undefined, wanted: number): void {
  if (found !== wanted) throw new Error(`Not the same state: ${found ?? "nothing"} instead of ${wanted}`)
}
