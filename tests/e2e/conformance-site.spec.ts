import { existsSync } from "node:fs"
import { isDeepStrictEqual } from "node:util"
import { chromium, expect, test, type Browser, type BrowserContext } from "@playwright/test"
import puppeteer from "puppeteer-core"
import { describeValue, type Description } from "../conformance/describe-value.js"
import { changeDatabase, databaseChanges, describePairs, pageChanges } from "../conformance/differences.js"
import { echoPaths, type Seen } from "../conformance/see.js"
import { oddItems, tabItems } from "../conformance/fill-storage.js"
import { framed } from "../conformance/frames.js"
import { callOf } from "../conformance/route.js"
import { chromiumSiteArgs, firefoxPrefs, startConformanceSite, type ConformanceSite } from "../conformance/server.js"
import { fill, signInAtProvider, states, whatIsSeen, type State, type Tab } from "../conformance/tab.js"
import { chromiumArgs, chromiumPath } from "./browser.js"

const firefox = [process.env["PSP_FIREFOX"], "/usr/bin/firefox-esr", "/usr/bin/firefox"].find(
  (candidate) => candidate !== undefined && existsSync(candidate),
)

const plainNames = [
  ...[
    "host_only",
    "domain",
    "http_only",
    "same_site_unset",
    "same_site_lax",
    "same_site_strict",
    "persistent",
    "forever",
  ],
  ...["twin", "twin", "", "empty", "quoted", "utf8", "🌿", "<b>markup</b>", "long"],
]
const secureNames = ["secure", "same_site_none", "__Host-id", "__Secure-id"]

let site: ConformanceSite
let browser: Browser
let context: BrowserContext

test.beforeAll(async () => {
  site = await startConformanceSite()
  browser = await chromium.launch({ executablePath: chromiumPath(), args: [...chromiumArgs, ...chromiumSiteArgs] })
})
test.afterAll(async () => {
  await browser.close()
  await site.close()
})
test.beforeEach(async () => {
  context = await browser.newContext({ ignoreHTTPSErrors: true })
  site.clear()
})
test.afterEach(() => context.close())

