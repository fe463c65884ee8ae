import { expect, test, type Browser, type BrowserContext, type Page } from "@playwright/test"
import { capture, contextOptions, restore } from "../../shared/adapters/playwright.js"
import { kinds, type Gap } from "../../shared/report.js"
import type { Snapshot } from "../../shared/snapshot.js"
import type { Seen } from "../conformance/see.js"
import {
  chromiumSiteArgs,
  firefoxPrefs,
  hosts,
  startConformanceSite,
  type ConformanceSite,
} from "../conformance/server.js"
import { fill, states, whatIsSeen, type State, type Tab } from "../conformance/tab.js"
import { permissionPatterns } from "../../shared/site.js"
import { startBrowser, startChromium, type TestBrowser } from "./browser.js"
import { firefoxPath, noFirefox, startFirefox } from "./firefox-browser.js"
import { openSaved, saveFromPopup, trustComputer } from "./saving.js"

/**
 * What the sites see before a capture and after a restore: page code at every origin and below every top-level site, and the
 * server for every request. One suite; a way to capture or to restore joins by one line.
 */
interface WayToCapture {
  name: string
  engine: "chromium" | "firefox"
  open(): Promise<Home>
}

/** A browser in which the person is logged in. */
interface Home {
  newTab(): Promise<Tab>
  capture(): Promise<Snapshot>
  close(): Promise<void>
}

const sites: [string, ...string[]] = ["conf.test", "top.test", "idp.test"]

let site: ConformanceSite
let chromium: Awaited<ReturnType<typeof startChromium>>

test.beforeAll(async () => {
  site = await startConformanceSite()
  chromium = await startChromium(chromiumSiteArgs)
})
test.afterAll(async () => {
  await chromium.stop()
  await site.close()
})

const waysToCapture: WayToCapture[] = [
  {
    name: "the extension in Chromium",
    engine: "chromium",
    async open() {
      const browser: TestBrowser = await startBrowser({ args: chromiumSiteArgs })
      return {
        newTab: () => browser.context.newPage(),
        async capture() {
          for (const one of sites) await browser.allow(`*://*.${one}/*`)
          const [acted] = browser.context.pages().filter((page) => page.url().includes("conf.test"))
          if (acted === undefined) throw new Error("No tab of the site")
          const popup = await browser.openPopup(acted)
          await trustComputer(popup)
          const origins = sites.flatMap(permissionPatterns)
          expect(await popup.evaluate((patterns) => chrome.permissions.request({ origins: patterns }), origins)).toBe(
            true,
          )
          await saveFromPopup(popup, sites[0], { alsoSites: sites.slice(1), kinds: [...kinds] })
          return openSaved(browser, sites[0])
        },
        close: () => browser.stop(),
      }
    },
  },
  {
    name: "the extension in Firefox",
    engine: "firefox",
    async open() {
      const firefox = await startFirefox({ hostnames: [...hosts], prefs: firefoxPrefs })
      const tabs: Awaited<ReturnType<typeof firefox.openTab>>[] = []
      return {
        async newTab() {
          const tab = await firefox.openTab(site.url("app.conf.test", "/empty"))
          tabs.push(tab)
          return tab
        },
        async capture() {
          for (const one of sites) await firefox.allow(`*://*.${one}/*`)
          const [acted] = tabs
          if (acted === undefined) throw new Error("No tab of the site")
          const popup = await firefox.openPopup(acted)
          const trust = popup.locator('::-p-aria([name="Trust this computer"][role="button"])')
          await trust.click()
          await expect.poll(() => popup.evaluate(() => document.body.innerText)).toContain("Trusted")
          await saveFromPopup(popup, sites[0], { alsoSites: sites.slice(1), kinds: [...kinds] })
          return openSaved(firefox, sites[0])
        },
        close: () => firefox.stop(),
      }
    },
  },
  {
    name: "the Playwright adapter in Chromium",
    engine: "chromium",
    async open() {
      const context = await newContext(chromium.browser)
      return {
        newTab: () => context.newPage(),
        capture: () => capture(context, { site: sites[0], alsoSites: sites.slice(1), kinds: [...kinds] }),
        close: () => context.close(),
      }
    },
  },
]

