import type { EventEmitter } from "node:events"
import { chromium, expect, test, type Browser, type BrowserContext, type Page } from "@playwright/test"
import { restore } from "../../shared/adapters/playwright.js"
import { parseSnapshot, type Snapshot, type StorageItem } from "../../shared/snapshot.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { startSite, type Site } from "../site/site.js"
import { chromiumArgs, chromiumPath } from "./browser.js"

/** The odd roads of sessionStorage: it is seeded once, into one tab, however that tab comes and goes. */

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
})

test.afterEach(() => context.close())

test("ten logouts in the first script of a page never bring the seed back, nor leave a mark", async () => {
  for (let round = 0; round < 5; round++) {
    for (const hash of ["#logout", "#leave"]) {
      await restore(context, tabs([["tab", "1"]]), { kinds: ["sessionStorage"] })
      const page = await context.newPage()
      await page.goto(`${site.origin}/probe${hash}`)
      await page.waitForFunction(isSecondDocument)
      expect(await seenBy(page)).toEqual([])
      expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
      await page.close()
    }
  }
})

test("a logout that is faster than the end of the seed does not bring it back", async () => {
  for (const hash of ["#logout", "#leave"]) {
    const release = holdDispose(context)
    await restore(context, tabs([["tab", "1"]]))
    const page = await context.newPage()
    await page.goto(`${site.origin}/probe${hash}`)
    await page.waitForFunction(isSecondDocument)
    expect(await seenBy(page)).toEqual([])
    // However long it takes: the seed's script is still there.
    await page.reload()
    await page.reload()
    expect(await seenBy(page)).toEqual([])
    release()
    await page.reload()
    expect(await seenBy(page)).toEqual([])
    await expect.poll(() => page.evaluate(() => sessionStorage.length)).toBe(0)
    await page.close()
  }
})

test("a tab that comes before the end of the seed gives it back", async () => {
  const release = holdDispose(context)
  await restore(context, tabs([["tab", "1"]]))
  const [first, second] = [await context.newPage(), await context.newPage()]
  await first.goto(`${site.origin}/probe`)
  await second.goto(`${site.origin}/probe`)
  release()
  await expect.poll(() => stored(second)).toEqual([])
  expect(await stored(first)).toEqual([["tab", "1"]])
})

test("Playwright that cannot take init scripts away seeds once all the same", async () => {
  const withoutDisposable = (target: BrowserContext | Page) => {
    const add = target.addInitScript.bind(target)
    target.addInitScript = (async (script: { content: string }) => {
      await add(script)
    }) as unknown as typeof target.addInitScript
  }
  withoutDisposable(context)
  context.on("page", withoutDisposable)
  await restore(context, tabs([["tab", "1"]]))
  const page = await context.newPage()
  await page.goto(`${site.origin}/probe`)
  expect(await seenBy(page)).toEqual([["tab", "1"]])
  await page.evaluate(() => sessionStorage.clear())
  await page.reload()
  expect(await seenBy(page)).toEqual([])
  const other = await context.newPage()
  await other.goto(`${site.origin}/probe`)
  expect(await seenBy(other)).toEqual([])
})

test("the first captured tab is what the next tab gets, and another when told", async () => {
  const snapshot = tabs([["tab", "first"]], [["tab", "second"]])
  await restore(context, snapshot)
  const page = await context.newPage()
  await page.goto(`${site.origin}/probe`)
  expect(await seenBy(page)).toEqual([["tab", "first"]])
  await restore(context, snapshot, { tab: "2" })
  const other = await context.newPage()
  await other.goto(`${site.origin}/probe`)
  expect(await seenBy(other)).toEqual([["tab", "second"]])
  await expect(restore(context, snapshot, { tab: "3" })).rejects.toMatchObject({ code: "usage" })
})

test("a second restore takes the place of the first that nobody has visited yet", async () => {
  await restore(context, tabs([["old", "1"]]))
  const report = await restore(context, tabs([["new", "2"]]))
  expect(report.ok).toBe(true)
  const page = await context.newPage()
  await page.goto(`${site.origin}/probe`)
  expect(await seenBy(page)).toEqual([["new", "2"]])
  await page.evaluate(() => sessionStorage.clear())
  await page.reload()
  expect(await seenBy(page)).toEqual([])
})

test("a page that only changes its address without loading does not use up the seed", async () => {
  const open = await context.newPage()
  await open.goto(`${site.origin}/blank`)
  await restore(context, tabs([["tab", "1"]]))
  await open.evaluate(() => history.pushState(null, "", "/blank?pushed"))
  await open.evaluate(() => (location.hash = "there"))
  const page = await context.newPage()
  await page.goto(`${site.origin}/probe`)
  expect(await seenBy(page)).toEqual([["tab", "1"]])
})