test.describe("the conformance site in Chromium", () => {
  test("sets cookies of every kind, and says which arrived where", async () => {
    const seen = await filledAndSeen(await context.newPage(), "cookies")
    expect(namesSent(seen, "/echo")).toEqual([...plainNames, ...secureNames])
    expect(namesSent(seen, "/account/echo")).toEqual(["deep", "twin", ...plainNames, ...secureNames])
    expect(namesSent(seen, "/account/deep/echo").slice(0, 3)).toEqual(["deeper", "deep", "twin"])
    expect(seen.sent["/account/echo"]).toMatch(/twin=of account.*twin=of the root.*twin=of the domain/)
    expect(seen.sent["/echo"]).toContain('; nameless value; empty=; quoted="in quotes, with a comma"; utf8=naïve 🌿')
    expect(seen.sent["/echo"]).toContain(`; long=${"x".repeat(4092)};`)
    expect(seen.cookie).toContain("host_only=only app")
    expect(seen.cookie).not.toContain("http_only")
  })

  test("keeps secure cookies from http, and host-only ones from other hosts", async () => {
    const page = await context.newPage()
    const plain = await filledAndSeen(page, "cookies over http")
    expect(namesSent(plain, "/echo").sort()).toEqual([...plainNames].sort())

    site.clear()
    await page.goto(site.url("www.conf.test", "/empty"))
    expect(site.received("www.conf.test").map(({ url, frameKind, cookie }) => [url, frameKind, cookie])).toEqual([
      ["/empty", "document", "domain=whole site; twin=of the domain"],
    ])
    expect(site.received("api.conf.test")).toEqual([])
  })

  test("tells localStorage as it is, with keys that storage code stumbles over", async () => {
    for (const name of ["localStorage", "localStorage over http"]) {
      const seen = await filledAndSeen(await context.newPage(), name)
      expect(seen.localStorage).toEqual(inOrder(oddItems))
    }
  })

  test("tells two tabs of one origin apart", async () => {
    for (const tab of ["one", "two"]) {
      const seen = await filledAndSeen(await context.newPage(), `sessionStorage of tab ${tab}`)
      expect(seen.sessionStorage).toEqual(inOrder(tabItems(tab)))
    }
  })

  test("fills databases of every shape, with values of every type", async () => {
    const seen = await filledAndSeen(await context.newPage(), "IndexedDB")
    expectDatabases(seen)
    expect(valueOf(seen, "extractable key")).toMatchObject({ extractable: true, jwk: { type: "Object" } })
    expect(valueOf(seen, "non-extractable key")).toMatchObject({ type: "CryptoKey", extractable: false, jwk: null })
    expect(valueOf(seen, "file handle")).toMatchObject({ type: "FileSystemDirectoryHandle" })

    const plain = await filledAndSeen(await context.newPage(), "IndexedDB over http")
    expectDatabases(plain)
    expect(valueNames(seen).filter((name) => !valueNames(plain).includes(name))).toEqual([
      ...["extractable hmac key", "extractable key", "extractable key pair", "extractable rsa pair", "file handle"],
      ...["non-extractable key", "non-extractable key pair"],
    ])
  })

  test("fills files, caches and a service worker", async () => {
    const page = await context.newPage()
    expect((await filledAndSeen(page, "origin private files")).files).toEqual([
      { path: "/empty", bytes: "" },
      { path: "/hello.txt", bytes: "68656c6c6f" },
      { path: "/naïve 🌿/inner/bytes.bin", bytes: "0001feff" },
    ])
    const { caches } = await filledAndSeen(page, "caches")
    expect(caches?.map(({ name, entries }) => [name, entries.map(({ status, bytes }) => [status, bytes])])).toEqual([
      ["app v1", [[200, "7b226e616d65223a22416461227d"], [203, "00ff"]]], // prettier-ignore
      ["empty 🌿", []],
    ])
    expect((await filledAndSeen(page, "service worker")).workers).toEqual([
      { scope: site.url("www.conf.test", "/"), isActive: true },
    ])
    expect(await page.evaluate(async () => (await fetch("/from-worker")).text())).toBe("from the worker")
  })

  test("keeps what a third-party frame has from everyone else", async () => {
    const frames = states.filter(({ fillPath }) => fillPath.startsWith("/frame"))
    for (const state of frames) expect(await fill(await context.newPage(), site, state)).toEqual({ refused: [] })
    site.clear()
    const labels: [string, unknown][] = []
    for (const state of frames) {
      const seen = await whatIsSeen(await context.newPage(), site, state)
      expect(seen.origin).toBe(site.origin("app.conf.test"))
      expect(seen.databases.map(({ name }) => name)).toEqual(["frame"])
      labels.push([state.name, [seen.localStorage, seen.sent["/echo"]]])
    }
    // Below top.test and shop.top.test it is one partition; a cross-site frame between does not change the top.
    const last = "__Host-chips=two-levels; chips_seen=two-levels"
    const plain = "__Host-chips=below-http; chips_seen=below-http"
    const own = "__Host-chips=ancestor-bit; chips_seen=ancestor-bit"
    expect(labels).toEqual([
      ["third-party frame", [[["frame", "two-levels"]], last]],
      ["third-party frame of another subdomain", [[["frame", "two-levels"]], last]],
      ["frame in a frame", [[["frame", "two-levels"]], last]],
      ["own frame below another site", [[["frame", "ancestor-bit"]], own]],
      ["third-party frame below http", [[["frame", "below-http"]], plain]],
    ])
    const cookies = site.received("app.conf.test").filter(({ url }) => url === "/see")
    expect(cookies.map(({ frameKind, cookie }) => [frameKind, cookie])).toEqual([
      ...[last, last, last, own, plain].map((cookie) => ["iframe", cookie]),
    ])

    const firstParty = await whatIsSeen(await context.newPage(), site, placeOf("app.conf.test"))
    expect([firstParty.localStorage, firstParty.databases, firstParty.sent["/echo"]]).toEqual([[], [], ""])
  })

  test("sets the partitioned cookies of the first party apart from those of its frames", async () => {
    const seen = await filledAndSeen(await context.newPage(), "partitioned cookies, first party")
    expect(seen.sent["/echo"]).toContain("__Host-chips=first-party; chips_seen=first-party")
    const framedPath = framed(["app.conf.test"], "/see")
    const inFrame = await whatIsSeen(await context.newPage(), site, placeOf("top.test", framedPath))
    expect(inFrame.sent["/echo"]).toBe("")
  })

  test("comes back from the identity provider with its referrer", async () => {
    const seen = await signInAtProvider(await context.newPage(), site)
    expect(seen.referrer).toBe(site.url("login.idp.test", "/"))
    expect(seen.sent["/echo"]).toBe("session=signed in")
    const provider = await whatIsSeen(await context.newPage(), site, placeOf("login.idp.test"))
    expect([provider.sent["/echo"], provider.localStorage.length]).toEqual(["idp_session=at the provider", 1])
  })

  test("fills what marks a session that cannot travel", async () => {
    const page = await context.newPage()
    const registration = page.waitForResponse((response) => response.url().endsWith("/fill/unportable"))
    const seen = await filledAndSeen(page, "a session that stays at home")
    expect((await registration).headers()["secure-session-registration"]).toContain("/dbsc/start")
    expect(namesSent(seen, "/echo")).toContain("cf_clearance")
    expect(seen.localStorage.map(([key]) => key)).toContain("msal.account.keys")
  })

  test("sees the same twice, and an empty page changes nothing", async () => {
    const page = await context.newPage()
    const first = await filledAndSeen(page, "IndexedDB")
    await page.goto(site.url("app.conf.test", "/empty"))
    expect(await whatIsSeen(page, site, placeOf("app.conf.test"))).toEqual(first)
  })

  test("sees the context that the page is in", async () => {
    const other = await browser.newContext({
      ignoreHTTPSErrors: true,
      colorScheme: "dark",
      locale: "de-AT",
      timezoneId: "Europe/Vienna",
      userAgent: "A browser/1",
      viewport: { width: 640, height: 480 },
      deviceScaleFactor: 2,
    })
    const { context: seen } = await whatIsSeen(await other.newPage(), site, placeOf("app.conf.test"))
    await other.close()
    expect(seen).toMatchObject({
      colorScheme: "dark",
      locale: "de-AT",
      languages: ["de-AT"],
      timezone: "Europe/Vienna",
    })
    expect(seen).toMatchObject({ userAgent: "A browser/1", viewport: { width: 640, height: 480, scale: 2 } })
    const [received] = site.received("app.conf.test")
    expect([received?.userAgent, received?.languages]).toEqual(["A browser/1", "de-AT"])
  })
})

