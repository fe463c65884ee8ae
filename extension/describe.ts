import { browser } from "wxt/browser"
import type { Kind } from "../shared/report.js"
import { defaultAccount, isOriginOfSite, siteOf } from "../shared/site.js"
import { captureCookies } from "./capture-cookies.js"
import { tabsOfSite } from "./capture-tabs.js"
import { withVaultOffline } from "./host.js"
import { maySite } from "./permissions.js"
import { storeOfTab } from "./stores.js"

/** What the popup says about a tab before any click. */
export type Description =
  | { site: null; why: string }
  | {
      site: string
      account: string
      tabId: number
      mayRead: boolean
      isPrivate: boolean
      /** Known only once the site may be read. */
      cookies: number | null
      /** Origins open in tabs of this site, the tab's own first. */
      origins: string[]
      tabs: number
      /** Accounts that were saved for this site. */
      accounts: string[]
    }

export const savableKinds = ["cookies", "localStorage", "sessionStorage", "context"] as const satisfies Kind[]

/** @param tabId the tab to act on; null for the active one */
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
  const mayRead = await maySite(site)
  const store = await storeOfTab(tab)
  const [tabs, cookies, accounts] = await Promise.all([
    mayRead ? tabsOfSite(site, store.id, tab) : [tab],
    mayRead ? captureCookies(site, store.id, []) : null,
    withVaultOffline(async (vault) => vault.known().filter((known) => known.site === site)),
  ])
  const origins = tabs
    .map(({ url }) => originOf(url))
    .filter((origin) => origin !== null && isOriginOfSite(origin, site))
  return {
    site,
    account: accounts[0]?.account ?? defaultAccount,
    tabId: tab.id,
    mayRead,
    isPrivate: tab.incognito,
    cookies: cookies?.length ?? null,
    origins: [...new Set(origins as string[])],
    tabs: tabs.length,
    accounts: accounts.map(({ account }) => account),
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

function originOf(url: string | undefined): string | null {
  try {
    return url === undefined ? null : new URL(url).origin
  } catch {
    return null
  }
}
