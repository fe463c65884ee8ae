import { chromium, expect, test, type Browser, type BrowserContext, type Page } from "@playwright/test"
import { capture, contextOptions, restore, type PlaywrightContext } from "../../shared/adapters/playwright.js"
import { parseSnapshot, type Cookie, type Snapshot, type StorageItem } from "../../shared/snapshot.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { startSite, type Site } from "../site/site.js"
import { chromiumArgs, chromiumPath } from "./browser.js"

let browser: Browser
let site: Site
let context: BrowserContext

test.beforeAll(async () => {
  browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumArgs })
  site = await startSite({ hostname: "app.fern.test" })
})

test.afterAll(async () => {
  await browser.close()
  await site.close()
})

test.beforeEach(async () => {
  context = await browser.newContext()
  site.requests.length = 0
})

test.afterEach(() => context.close())

test.describe("a person's session", () => {
  test("is captured, restored into a clean context, and greeted by name", async () => {
    const snapshot = await capturedLogin("Ada Lovelace")
    expect(snapshot.report).toEqual({
      captured: { cookies: 1, localStorage: 1, sessionStorage: 1, context: 1 },
      gaps: [],
    })

    const clean = await browser.newContext(contextOptions(snapshot))
    const report = await restore(clean, snapshot)
    const page = await clean.newPage()
    await page.goto(site.origin)
    await expect(page.getByRole("status")).toHaveText("Good to see you, Ada Lovelace")
    expect(report).toEqual({ ok: true, set: { cookies: 1, localStorage: 1, sessionStorage: 1, context: 1 }, gaps: [] })
    await clean.close()
  })

  for (const [button, how] of [
    ["Log out", "a reload"],
    ["Log out and leave", "location.replace"],
  ] as const) {
    test(`stays logged out after a logout followed by ${how}`, async () => {
      await restore(context, await capturedLogin("Ada"))
      const page = await context.newPage()
      await page.goto(site.origin)
      await expect(page.getByRole("status")).toHaveText("Good to see you, Ada")
      await page.getByRole("button", { name: button, exact: true }).click()
      await expect(page.getByRole("status")).toHaveText("Who is there?")
      await expect(page.getByRole("listitem").filter({ hasText: "missing" })).toHaveCount(3)
      expect(await page.evaluate(() => Object.entries(sessionStorage))).toEqual([])
    })
  }
})

test.describe("before the site's first script", () => {
  test("both storages are there, and nothing else is", async () => {
    const plain = await (await browser.newContext()).newPage()
    await plain.goto(`${site.origin}/probe`)
    const bare = await seenBy(plain)
    await plain.context().close()

    await restore(context, session({ local: [["token", "1"]], session: [["tab", "2"]] }))
    const page = await context.newPage()
    await page.goto(`${site.origin}/probe`)
    const seen = await seenBy(page)
    expect(seen).toEqual({ ...bare, local: [["token", "1"]], session: [["tab", "2"]] })
  })

  test("a page that logs out in its very first script is not seeded again", async () => {
    for (const hash of ["#logout", "#leave"]) {
      await restore(context, session({ session: [["tab", "2"]] }))
      const page = await context.newPage()
      await page.goto(`${site.origin}/probe${hash}`)
      await page.waitForURL((url) => url.hash === "" || url.search === "?left")
      await expect(page.locator("pre")).toHaveText("[]")
      await page.reload()
      expect((await seenBy(page)).session).toEqual([])
      await page.close()
    }
  })

  test("a second tab gets nothing, neither later nor at the same moment", async () => {
    await restore(context, session({ session: [["tab", "2"]] }))
    const pages = await Promise.all([context.newPage(), context.newPage()])
    await Promise.all(pages.map((page) => page.goto(`${site.origin}/probe`)))
    const later = await context.newPage()
    await later.goto(`${site.origin}/probe`)
    const held = () =>
      Promise.all([...pages, later].map((page) => page.evaluate(() => sessionStorage.getItem("tab") ?? "none")))
    await expect.poll(async () => (await held()).sort()).toEqual(["2", "none", "none"])
    expect((await seenBy(later)).session).toEqual([])
  })

  test("a seed waits for its origin and is gone after use, navigations and new tabs later", async () => {
    await restore(context, session({ session: [["tab", "2"]] }))
    const page = await context.newPage()
    await page.goto(`http://other.test:${site.port}/probe`)
    expect((await seenBy(page)).session).toEqual([])
    await page.goto(`${site.origin}/probe`)
    expect((await seenBy(page)).session).toEqual([["tab", "2"]])
    await page.evaluate(() => sessionStorage.clear())
    await page.goto(`http://other.test:${site.port}/probe`)
    await page.goto(`${site.origin}/probe`)
    expect((await seenBy(page)).session).toEqual([])
  })

  test("a tab that is open already takes the seed at its next visit", async () => {
    const page = await context.newPage()
    await page.goto(`${site.origin}/probe`)
    await restore(context, session({ local: [["token", "1"]], session: [["tab", "2"]] }))
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
    await page.reload()
    expect(await seenBy(page)).toMatchObject({ local: [["token", "1"]], session: [["tab", "2"]] })
  })

  test("the second origin of a tab waits for the same tab", async () => {
    const snapshot = session({ session: [["tab", "2"]] })
    const second = `http://login.fern.test:${site.port}`
    snapshot.tabs?.[0]?.sessionStorage.push({ origin: second, partition: null, items: [["flow", "3"]] })
    await restore(context, snapshot)
    const [page, other] = [await context.newPage(), await context.newPage()]
    await page.goto(`${site.origin}/probe`)
    await other.goto(`${second}/probe`)
    await expect.poll(() => other.evaluate(() => sessionStorage.length)).toBe(0)
    await page.goto(`${second}/probe`)
    expect((await seenBy(page)).session).toEqual([["flow", "3"]])
  })
})