test.describe("what the conformance site sees differs", () => {
  test("for every two values that are not the same", async () => {
    const page = await context.newPage()
    await page.goto(site.url("app.conf.test", "/empty"))
    // The call is an expression that gives what the page function gives.
    const answers = await page.evaluate<[string, string, string, string][]>(callOf(describePairs, describeValue))
    expect(answers.length).toBeGreaterThan(35)
    for (const [name, one, again, other] of answers) {
      expect.soft(one, `${name}: the same value`).toBe(again)
      expect.soft(one, `${name}: another value`).not.toBe(other)
    }
  })

  test("for every change of a database", async () => {
    const page = await context.newPage()
    let before = await filledAndSeen(page, "IndexedDB")
    for (const change of databaseChanges) {
      await page.evaluate(callOf(change, changeDatabase))
      const after = await whatIsSeen(page, site, placeOf("app.conf.test"))
      expect.soft(isDeepStrictEqual(after, before), change.toString()).toBe(false)
      before = after
    }
  })

  test("for a changed item, cookie, file, cache and worker", async () => {
    const page = await context.newPage()
    for (const name of ["cookies", "localStorage", "sessionStorage of tab one", "origin private files", "caches"]) {
      await fill(page, site, stateOf(name))
    }
    let before = await whatIsSeen(page, site, placeOf("app.conf.test"))
    for (const change of pageChanges) {
      await page.evaluate(callOf(change))
      const after = await whatIsSeen(page, site, placeOf("app.conf.test"))
      expect.soft(isDeepStrictEqual(after, before), change.toString()).toBe(false)
      before = after
    }
  })
})

test("the conformance site fills and tells the same in Firefox as in Chromium", async () => {
  test.skip(firefox === undefined, "no Firefox on this machine: say where one is in PSP_FIREFOX")
  test.setTimeout(120_000)
  const fox = await puppeteer.launch({
    browser: "firefox",
    executablePath: firefox ?? "",
    headless: true,
    acceptInsecureCerts: true,
    extraPrefsFirefox: firefoxPrefs,
  })
  try {
    for (const state of states) {
      // What a state fills is there for the next one, in both browsers.
      const [ours, theirs] = [await context.newPage(), await fox.newPage()]
      expect.soft(await fill(ours, site, state), state.name).toEqual(await fill(theirs, site, state))
      const seen = { chromium: await whatIsSeen(ours, site, state), firefox: await whatIsSeen(theirs, site, state) }
      expect.soft(comparable(seen.firefox), state.name).toEqual(comparable(seen.chromium))
    }
    const seen = await signInAtProvider(await fox.newPage(), site)
    expect(seen.referrer).toBe(site.url("login.idp.test", "/"))
  } finally {
    await fox.close()
  }
})

