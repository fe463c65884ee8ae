import { randomBytes } from "node:crypto"
import { createServer, type AddressInfo } from "node:net"
import { expect, test, type BrowserContext } from "@playwright/test"
import { restore } from "../../shared/adapters/playwright.js"
import type { IndexedDatabase, Snapshot, StorageItem } from "../../shared/snapshot.js"
import { cookie, sessionOf } from "../contracts/adapter-contract.js"
import { exampleDatabase as database } from "../shared/example-database.js"
import { startChromium } from "./browser.js"
import { startScriptSite, type ScriptSite } from "./script-site.js"

let chromium: Awaited<ReturnType<typeof startChromium>>
let site: ScriptSite
let context: BrowserContext

test.beforeAll(async () => {
  chromium = await startChromium()
  site = await startScriptSite({})
})
test.afterAll(async () => {
  await Promise.all([chromium.stop(), site.close()])
})
test.beforeEach(async () => {
  context = await chromium.browser.newContext()
})
test.afterEach(() => context.close())

const origin = () => site.origin("app.example.test")
const domain = "app.example.test"

test("what finds no room is counted and named in good time, and what fitted is there", async () => {
  const keeper = await context.newPage()
  const session = await context.newCDPSession(keeper)
  await session.send("Storage.overrideQuotaForOrigin", { origin: origin(), quotaSize: 8_000_000 })
  // Chromium counts what is on disk, compressed: only what cannot be compressed fills it.
  const records = Array.from({ length: 20_000 }, (_, key): [number, unknown] => [key, randomBytes(500).toString("hex")])
  const snapshot = withDatabases([
    database("first", [[1, "small"]]),
    database("large", records),
    database("last", [[1, "small"]]),
  ])
  const report = await restore(context, snapshot)
  expect(report.ok).toBe(false)
  expect(report.set).toMatchObject({ cookies: 1, localStorage: 1 })
  const [gap] = report.gaps.filter(({ what }) => what.includes('"large"'))
  expect(gap).toMatchObject({ kind: "indexedDB", where: origin(), why: "no room is left for this origin" })
  expect(gap?.what).toBe(`${gap?.count ?? 0} records of store "things" of database "large"`)
  expect(report.set.indexedDB).toBe(20_002 - report.gaps.reduce((sum, { count }) => sum + count, 0))
  expect(await countsIn(["first", "large", "last"])).toMatchObject({ first: 1, large: 20_000 - (gap?.count ?? 0) })
  await session.detach()
})

test("a record that a unique index refuses is named, and costs no other", async () => {
  const people: [number, unknown][] = [
    [1, { email: "ada@example.test" }],
    [2, { email: "ada@example.test" }],
    [3, { email: "grace@example.test" }],
  ]
  const unique = database("people", people, [{ name: "email", keyPath: "email", unique: true, multiEntry: false }])
  const report = await restore(context, withDatabases([unique]))
  expect(report).toMatchObject({ ok: false, set: { cookies: 1, localStorage: 1, indexedDB: 2 } })
  expect(report.gaps).toMatchObject([
    {
      kind: "indexedDB",
      where: origin(),
      what: '1 record of store "things" of database "people"',
      why: "a unique index has that value already",
      count: 1,
    },
  ])
})

test("behind a proxy that refuses every connection what needs no site is there, and the rest is named", async () => {
  const refusing = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve))
  const gone = await startScriptSite({})
  await gone.close()
  try {
    for (const port of [(refusing.address() as AddressInfo).port, new URL(gone.origin("proxy.test")).port]) {
      const server = `http://127.0.0.1:${port}`
      const behind = await chromium.browser.newContext({ proxy: { server } })
      const snapshot = { ...withDatabases([database("one", [[1, "small"]])]), ...tabAt(origin()) }
      const report = await restore(behind, snapshot, { openTabs: "all", check: true })
      const set = { cookies: 1, localStorage: 1, sessionStorage: 1, indexedDB: 1 }
      expect(report).toMatchObject({ ok: false, set })
      expect(report.gaps).toMatchObject([
        { kind: "origin", where: origin(), what: "a tab", why: "the site did not answer at its address" },
      ])
      expect(report.check).toEqual({ result: "unclear", why: "the site did not answer" })
      await behind.close()
    }
  } finally {
    await new Promise<void>((resolve) => refusing.close(() => resolve()))
  }
})

function tabAt(at: string): Pick<Snapshot, "tabs"> {
  const items: StorageItem[] = [["tab", "2"]]
  return { tabs: [{ id: "1", url: `${at}/blank`, sessionStorage: [{ origin: at, partition: null, items }] }] }
}

function withDatabases(indexedDB: IndexedDatabase[]): Snapshot {
  const snapshot = sessionOf(origin(), { cookies: [cookie({ domain })], local: [["token", "1"]] })
  for (const state of snapshot.origins ?? []) state.indexedDB = indexedDB
  return snapshot
}

/** Records of the store in each database, as a page of the site counts them. */
async function countsIn(names: string[]): Promise<Record<string, number>> {
  const page = await context.newPage()
  await page.goto(site.url(domain, "/blank"))
  return page.evaluate(async (wanted) => {
    const answerOf = <T>(asked: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        asked.onsuccess = () => resolve(asked.result)
        asked.onerror = () => reject(asked.error ?? new Error("It did not open"))
      })
    const counts: Record<string, number> = {}
    for (const name of wanted) {
      const db = await answerOf(indexedDB.open(name))
      counts[name] = db.objectStoreNames.contains("things")
        ? await answerOf(db.transaction("things").objectStore("things").count())
        : 0
    }
    return counts
  }, names)
}
