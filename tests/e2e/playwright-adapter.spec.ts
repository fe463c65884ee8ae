import { expect, test, type Browser, type BrowserContext } from "@playwright/test"
import {
  capture,
  contextOptions,
  diff,
  open,
  restore,
  type PlaywrightContext,
} from "../../shared/adapters/playwright.js"
import type { Snapshot, StorageItem } from "../../shared/snapshot.js"
import { cookie, describeAdapter, oddItems, seenBy, sessionOf, type Parts } from "../contracts/adapter-contract.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { startSite, type Site } from "../site/site.js"
import { startChromium } from "./browser.js"

let browser: Browser
let chromium: Awaited<ReturnType<typeof startChromium>>

test.beforeAll(async () => {
  chromium = await startChromium()
  browser = chromium.browser
})

test.afterAll(() => chromium.stop())

describeAdapter<BrowserContext>("playwright adapter", {
  adapter: { capture, diff, open, restore },
  open: async () => {
    const context = await browser.newContext()
    return {
      target: context,
      newTab: () => context.newPage(),
      tabCount: () => context.pages().length,
      close: () => context.close(),
    }
  },
  wrongTargets: {
    "a browser": () => browser,
    nothing: () => undefined,
    "a string": () => "http://127.0.0.1:9222",
    "an object": () => ({}),
  },
})

test.describe("playwright adapter, in particular", () => {
  let site: Site
  let context: BrowserContext
  const session = (parts: Parts, origin = site.origin) => sessionOf(origin, parts)

  test.beforeAll(async () => {
    site = await startSite({ hostname: "app.fern.test" })
  })
  test.afterAll(() => site.close())
  test.beforeEach(async () => {
    context = await browser.newContext()
    site.requests.length = 0
  })
  test.afterEach(() => context.close())

  test("shows the site's first script nothing of itself, and no history", async () => {
    const bare = await browser.newContext()
    const plain = await bare.newPage()
    await plain.goto(`${site.origin}/probe`)
    const untouched = await seenBy(plain)
    await bare.close()

    const page = await context.newPage()
    await restore(context, session({ local: [["token", "1"]], session: [["tab", "2"]] }))
    expect(context.pages()).toEqual([page])
    expect(page.url()).toBe("about:blank")
    await page.goto(`${site.origin}/probe`)
    expect(await seenBy(page)).toEqual({ ...untouched, local: [["token", "1"]], session: [["tab", "2"]] })
  })

  test("seeds one of two tabs that come at the same moment", async () => {
    await restore(context, session({ session: [["tab", "2"]] }))
    const pages = await Promise.all([context.newPage(), context.newPage()])
    await Promise.all(pages.map((page) => page.goto(`${site.origin}/probe`)))
    const held = () => Promise.all(pages.map((page) => page.evaluate(() => sessionStorage.getItem("tab") ?? "none")))
    await expect.poll(async () => (await held()).sort()).toEqual(["2", "none"])
  })

  test("seeds a tab that is open already at its next visit", async () => {
    const page = await context.newPage()
    await page.goto(`${site.origin}/probe`)
    await restore(context, session({ local: [["token", "1"]], session: [["tab", "2"]] }))
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
    await page.reload()
    expect(await seenBy(page)).toMatchObject({ local: [["token", "1"]], session: [["tab", "2"]] })
  })

  test("keeps the second origin of a tab for the same tab", async () => {
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

  test("passes by a service worker, which would ask the site", async () => {
    const app = `http://app.localhost:${site.port}`
    const first = await context.newPage()
    await first.goto(`${app}/worker`)
    await first.evaluate("ready")
    await first.close()
    site.requests.length = 0
    const report = await restore(context, session({ local: [["token", "1"]] }, app))
    expect(site.requests).toEqual([])
    expect(report).toMatchObject({ ok: true, set: { localStorage: 1 } })
  })

  test("keeps the user's own routes, and asks none of them", async () => {
    const routed: string[] = []
    await context.route("**/*", (route) => {
      routed.push(route.request().url())
      return route.fulfill({ contentType: "text/html", body: "<title>Mine</title>" })
    })
    expect((await restore(context, session({ local: [["token", "1"]] }))).ok).toBe(true)
    expect(routed).toEqual([])
    const page = await context.newPage()
    await page.goto(`${site.origin}/`)
    expect(await page.title()).toBe("Mine")
    expect(await page.evaluate(() => localStorage.getItem("token"))).toBe("1")
  })

  test("works in a context that is offline", async () => {
    await context.setOffline(true)
    const report = await restore(context, session({ cookies: [cookie()], local: [["token", "1"]] }))
    expect(report).toMatchObject({ ok: true, set: { cookies: 1, localStorage: 1 } })
  })

  test("works although an init script of the user replaced builtins", async () => {
    await context.addInitScript(() => {
      Array.from = () => []
      Object.keys = () => []
    })
    const report = await restore(context, session({ local: oddItems, session: [["tab", "2"]] }))
    expect(report.ok).toBe(true)
  })

  test("names a context that is closed meanwhile", async () => {
    const restoring = restore(context, session({ cookies: [cookie()], local: bigStorage() }))
    const failed = expect(restoring).rejects.toMatchObject({ code: "bad-target" })
    await context.close()
    await failed
  })

  test("stops when called off, and leaves no tab", async () => {
    const controller = new AbortController()
    context.once("page", () => controller.abort())
    const restoring = restore(context, session({ local: bigStorage() }), { signal: controller.signal })
    await expect(restoring).rejects.toMatchObject({ code: "aborted" })
    expect(context.pages()).toEqual([])
  })

  test("stops at a step that takes too long", async () => {
    const slow = new Proxy(context, {
      get: (target, name) =>
        name === "addCookies" ? () => new Promise(() => undefined) : (Reflect.get(target, name) as unknown),
    })
    const restoring = restore(slow, session({ cookies: [cookie()] }), { timeoutMs: 50 })
    await expect(restoring).rejects.toMatchObject({ code: "aborted" })
  })

  test("says what to pass in place of a page", async () => {
    const page = (await context.newPage()) as unknown as PlaywrightContext
    await expect(restore(page, session({}))).rejects.toThrow("page.context()")
  })

  test("shows the site the browser that was captured, with contextOptions", async () => {
    const home = await browser.newContext({
      locale: "de-AT",
      timezoneId: "Europe/Vienna",
      colorScheme: "dark",
      viewport: { width: 1000, height: 600 },
    })
    await (await home.newPage()).goto(`${site.origin}/blank`)
    const captured = await capture(home, { site: "fern.test" })
    await home.close()
    expect(captured.context).toMatchObject({ languages: ["de-AT"], timezone: "Europe/Vienna", colorScheme: "dark" })

    const again = await browser.newContext(contextOptions(captured))
    await (await again.newPage()).goto(`${site.origin}/blank`)
    expect((await capture(again, { site: "fern.test" })).context).toEqual(captured.context)
    await again.close()
  })

  test("warns of a user agent that tells another version than the engine", async () => {
    const { context: known } = exampleSnapshot()
    if (known === undefined) throw new Error("The example has a context")
    const userAgent =
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.0.0 Safari/537.36"
    const old: Snapshot = { ...session({}), context: { ...known, userAgent } }
    const odd = await browser.newContext(contextOptions(old))
    const report = await restore(odd, old)
    expect(report.gaps).toMatchObject([{ kind: "context", what: "version of the user agent" }])
    expect(report.ok).toBe(true)
    await odd.close()
  })
})

function bigStorage(): StorageItem[] {
  return Array.from({ length: 100 }, (_, index) => [`key ${index}`, "x".repeat(10_000)])
}
