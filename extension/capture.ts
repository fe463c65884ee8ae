import { browser } from "wxt/browser"
import { PspError } from "../shared/errors.js"
import type { Gap, Kind } from "../shared/report.js"
import { siteOf } from "../shared/site.js"
import { parseSnapshot, type Snapshot, type TabState } from "../shared/snapshot.js"
import { version } from "../shared/version.js"
import { originOf } from "./ask-tab.js"
import { captureContext, countTabDatabases, noteDatabases } from "./capture-context.js"
import { captureCookies } from "./capture-cookies.js"
import { noteFrames, originsOf, readTab, tabsOfSite, tabStatesOf } from "./capture-tabs.js"
import { maySite } from "./permissions.js"
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

/**
 * Captures the session of a site as this browser has it now. What could not be taken is in the report.
 *
 * @throws `nothing-to-capture` for a tab that shows no website or cannot be read (an error page, say: a session without
 *   its page storage must not replace a whole one), `permission-refused` when the site may not be read
 */
export async function capture(scope: Scope): Promise<Snapshot> {
  const { site, kinds } = scope
  const acted = await browser.tabs.get(scope.tabId).catch(() => null)
  if (acted === null) throw new PspError("nothing-to-capture", "Cannot save session: the tab was closed")
  if (!(await maySite(site))) {
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
  const isTicked = ({ url }: { url?: string | undefined }) => !scope.withoutOrigins.includes(originOf(url) ?? "")
  const wantsStorage = kinds.includes("localStorage") || kinds.includes("sessionStorage")
  const [cookies, readings, context, databases] = await Promise.all([
    kinds.includes("cookies") ? captureCookies(site, store.id, gaps) : undefined,
    Promise.all(wantsStorage ? tabs.map((tab) => readTab(tab, kinds)) : []),
    kinds.includes("context") ? captureContext(acted, gaps) : undefined,
    Promise.all(tabs.filter(isTicked).map((tab) => countTabDatabases(tab))),
  ])
  const [first] = readings
  if (first !== undefined && "gap" in first) throw unreadable(site, first.gap)
  const read = readings.flatMap((reading) => ("gap" in reading ? [] : [reading]))
  gaps.push(...readings.flatMap((reading) => ("gap" in reading ? [reading.gap] : [])))
  noteFrames(read, site, gaps)
  const origins = kinds.includes("localStorage") ? originsOf(read, scope, gaps) : undefined
  const tabStates = kinds.includes("sessionStorage") ? tabStatesOf(read, scope, gaps) : undefined
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

function unreadable(site: string, { why, fix }: Gap): PspError {
  return new PspError("nothing-to-capture", `Cannot save session of ${site}: ${why}; ${fix}`)
}

function itemCounts({ sessionStorage }: TabState): number[] {
  return sessionStorage.map(({ items }) => items.length)
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
