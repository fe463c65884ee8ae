import { plainName } from "../plain-name.js"
import type { Gap } from "../report.js"
import { siteOf } from "../site.js"
import type { Cookie, Snapshot } from "../snapshot.js"

/** Most names that stand in one line; the others are counted. */
const maxNames = 3

/** A gap of this kind. `where` may come from a page or a file: it is made plain here. */
export function portabilityGap(gap: Omit<Gap, "kind">): Gap {
  return {
    kind: "portability",
    ...gap,
    where: plainName(gap.where, 100),
    count: Math.min(gap.count, Number.MAX_SAFE_INTEGER),
  }
}

/** `cookies "a", "b", "c" and 2 more`: names only, made plain. */
export function cookieNames(names: string[]): string {
  const distinct = [...new Set(names)]
  const shown = distinct.slice(0, maxNames).map((name) => `"${plainName(name)}"`)
  const more = distinct.length - shown.length
  return `${distinct.length === 1 ? "cookie" : "cookies"} ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`
}

/** The cookies that were alive when the snapshot was taken; none where cookies were not captured. */
export function liveCookies(snapshot: Snapshot): Cookie[] {
  return (snapshot.cookies ?? []).filter(({ expiresAt }) => expiresAt === null || expiresAt > snapshot.capturedAt)
}

/** What a thing is grouped by, in order of first appearance. */
export function groupBy<T>(things: T[], keyOf: (thing: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const thing of things) {
    const key = keyOf(thing)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [thing])
    else group.push(thing)
  }
  return groups
}

/** The site of a cookie; a domain that has none stands for itself. */
export function siteOfCookie({ domain }: Cookie): string {
  return siteOf(domain) ?? domain
}
