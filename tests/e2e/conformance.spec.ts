import { expect, test, type Browser, type BrowserContext, type Page } from "@playwright/test"
import { capture, contextOptions, restore } from "../../shared/adapters/playwright.js"
import { kinds, type Gap } from "../../shared/report.js"
import type { Snapshot } from "../../shared/snapshot.js"
import type { Seen } from "../conformance/see.js"
import { chromiumSiteArgs, startConformanceSite, type ConformanceSite } from "../conformance/server.js"
import { fill, states, whatIsSeen, type State } from "../conformance/tab.js"
import { startBrowser, startChromium, type TestBrowser } from "./browser.js"
import { openSaved, saveFromPopup } from "./saving.js"

/**
 * What the sites see before a capture and after a restore: page code at every origin and below every top-level site, and the
 * server for every request. One suite; a way to capture or to restore joins by one line.
 */
interface WayToCapture {
  name: string
  open(): Promise<Home>
}

/** A browser in which the person is logged in. */
interface Home {
  newTab(): Promise<Page>
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
    async open() {
      const browser: TestBrowser = await startBrowser({ args: chromiumSiteArgs })
      return {
        newTab: () => browser.context.newPage(),
        async capture() {
          for (const one of sites) await browser.allow(`*://*.${one}/*`)
          const [acted] = browser.context.pages().filter((page) => page.url().includes("conf.test"))
          if (acted === undefined) throw new Error("No tab of the site")
          await saveFromPopup(browser, acted, { alsoSites: sites.slice(1), kinds: [...kinds] })
          return openSaved(browser, sites[0])
        },
        close: () => browser.stop(),
      }
    },
  },
  {
    name: "the Playwright adapter in Chromium",
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
    test.setTimeout(240_000)
    const home = await way.open()
    const before: Seen[] = []
    let snapshot: Snapshot
    try {
      const tabs: [State, Page][] = []
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
    expect(gapsOf(snapshot.report.gaps)).toEqual(expectedGaps)

    const context = await newContext(chromium.browser, contextOptions(snapshot))
    try {
      const report = await restore(context, snapshot, { openTabs: "all" })
      expect(report.gaps).toEqual([])
      expect(report.ok).toBe(true)
      const pages = context.pages()
      for (const [index, state] of states.entries()) {
        const page = pages[index]
        if (page === undefined) throw new Error("A tab was not opened")
        const seen = await seenNow(page)
        expect(comparable(seen), state.name).toEqual(comparable(before[index]))
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
function comparable(seen: Seen | undefined): unknown {
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
  return { ...seen, databases, caches: null, workers: null, referrer: "" }
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
const expectedGaps: [string, string][] = [
  ["cacheStorage", "2 caches"],
  ["indexedDB", 'CryptoKey in store "values" of database "app"'],
  ["indexedDB", 'FileSystemDirectoryHandle in store "values" of database "app"'],
  ["portability", "2 keys"],
  ["portability", 'cookie "__client" (Clerk)'],
  ["portability", 'cookie "bound_session"'],
  ["portability", 'cookies "cf_clearance", "__cf_bm"'],
  ["serviceWorker", "1 service worker"],
]