test.describe("while restoring", () => {
  test("no request reaches the site, not even one for its icon", async () => {
    await restore(context, session({ cookies: [cookie()], local: [["token", "1"]], session: [["tab", "2"]] }))
    expect(site.requests).toEqual([])
  })

  test("no request reaches the site past its service worker", async () => {
    const home = await browser.newContext()
    const app = `http://app.localhost:${site.port}`
    const first = await home.newPage()
    await first.goto(`${app}/worker`)
    await first.evaluate("ready")
    await first.close()
    site.requests.length = 0
    const report = await restore(home, session({ local: [["token", "1"]] }, app))
    expect(site.requests).toEqual([])
    expect(report).toMatchObject({ ok: true, set: { localStorage: 1 } })
    await home.close()
  })

  test("no tab and no history entry stays", async () => {
    const page = await context.newPage()
    const before = await page.evaluate(() => history.length)
    await restore(context, session({ local: [["token", "1"]], session: [["tab", "2"]] }))
    expect(context.pages()).toEqual([page])
    expect(page.url()).toBe("about:blank")
    expect(await page.evaluate(() => history.length)).toBe(before)
    await page.goto(`${site.origin}/probe`)
    const seen = await seenBy(page)
    const plain = await (await browser.newContext()).newPage()
    await plain.goto(`${site.origin}/probe`)
    expect(seen.history).toBe((await seenBy(plain)).history)
    await plain.context().close()
  })

  test("the user's own routes stay, and see nothing of the restore", async () => {
    const routed: string[] = []
    await context.route("**/*", (route) => {
      routed.push(route.request().url())
      return route.fulfill({ contentType: "text/html", body: "<title>Mine</title>" })
    })
    const report = await restore(context, session({ local: [["token", "1"]] }))
    expect(report.ok).toBe(true)
    expect(routed).toEqual([])
    const page = await context.newPage()
    await page.goto(`${site.origin}/`)
    expect(await page.title()).toBe("Mine")
    expect(await page.evaluate(() => localStorage.getItem("token"))).toBe("1")
  })

  test("an offline context is as good as any", async () => {
    await context.setOffline(true)
    const report = await restore(context, session({ cookies: [cookie()], local: [["token", "1"]] }))
    expect(report).toMatchObject({ ok: true, set: { cookies: 1, localStorage: 1 } })
  })

  test("a closed context is named", async () => {
    const restoring = restore(context, session({ cookies: [cookie()], local: bigStorage() }))
    const failed = expect(restoring).rejects.toMatchObject({ code: "bad-target" })
    await context.close()
    await failed
  })

  test("a call off is named, and leaves no tab", async () => {
    const controller = new AbortController()
    context.once("page", () => controller.abort())
    const restoring = restore(context, session({ local: bigStorage() }), { signal: controller.signal })
    await expect(restoring).rejects.toMatchObject({ code: "aborted" })
    expect(context.pages()).toEqual([])
  })

  test("a step that takes too long is named", async () => {
    const slow = new Proxy(context, {
      get: (target, name) =>
        name === "addCookies" ? () => new Promise(() => undefined) : (Reflect.get(target, name) as unknown),
    })
    const restoring = restore(slow, session({ cookies: [cookie()] }), { timeoutMs: 50 })
    await expect(restoring).rejects.toMatchObject({ code: "aborted" })
  })
})

