import { browser, type Browser } from "wxt/browser"
import { PspError } from "../shared/errors.js"
import { countDatabases } from "../shared/page/count-databases.js"
import { readContext } from "../shared/page/read-context.js"
import { readStorage } from "../shared/page/read-storage.js"
import type { Gap, Kind } from "../shared/report.js"
import { isOriginOfSite, permissionPatterns, siteOf } from "../shared/site.js"
import {
  parseSnapshot,
  type BrowserContextState,
  type OriginState,
  type Snapshot,
  type TabState,
} from "../shared/snapshot.js"
import { version } from "../shared/version.js"
import { captureCookies } from "./capture-cookies.js"
import { browserOf, storeOfTab } from "./stores.js"

/** What the person wants saved: everything, less what they unticked. */
export interface Scope {
  /** The tab the click was about. */
  tabId: number
  site: string
  account: string
  kinds: Kind[]
  /** Origins that were unticked. */
  withoutOrigins: string[]
}

/** How long one tab may take to answer (ms): a page that is busy or shows a dialog does not answer at all. */
const tabTimeout = 10_000

interface FrameStorage {
  origin: string
  url: string
  local?: [string, string][] | null
  session?: [string, string][] | null
  errors: Record<string, string>
}

interface TabReading {
  tab: Browser.tabs.Tab
  frames: FrameStorage[]
}

/**
 * Captures the session of a site as this browser has it now. What could not be taken is in the report.
 *
 * @throws `nothing-to-capture` for a tab that shows no website, `permission-refused` when the site may not be read
 */
export async function capture(scope: Scope): Promise<Snapshot> {
  const { site, kinds } = scope
  const acted = await browser.tabs.get(scope.tabId).catch(() => null)
  if (acted === null) throw new PspError("nothing-to-capture", "Cannot save session: the tab was closed")
  if (!(await browser.permissions.contains({ origins: permissionPatterns(site) }))) {
    throw new PspError(
      "permission-refused",
      `Cannot save session of ${site}: the browser does not let this extension read it`,
    )
  }
  if (acted.url === undefined || siteOf(acted.url) !== site) {
    throw new PspError("nothing-to-capture", `Cannot save session of ${site}: the tab shows another page by now`)
  }
  const store = await storeOfTab(acted)
  const tabs = await tabsOfSite(site, store.id, acted)
  const gaps: Gap[] = []
  const wantsStorage = kinds.includes("localStorage") || kinds.includes("sessionStorage")
  const [cookies, readings, context, databases] = await Promise.all([
    kinds.includes("cookies") ? captureCookies(site, store.id, gaps) : undefined,
    Promise.all(wantsStorage ? tabs.map((tab) => readTab(tab, kinds, gaps)) : []),
    kinds.includes("context") ? captureContext(acted, gaps) : undefined,
    Promise.all(tabs.map((tab) => countTabDatabases(tab))),
  ])
  const read: TabReading[] = readings.filter((reading) => reading !== null)
  const origins = kinds.includes("localStorage") ? originsOf(read, scope, gaps) : undefined
  const tabStates = kinds.includes("sessionStorage") ? tabStatesOf(read, scope) : undefined
  noteDatabases(databases, gaps)
  const snapshot: Snapshot = {
    schema: 1,
    sites: [site],
    account: scope.account,
    capturedAt: Date.now(),
    capturedBy: { tool: "extension", version, browser: browserOf(navigator.userAgent), store },
    ...(cookies === undefined ? {} : { cookies }),
    ...(origins === undefined ? {} : { origins }),
    ...(tabStates === undefined ? {} : { tabs: tabStates }),
    ...(context === undefined ? {} : { context }),
    report: {
      captured: {
        ...(cookies === undefined ? {} : { cookies: cookies.length }),
        ...(origins === undefined
          ? {}
          : { localStorage: sum(origins.map(({ localStorage }) => localStorage?.length ?? 0)) }),
        ...(tabStates === undefined ? {} : { sessionStorage: sum(tabStates.flatMap(itemCounts)) }),
        ...(context === undefined ? {} : { context: 1 }),
      },
      gaps,
    },
  }
  return parseSnapshot(snapshot)
}

/** Tabs of the site in the same cookie store, the acted one first. */
export async function tabsOfSite(site: string, storeId: string, acted: Browser.tabs.Tab): Promise<Browser.tabs.Tab[]> {
  const found = await browser.tabs.query({ url: permissionPatterns(site) })
  const stores = await Promise.all(found.map((tab) => storeOfTab(tab)))
  const others = found.filter((tab, index) => stores[index]?.id === storeId && tab.id !== acted.id)
  return [acted, ...others]
}

