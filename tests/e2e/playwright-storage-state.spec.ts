import { expect, test, type Browser } from "@playwright/test"
import { capture } from "../../shared/adapters/playwright.js"
import { snapshotToPlaywright } from "../../shared/formats/playwright.js"
import type { IndexedDatabase, OriginState, Snapshot } from "../../shared/snapshot.js"
import { createStructuredCodec } from "../../shared/structured.js"
import { sessionOf } from "../contracts/adapter-contract.js"
import { cookie } from "../shared/formats/session.js"
import { startSite, type Site } from "../site/site.js"
import { startChromium } from "./browser.js"

/** The file that we write for Playwright, given to a real one: what its own reader makes of it. */

let browser: Browser
let chromium: Awaited<ReturnType<typeof startChromium>>
let site: Site

test.beforeAll(async () => {
  chromium = await startChromium()
  browser = chromium.browser
  site = await startSite()
})

test.afterAll(async () => {
  await chromium.stop()
  await site.close()
})

const codec = createStructuredCodec()

async function record(key: unknown, value: unknown) {
  const [saidKey, saidValue] = [await codec.encode(key), await codec.encode(value)]
  return { key: saidKey.text, value: saidValue.text }
}

function store(fields: Partial<IndexedDatabase["stores"][number]>): IndexedDatabase["stores"][number] {
  return { name: "kv", keyPath: null, autoIncrement: false, nextKey: null, indexes: [], records: [], ...fields }
}

/** What a context that was made with our file has at the origin. */
async function restoredBy(state: Omit<OriginState, "origin" | "partition">) {
  const { origin } = new URL(site.origin)
  const snapshot: Snapshot = { ...sessionOf(origin, {}), sites: [new URL(origin).hostname] }
  snapshot.origins = [{ origin, partition: null, ...state }]
  const { text, gaps } = snapshotToPlaywright(snapshot)
  const storageState = JSON.parse(text) as { cookies: []; origins: [] }
  const context = await browser.newContext({ storageState })
  try {
    const page = await context.newPage()
    await page.goto(`${origin}/blank`)
    const kinds = ["localStorage", "indexedDB", "opfs"] as const
    const seen = await capture(context, { site: new URL(origin).hostname, kinds })
    const own = seen.origins?.find((other) => other.origin === origin)
    expect(seen.report.gaps).toEqual([])
    return { seen: own, gaps }
  } finally {
    await context.close()
  }
}

function cyclic(): object {
  const shared = { deep: [1] }
  const root: Record<string, unknown> = { one: shared, two: shared, map: new Map([[shared, new Set([shared, "x"])]]) }
  root["self"] = root
  return root
}

test("playwright reads back every key and value that its format can say", async () => {
  const values: unknown[] = [
    { plain: [1, "text", true, null, { deep: "" }] },
    "\ud800 lone, \u2028 line, </script>",
    undefined,
    [undefined, NaN, Infinity, -Infinity, -0],
    { big: 2n ** 70n },
    new Date(0),
    new Date(NaN),
    new Date(-8.64e15),
    /a\/(?<b>\n)/gimsuy,
    new Uint8Array([0, 255]).buffer,
    new Int16Array([-1, 2]),
    new BigUint64Array([2n ** 63n]),
    new Float64Array([NaN, -0]),
    new Map<unknown, unknown>([[{ k: 1 }, new Set([new Date(5)])]]),
    cyclic(),
    { $: "dollar", ref: 1, v: "undefined", o: [] },
  ]
  const keys: unknown[] = [-Infinity, 0, 1.5, Infinity, new Date(7), "", "\udc00", new Uint8Array([1]).buffer]
  const records = [
    ...(await Promise.all(keys.map((key) => record(key, "by key")))),
    ...(await Promise.all(values.map((value, at) => record([at, new Date(at), ["k"]], value)))),
  ]
  const databases: IndexedDatabase[] = [
    {
      name: "",
      version: 1,
      stores: [store({ name: "", records: [await record("k", "of a database without a name")] })],
    },
    { name: "empty", version: 7, stores: [] },
    {
      name: "typed",
      version: 3,
      stores: [
        store({
          name: "inline",
          keyPath: "meta.id",
          autoIncrement: true,
          nextKey: 12,
          indexes: [
            { name: "both", keyPath: ["meta.id", "tag"], unique: true, multiEntry: false },
            { name: "tags", keyPath: "tags", unique: false, multiEntry: true },
          ],
          records: [await record(11, { meta: { id: 11 }, tag: "a", tags: ["x", "y"], at: new Date(1) })],
        }),
        store({ records }),
        store({ name: "two-part", keyPath: ["a", "b"], records: [await record(["x", 1], { a: "x", b: 1 })] }),
      ],
    },
  ]
  const { seen, gaps } = await restoredBy({ localStorage: [["k", "v"]], indexedDB: databases })
  expect(gaps).toEqual([])
  expect(seen?.localStorage).toEqual([["k", "v"]])
  expect(seen?.indexedDB).toEqual(databases)
})