test.describe("cookies", () => {
  test("come back exactly as they were captured", async () => {
    const far = Math.round(Date.now() / 1000 + 86_400) * 1000
    const cookies = [
      cookie({ name: "host-only" }),
      cookie({ name: "wide", domain: "fern.test", hostOnly: false, expiresAt: far }),
      cookie({ name: "strict", sameSite: "strict", httpOnly: true }),
      cookie({ name: "lax", sameSite: "lax", path: "/account" }),
      cookie({ name: "none", sameSite: "none", secure: true }),
      cookie({ name: "__Host-id", secure: true }),
      cookie({ name: "", value: "nameless" }),
      cookie({ name: "empty", value: "" }),
      cookie({ name: "odd", value: 'a="b" c, ü 語' }),
    ]
    const report = await restore(context, session({ cookies }))
    expect(report).toMatchObject({ ok: true, set: { cookies: cookies.length } })
    const again = await capture(context, { site: "fern.test", kinds: ["cookies"] })
    expect(byName(again.cookies)).toEqual(byName(cookies))
  })

  test("that are partitioned keep both parts of their key", async () => {
    const partitioned = (name: string, hasCrossSiteAncestor: boolean) =>
      cookie({
        name,
        secure: true,
        sameSite: "none",
        partition: { topLevelSite: "https://shop.example", hasCrossSiteAncestor },
      })
    const cookies = [partitioned("near", false), partitioned("far", true), cookie({ name: "plain" })]
    const report = await restore(context, session({ cookies }))
    expect(report).toMatchObject({ ok: true, set: { cookies: 3 } })
    const again = await capture(context, { site: "fern.test", kinds: ["cookies"] })
    expect(byName(again.cookies)).toEqual(byName(cookies))
  })

  test("that are bad cost no others, and each is named with its reason", async () => {
    const bad = [
      cookie({ name: "control", value: "a\u0001b" }),
      cookie({ name: "loose", sameSite: "none", secure: false }),
      cookie({ name: "__Secure-x", secure: false }),
      cookie({ name: "__Host-x", secure: true, path: "/deep" }),
      cookie({ name: "", value: "" }),
      cookie({ name: "huge", value: "x".repeat(4097) }),
      cookie({ name: "old", expiresAt: Date.now() - 1000 }),
      cookie({ name: "elsewhere", domain: "not a domain" }),
    ]
    const report = await restore(context, session({ cookies: [cookie({ name: "a" }), ...bad, cookie({ name: "z" })] }))
    expect((await context.cookies()).map(({ name }) => name).sort()).toEqual(["a", "z"])
    expect(report).toMatchObject({ ok: false, set: { cookies: 2 } })
    expect(report.gaps.reduce((sum, { count }) => sum + count, 0)).toBe(bad.length)
    const text = JSON.stringify(report.gaps)
    for (const { name } of bad) expect(text).toContain(name)
    for (const { kind, why } of report.gaps) expect([kind, why.length > 0]).toEqual(["cookies", true])
  })

  test("that live too long are kept as long as the browser allows, and it is said", async () => {
    const tenYears = Date.now() + 10 * 365 * 86_400_000
    const report = await restore(context, session({ cookies: [cookie({ expiresAt: tenYears })] }))
    expect(report).toMatchObject({ set: { cookies: 1 }, gaps: [{ kind: "cookies", what: 'cookie "sid"' }] })
  })

  test("of another login at the site go, and those of other sites stay", async () => {
    await context.addCookies([
      { name: "sid", value: "old", url: site.origin },
      { name: "leftover", value: "old", url: site.origin },
      { name: "foreign", value: "mine", url: "http://other.test/" },
    ])
    await restore(context, session({ cookies: [cookie({ value: "new" })] }))
    const jar = await context.cookies()
    expect(jar.map(({ name, value }) => [name, value]).sort()).toEqual([
      ["foreign", "mine"],
      ["sid", "new"],
    ])
  })

  test("are never put to another host than theirs", async () => {
    const domains = ["a/b", "user@app.fern.test", "app.fern.test:80", "not a domain", "ü.test"]
    const report = await restore(context, session({ cookies: domains.map((domain) => cookie({ domain })) }))
    expect(await context.cookies()).toEqual([])
    expect(report.gaps.map(({ where, why }) => [where, why])).toEqual(
      domains.map((domain) => [domain, "its domain is not a hostname"]),
    )
  })

  test("reach the site in the browser's order", async () => {
    const cookies = [cookie({ name: "deep", path: "/echo" }), cookie({ name: "first" }), cookie({ name: "second" })]
    await restore(context, session({ cookies }))
    const page = await context.newPage()
    await page.goto(`${site.origin}/echo`)
    expect(site.requests.at(-1)?.cookie).toBe("deep=abc; first=abc; second=abc")
  })
})

