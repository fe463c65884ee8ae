import type { GrantTerms } from "./grants.js"
import { endCookies } from "./merge/cookie-ends.js"
import { fieldsOf, type FieldId } from "./merge/fields.js"
import { isFieldOf } from "./merge/rules.js"
import type { CaptureReport, Gap, Kind } from "./report.js"
import type { Base } from "./session-payload.js"
import { siteOf } from "./site.js"
import type { IndexedDatabase, OriginState, Partition, Snapshot, TabState } from "./snapshot.js"

/**
 * The part of a snapshot that a grant covers. Everything else is missing in it, as if it had not been captured: that is what
 * is sealed to the bot, so nothing depends on what the bot does with it. Names of origins, tabs and gaps of other kinds go too,
 * and addresses of tabs down to the origin: they belong to no kind.
 *
 * A site that the session holds only since the grant is left out, and named as a gap.
 */
export function scopeSnapshot(snapshot: Snapshot, { kinds, sites }: Pick<GrantTerms, "kinds" | "sites">): Snapshot {
  const strange = snapshot.sites.filter((site, place) => place > 0 && sites?.includes(site) === false)
  const known = strange.length === 0 ? snapshot : withoutSites(snapshot, strange)
  const scoped = kinds === "all" ? known : onlyKinds(known, kinds)
  const { report } = scoped
  return strange.length === 0
    ? scoped
    : { ...scoped, report: { ...report, gaps: [...report.gaps, ...strange.map(gapOf)] } }
}

/**
 * As `scopeSnapshot`, for all that a base holds: names of what is not covered do not go along either, and no cookie lives on after the
 * grant's end.
 */
export function scopeBase(
  { snapshot, stamps, heads }: Base,
  terms: Pick<GrantTerms, "kinds" | "sites" | "expiresAt">,
): Base {
  const scoped = endedBy(scopeSnapshot(snapshot, terms), terms.expiresAt)
  if (scoped === snapshot || stamps === undefined)
    return { snapshot: scoped, ...(stamps && { stamps }), ...(heads && { heads }) }
  const held = fieldsOf(scoped)
  const isCovered = (id: FieldId) => isFieldOf(id, { kinds: terms.kinds, sites: scoped.sites })
  const only = <T>(lists: [T, FieldId[]][], isKept: (id: FieldId) => boolean) =>
    lists.map(([what, ids]): [T, FieldId[]] => [what, ids.filter(isKept)]).filter(([, ids]) => ids.length > 0)
  return {
    snapshot: scoped,
    stamps: {
      ...stamps,
      listed: only(stamps.listed, (id) => held.has(id)),
      ends: only(stamps.ends, (id) => held.has(id)),
      deleted: only(stamps.deleted, isCovered),
      hidden: stamps.hidden.filter(([id]) => isCovered(id)),
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
  if (tab.sessionStorage.length === 0) return []
  const origin = URL.canParse(tab.url) ? new URL(tab.url).origin : "null"
  return [{ ...tab, url: origin === "null" ? "about:blank" : `${origin}/` }]
}

/** Nothing that lies at these sites, or below them. What counts of the rest is counted anew. */
function withoutSites(snapshot: Snapshot, strange: string[]): Snapshot {
  const isStrange = (hostOrUrl: string) => strange.includes(siteOf(hostOrUrl) ?? "")
  const isBelow = (partition: Partition | null) => partition !== null && isStrange(partition.topLevelSite)
  const { check, cookies, origins, tabs, report, sites, ...rest } = snapshot
  const [first, ...others] = sites
  const scoped: Snapshot = {
    ...rest,
    sites: [first, ...others.filter((site) => !strange.includes(site))],
    ...(check === undefined || isStrange(check.url) ? {} : { check }),
    ...(cookies && { cookies: cookies.filter(({ domain, partition }) => !isStrange(domain) && !isBelow(partition)) }),
    ...(origins && { origins: origins.filter(({ origin, partition }) => !isStrange(origin) && !isBelow(partition)) }),
    ...(tabs && {
      tabs: tabs
        .filter(({ url }) => !isStrange(url))
        .map((tab) => ({
          ...tab,
          sessionStorage: tab.sessionStorage.filter(
            ({ origin, partition }) => !isStrange(origin) && !isBelow(partition),
          ),
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
  const why = "the session holds it only since this was granted"
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