for (const way of waysToCapture) {
  test(`what ${way.name} captures, Playwright restores: the sites see the same`, async () => {
    test.setTimeout(300_000)
    test.skip(way.engine === "firefox" && firefoxPath === undefined, noFirefox)
    const home = await way.open()
    const before: Seen[] = []
    let snapshot: Snapshot
    try {
      const tabs: [State, Tab][] = []
      for (const state of states) {
        const tab = await home.newTab()
        await fill(tab, site, state)
        tabs.push([state, tab])
      }
      // Only now: what one tab fills, the next one of its origin sees.
      for (const [state, tab] of tabs) before.push(await whatIsSeen(tab, site, state))
      snapshot = await home.capture()
    } finally {
      await home.close()
    }
    expect(snapshot.tabs).toHaveLength(states.length)
    expect(gapsOf(snapshot.report.gaps)).toEqual(expectedGaps(way.engine).sort())

    const context = await newContext(chromium.browser, contextOptions(snapshot))
    try {
      const report = await restore(context, snapshot, { openTabs: "all" })
      // Another engine cannot be pretended: the report says so, and no state is lost by it.
      expect(report.gaps.map(({ kind }) => kind)).toEqual(way.engine === "chromium" ? [] : ["context"])
      expect(report.ok).toBe(true)
      const pages = context.pages()
      for (const [index, state] of states.entries()) {
        const page = pages[index]
        if (page === undefined) throw new Error("A tab was not opened")
        const seen = await seenNow(page)
        const [then, now] = [before[index], seen].map((one) => comparable(one, way.engine, state.seePath !== "/see"))
        expect(now, state.name).toEqual(then)
      }
    } finally {
      await context.close()
    }
  })
}

function newContext(browser: Browser, options = {}): Promise<BrowserContext> {
  return browser.newContext({ ignoreHTTPSErrors: true, ...options })
}

/** What the page that a restore opened saw in its first script. */
async function seenNow(page: Page): Promise<Seen> {
  await page.waitForFunction("window.seen !== undefined")
  const answer = await page.evaluate("window.seen")
  return (JSON.parse(String(answer)) as { value: Seen }).value
}

/** Less what a restored session has none of, and the report says so. */
function comparable(seen: Seen | undefined, engine: "chromium" | "firefox", isFrame: boolean): unknown {
  if (seen === undefined) throw new Error("Nothing was seen")
  const databases = seen.databases.map((database) => ({
    ...database,
    stores: database.stores.map((store) => ({
      ...store,
      // The keys of an index follow from its records. Chromium tells -0 in one on a disk, and 0 in one in memory.
      indexes: store.indexes.map((index) => ({ ...index, entries: withoutNegativeZero(index.entries) })),
      records: store.records.filter(({ key }) => typeof key !== "string" || !staysBehind.has(key)),
    })),
  }))
  const found = { ...seen, databases, caches: null, workers: null, referrer: "" }
  if (engine === "chromium") return found
  // A context of Playwright has one language; the header has all of them.
  const { userAgent, languages, timezone, colorScheme } = seen.context
  const context = { userAgent, language: languages[0], timezone, colorScheme }
  if (!isFrame) return { ...found, context }
  // Chromium sends the site's own cookies from its frames too, where it may; Firefox keeps those of frames apart, and
  // tells the ones of its two jars in another order.
  const isOfFrame = (cookie: string) => /^(?:__Host-)?chips|^unpartitioned/.test(cookie)
  const own = (cookies: string) => [...new Set(cookies.split("; ").filter(isOfFrame))].sort()
  const sent = Object.entries(seen.sent).map(([path, cookies]) => [path, own(cookies)])
  return { ...found, context, cookie: own(seen.cookie), sent }
}

function withoutNegativeZero<T>(entries: T): T {
  return JSON.parse(JSON.stringify(entries).replaceAll('{"number":"-0"}', "0")) as T
}

/** Keys of records whose values cannot leave the browser. */
const staysBehind = new Set(["file handle", "non-extractable key", "non-extractable key pair"])

function gapsOf(gaps: Gap[]): [string, string][] {
  return gaps.map(({ kind, what }) => [kind, what] as [string, string]).sort()
}

/** What of all that the site fills does not travel, and is said to. */
const expectedGaps = (engine: "chromium" | "firefox"): [string, string][] => [
  ["cacheStorage", "2 caches"],
  ["indexedDB", 'CryptoKey in store "values" of database "app"'],
  engine === "chromium"
    ? ["indexedDB", 'FileSystemDirectoryHandle in store "values" of database "app"']
    : // Firefox throws where an extension reads a file handle.
      ["indexedDB", '1 record of store "values" of database "app"'],
  ["portability", "2 keys"],
  ["portability", 'cookie "__client" (Clerk)'],
  ["portability", 'cookie "bound_session"'],
  ["portability", 'cookies "cf_clearance", "__cf_bm"'],
  ["serviceWorker", "1 service worker"],
]
