import { cookieId } from "../cookies.js"
import { placeOf } from "../database-pieces.js"
import { portabilityGaps } from "../portability.js"
import { countsOf } from "../readings.js"
import type { Gap, Kind } from "../report.js"
import { siteOf } from "../site.js"
import { parseSnapshot, type Cookie, type OriginState, type Snapshot, type TabState } from "../snapshot.js"
import { tidyGaps } from "../tidy-gaps.js"
import { version } from "../version.js"
import { leftOut, ofCookies, unexpired } from "./export.js"

/**
 * What another tool's file holds, of however many sites. A missing key: the format has no place for that kind. `gaps` name
 * what stands in the file and could not be read; their `where` is a domain, an origin, or `the file` for what is of no site.
 */
export interface Found {
  cookies?: Cookie[]
  origins?: OriginState[]
  tabs?: TabState[]
  gaps: Gap[]
}

/** The `where` of what cannot be told to be any site's. */
export const theFile = "the file"

/** How much of a site a file holds: numbers of cookies, items, databases and private files. */
export interface FoundSite {
  site: string
  cookies: number
  localStorage: number
  sessionStorage: number
  indexedDB: number
  opfs: number
}

/** Every site in the file, in alphabetical order. Nothing of it is a guess: what has no site is in `found.gaps`. */
export function sitesIn({ cookies = [], origins = [], tabs = [] }: Found): FoundSite[] {
  const sites = new Map<string, FoundSite>()
  const add = (place: string, kind: Exclude<keyof FoundSite, "site">, count: number) => {
    const site = siteOf(place)
    if (site === null) return
    const known = sites.get(site) ?? { site, cookies: 0, localStorage: 0, sessionStorage: 0, indexedDB: 0, opfs: 0 }
    sites.set(site, { ...known, [kind]: known[kind] + count })
  }
  for (const [domain, count] of countBy(cookies, ({ domain: of }) => of)) add(domain, "cookies", count)
  for (const { origin, localStorage, indexedDB, opfs } of origins) {
    add(origin, "localStorage", localStorage?.length ?? 0)
    add(origin, "indexedDB", indexedDB?.length ?? 0)
    add(origin, "opfs", opfs?.files ?? 0)
  }
  for (const { origin, items } of tabs.flatMap(({ sessionStorage }) => sessionStorage)) {
    add(origin, "sessionStorage", items.length)
  }
  return [...sites.values()].sort((a, b) => (a.site < b.site ? -1 : 1))
}

export interface FoundOptions {
  /** The first one names the session. */
  sites: [string, ...string[]]
  account: string
  /** ms since epoch; cookies that ended before are left out and named. */
  now: number
  /** The format it was read from. */
  format: string
}

/**
 * The session of these sites, as it stands in the file. What the file holds of other sites is left alone, and is no gap.
 *
 * @throws `bad-snapshot`, `too-large` when it is no session that can be kept
 */
export function snapshotOf(found: Found, { sites, account, now, format }: FoundOptions): Snapshot {
  const isWanted = createIsWanted(sites)
  const { live, gaps } = unexpired(
    found.cookies?.filter(({ domain }) => isWanted(domain)),
    now,
  )
  const { cookies, gaps: twice } = withoutTwins(live)
  const origins = found.origins?.filter(({ origin }) => isWanted(origin))
  const tabs = found.tabs
    ?.map((tab) => ({ ...tab, sessionStorage: tab.sessionStorage.filter(({ origin }) => isWanted(origin)) }))
    .filter(({ sessionStorage }) => sessionStorage.length > 0)
  const snapshot: Snapshot = {
    schema: 1,
    sites,
    account,
    capturedAt: now,
    capturedBy: { tool: `${format} file`, version, browser: { engine: "unknown", major: null } },
    // Longest path first, as a browser sends them; the file's order is all that is known of their age.
    ...(found.cookies && { cookies: cookies.sort((a, b) => b.path.length - a.path.length) }),
    ...(origins && { origins }),
    ...(tabs && { tabs: tabs.map((tab) => ({ ...tab, url: `${tab.sessionStorage[0]?.origin ?? ""}/` })) }),
    report: { captured: {}, gaps: [] },
  }
  const kinds: Kind[] = [
    ...(found.cookies ? (["cookies"] as const) : []),
    ...(found.origins ? (["localStorage", "indexedDB", "opfs"] as const) : []),
    ...(found.tabs ? (["sessionStorage"] as const) : []),
  ]
  snapshot.report.captured = countsOf(snapshot, kinds)
  const read = found.gaps.filter(({ where }) => where === theFile || isWanted(where.split(" ")[0] ?? ""))
  snapshot.report.gaps = tidyGaps([...read, ...gaps, ...twice, ...portabilityGaps(snapshot)])
  return parseSnapshot(snapshot)
}

/** One origin's storage that stands in the file in several places is one; what comes later wins. */
export function joinOrigins(states: OriginState[]): OriginState[] {
  const joined = new Map<string, OriginState>()
  for (const state of states) {
    const id = placeOf(state.origin, state.partition)
    joined.set(id, { ...joined.get(id), ...state })
  }
  return [...joined.values()]
}

/** The place of a gap; what is no hostname is nobody's, and may be anything. */
export function whereOf(domain: unknown): string {
  return typeof domain === "string" && siteOf(domain) !== null ? domain.slice(0, 255).toLowerCase() : theFile
}

export function countBy<Item>(items: Iterable<Item>, keyOf: (item: Item) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1)
  return counts
}

/** One gap for each reason and place; `key` is `place\nreason`. */
export function gapsOf(counts: Map<string, number>, kind: Gap["kind"], thing: string): Gap[] {
  return [...counts].flatMap(([key, count]) => {
    const [where = theFile, why = ""] = key.split("\n")
    return leftOut(kind, where, count, thing, why)
  })
}

/** For a browser these are one cookie: the one that stands last in the file is the newest. */
function withoutTwins(cookies: Cookie[]): { cookies: Cookie[]; gaps: Gap[] } {
  const last = new Map(cookies.map((cookie) => [cookieId(cookie), cookie]))
  const twins = cookies.filter((cookie) => last.get(cookieId(cookie)) !== cookie)
  return {
    cookies: [...last.values()],
    gaps: ofCookies(twins, "cookie", "the same cookie stands in the file again, and the later one is taken"),
  }
}

/** Asks for each place once: files name the same ones over and over. */
function createIsWanted(sites: readonly string[]): (place: string) => boolean {
  const answers = new Map<string, boolean>()
  return (place) => {
    const known = answers.get(place)
    if (known !== undefined) return known
    const site = siteOf(place)
    const isWanted = site !== null && sites.includes(site)
    answers.set(place, isWanted)
    return isWanted
  }
}
