import { chromium, type Browser, type BrowserContextOptions } from "@playwright/test"
import { restore } from "../../shared/adapters/playwright.js"
import { snapshotToPlaywright } from "../../shared/formats/playwright.js"
import type { Cookie, OriginState, Snapshot } from "../../shared/snapshot.js"
import { chromiumArgs, chromiumPath } from "../e2e/browser.js"
import { compareRow, interleave, type BenchRow } from "./table.js"

/**
 * A context with the session in it, made by `newContext()` and `restore` (reading back included), beside the same made by
 * `newContext({ storageState })`.
 */
export async function benchRestore(rounds = 15): Promise<BenchRow[]> {
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumArgs })
  try {
    return [
      await compare("Restore: 100 cookies, 1 MB over 3 origins", browser, sessionOf(100, 1_000_000), rounds),
      await compare("Restore S: 10 cookies, 20 keys", browser, sessionOf(10, 4_000, { origins: 1, keys: 20 }), rounds),
    ]
  } finally {
    await browser.close()
  }
}

type StorageState = NonNullable<BrowserContextOptions["storageState"]>

async function compare(
  name: string,
  browser: Browser,
  snapshot: Snapshot,
  rounds: number,
  limit = 1.2,
): Promise<BenchRow> {
  const storageState = JSON.parse(snapshotToPlaywright(snapshot).text) as StorageState
  const times = await interleave(rounds, {
    ours: () =>
      timed(async () => {
        const context = await browser.newContext()
        const report = await restore(context, snapshot)
        if (!report.ok) throw new Error(`Restore left gaps: ${JSON.stringify(report.gaps)}`)
        return context
      }),
    playwright: () => timed(() => browser.newContext({ storageState })),
  })
  return compareRow(name, times.ours, times.playwright, limit)
}

async function timed(open: () => Promise<{ close(): Promise<void> }>): Promise<number> {
  const start = performance.now()
  const context = await open()
  const time = performance.now() - start
  await context.close()
  return time
}

/** Cookies of several domains and lives, and as much localStorage (characters in all) in so many items of each origin. */
export function sessionOf(cookieCount: number, characters: number, { origins: count = 3, keys = 30 } = {}): Snapshot {
  const hosts = ["app.bench.test", "login.bench.test", "api.bench.test"]
  const cookies = Array.from({ length: cookieCount }, (_, index): Cookie => {
    const isHostOnly = index % 2 === 0
    return {
      name: `cookie-${index}`,
      value: "v".repeat(20 + (index % 7) * 20),
      domain: isHostOnly ? (hosts[index % 3] ?? "") : "bench.test",
      hostOnly: isHostOnly,
      path: "/",
      secure: true,
      httpOnly: index % 3 === 0,
      sameSite: index % 4 === 0 ? "none" : "lax",
      expiresAt: index % 5 === 0 ? null : Date.now() + 86_400_000,
      partition: null,
    }
  })
  const origins = hosts.slice(0, count).map((host, at): OriginState => {
    const items = Array.from({ length: keys }, (_, index): [string, string] => [
      `key-${at}-${index}`,
      "x".repeat(characters / (count * keys)),
    ])
    return { origin: `https://${host}`, partition: null, localStorage: characters === 0 ? [] : items }
  })
  return {
    schema: 1,
    sites: ["bench.test"],
    account: "default",
    capturedAt: Date.now(),
    capturedBy: { tool: "bench", version: "0.0.0", browser: { engine: "chromium", major: null } },
    cookies,
    ...(characters === 0 ? {} : { origins }),
    report: { captured: {}, gaps: [] },
  }
}
