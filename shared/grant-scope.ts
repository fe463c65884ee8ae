import type { GrantTerms } from "./grants.js"
import { endCookies } from "./merge/cookie-ends.js"
import type { Register } from "./merge.js"
import { fieldsOf, pathOf, type FieldId } from "./merge/fields.js"
import { isFieldOf } from "./merge/rules.js"
import { onlyNames } from "./only-names.js"
import type { CaptureReport, Gap, Kind } from "./report.js"
import type { Base } from "./session-payload.js"
import { siteOf } from "./site.js"
import type { IndexedDatabase, OriginState, Partition, Snapshot, TabState } from "./snapshot.js"
import { originOfTab } from "./tab-origin.js"

/** What of a session a grant covers. */
export type GrantScope = Pick<GrantTerms, "kinds" | "names" | "sites">

/**
 * The part of a snapshot that a grant covers. Everything else is missing in it, as if it had not been captured: that is what
 * is sealed to the bot, so nothing depends on what the bot does with it. Names of origins, tabs and gaps of other kinds go too,
 * and addresses of tabs down to the origin: they belong to no kind.
 *
 * A site that the session holds only since the grant is left out, and named as a gap.
 */
export function scopeSnapshot(snapshot: Snapshot, { kinds, names, sites }: GrantScope): Snapshot {
  const strange = snapshot.sites.filter((site, place) => place > 0 && sites?.includes(site) === false)
  // Also what an earlier save brought in, of sites that the session does not name any more.
  const known = sites === undefined ? snapshot : onlySites(snapshot, [snapshot.sites[0], ...sites], strange)
  const ofKinds = kinds === "all" ? known : onlyKinds(known, kinds)
  const scoped = names === undefined ? ofKinds : onlyNames(known, names)
  const { report } = scoped
  return strange.length === 0
    ? scoped
    : { ...scoped, report: { ...report, gaps: [...report.gaps, ...strange.map(gapOf)] } }
}

/**
 * As `scopeSnapshot`, for all that a base holds: names of what is not covered do not go along either, and no cookie lives on after the
 * grant's end.
 */
export function scopeBase({ snapshot, stamps, heads }: Base, terms: GrantScope & Pick<GrantTerms, "expiresAt">): Base {
  const scoped = endedBy(scopeSnapshot(snapshot, terms), terms.expiresAt)
  if (scoped === snapshot || stamps === undefined)
    return { snapshot: scoped, ...(stamps && { stamps }), ...(heads && { heads }) }
  const held = fieldsOf(scoped)
  const covers = coverOf(terms, scoped.sites)
  const isCovered = (id: FieldId) => isFieldOf(id, covers)
  // That a place was looked at has no name, and a group is noted as gone wherever there was none: told of what is shown anyway.
  const isTold = (id: FieldId) =>
    terms.names === undefined ? isCovered(id) : held.has(id) || (isCovered(id) && pathOf(id)[0] !== "group")
  const only = <T>(lists: [T, FieldId[]][], isKept: (id: FieldId) => boolean) =>
    lists.map(([what, ids]): [T, FieldId[]] => [what, ids.filter(isKept)]).filter(([, ids]) => ids.length > 0)
  return {
    snapshot: scoped,
    stamps: {
      ...stamps,
      listed: only(stamps.listed, (id) => held.has(id)),
      ends: only(stamps.ends, (id) => held.has(id)),
      deleted: only(stamps.deleted, isTold),
      // Where a tab that is not shown was is nobody's to know.
      hidden: stamps.hidden.filter(([id]) => isCovered(id) && pathOf(id)[0] !== "tab"),
    },
    ...(heads && { heads }),
  }
}

/** A cookie that the bot's browser keeps must not outlive what it was granted for. */
function endedBy(snapshot: Snapshot, end: number | null): Snapshot {
  const { cookies } = snapshot
  return end === null || cookies === undefined ? snapshot : { ...snapshot, cookies: endCookies(cookies, end) }
}

function onlyKinds(snapshot: Snapshot, kinds: readonly Kind[]): Snapshot {
  const { schema, sites, account, capturedAt, capturedBy, cookies, tabs, context, report } = snapshot
  const has = (kind: Kind) => kinds.includes(kind)
  const captured = Object.entries(report.captured).filter(([kind]) => (kinds as readonly string[]).includes(kind))
  const origins = snapshot.origins?.flatMap((origin) => scopeOrigin(origin, has))
  return {
    schema,
    sites,
    account,
    capturedAt,
    capturedBy,
    ...(cookies !== undefined && has("cookies") ? { cookies } : {}),
    ...(origins !== undefined && ownedByOrigins.some(has) ? { origins } : {}),
    ...(tabs !== undefined && has("sessionStorage") ? { tabs: tabs.flatMap(atOrigin) } : {}),
    ...(context !== undefined && has("context") ? { context } : {}),
    report: {
      captured: Object.fromEntries(captured),
      gaps: report.gaps.filter(({ kind }) => (kinds as readonly string[]).includes(kind)),
    },
  }
}

/** A tab that holds nothing is left out, as an origin is. */
function atOrigin(tab: TabState): TabState[] {
  return tab.sessionStorage.length === 0 ? [] : [{ ...tab, url: originOfTab(tab.url) }]
}

