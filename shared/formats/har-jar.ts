import { cookieId } from "../cookies.js"
import { siteOf } from "../site.js"
import type { Cookie } from "../snapshot.js"

/** The cookies that a browser had while an archive was recorded, as far as the archive shows them. */
export interface HarJar {
  /** A response of that host set it; `isGone`: it took it back. */
  set(cookie: Cookie, isGone: boolean, hostname: string): void
  /** A request sent them: if a value is new, a script changed it; if nobody set it, it was there before. */
  sent(pairs: { name: string; value: string }[], url: URL): void
  cookies(): Cookie[]
  isOnlySent(cookie: Cookie): boolean
  /** What had to make room. */
  dropped(): Cookie[]
}

/** Of one name in a whole site; nobody has that many, and without an end looking through them would take ever longer. */
const maxOfOneName = 50

export function createHarJar(): HarJar {
  /** By name and site, then by all that makes it itself. */
  const places = new Map<string, Map<string, Cookie>>()
  const onlySent = new Set<Cookie>()
  const made: Cookie[] = []

  const placeOf = (name: string, site: string) => {
    const key = `${site}\n${name}`
    const place = places.get(key) ?? new Map<string, Cookie>()
    places.set(key, place)
    return place
  }

  const put = (cookie: Cookie, site: string) => {
    const place = placeOf(cookie.name, site)
    // Again at the end: it is the newest.
    place.delete(cookieId(cookie))
    place.set(cookieId(cookie), cookie)
    const [oldest] = place
    if (place.size <= maxOfOneName || oldest === undefined) return
    place.delete(oldest[0])
    made.push(oldest[1])
  }

  return {
    set(cookie, isGone, hostname) {
      const site = siteOf(hostname) ?? hostname
      const place = placeOf(cookie.name, site)
      // What was only seen being sent to this host is this very cookie, whose attributes are known now.
      for (const [id, known] of place) if (known.domain === hostname && onlySent.has(known)) place.delete(id)
      if (isGone) place.delete(cookieId(cookie))
      else put(cookie, site)
    },
    sent(pairs, { hostname: typed, pathname, protocol }) {
      const hostname = typed.toLowerCase()
      const site = siteOf(hostname)
      if (site === null) return
      for (const { name, value } of pairs) {
        const known = [...placeOf(name, site).values()].filter((cookie) => isSentTo(cookie, hostname, pathname))
        if (known.some((cookie) => cookie.value === value)) continue
        const [only] = known
        if (only === undefined) {
          const found = sentCookie(name, value, hostname, protocol === "https:")
          onlySent.add(found)
          put(found, site)
        } else if (known.length === 1) {
          const changed = { ...only, value }
          if (onlySent.delete(only)) onlySent.add(changed)
          put(changed, site)
        }
      }
    },
    cookies: () => [...places.values()].flatMap((place) => [...place.values()]),
    isOnlySent: (cookie) => onlySent.has(cookie),
    dropped: () => made,
  }
}

function sentCookie(name: string, value: string, domain: string, secure: boolean): Cookie {
  return {
    name,
    value,
    domain,
    hostOnly: true,
    path: "/",
    secure,
    httpOnly: false,
    sameSite: "unspecified",
    expiresAt: null,
    partition: null,
  }
}

function isSentTo({ domain, hostOnly, path }: Cookie, hostname: string, pathname: string): boolean {
  if (domain !== hostname && (hostOnly || !hostname.endsWith(`.${domain}`))) return false
  return pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`)
}
