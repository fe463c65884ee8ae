import { cookieFault } from "../cookies.js"
import type { Gap } from "../report.js"
import { siteOf } from "../site.js"
import type { Cookie, Partition } from "../snapshot.js"
import { ofCookies, unexpired } from "./export.js"
import { latestSecond } from "./read-cookie.js"

/** The cookies that a browser would take; one that it refuses makes most tools refuse all of them. */
export function fitCookies(cookies: Cookie[] | undefined, now: number): { kept: Cookie[]; gaps: Gap[] } {
  const { live, gaps } = unexpired(cookies, now)
  const kept: Cookie[] = []
  const refused = new Map<string, Cookie[]>()
  for (const cookie of live) {
    const why = faultOf(cookie, now)
    const list = why === null ? kept : (refused.get(why) ?? [])
    list.push(cookie)
    if (why !== null) refused.set(why, list)
  }
  return { kept, gaps: [...gaps, ...[...refused].flatMap(([fault, list]) => ofCookies(list, "cookie", fault))] }
}

/** As CDP and the tools over it name a cookie: a dot before the domain unless host-only, seconds, -1 for a session cookie. */
export function toCdpCookie({ name, value, domain, hostOnly, path, expiresAt, httpOnly, secure, sameSite }: Cookie) {
  return {
    name,
    value,
    domain: hostOnly ? domain : `.${domain}`,
    path,
    expires: expiresAt === null ? -1 : Math.min(expiresAt / 1000, latestSecond),
    httpOnly,
    secure,
    ...(sameSite === "unspecified" ? {} : { sameSite: sameSiteNames[sameSite] }),
  }
}

/**
 * The second part of Chromium's key. Firefox does not know it: there it is a frame of another site that stands between.
 */
export function crossSiteAncestorOf({ topLevelSite, hasCrossSiteAncestor }: Partition, domain: string): boolean {
  return hasCrossSiteAncestor ?? siteOf(topLevelSite) !== siteOf(domain)
}

const sameSiteNames = { none: "None", lax: "Lax", strict: "Strict" } as const

function faultOf(cookie: Cookie, now: number): string | null {
  const { firstPartyDomain, domain } = cookie
  const isIsolated = firstPartyDomain !== undefined && firstPartyDomain !== "" && firstPartyDomain !== siteOf(domain)
  if (isIsolated) return "it belongs to another site by Firefox's first-party isolation"
  return cookieFault(cookie, now)?.why ?? null
}