test("a page with a strict Content Security Policy is seeded once", async () => {
  await context.route("**/strict", (route) =>
    route.fulfill({
      contentType: "text/html",
      headers: { "content-security-policy": "default-src 'none'; script-src 'none'" },
      body: "<title>Strict</title>",
    }),
  )
  await restore(context, tabs([["tab", "1"]]))
  const page = await context.newPage()
  await page.goto(`${site.origin}/strict`)
  expect(await stored(page)).toEqual([["tab", "1"]])
  await page.evaluate(() => sessionStorage.clear())
  await page.reload()
  expect(await stored(page)).toEqual([])
})

test("a redirect from another origin of the site ends at a seeded page", async () => {
  await context.route("**/away", (route) =>
    route.fulfill({ status: 302, headers: { location: `${site.origin}/probe` } }),
  )
  await restore(context, tabs([["tab", "1"]]))
  const page = await context.newPage()
  await page.goto(`http://login.fern.test:${site.port}/away`)
  expect(page.url()).toBe(`${site.origin}/probe`)
  expect(await seenBy(page)).toEqual([["tab", "1"]])
})

test("a frame is seeded below its own site, and not below another one", async () => {
  await restore(context, tabs([["tab", "1"]]))
  const seenInFrame = async (host: string) => {
    const page = await context.newPage()
    await page.goto(`http://${host}:${site.port}/framed?src=${site.origin}/probe`)
    const frame = page.frames().find((other) => other.url() === `${site.origin}/probe`)
    // Where third-party storage is blocked, the page's first script fails and sees nothing.
    return frame?.evaluate<StorageItem[]>("globalThis.seen?.session ?? []")
  }
  expect(await seenInFrame("elsewhere.test")).toEqual([])
  expect(await seenInFrame("www.fern.test")).toEqual([["tab", "1"]])
})

test("a popup does not lose what it has from its opener", async () => {
  await restore(context, tabs([["tab", "1"]]))
  const page = await context.newPage()
  await page.goto(`${site.origin}/probe`)
  const [popup] = await Promise.all([context.waitForEvent("page"), page.evaluate("void window.open(location.href)")])
  await popup.waitForLoadState()
  expect(await seenBy(popup)).toEqual([["tab", "1"]])
  expect(await stored(popup)).toEqual([["tab", "1"]])
})

test("what the tab had of another login goes", async () => {
  const page = await context.newPage()
  await page.goto(`${site.origin}/blank`)
  await page.evaluate(() => sessionStorage.setItem("other", "login"))
  await restore(context, tabs([["tab", "1"]]))
  await page.goto(`${site.origin}/probe`)
  expect(await seenBy(page)).toEqual([["tab", "1"]])
})

test("a captured tab with nothing in it empties the next one", async () => {
  const page = await context.newPage()
  await page.goto(`${site.origin}/blank`)
  await page.evaluate(() => sessionStorage.setItem("other", "login"))
  await restore(context, tabs([]))
  await page.goto(`${site.origin}/probe`)
  expect(await seenBy(page)).toEqual([])
})

test("nothing listens any more once the seed is taken", async () => {
  // Playwright's objects are event emitters, though its types do not say so.
  const listeners = (target: unknown, event: string) => (target as EventEmitter).listenerCount(event)
  const before = listeners(context, "page")
  await restore(context, tabs([["tab", "1"]]))
  expect(listeners(context, "page")).toBe(before + 1)
  const page = await context.newPage()
  await page.goto(`${site.origin}/probe`)
  await expect.poll(() => listeners(context, "page")).toBe(before)
  expect(listeners(page, "framenavigated")).toBe(0)
})

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: (() => void) | undefined
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve: () => resolve?.() }
}

/** In the page: `/probe#logout` has reloaded itself, `/probe#leave` has gone on. */
function isSecondDocument(): boolean {
  const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[]
  return document.readyState === "complete" && (navigation?.type === "reload" || location.search === "?left")
}

/** Init scripts of the context stay until the function that is given back is called: a machine that is very slow. */
function holdDispose(target: BrowserContext): () => void {
  const { promise: released, resolve: release } = deferred()
  const add = target.addInitScript.bind(target)
  target.addInitScript = (async (script: { content: string }) => {
    const added = await add(script)
    return { dispose: () => released.then(() => added.dispose()) }
  }) as unknown as typeof add
  return () => {
    target.addInitScript = add
    release()
  }
}

/** A session of the site with one captured tab for each list. */
function tabs(...lists: StorageItem[][]): Snapshot {
  const { schema, account, capturedAt, capturedBy, report } = exampleSnapshot()
  return parseSnapshot({
    schema,
    sites: ["fern.test"],
    account,
    capturedAt,
    capturedBy,
    tabs: lists.map((items, index) => ({
      id: String(index + 1),
      url: `${site.origin}/`,
      sessionStorage: [{ origin: site.origin, partition: null, items }],
    })),
    report,
  })
}

/** sessionStorage as the first script of `/probe` found it. */
async function seenBy(page: Page): Promise<StorageItem[]> {
  return (await page.evaluate<{ session: StorageItem[] }>("seen")).session
}

async function stored(page: Page): Promise<StorageItem[]> {
  return page.evaluate(() => Object.entries(sessionStorage) as StorageItem[])
}