test.describe("page storage", () => {
  const odd: StorageItem[] = [
    ["length", "not a number"],
    ["key", "getItem"],
    ["__proto__", "{}"],
    ["", ""],
    ["lone \ud800", "\udfff"],
    ["text", "ü 語 \u2028 \u0000 </script>"],
  ]

  test("comes back with keys called length and lone surrogates", async () => {
    const report = await restore(context, session({ local: odd, session: odd }))
    expect(report).toMatchObject({ ok: true, set: { localStorage: odd.length, sessionStorage: odd.length } })
    const page = await context.newPage()
    await page.goto(`${site.origin}/blank`)
    const again = await capture(context, { site: "fern.test" })
    expect(sorted(again.origins?.[0]?.localStorage)).toEqual(sorted(odd))
    expect(sorted(again.tabs?.[0]?.sessionStorage[0]?.items)).toEqual(sorted(odd))
  })

  test("is captured from a page that replaced its builtins", async () => {
    await restore(context, session({ local: odd }))
    const page = await context.newPage()
    await page.goto(`${site.origin}/blank`)
    await page.evaluate(() => {
      const liar = () => {
        throw new Error("replaced")
      }
      Object.assign(Storage.prototype, { key: liar, getItem: liar, setItem: liar })
      JSON.stringify = () => "lies"
      Object.assign(Array, { from: liar })
      Object.assign(Object, { keys: liar, entries: liar })
      Object.assign(String.prototype, { replace: liar })
    })
    const again = await capture(context, { site: "fern.test" })
    expect(sorted(again.origins?.[0]?.localStorage)).toEqual(sorted(odd))
  })

  test("is restored although an init script of the user replaced the builtins", async () => {
    await context.addInitScript(() => {
      Array.from = () => []
      Object.keys = () => []
    })
    const report = await restore(context, session({ local: odd, session: [["tab", "2"]] }))
    expect(report.ok).toBe(true)
  })

  test("replaces what another login left there, or stays beside it when told", async () => {
    const page = await context.newPage()
    await page.goto(`${site.origin}/blank`)
    await page.evaluate(() => localStorage.setItem("leftover", "old"))
    await restore(context, session({ local: [["token", "1"]] }), { existing: "keep" })
    expect(await page.evaluate(() => localStorage.length)).toBe(2)
    await restore(context, session({ local: [["token", "1"]] }))
    expect(await page.evaluate(() => Object.entries(localStorage))).toEqual([["token", "1"]])
  })

  test("over the quota is named by its keys, and costs no others", async () => {
    const items: StorageItem[] = [
      ["small", "1"],
      ["huge", "x".repeat(6_000_000)],
      ["last", "2"],
    ]
    const report = await restore(context, session({ local: items }))
    expect(report).toMatchObject({
      ok: false,
      set: { localStorage: 2 },
      gaps: [{ kind: "localStorage", where: site.origin, what: 'key "huge"' }],
    })
  })

  test("of kinds that cannot be restored yet is a gap", async () => {
    const snapshot = session({})
    snapshot.origins = [
      { origin: site.origin, partition: null, indexedDB: [{ name: "", version: 1, stores: [] }] },
      {
        origin: site.origin,
        partition: { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true },
        localStorage: [["token", "1"]],
      },
    ]
    const report = await restore(context, snapshot)
    expect(report.gaps.map(({ kind, what }) => [kind, what])).toEqual([
      ["indexedDB", "1 database"],
      ["localStorage", "1 item"],
    ])
  })
})