function stateOf(name: string): State {
  const state = states.find((one) => one.name === name)
  if (state === undefined) throw new Error(`No state "${name}"`)
  return state
}

function placeOf(host: State["host"], seePath = "/see"): Pick<State, "host" | "secure" | "seePath"> {
  return { host, secure: true, seePath }
}

async function filledAndSeen(tab: Tab, name: string): Promise<Seen> {
  expect(await fill(tab, site, stateOf(name))).toEqual({ refused: [] })
  return whatIsSeen(tab, site, stateOf(name))
}

function namesSent({ sent }: Seen, path: string): string[] {
  return (sent[path] ?? "").split("; ").map((pair) => (pair.includes("=") ? pair.slice(0, pair.indexOf("=")) : ""))
}

function inOrder(items: [string, string][]): [string, string][] {
  return [...items].sort(([a], [b]) => (a < b ? -1 : 1))
}

function valueNames({ databases }: Seen): unknown[] {
  const store = databases.find(({ name }) => name === "app")?.stores.find(({ name }) => name === "values")
  return store?.records.map(({ key }) => key) ?? []
}

function valueOf({ databases }: Seen, key: string): Description | undefined {
  const store = databases.find(({ name }) => name === "app")?.stores.find(({ name }) => name === "values")
  return store?.records.find((record) => record.key === key)?.value
}

function expectDatabases(seen: Seen): void {
  expect(seen.databases.map(({ name, version, stores }) => [name, version, stores.length])).toEqual([
    ["", 1, 1],
    ["app", 7, 12],
    ["naïve 🌿 <b>", 2 ** 40, 1],
    ["no stores", 3, 0],
  ])
  const stores = Object.fromEntries((seen.databases[1]?.stores ?? []).map((store) => [store.name, store]))
  expect(
    Object.values(stores).map(({ name, keyPath, nextKey, records }) => [name, keyPath, nextKey, records.length]),
  ).toEqual([
    ["", null, null, 1],
    ["auto", null, 6, 4],
    ["auto in value", "meta.id", 42, 2],
    ["auto untouched", null, 1, 0],
    ["auto used up", null, "used up", 1],
    ["indexed", "id", null, 3],
    ["key path array", ["a", "b.c"], null, 1],
    ["key path empty", "", null, 3],
    ["key path string", "meta.id", null, 1],
    ["keys", null, null, 20],
    ["no records", null, null, 0],
    ["values", null, null, valueNames(seen).length],
  ])
  expect(stores["indexed"]?.indexes.map(({ entries, ...index }) => ({ ...index, found: entries.length }))).toEqual([
    { name: "by mail", keyPath: "mail", unique: true, multiEntry: false, found: 2 },
    { name: "by name and age", keyPath: ["name", "born.year"], unique: false, multiEntry: false, found: 3 },
    { name: "by tag", keyPath: "tags", unique: false, multiEntry: true, found: 3 },
    { name: "by tag, unique", keyPath: "codes", unique: true, multiEntry: true, found: 3 },
  ])
  expect(valueOf(seen, "minus zero")).toEqual({ number: "-0" })
  expect(valueOf(seen, "sparse array")).toMatchObject({ length: 9, properties: [["0", 0], ["1", {}], ["5", "five"]] }) // prettier-ignore
  expect(valueOf(seen, "blob")).toMatchObject({ mime: "text/x-odd;charset=utf-8", bytes: "626c6f622000ff" })
  expect(valueOf(seen, "error")).toMatchObject({ type: "TypeError", message: "went wrong", cause: { type: "Object" } })
}

/** Without keys made at random, cookies without a name (Firefox refuses them) and those that only Firefox partitions. */
function comparable(seen: Seen): unknown {
  const own = ["extractable key pair", "extractable rsa pair", "non-extractable key pair"]
  const databases = seen.databases.map((db) => ({
    ...db,
    stores: db.stores.map((store) => ({
      ...store,
      records: store.records.filter(({ key }) => typeof key !== "string" || !own.includes(key)),
    })),
  }))
  const common = (cookies = "") => cookies.replace(/; (?:unpartitioned=not for frames|nameless value)/g, "")
  const sent = echoPaths.map((path) => common(seen.sent[path]))
  return { ...seen, databases, sent, cookie: common(seen.cookie), context: null }
}