test("playwright reads back private files and folders", async () => {
  const entries = [
    { path: "a", data: null },
    { path: "a/empty", data: "" },
    { path: "a/file", data: "AP8=" },
  ]
  const { seen, gaps } = await restoredBy({ localStorage: [], opfs: { files: 2, bytes: 2, entries } })
  expect(gaps).toEqual([])
  expect(seen?.opfs?.entries?.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual(entries)
})

test("a record that the format cannot say is named and costs no other", async () => {
  const shared = new Date(1)
  const records = [
    await record(1, { file: new Blob(["canary"]) }),
    await record(2, new DataView(new ArrayBuffer(2))),
    await record(3, Object("canary")),
    await record(4, [shared, shared]),
    await record(5, new TypeError("said", { cause: "canary" })),
    await record(6, "stays"),
  ]
  const { seen, gaps } = await restoredBy({ indexedDB: [{ name: "db", version: 1, stores: [store({ records })] }] })
  const kept = seen?.indexedDB?.[0]?.stores[0]?.records ?? []
  expect(kept.map(({ key }) => key)).toEqual(["4", "5", "6"])
  const error = codec.decode(kept[1]?.value ?? "")
  expect(error).toBeInstanceOf(TypeError)
  expect(gaps.map(({ what, why }) => `${what}: ${why}`)).toEqual([
    `1 record of store "kv" of database "db": Blob has no place in Playwright's storageState`,
    `1 record of store "kv" of database "db": DataView has no place in Playwright's storageState`,
    `1 record of store "kv" of database "db": String has no place in Playwright's storageState`,
    `1 record of store "kv" of database "db": what was one object in two places becomes two in Playwright's storageState`,
    `1 record of store "kv" of database "db": errors lose their stack in Playwright's storageState`,
    `1 record of store "kv" of database "db": errors lose their cause in Playwright's storageState`,
  ])
  expect(JSON.stringify(gaps)).not.toContain("canary")
})

test("one bad cookie or partition costs no other cookie", async () => {
  const inFirefox = { topLevelSite: "https://shop.test", hasCrossSiteAncestor: null }
  const snapshot = sessionOf("https://app.example.com", {
    cookies: [
      cookie({ name: "fine" }),
      cookie({ name: "__Host-wide", hostOnly: false, domain: "example.com" }),
      cookie({ name: "insecure", secure: false, partition: inFirefox }),
      cookie({ name: "chips", partition: inFirefox, sameSite: "none" }),
      cookie({ name: "far", expiresAt: 9e14 }),
    ],
  })
  const { text, gaps } = snapshotToPlaywright(snapshot)
  const context = await browser.newContext({ storageState: JSON.parse(text) as { cookies: []; origins: [] } })
  const kept = await context.cookies()
  await context.close()
  expect(kept.map(({ name }) => name).sort()).toEqual(["chips", "far", "fine"])
  expect(kept.find(({ name }) => name === "chips")).toMatchObject({
    partitionKey: "https://shop.test",
    _crHasCrossSiteAncestor: true,
  })
  expect(gaps.map(({ why }) => why)).toEqual([
    "__Host- needs a host-only cookie with path /",
    "a partitioned cookie needs Secure",
  ])
})