test.describe("browser context", () => {
  test("that was captured is what the site sees again", async () => {
    const captured = await capturedLogin("Ada", {
      locale: "de-AT",
      timezoneId: "Europe/Vienna",
      colorScheme: "dark",
      viewport: { width: 1000, height: 600 },
    })
    const again = await browser.newContext(contextOptions(captured))
    await restore(again, captured)
    const page = await again.newPage()
    await page.goto(`${site.origin}/blank`)
    const seen = await capture(again, { site: "fern.test" })
    expect(seen.context).toEqual(captured.context)
    await again.close()
  })

  test("of another version than the user agent says is a warning", async () => {
    const snapshot = { ...exampleSnapshot("fern.test"), cookies: [], origins: [], tabs: [] }
    const userAgent =
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.0.0 Safari/537.36"
    const old: Snapshot = { ...snapshot, context: { ...must(snapshot.context), userAgent } }
    const odd = await browser.newContext(contextOptions(old))
    const report = await restore(odd, old)
    expect(report.gaps).toMatchObject([{ kind: "context", what: "version of the user agent" }])
    await odd.close()
  })
})

test.describe("something else than a context", () => {
  const wrong: [string, () => unknown][] = [
    ["a browser", () => browser],
    ["nothing", () => undefined],
    ["a string", () => "http://127.0.0.1:9222"],
    ["an object", () => ({})],
  ]
  for (const [name, target] of wrong) {
    test(`is refused: ${name}`, async () => {
      const given = target() as PlaywrightContext
      await expect(restore(given, session({}))).rejects.toMatchObject({ code: "bad-target" })
      await expect(capture(given, { site: "fern.test" })).rejects.toMatchObject({ code: "bad-target" })
    })
  }

  test("is refused: a page, and the message says what to pass", async () => {
    const page = (await context.newPage()) as unknown as PlaywrightContext
    await expect(restore(page, session({}))).rejects.toThrow("page.context()")
  })

  test("is refused: a context that is closed already", async () => {
    await context.close()
    await expect(restore(context, session({ cookies: [cookie()] }))).rejects.toMatchObject({ code: "bad-target" })
  })
})

/** Logs in as a person would, in a context of its own, and captures. */
async function capturedLogin(name: string, options = {}): Promise<Snapshot> {
  const home = await browser.newContext(options)
  const page = await home.newPage()
  await page.goto(`${site.origin}/login`)
  await page.getByLabel("Name").fill(name)
  await page.getByLabel("Password").fill("any")
  await page.getByRole("button", { name: "Log in" }).click()
  await expect(page.getByRole("status")).toHaveText(`Good to see you, ${name}`)
  const snapshot = await capture(home, { site: "fern.test" })
  await home.close()
  return parseSnapshot(JSON.stringify(snapshot))
}

function session(
  parts: { cookies?: Cookie[]; local?: StorageItem[]; session?: StorageItem[] },
  origin = site.origin,
): Snapshot {
  const { schema, account, capturedAt, capturedBy, report } = exampleSnapshot()
  const { cookies, local, session: items } = parts
  return parseSnapshot({
    schema,
    sites: [new URL(origin).hostname.split(".").slice(-2).join(".")],
    account,
    capturedAt,
    capturedBy,
    report,
    ...(cookies === undefined ? {} : { cookies }),
    ...(local === undefined ? {} : { origins: [{ origin, partition: null, localStorage: local }] }),
    ...(items === undefined
      ? {}
      : { tabs: [{ id: "1", url: `${origin}/`, sessionStorage: [{ origin, partition: null, items }] }] }),
  })
}

function cookie(fields: Partial<Cookie> = {}): Cookie {
  return {
    name: "sid",
    value: "abc",
    domain: "app.fern.test",
    hostOnly: true,
    path: "/",
    secure: false,
    httpOnly: false,
    sameSite: "unspecified",
    expiresAt: null,
    partition: null,
    ...fields,
  }
}

interface Seen {
  names: string[]
  local: StorageItem[]
  session: StorageItem[]
  windowName: string
  history: number
}

/** What the first script of `/probe` found. */
async function seenBy(page: Page): Promise<Seen> {
  return page.evaluate<Seen>("seen")
}

function bigStorage(): StorageItem[] {
  return Array.from({ length: 100 }, (_, index) => [`key ${index}`, "x".repeat(10_000)])
}

function byName(cookies: Cookie[] = []): Cookie[] {
  return cookies.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function sorted(items: StorageItem[] = []): StorageItem[] {
  return items.toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("Expected a value")
  return value
}
