import type { Gap } from "../report.js"
import type { Cookie, Snapshot } from "../snapshot.js"

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
  const fix = "restore with --format playwright, or with an adapter"
  const stored = (snapshot.origins ?? []).flatMap(({ origin, localStorage, indexedDB }) => [
    ...leftOut("localStorage", origin, localStorage?.length ?? 0, "item", why, fix),
    ...leftOut("indexedDB", origin, indexedDB?.length ?? 0, "database", why, fix),
  ])
  return [...stored, ...ofTabs(snapshot, why, "restore with an adapter"), ...ofContext(snapshot, why)]
}

/** Gaps for the sessionStorage of all tabs, one for each origin. */
export function ofTabs(snapshot: Snapshot, why: string, fix: string): Gap[] {
  const counts = new Map<string, number>()
  for (const { origin, items } of (snapshot.tabs ?? []).flatMap(({ sessionStorage }) => sessionStorage)) {
    counts.set(origin, (counts.get(origin) ?? 0) + items.length)
  }
  return [...counts].flatMap(([origin, count]) => leftOut("sessionStorage", origin, count, "item", why, fix))
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
  const expired = all.filter((cookie) => !live.includes(cookie))
  return {
    live,
    gaps: ofCookies(expired, "expired cookie", "it has expired", "log in again and save the session again"),
  }
}

function plural(thing: string): string {
  return `${thing}s`
}
