import { IDBFactory } from "fake-indexeddb"
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { capture, type Scope } from "../../extension/capture.js"
import { nameFromBytes } from "../../extension/capture-cookies.js"
import { createStructuredCodec, type Encoded } from "../../shared/structured.js"
import { context, fakeBrowser, world, type FakeFrame, type FakeTab } from "./fake-tabs.js"

vi.mock("wxt/browser", async () => ({ browser: (await import("./fake-tabs.js")).fakeBrowser }))

beforeEach(() => {
  vi.stubGlobal("navigator", { userAgent: "Mozilla/5.0 Chrome/156.0.0.0" })
  Object.assign(world, {
    tabs: [],
    cookies: [],
    granted: true,
    asked: [],
    read: [],
    left: new Set(),
    gone: new Set(),
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const app = "https://app.example.com"
const www = "https://www.example.com"

const everything: Scope = {
  tabId: 1,
  site: "example.com",
  alsoSites: [],
  account: "default",
  kinds: ["cookies", "localStorage", "sessionStorage", "context"],
  withoutOrigins: [],
  knownOrigins: [],
}

function tabAt(id: number, origin: string, over: Partial<FakeTab> = {}, ...more: FakeFrame[]): FakeTab {
  const top: FakeFrame = { origin, local: [["token", `of ${origin}`]], session: [["tab", String(id)]] }
  return { id, url: `${origin}/`, frames: [top, ...more], ...over }
}

/** A database with one store whose keys the browser gives. */
async function makeDatabase(name: string, values: unknown[]): Promise<void> {
  const asked = indexedDB.open(name, 1)
  asked.onupgradeneeded = () => {
    const store = asked.result.createObjectStore("things", { autoIncrement: true })
    for (const value of values) store.add(value)
  }
  await new Promise((resolve) => (asked.onsuccess = resolve))
  asked.result.close()
}

const plain = { value: "v", path: "/", secure: true, httpOnly: true, session: true, storeId: "0" }

it("cookies come with every attribute the browser has, in the browser's order", async () => {
  world.tabs = [tabAt(1, app)]
  world.cookies = [
    { ...plain, name: "deep", domain: "app.example.com", hostOnly: true, path: "/deep", sameSite: "unspecified" },
    {
      ...plain,
      name: "wide",
      domain: ".example.com",
      hostOnly: false,
      sameSite: "lax",
      expirationDate: 1800000000.123456,
    },
    {
      ...plain,
      name: "chips",
      domain: "app.example.com",
      hostOnly: true,
      sameSite: "no_restriction",
      partitionKey: { topLevelSite: "https://top.test", hasCrossSiteAncestor: true },
    },
    {
      ...plain,
      name: "firefox",
      domain: "app.example.com",
      hostOnly: true,
      sameSite: "strict",
      firstPartyDomain: "",
      partitionKey: { topLevelSite: "https://top.test" },
    },
    { ...plain, name: "stranger", domain: ".notexample.com", hostOnly: false, sameSite: "lax" },
  ]
  const { cookies, report } = await capture(everything)
  expect(world.asked).toEqual([{ domain: "example.com", storeId: "0", partitionKey: {} }])
  const common = {
    value: "v",
    path: "/",
    secure: true,
    httpOnly: true,
    hostOnly: true,
    expiresAt: null,
    partition: null,
  }
  const inApp = { ...common, domain: "app.example.com" }
  expect(cookies).toEqual([
    { ...inApp, name: "deep", path: "/deep", sameSite: "unspecified" },
    {
      ...common,
      name: "wide",
      domain: "example.com",
      hostOnly: false,
      sameSite: "lax",
      expiresAt: 1_800_000_000_123,
    },
    {
      ...inApp,
      name: "chips",
      sameSite: "none",
      partition: { topLevelSite: "https://top.test", hasCrossSiteAncestor: true },
    },
    {
      ...inApp,
      name: "firefox",
      sameSite: "strict",
      partition: { topLevelSite: "https://top.test", hasCrossSiteAncestor: null },
    },
  ])
  expect(report.gaps).toMatchObject([
    { kind: "cookies", count: 1 },
    // The site has cookies below another one, and nobody shows its frame there.
    { kind: "origin", what: "page storage of a frame" },
  ])
})

it("tabs of another cookie store are another account's and stay out", async () => {
  world.tabs = [tabAt(2, www), tabAt(1, app), tabAt(3, "https://private.example.com", { incognito: true })]
  const { tabs, origins, capturedBy } = await capture(everything)
  expect(capturedBy.store).toEqual({ id: "0", name: null, isPrivate: false })
  // The tab that was saved from is the first.
  expect(tabs?.map(({ url }) => url)).toEqual([`${app}/`, `${www}/`])
  expect(origins?.map(({ origin }) => origin)).toEqual([app, www])
})

it("a Firefox container is a store of its own", async () => {
  world.tabs = [
    tabAt(1, app, { cookieStoreId: "firefox-container-2" }),
    tabAt(2, www, { cookieStoreId: "firefox-default" }),
  ]
  const { tabs, capturedBy } = await capture(everything)
  expect(capturedBy.store).toEqual({ id: "firefox-container-2", name: "Work", isPrivate: false })
  expect(world.asked).toMatchObject([{ storeId: "firefox-container-2" }])
  expect(tabs).toHaveLength(1)
})

it("a store that is no container has no name", async () => {
  world.tabs = [tabAt(1, app, { cookieStoreId: "firefox-private", incognito: true })]
  const { capturedBy } = await capture(everything)
  expect(capturedBy.store).toEqual({ id: "firefox-private", name: null, isPrivate: true })
})

it("two tabs of one origin give its localStorage once and a sessionStorage each", async () => {
  world.tabs = [tabAt(1, app), tabAt(2, app)]
  const { tabs, origins, report } = await capture(everything)
  expect(origins).toEqual([{ origin: app, partition: null, localStorage: [["token", `of ${app}`]] }])
  expect(tabs?.map(({ sessionStorage }) => sessionStorage[0]?.items)).toEqual([[["tab", "1"]], [["tab", "2"]]])
  expect(report.captured).toEqual({ cookies: 0, localStorage: 1, sessionStorage: 2, context: 1 })
})

it("storage of a frame below another site is kept apart, with its top-level site", async () => {
  const nested = {
    origin: www,
    local: [["token", "partitioned"]] as [string, string][],
    session: [["flow", "1"]] as [string, string][],
    ancestors: ["https://ads.test", app],
  }
  const sibling = { origin: "https://auth.example.com", ancestors: [app] }
  world.tabs = [tabAt(1, app, {}, nested, sibling)]
  const { origins, tabs } = await capture(everything)
  const partition = { topLevelSite: "https://example.com", hasCrossSiteAncestor: true }
  expect(origins?.map(({ origin, partition: below }) => [origin, below])).toEqual([
    [app, null],
    [www, partition],
    ["https://auth.example.com", null],
  ])
  expect(tabs?.[0]?.sessionStorage).toContainEqual({ origin: www, partition, items: [["flow", "1"]] })
})

it("frames of other sites are named in one line", async () => {
  world.tabs = [tabAt(1, app, {}), tabAt(2, www)]
  const embedding = {
    origin: "https://shop.example.com",
    frames: ["https://pay.test", "https://x.pay.test", "https://ads.test", "null", app],
  }
  world.tabs.push({ id: 3, url: "https://shop.example.com/", frames: [embedding] })
  const { report } = await capture(everything)
  expect(report.gaps).toMatchObject([{ kind: "site", where: "ads.test, pay.test", count: 3 }])
})

it("a second site comes with the first: its cookies, its tabs and its frames below the first", async () => {
  const idp = "https://login.idp.test"
  const framed = { origin: idp, local: [["silent", "renew"]] as [string, string][], ancestors: [app] }
  world.tabs = [tabAt(1, app, {}, framed), tabAt(2, idp)]
  world.cookies = [{ ...plain, name: "sso", domain: "login.idp.test", hostOnly: true, sameSite: "lax" }]
  const { sites, cookies, origins } = await capture({ ...everything, alsoSites: ["idp.test"] })
  expect(sites).toEqual(["example.com", "idp.test"])
  expect(cookies?.map(({ name }) => name)).toEqual(["sso"])
  expect(origins?.map(({ origin, partition }) => [origin, partition?.topLevelSite ?? null])).toEqual([
    [app, null],
    [idp, "https://example.com"],
    [idp, null],
  ])
})

it("databases are read record by record, and what a page holds besides is named", async () => {
  vi.stubGlobal("indexedDB", new IDBFactory())
  vi.stubGlobal("location", { origin: app })
  await makeDatabase("app", ["a", new Map([[1, -0]])])
  const counts = {
    databases: [{ name: "app", version: 1 }],
    opfs: { files: 2, bytes: 10 },
    cacheStorage: { caches: 1, entries: 5 },
    serviceWorkers: { scopes: 1 },
  }
  world.tabs = [tabAt(1, app, { frames: [{ origin: app, counts }] })]
  const { origins, report } = await capture({ ...everything, kinds: ["localStorage", "indexedDB"] })
  expect(origins?.[0]?.indexedDB).toEqual([
    {
      name: "app",
      version: 1,
      stores: [
        {
          name: "things",
          keyPath: null,
          autoIncrement: true,
          nextKey: 3,
          indexes: [],
          records: [
            { key: "1", value: '"a"' },
            { key: "2", value: (createStructuredCodec().encode(new Map([[1, -0]])) as Encoded).text },
          ],
        },
      ],
    },
  ])
  expect(report.captured).toEqual({ localStorage: 0, indexedDB: 2 })
  expect(report.gaps.map(({ kind, what }) => [kind, what])).toEqual([
    ["opfs", "2 private files"],
    ["cacheStorage", "1 cache"],
    ["serviceWorker", "1 service worker"],
  ])
})

it("a session over its limit is cut, what a login needs last, and every cut is named", async () => {
  vi.stubGlobal("indexedDB", new IDBFactory())
  vi.stubGlobal("location", { origin: app })
  // Each is escaped once more when it is sealed: quotes count twice.
  await makeDatabase("app", Array<string>(100).fill(JSON.stringify(Array<string>(50).fill("x"))))
  const counts = { databases: [{ name: "app", version: 1 }] }
  const frame = { origin: app, local: [["token", "t".repeat(2000)]] as [string, string][], counts }
  world.tabs = [tabAt(1, app, { frames: [frame] })]
  world.cookies = [{ ...plain, name: "sid", domain: "app.example.com", hostOnly: true, sameSite: "lax" }]
  const captureWithin = async (session: number) => {
    const limits = { database: 1e6, origin: 1e6, session }
    const kinds = [...everything.kinds, "indexedDB" as const]
    const snapshot = await capture({ ...everything, kinds }, { limits })
    const { cookies, origins, tabs, report } = snapshot
    expect(JSON.stringify({ cookies, origins, tabs }).length).toBeLessThan(session + 100)
    const cuts = report.gaps.filter(({ why }) => why.includes("limit for one session"))
    return { captured: report.captured, cuts: cuts.map(({ kind, count }) => [kind, count]) }
  }
  const some = await captureWithin(10_000)
  expect(some.captured).toMatchObject({ cookies: 1, localStorage: 1, sessionStorage: 0 })
  const read = some.captured.indexedDB ?? 0
  expect(read).toBeGreaterThan(10)
  expect(some.cuts).toEqual([["indexedDB", 100 - read]])
  const least = await captureWithin(1000)
  expect(least.captured).toMatchObject({ cookies: 1, localStorage: 0 })
  expect(least.cuts.map(([kind]) => kind)).toEqual(["localStorage", "indexedDB"])
})

it("a report has 200 lines at most, however much goes wrong", async () => {
  const frames = Array.from({ length: 300 }, (_, index) => ({ origin: `https://o${index}.example.com`, local: null }))
  world.tabs = [tabAt(1, app, {}, ...frames)]
  const { report } = await capture(everything)
  expect(report.gaps).toHaveLength(200)
  expect(report.gaps.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(300)
})

it("a page that was left while its databases were read is named", async () => {
  const counts = { databases: [{ name: "app", version: 1 }] }
  world.tabs = [tabAt(1, app, { frames: [{ origin: app, counts }] })]
  world.gone.add("1 0")
  const { origins, report } = await capture({ ...everything, kinds: ["indexedDB"] })
  expect(origins?.[0]?.indexedDB).toEqual([])
  expect(report.gaps).toMatchObject([{ kind: "indexedDB", where: app }])
  expect(report.gaps[0]?.why).toContain("closed or left")
})

it("origins that belong to the session and are open nowhere are named", async () => {
  world.tabs = [tabAt(1, app)]
  world.cookies = [
    { ...plain, name: "api", domain: "api.example.com", hostOnly: true, sameSite: "lax" },
    { ...plain, name: "wide", domain: ".example.com", hostOnly: false, sameSite: "lax" },
  ]
  const knownOrigins = [app, www, "https://other.test"]
  const { report } = await capture({ ...everything, knownOrigins })
  expect(report.gaps.map(({ kind, where, what }) => [kind, where, what])).toEqual([
    ["origin", www, "page storage"],
    ["origin", "https://api.example.com", "page storage"],
  ])
})

it("more unopened origins than anybody reads get one line together", async () => {
  world.tabs = [tabAt(1, app)]
  const knownOrigins = Array.from({ length: 25 }, (_, i) => `https://h${i}.example.com`)
  const { report } = await capture({ ...everything, knownOrigins })
  expect(report.gaps).toHaveLength(21)
  expect(report.gaps.at(-1)).toMatchObject({ where: "5 more origins", count: 5 })
})

it("one document of each storage is asked what it holds, however many a page embeds", async () => {
  const more = Array.from({ length: 200 }, () => ({ origin: app, ancestors: [app] }))
  world.tabs = [tabAt(1, app, {}, ...more, { origin: "null", ancestors: [app] }), tabAt(2, app)]
  const { origins } = await capture(everything)
  // Of the second tab only its own sessionStorage is new.
  expect(world.read).toEqual(["1 0", "2 0"])
  expect(origins?.[0]?.localStorage).toEqual([["token", `of ${app}`]])
})

it("a document that is left before it was read is named, and another one speaks for its storage", async () => {
  const frame = { origin: www, ancestors: [app], local: [["seen", "by both"]] as [string, string][] }
  world.tabs = [tabAt(1, app, {}, frame, frame)]
  world.left.add("1 1")
  const { origins, report } = await capture(everything)
  expect(origins?.find(({ origin }) => origin === www)?.localStorage).toEqual([["seen", "by both"]])
  expect(report.gaps).toMatchObject([{ kind: "origin", where: www }])
})

it("a page that is left before it was read replaces no session by one without its storage", async () => {
  world.tabs = [tabAt(1, app), tabAt(2, app)]
  world.left.add("1 0")
  await expect(capture(everything)).rejects.toMatchObject({ code: "nothing-to-capture" })
})

it("a tab that was opened for the capture shows what its origin holds, and is no tab of the session", async () => {
  world.tabs = [tabAt(1, app), tabAt(2, www)]
  const { origins, tabs } = await capture(everything, { openedTabs: [2] })
  expect(origins?.map(({ origin }) => origin)).toEqual([app, www])
  expect(tabs?.map(({ url }) => url)).toEqual([`${app}/`])
})

it("a capture that was called off saves nothing", async () => {
  world.tabs = [tabAt(1, app)]
  const captured = capture(everything, { signal: AbortSignal.abort() })
  await expect(captured).rejects.toMatchObject({ code: "aborted" })
})

it("a kind that is unticked is missing, one that is ticked and empty is empty", async () => {
  world.tabs = [tabAt(1, app, { frames: [{ origin: app }] })]
  const none = await capture({ ...everything, kinds: ["localStorage"] })
  expect(Object.keys(none).sort()).toEqual([
    "account",
    "capturedAt",
    "capturedBy",
    "origins",
    "report",
    "schema",
    "sites",
  ])
  expect(none.origins).toEqual([{ origin: app, partition: null, localStorage: [] }])
  expect(none.report.captured).toEqual({ localStorage: 0 })
  const onlyContext = await capture({ ...everything, kinds: ["context"] })
  expect(onlyContext.context).toEqual(context)
  expect(onlyContext).not.toHaveProperty("cookies")
  expect(world.asked).toEqual([])
})

it("an origin that is unticked leaves no trace, not even an address", async () => {
  world.tabs = [tabAt(1, app), tabAt(2, www)]
  const snapshot = await capture({ ...everything, withoutOrigins: [www] })
  expect(JSON.stringify(snapshot)).not.toContain("www.")
})

it("a page that the browser refuses at first, as it does right after the person allowed the site, is read", async () => {
  world.tabs = [tabAt(1, app, { refusals: 3 })]
  const { report, tabs } = await capture(everything)
  expect(report.gaps).toEqual([])
  expect(tabs).toHaveLength(1)
})

it("what another tab cannot give is a gap with a reason and a fix", async () => {
  world.tabs = [
    tabAt(1, app),
    tabAt(2, "https://sleeping.example.com", { discarded: true }),
    tabAt(3, "https://broken.example.com", { frames: new Error("Frame with ID 0 is showing error page") }),
    tabAt(4, "https://guarded.example.com", { frames: new Error("Cannot access contents of the page") }),
    tabAt(5, "https://strict.example.com", { frames: [{ origin: "https://strict.example.com", local: null }] }),
  ]
  const { tabs, report } = await capture(everything)
  expect(tabs).toHaveLength(2)
  expect(report.gaps.map(({ kind, where, why }) => [kind, new URL(where).hostname.split(".")[0], why])).toEqual([
    ["origin", "sleeping", "the browser unloaded this tab to save memory"],
    ["origin", "broken", "the tab shows an error page"],
    ["origin", "guarded", "the browser does not let extensions read this page"],
    ["localStorage", "strict", "the browser refused it to the page (SecurityError)"],
  ])
  for (const { fix } of report.gaps) expect(fix).not.toBe("")
})

it("a tab that does not answer in 10 seconds is a gap, not a save that hangs", async () => {
  vi.useFakeTimers()
  world.tabs = [tabAt(1, app), tabAt(2, www, { frames: "silent" })]
  const captured = capture(everything)
  await vi.advanceTimersByTimeAsync(10_000)
  expect((await captured).report.gaps).toMatchObject([{ where: www, why: "the page did not answer within 10 seconds" }])
})

it.each([
  ["the tab was closed", { tabs: [] }, "nothing-to-capture", /tab was closed/],
  ["it shows another site", { tabs: [tabAt(1, "https://other.test")] }, "nothing-to-capture", /another page by now/],
  ["it shows a page of the browser", { tabs: [tabAt(1, "chrome://version")] }, "nothing-to-capture", /another page/],
  [
    "it shows an error page",
    { tabs: [tabAt(1, app, { frames: new Error("Frame with ID 0 is showing error page") })] },
    "nothing-to-capture",
    /error page; reload it/,
  ],
  ["the site may not be read", { tabs: [tabAt(1, app)], granted: false }, "permission-refused", /does not let/],
])("nothing is saved when %s", async (_why, state, code, message) => {
  Object.assign(world, state)
  const error: unknown = await capture(everything).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string })
})

it("nothing is saved when the permission is taken back while the site is read", async () => {
  world.tabs = [tabAt(1, app)]
  vi.spyOn(fakeBrowser.cookies, "getAll").mockImplementationOnce(async () => {
    world.granted = false
    return []
  })
  await expect(capture(everything)).rejects.toMatchObject({ code: "permission-refused" })
})

it.each([
  ["ð\u009f\u008c¿", "🌿"],
  ["sid", "sid"],
  ["caf\u00e9", "caf\u00e9"],
  ["語", "語"],
])("a cookie's name that came byte by byte, %j, is text again", (given, name) => {
  expect(nameFromBytes(given)).toBe(name)
})
