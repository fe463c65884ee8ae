import { placeOf } from "./database-pieces.js"
import { isOfSites } from "./partition.js"
import type { Gap, Kind } from "./report.js"
import { siteOf } from "./site.js"
import type { Cookie, OriginState } from "./snapshot.js"

/** Names what an origin holds and a session does not carry. */
export function noteUncarried(origins: OriginState[], kinds: readonly Kind[], gaps: Gap[]): void {
  for (const { origin, partition, opfs, cacheStorage, serviceWorkers } of origins) {
    const where = placeOf(origin, partition)
    if (opfs !== undefined && opfs.files > 0 && !kinds.includes("opfs")) {
      const what = plural(opfs.files, "private file")
      const why = "files of the origin private file system are saved on request only"
      gaps.push({ kind: "opfs", where, what, why, fix: "tick Private files, then save again", count: opfs.files })
    }
    if (cacheStorage !== undefined) {
      const what = plural(cacheStorage.caches, "cache")
      const why = "caches are copies of what the site sends, and are not saved"
      gaps.push({ kind: "cacheStorage", where, what, why, fix: "", count: cacheStorage.caches })
    }
    if (serviceWorkers !== undefined) {
      const what = plural(serviceWorkers.scopes, "service worker")
      const why = "a restored session begins without any; the site registers its own again"
      gaps.push({ kind: "serviceWorker", where, what, why, fix: "", count: serviceWorkers.scopes })
    }
  }
}

export interface SessionScope {
  sites: readonly string[]
  kinds: readonly Kind[]
  withoutOrigins: readonly string[]
  knownOrigins: readonly string[]
}

/**
 * Names origins that belong to the session and are open in no tab: without a request their storage cannot be read. They are
 * known from cookies that only they get, and from earlier saves.
 */
export function noteUnopened(
  { sites, withoutOrigins, knownOrigins, kinds }: SessionScope,
  origins: OriginState[],
  cookies: Cookie[],
  gaps: Gap[],
  fix = "open it, then save again",
): void {
  if (!kinds.includes("localStorage") && !kinds.includes("indexedDB")) return
  const unopened = unopenedOrigins(sites, origins, cookies, knownOrigins)
  const named = unopened.filter((origin) => !withoutOrigins.includes(origin))
  const what = "page storage"
  for (const origin of named.slice(0, mostNamed)) {
    const why = "no tab shows it, and its page storage cannot be read without one"
    gaps.push({ kind: "origin", where: origin, what, why, fix, count: 1 })
  }
  if (named.length > mostNamed) {
    const count = named.length - mostNamed
    const where = `${count} more origins`
    gaps.push({ kind: "origin", where, what, why: "no tab shows them", fix: "", count })
  }
  for (const where of unopenedFrames(origins, cookies)) {
    const why = "this site has cookies there, and no open tab shows its frame"
    gaps.push({ kind: "origin", where, what: "page storage of a frame", why, fix: "open a page with it", count: 1 })
  }
}

/** Most unopened origins that get a line of their own. */
const mostNamed = 20

/** Places below other sites that the session has cookies of, and none of whose storage was read. */
function unopenedFrames(origins: OriginState[], cookies: Cookie[]): string[] {
  const missing = cookies.flatMap(({ domain, partition }) => {
    // A partition of the site itself is where its own pages are; engines differ in how much of the key they tell.
    if (partition === null || isOfSites(partition.topLevelSite, [siteOf(`https://${domain}`) ?? domain])) return []
    const isOpen = origins.some((state) => state.partition?.topLevelSite === partition.topLevelSite)
    return isOpen ? [] : [placeOf(domain, partition)]
  })
  return [...new Set(missing)].slice(0, mostNamed)
}

function unopenedOrigins(
  sites: readonly string[],
  origins: OriginState[],
  cookies: Cookie[],
  knownOrigins: readonly string[],
): string[] {
  const open = new Set(origins.filter(({ partition }) => partition === null).map(({ origin }) => origin))
  const openHosts = new Set([...open].map((origin) => new URL(origin).hostname))
  const ofCookies = cookies
    .filter(({ hostOnly, domain, partition }) => hostOnly && partition === null && !openHosts.has(domain))
    .map(({ domain }) => `https://${domain}`)
  const known = knownOrigins.filter((origin) => isOfSites(origin, sites) && !open.has(origin))
  // A known http origin of the same host says more than the guess of a cookie.
  const knownHosts = new Set(known.map((origin) => new URL(origin).hostname))
  const guessed = ofCookies.filter((origin) => !knownHosts.has(new URL(origin).hostname))
  return [...new Set([...known, ...guessed])]
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`
}
