import type { Browser } from "wxt/browser"
import type { Gap } from "../shared/report.js"
import { isOfSites } from "../shared/partition.js"
import { writeStorage } from "../shared/page/write-storage.js"
import type { Cookie, Snapshot } from "../shared/snapshot.js"
import { askFrame } from "./ask-tab.js"
import { captureCookies } from "./capture-cookies.js"
import { lookAtTab, type FrameReading } from "./capture-tabs.js"
import { removeCookie, setCookie } from "./set-cookie.js"
import { browserOf } from "./stores.js"

/** All cookies of the session's sites in one store become those of the snapshot. @returns what the browser refused */
export async function replaceCookies({ sites, cookies = [] }: Snapshot, storeId: string): Promise<Gap[]> {
  const gaps: Gap[] = []
  const before = (await Promise.all(sites.map((site) => captureCookies(site, storeId, [])))).flat()
  for (const cookie of before) if (!(await removeCookie(cookie, storeId))) gaps.push(refused(cookie, "remove"))
  for (const cookie of cookies) {
    if (cookie.expiresAt !== null && cookie.expiresAt <= Date.now()) continue
    if (!(await setCookie(cookie, storeId))) gaps.push(refused(cookie, "set"))
  }
  return gaps
}

/**
 * The localStorage of what is open becomes that of the snapshot, sessionStorage is emptied. @returns what no extension can reach: it
 * is as it was, whoever's it is
 */
export async function replaceStorage(snapshot: Snapshot, tabs: Browser.tabs.Tab[]): Promise<Gap[]> {
  const { sites, origins = [] } = snapshot
  const saved = new Map(
    origins.flatMap((state) => (state.partition === null ? [[state.origin, state.localStorage ?? []]] : [])),
  )
  const gaps: Gap[] = []
  const reached = new Set<string>()
  for (const tab of tabs) {
    for (const frame of await framesOf(tab, gaps)) {
      const { origin } = frame.page
      if (frame.partition !== null || !isOfSites(origin, sites)) continue
      const left = await write(frame, reached.has(origin) ? null : (saved.get(origin) ?? []))
      if (left === 0) reached.add(origin)
      else gaps.push(storageGap(origin, "localStorage", "the page did not take all of it", left))
    }
  }
  for (const [origin, own] of saved) {
    if (own.length > 0 && !reached.has(origin))
      gaps.push(storageGap(origin, "localStorage", "no tab shows it", own.length))
  }
  const items = (snapshot.tabs ?? []).flatMap((tab) => tab.sessionStorage.flatMap((state) => state.items)).length
  if (items > 0) gaps.push(storageGap(sites[0], "sessionStorage", "it is emptied and not put back", items))
  const databases = origins.reduce((count, { indexedDB = [] }) => count + indexedDB.length, 0)
  const why = "this extension does not replace them; what is there now stays"
  gaps.push(storageGap(sites[0], "databases and private files", why, Math.max(1, databases)))
  return gaps
}

async function framesOf(tab: Browser.tabs.Tab, gaps: Gap[]): Promise<FrameReading[]> {
  const reading = await lookAtTab(tab, browserOf(navigator.userAgent).engine, undefined)
  if ("frames" in reading) return reading.frames
  gaps.push(reading.gap)
  return []
}

/** @returns how many items are not there as they should be */
async function write({ target }: FrameReading, local: [string, string][] | null): Promise<number> {
  const text = await askFrame(target, writeStorage, [{ local, session: [], existing: "replace" }]).catch(() => null)
  const answer = text === null ? null : (JSON.parse(text) as { local: number[] | string | null })
  if (answer === null || typeof answer.local === "string") return Math.max(1, local?.length ?? 1)
  return answer.local?.length ?? 0
}

function refused({ name, domain }: Cookie, doing: "set" | "remove"): Gap {
  const why = doing === "set" ? "this browser did not take it" : "this browser did not remove it"
  return { kind: "cookies", where: domain, what: `cookie "${name}"`, why, fix: "", count: 1 }
}

function storageGap(where: string, what: string, why: string, count: number): Gap {
  const fix = "clear what this browser keeps of the site, open it, then restore again"
  return { kind: "origin", where, what, why, fix, count }
}
