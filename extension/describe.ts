import { browser, type Browser } from "wxt/browser"
import { measurePage, type PageMeasure } from "../shared/page/measure-page.js"
import type { Kind } from "../shared/report.js"
import { sitesItLeansOn } from "../shared/second-site.js"
import { isOriginOfSite, siteOf } from "../shared/site.js"
import { accountFor, hiddenAccounts, rememberedAccounts } from "./accounts.js"
import { askTab, originOf } from "./ask-tab.js"
import { captureCookies } from "./capture-cookies.js"
import { tabsOfSites } from "./capture-tabs.js"
import { withVaultOffline } from "./host.js"
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
  /** How much there is of each kind. Known only once the site may be read. */
  amounts: Partial<Record<Kind, Amount>>
  /** Origins open in tabs of this site, the tab's own first. */
  origins: string[]
  tabs: number
  /** Accounts that were saved for this site. */
  accounts: string[]
  /** Other sites that the login may live on as well. */
  alsoSites: { site: string; why: string }[]
}

export interface Amount {
  count: number
  /** Bytes, as far as the browser tells. */
  size: number | null
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
  const [tabs, cookies, accounts, remembered, hidden] = await Promise.all([
    mayRead ? tabsOfSites([site], store.id, tab) : [tab],
    mayRead ? captureCookies(site, store.id, []) : null,
    withVaultOffline(async (vault) => vault.known().filter((known) => known.site === site)),
    rememberedAccounts(site),
    hiddenAccounts(site),
  ])
  const origins = tabs
    .map(({ url }) => originOf(url))
    .filter((origin) => origin !== null && isOriginOfSite(origin, site))
  const measures = mayRead ? await Promise.all(tabs.map(measureTab)) : []
  const evidence = {
    site,
    cookieNames: (cookies ?? []).map(({ name }) => name),
    storageKeys: measures.flat().flatMap(({ keys }) => keys),
    referrers: measures.flat().map(({ referrer }) => referrer),
    frames: measures.flat().flatMap(({ frames }) => frames),
  }
  return {
    site,
    account: accountFor(store, remembered, hidden),
    tabId: tab.id,
    mayRead,
    isPrivate: tab.incognito,
    container: store.name,
    amounts:
      cookies === null
        ? {}
        : {
            cookies: { count: cookies.length, size: sum(cookies.map(({ name, value }) => name.length + value.length)) },
            ...amountsOf(measures.flat(), site),
          },
    origins: [...new Set(origins as string[])],
    tabs: tabs.length,
    accounts: accounts.map(({ account }) => account),
    alsoSites: mayRead ? sitesItLeansOn(evidence) : [],
  }
}

/** A page that does not answer is named by the save; before it, it only has no numbers. */
async function measureTab(tab: Browser.tabs.Tab): Promise<PageMeasure[]> {
  if (tab.discarded) return []
  const answers = await askTab(tab, measurePage, [], { allFrames: true }).catch(() => [])
  return answers.map(({ answer }) => answer as PageMeasure)
}

function amountsOf(measures: PageMeasure[], site: string): DescribedSite["amounts"] {
  const ofSite = measures.filter(({ origin }) => isOriginOfSite(origin, site))
  const once = ofSite.filter(({ origin }, index) => ofSite.findIndex((other) => other.origin === origin) === index)
  const bytes = once.map(({ databaseBytes }) => databaseBytes)
  return {
    localStorage: { count: sum(once.map(({ local }) => local.items)), size: sum(once.map(({ local }) => local.size)) },
    sessionStorage: {
      count: sum(ofSite.map(({ session }) => session.items)),
      size: sum(ofSite.map(({ session }) => session.size)),
    },
    indexedDB: {
      count: sum(once.map(({ databases }) => databases ?? 0)),
      size: bytes.some((size) => size === null) ? null : sum(bytes as number[]),
    },
    opfs: { count: sum(once.map(({ files }) => files)), size: null },
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
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