/** What changes say to a bot with these terms, as `scopeBase` does. @param sites of the session */
export function scopeRegisters(
  registers: readonly Register[],
  terms: GrantScope,
  sites: Snapshot["sites"],
): Register[] {
  const cover = coverOf(terms, sites)
  const covered = registers.map((register) => scopeRegister(register, cover)).filter((register) => register !== null)
  if (terms.names === undefined) return covered
  // Tabs have no name: they go along with what was chosen in them.
  const tabs = new Set(
    covered.map(({ field }) => pathOf(field)).flatMap(([kind, tab]) => (kind === "sessionStorage" ? [tab] : [])),
  )
  const own = registers.filter(({ field }) => pathOf(field)[0] === "tab" && tabs.has(pathOf(field)[1]))
  const ofKinds = { kinds: cover.kinds, sites: cover.sites }
  const all = [...covered, ...own.map((register) => scopeRegister(register, ofKinds)).filter((one) => one !== null)]
  // Where it stood among the others would count them.
  return all.map((register) => ("deleted" in register ? register : { ...register, rank: 0 }))
}

interface Cover extends Pick<GrantScope, "kinds" | "names"> {
  sites: string[]
}

function coverOf({ kinds, names, sites: granted }: GrantScope, sites: Snapshot["sites"]): Cover {
  return { kinds, ...(names && { names }), sites: granted === undefined ? sites : [sites[0], ...granted] }
}

/** Null for nothing. */
function scopeRegister(register: Register, { kinds, names, sites }: Cover): Register | null {
  if (!isFieldOf(register.field, { kinds, names, sites })) return null
  if (pathOf(register.field)[0] !== "tab" || "deleted" in register) return register
  const url = String(register.value)
  const site = siteOf(url)
  if (site !== null && !sites.includes(site)) return null
  return kinds === "all" ? register : { ...register, value: originOfTab(url) }
}

/** Nothing but what lies at these sites, or in frames below them. What counts of the rest is counted anew. */
function onlySites(snapshot: Snapshot, granted: string[], strange: string[]): Snapshot {
  const isStrange = (hostOrUrl: string) => {
    const site = siteOf(hostOrUrl)
    return site !== null && !granted.includes(site)
  }
  /** A frame of elsewhere belongs to the site that it is in. */
  const isOut = (hostOrUrl: string, partition: Partition | null) =>
    isStrange(partition === null ? hostOrUrl : partition.topLevelSite) || strange.includes(siteOf(hostOrUrl) ?? "")
  const { check, cookies, origins, tabs, report, sites, ...rest } = snapshot
  const [first, ...others] = sites
  const scoped: Snapshot = {
    ...rest,
    sites: [first, ...others.filter((site) => !strange.includes(site))],
    ...(check === undefined || isStrange(check.url) ? {} : { check }),
    ...(cookies && { cookies: cookies.filter(({ domain, partition }) => !isOut(domain, partition)) }),
    ...(origins && { origins: origins.filter(({ origin, partition }) => !isOut(origin, partition)) }),
    ...(tabs && {
      tabs: tabs
        .filter(({ url }) => !isStrange(url))
        .map((tab) => ({
          ...tab,
          sessionStorage: tab.sessionStorage.filter(({ origin, partition }) => !isOut(origin, partition)),
        })),
    }),
    // Where a gap is begins with its origin or domain.
    report: { ...report, gaps: report.gaps.filter(({ where }) => !isStrange(where.split(" ")[0] ?? "")) },
  }
  return { ...scoped, report: { ...scoped.report, captured: recounted(report.captured, scoped) } }
}

function recounted(captured: CaptureReport["captured"], { cookies, origins = [], tabs = [] }: Snapshot) {
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0)
  const counts: CaptureReport["captured"] = {
    cookies: cookies?.length ?? 0,
    localStorage: sum(origins.map(({ localStorage }) => localStorage?.length ?? 0)),
    sessionStorage: sum(tabs.flatMap(({ sessionStorage }) => sessionStorage.map(({ items }) => items.length))),
    indexedDB: sum(origins.flatMap(({ indexedDB = [] }) => indexedDB.flatMap(recordCounts))),
    opfs: sum(origins.map(({ opfs }) => opfs?.entries?.filter(({ data }) => data !== null).length ?? 0)),
  }
  return Object.fromEntries(
    Object.entries(captured).map(([kind, count]) => [kind, Math.min(count, counts[kind as Kind] ?? count)]),
  )
}

function recordCounts({ stores }: IndexedDatabase): number[] {
  return stores.map(({ records = [] }) => records.length)
}

function gapOf(site: string): Gap {
  const why = "it is not among the sites that were granted"
  return { kind: "site", where: site, what: "all of it", why, fix: "ask an owner to grant the session again", count: 1 }
}

const ownedByOrigins = ["localStorage", "indexedDB", "opfs"] as const satisfies Kind[]

/** An origin without any of what was granted is not even named. */
function scopeOrigin({ origin, partition, ...rest }: OriginState, has: (kind: Kind) => boolean): OriginState[] {
  const { localStorage, indexedDB, opfs } = rest
  const scoped = {
    ...(localStorage !== undefined && has("localStorage") ? { localStorage } : {}),
    ...(indexedDB !== undefined && has("indexedDB") ? { indexedDB } : {}),
    ...(opfs !== undefined && has("opfs") ? { opfs } : {}),
  }
  return Object.keys(scoped).length === 0 ? [] : [{ origin, partition, ...scoped }]
}
