import { browser, type Browser } from "wxt/browser"
import type { Kind } from "../shared/report.js"
import { isOriginOfSite, siteOf } from "../shared/site.js"
import { accountFor, hiddenAccounts, rememberedAccounts } from "./accounts.js"
import { originOf } from "./ask-tab.js"
import { tabsOfSites } from "./capture-tabs.js"
import { maySite } from "./permissions.js"
import { storeOfTab } from "./stores.js"

/** What the popup says about a tab before any click. */
export type Description = { site: null; why: string } | DescribedSite

export interface DescribedSite {
  site: string
  account: string
  tabId: number
  mayRead: boolean
  isPrivate: boolean
  /** The container the tab is in; null for none. */
  container: string | null
  storeId: string
  /** Tabs of this site in the same cookie store, this one first. */
  tabs: Browser.tabs.Tab[]
  /** Origins open in them, the tab's own first. */
  origins: string[]
}

/** In the order they are shown; private files are saved on request only. */
export const savableKinds = [
  "cookies",
  "localStorage",
  "sessionStorage",
  "indexedDB",
  "context",
  "opfs",
] as const satisfies Kind[]

/**
 * At once, and without asking any page: a page that is busy must not hold up the popup.
 *
 * @param tabId the tab to act on; null for the active one
 */
export async function describeTab(tabId: number | null): Promise<Description> {
  const tab = tabId === null ? await activeTab() : await browser.tabs.get(tabId).catch(() => null)
  if (tab?.id === undefined) return { site: null, why: "There is no tab to save from" }
  if (tab.url === undefined || tab.url === "") {
    return {
      site: null,
      why: "The browser does not show this tab to the extension: click the toolbar icon on the tab you want to save",
    }
  }
  const site = siteOf(tab.url)
  if (site === null) return { site: null, why: whyNot(tab.url) }
  const store = await storeOfTab(tab)
  const [mayRead, tabs, remembered, hidden] = await Promise.all([
    maySite(site),
    tabsOfSites([site], store.id, tab),
    rememberedAccounts(site),
    hiddenAccounts(site),
  ])
  const origins = tabs
    .map(({ url }) => originOf(url))
    .filter((origin): origin is string => origin !== null && isOriginOfSite(origin, site))
  return {
    site,
    account: accountFor(store, remembered, hidden),
    tabId: tab.id,
    mayRead,
    isPrivate: tab.incognito,
    container: store.name,
    storeId: store.id,
    tabs,
    origins: [...new Set(origins)],
  }
}

async function activeTab() {
  const [tab] = await browser.tabs.query({ active: true, currentWindow: true })
  return tab ?? null
}

/** The reason a page has no session, and what to do. */
function whyNot(url: string): string {
  if (/^(?:chrome|edge|brave|vivaldi|about|moz|view-source|devtools|chrome-extension|moz-extension)[:-]/.test(url)) {
    return "This is a page of the browser itself: open the website you are logged in to"
  }
  if (/^(?:file|data|blob|javascript):/.test(url))
    return "This page is no website: open the website you are logged in to"
  return "This page belongs to no website that could be saved"
}