async function readTab(tab: Browser.tabs.Tab, kinds: Kind[], gaps: Gap[]): Promise<TabReading | null> {
  const where = originOf(tab.url) ?? "a tab"
  if (tab.discarded) {
    gaps.push(tabGap(where, "the browser unloaded this tab to save memory", "open the tab once and save again"))
    return null
  }
  try {
    const wanted = { local: kinds.includes("localStorage"), session: kinds.includes("sessionStorage") }
    const results = await withTimeout(
      browser.scripting.executeScript({
        target: { tabId: tab.id ?? -1, allFrames: true },
        func: readStorage,
        args: [wanted],
        injectImmediately: true,
      }),
    )
    const frames = results.flatMap(({ result }) =>
      typeof result === "string" ? [JSON.parse(result) as FrameStorage] : [],
    )
    return { tab, frames }
  } catch (error) {
    const isSlow = error instanceof PspError
    const why = isSlow
      ? "the page did not answer within 10 seconds"
      : "the browser does not let extensions read this page"
    const fix = isSlow
      ? "close its dialogs or reload it, and save again"
      : "open another page of the site and save again"
    gaps.push(tabGap(where, why, fix))
    return null
  }
}

function originsOf(readings: TabReading[], scope: Scope, gaps: Gap[]): OriginState[] {
  const byOrigin = new Map<string, OriginState>()
  for (const { frames } of readings) {
    for (const { origin, local, errors } of frames) {
      if (!isOriginOfSite(origin, scope.site) || scope.withoutOrigins.includes(origin) || byOrigin.has(origin)) continue
      if (local === null || local === undefined) {
        gaps.push({
          kind: "localStorage",
          where: origin,
          what: "localStorage",
          why: `the browser refused it to the page (${errors["localStorage"] ?? "unknown"})`,
          fix: "allow cookies and site data for this site",
          count: 1,
        })
        continue
      }
      byOrigin.set(origin, { origin, partition: null, localStorage: local })
    }
  }
  return [...byOrigin.values()]
}

function tabStatesOf(readings: TabReading[], scope: Scope): TabState[] {
  return readings.map(({ tab, frames }, index) => {
    const byOrigin = new Map<string, [string, string][]>()
    for (const { origin, session } of frames) {
      const isWanted = isOriginOfSite(origin, scope.site) && !scope.withoutOrigins.includes(origin)
      if (isWanted && session !== null && session !== undefined && !byOrigin.has(origin)) byOrigin.set(origin, session)
    }
    const sessionStorage = [...byOrigin].map(([origin, items]) => ({ origin, partition: null, items }))
    return { id: String(index + 1), url: tab.url ?? "", sessionStorage }
  })
}

async function captureContext(tab: Browser.tabs.Tab, gaps: Gap[]): Promise<BrowserContextState | undefined> {
  try {
    const [first] = await withTimeout(
      browser.scripting.executeScript({ target: { tabId: tab.id ?? -1 }, func: readContext, injectImmediately: true }),
    )
    if (typeof first?.result === "string") return JSON.parse(first.result) as BrowserContextState
  } catch {
    // Told below: the page may not be read, or does not answer.
  }
  gaps.push({
    kind: "context",
    where: originOf(tab.url) ?? "this tab",
    what: "browser context",
    why: "the page could not be asked",
    fix: "reload the page and save again",
    count: 1,
  })
  return undefined
}

async function countTabDatabases(tab: Browser.tabs.Tab): Promise<{ origin: string; databases: number | null } | null> {
  const origin = originOf(tab.url)
  if (origin === null || tab.discarded) return null
  try {
    const [first] = await withTimeout(
      browser.scripting.executeScript({
        target: { tabId: tab.id ?? -1 },
        func: countDatabases,
        injectImmediately: true,
      }),
    )
    return typeof first?.result === "string"
      ? { origin, ...(JSON.parse(first.result) as { databases: number | null }) }
      : null
  } catch {
    // The tab is already reported by whoever read its storage.
    return null
  }
}

function noteDatabases(counts: ({ origin: string; databases: number | null } | null)[], gaps: Gap[]): void {
  const seen = new Set<string>()
  for (const count of counts) {
    if (count === null || seen.has(count.origin) || count.databases === 0) continue
    seen.add(count.origin)
    gaps.push({
      kind: "indexedDB",
      where: count.origin,
      what:
        count.databases === null ? "IndexedDB" : count.databases === 1 ? "1 database" : `${count.databases} databases`,
      why:
        count.databases === null
          ? "the browser does not say whether there is any"
          : "IndexedDB is counted, but not saved",
      fix: "",
      count: count.databases ?? 1,
    })
  }
}

function tabGap(where: string, why: string, fix: string): Gap {
  return { kind: "origin", where, what: "page storage of a tab", why, fix, count: 1 }
}

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new PspError("aborted", "Cannot read page: it did not answer in time")), tabTimeout)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function originOf(url: string | undefined): string | null {
  try {
    return url === undefined ? null : new URL(url).origin
  } catch {
    return null
  }
}

function itemCounts({ sessionStorage }: TabState): number[] {
  return sessionStorage.map(({ items }) => items.length)
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
