import { browser, type Browser } from "wxt/browser"
import { PspError } from "../shared/errors.js"
import { readStorage } from "../shared/page/read-storage.js"
import type { Gap, Kind } from "../shared/report.js"
import { isOriginOfSite, permissionPatterns, siteOf } from "../shared/site.js"
import type { OriginState, TabState } from "../shared/snapshot.js"
import { askTab, originOf } from "./ask-tab.js"
import type { Scope } from "./capture.js"
import { storeOfTab } from "./stores.js"

/** What `readStorage` answers for one document. */
interface FrameStorage {
  origin: string
  url: string
  local?: [string, string][] | null
  session?: [string, string][] | null
  errors: Record<string, string>
  ancestors: string[] | null
  frames: string[]
}

export interface TabReading {
  tab: Browser.tabs.Tab
  frames: FrameStorage[]
}

/** Tabs of the site in the same cookie store, the acted one first. */
export async function tabsOfSite(site: string, storeId: string, acted: Browser.tabs.Tab): Promise<Browser.tabs.Tab[]> {
  const found = await browser.tabs.query({ url: permissionPatterns(site) })
  const stores = await Promise.all(found.map((tab) => storeOfTab(tab)))
  const others = found.filter((tab, index) => stores[index]?.id === storeId && tab.id !== acted.id)
  return [acted, ...others]
}

/** What the documents of a tab hold, or why they cannot be asked. */
export async function readTab(tab: Browser.tabs.Tab, kinds: Kind[]): Promise<TabReading | { gap: Gap }> {
  const where = originOf(tab.url) ?? "a tab"
  if (tab.discarded) {
    return {
      gap: tabGap(where, "the browser unloaded this tab to save memory", "open the tab once, then save again"),
    }
  }
  try {
    const wanted = { local: kinds.includes("localStorage"), session: kinds.includes("sessionStorage") }
    const frames = (await askTab(tab, readStorage, [wanted], { allFrames: true })) as FrameStorage[]
    if (frames.length > 0) return { tab, frames }
    return { gap: tabGap(where, "the page gave no answer", "reload the tab, then save again") }
  } catch (error) {
    return { gap: gapOfUnread(where, error) }
  }
}

/** localStorage of each origin; the first document of it that was read speaks for all. */
export function originsOf(readings: TabReading[], scope: Scope, gaps: Gap[]): OriginState[] {
  const byOrigin = new Map<string, OriginState>()
  for (const frame of readings.flatMap(({ frames }) => frames)) {
    const { origin, local } = frame
    if (!isWanted(frame, scope) || byOrigin.has(origin)) continue
    if (isRead(local)) byOrigin.set(origin, { origin, partition: null, localStorage: local })
    else gaps.push(refusedGap("localStorage", frame))
  }
  return [...byOrigin.values()]
}

/** sessionStorage of each tab; a tab whose origin is unticked is left out. */
export function tabStatesOf(readings: TabReading[], scope: Scope, gaps: Gap[]): TabState[] {
  const wanted = readings.filter(({ tab }) => !scope.withoutOrigins.includes(originOf(tab.url) ?? ""))
  return wanted.map(({ tab, frames }, index) => {
    const byOrigin = new Map<string, [string, string][]>()
    for (const frame of frames) {
      const { origin, session } = frame
      if (!isWanted(frame, scope) || byOrigin.has(origin)) continue
      if (isRead(session)) byOrigin.set(origin, session)
      else gaps.push(refusedGap("sessionStorage", frame))
    }
    const sessionStorage = [...byOrigin].map(([origin, items]) => ({ origin, partition: null, items }))
    return { id: String(index + 1), url: tab.url ?? "", sessionStorage }
  })
}

/** Names what frames hold that the permission for one site does not reach. */
export function noteFrames(readings: TabReading[], site: string, gaps: Gap[]): void {
  const frames = readings.flatMap((reading) => reading.frames)
  const embedded = new Map<string, number>()
  for (const origin of frames.flatMap((frame) => frame.frames)) {
    const other = /^https?:/.test(origin) ? siteOf(origin) : null
    if (other !== null && other !== site) embedded.set(other, (embedded.get(other) ?? 0) + 1)
  }
  for (const [other, count] of embedded) {
    gaps.push({
      kind: "site",
      where: other,
      what: count === 1 ? "a frame of another site" : `${count} frames of another site`,
      why: `you allowed to read ${site} only`,
      fix: `if this login leans on ${other}, save that site too`,
      count,
    })
  }
  const nested = frames.filter(
    (frame) =>
      isOriginOfSite(frame.origin, site) &&
      isBelowAnotherSite(frame, site) &&
      (frame.local?.length ?? 0) + (frame.session?.length ?? 0) > 0,
  )
  for (const origin of new Set(nested.map((frame) => frame.origin))) {
    gaps.push({
      kind: "origin",
      where: origin,
      what: "page storage of a frame inside another site's frame",
      why: "storage below another site is kept apart by the browser, and is not saved",
      fix: "",
      count: 1,
    })
  }
}

function isWanted(frame: FrameStorage, { site, withoutOrigins }: Scope): boolean {
  return (
    isOriginOfSite(frame.origin, site) && !withoutOrigins.includes(frame.origin) && !isBelowAnotherSite(frame, site)
  )
}

/** A frame of the site inside another site's frame has a storage of its own, which is not the one people mean. */
function isBelowAnotherSite({ ancestors }: FrameStorage, site: string): boolean {
  return ancestors?.some((origin) => !isOriginOfSite(origin, site)) === true
}

function gapOfUnread(where: string, error: unknown): Gap {
  if (error instanceof PspError) {
    return tabGap(where, "the page did not answer within 10 seconds", "close its dialogs or reload it, then save again")
  }
  // Chrome: "Frame with ID 0 is showing error page".
  if (error instanceof Error && /error page/i.test(error.message)) {
    return tabGap(where, "the tab shows an error page", "reload it until the site is there, then save again")
  }
  return tabGap(
    where,
    "the browser does not let extensions read this page",
    "open another page of the site, then save again",
  )
}

function tabGap(where: string, why: string, fix: string): Gap {
  return { kind: "origin", where, what: "page storage of a tab", why, fix, count: 1 }
}

function isRead(items: [string, string][] | null | undefined): items is [string, string][] {
  return items !== null && items !== undefined
}

function refusedGap(kind: "localStorage" | "sessionStorage", { origin, errors }: FrameStorage): Gap {
  return {
    kind,
    where: origin,
    what: kind,
    why: `the browser refused it to the page (${errors[kind] ?? "unknown"})`,
    fix: "allow cookies and site data for this site",
    count: 1,
  }
}
