import { placeOf } from "../database-pieces.js"
import type { Gap } from "../report.js"
import type { Cookie, OriginState, Snapshot } from "../snapshot.js"

/** A session in another tool's format: the text, and what that format could not hold. */
export interface Export {
  text: string
  gaps: Gap[]
}

/** One gap for all things of a kind that were left out for the same reason; none for none. */
export function leftOut(kind: Gap["kind"], where: string, count: number, thing: string, why: string, fix = ""): Gap[] {
  if (count === 0) return []
  return [{ kind, where, what: count === 1 ? `1 ${thing}` : `${count} ${plural(thing)}`, why, fix, count }]
}

/** Gaps for page storage and everything else that a format of cookies alone has no place for. */
export function beyondCookies(snapshot: Snapshot, format: string): Gap[] {
  const why = `${format} holds cookies only`
  const stored = (snapshot.origins ?? []).flatMap((state) => {
    const fix = state.partition === null ? "restore with --format playwright, or with an adapter" : adapterFix
    return ofOriginState(state, why, fix)
  })
  return [...stored, ...ofTabs(snapshot, why, adapterFix), ...ofContext(snapshot, why)]
}

/** Gaps for all that one origin (below one top-level site) holds and that some tool could put back. */
export function ofOriginState(state: OriginState, why: string, fix: string): Gap[] {
  const { origin, partition, localStorage, indexedDB, opfs } = state
  const where = placeOf(origin, partition)
  return [
    ...leftOut("localStorage", where, localStorage?.length ?? 0, "item", why, fix),
    ...leftOut("indexedDB", where, indexedDB?.length ?? 0, "database", why, fix),
    ...ofFiles(where, opfs, why, fix),
  ]
}

/** The gap for private files; those that were only counted are missing all the same. */
export function ofFiles(where: string, opfs: OriginState["opfs"], why: string, fix = ""): Gap[] {
  const files = opfs?.files ?? 0
  if (opfs?.entries !== undefined) return leftOut("opfs", where, files, "private file", why, fix)
  return leftOut("opfs", where, files, "private file", "they were counted, not captured", "capture them on request")
}

const adapterFix = "restore with an adapter"

/** Gaps for the sessionStorage of all tabs, one for each origin and partition. */
export function ofTabs(snapshot: Snapshot, why: string, fix: string): Gap[] {
  const counts = new Map<string, number>()
  for (const { origin, partition, items } of (snapshot.tabs ?? []).flatMap(({ sessionStorage }) => sessionStorage)) {
    const where = placeOf(origin, partition)
    counts.set(where, (counts.get(where) ?? 0) + items.length)
  }
  return [...counts].flatMap(([where, count]) => leftOut("sessionStorage", where, count, "item", why, fix))
}

export function ofContext({ context, sites }: Snapshot, why: string): Gap[] {
  return leftOut(
    "context",
    sites[0],
    context === undefined ? 0 : 1,
    "browser context",
    why,
    "use the user agent it had",
  )
}

/** The gap for cookies, one for each domain they were of. */
export function ofCookies(cookies: Cookie[], thing: string, why: string, fix = ""): Gap[] {
  const counts = new Map<string, number>()
  for (const { domain } of cookies) counts.set(domain, (counts.get(domain) ?? 0) + 1)
  return [...counts].flatMap(([domain, count]) => leftOut("cookies", domain, count, thing, why, fix))
}

/** Cookies that still live at this time. */
export function unexpired(cookies: Cookie[] | undefined, now: number): { live: Cookie[]; gaps: Gap[] } {
  const all = cookies ?? []
  const live = all.filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
  const expired = all.filter(({ expiresAt }) => expiresAt !== null && expiresAt <= now)
  return {
    live,
    gaps: ofCookies(expired, "expired cookie", "it has expired", "log in again and save the session again"),
  }
}

function plural(thing: string): string {
  return `${thing}s`
}
