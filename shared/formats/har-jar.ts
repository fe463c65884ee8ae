import { cookieId } from "../cookies.js"
import { siteOf } from "../site.js"
import type { Cookie } from "../snapshot.js"

/** The cookies that a browser had while an archive was recorded, as far as the archive shows them. */
export interface HarJar {
  /** A response of that host set it; `isGone`: it took it back. */
  set(cookie: Cookie, isGone: boolean, hostname: string): void
  /** A request sent it: if its value is new, a script changed it; if nobody set it, it was there before. */
  sent(pair: { name: string; value: string }, url: URL): void
  cookies(): Cookie[]
  isOnlySent(cookie: Cookie): boolean
  /** What had to make room. */
  dropped(): Cookie[]
}

/** Browsers keep less of a whole site; without an end, looking through them would take ever longer. */
const maxOfOneName = 180

export function createHarJar(): HarJar {
  /** By name and domain, then by all that makes it itself. */
  const places = new Map<string, Map<string, Cookie>>()
  const onlySent = new Set<Cookie>()
  const made: Cookie[] = []

  const placeOf = (name: string, domain: string) => {
    const key = `${domain}\n${name}`
    const place = places.get(key) ?? new Map<string, Cookie>()
    places.set(key, place)
    return place
  }

  const put = (cookie: Cookie) => {
    const place = placeOf(cookie.name, cookie.domain)
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
      const place = placeOf(cookie.name, cookie.domain)
      // What was only seen being sent to this host is this very cookie, whose attributes are known now.
      const guesses = placeOf(cookie.name, hostname)
      for (const [id, known] of guesses) if (onlySent.has(known)) guesses.delete(id)
      if (isGone) place.delete(cookieId(cookie))
      else put(cookie)
    },
    sent({ name, value }, url) {
      const hostname = url.hostname.toLowerCase()
      const known = domainsOf(hostname).flatMap((domain) => {
        const place = places.get(`${domain}\n${name}`)
        return place === undefined
          ? []
          : [...place.values()].filter((cookie) => isSentTo(cookie, hostname, url.pathname))
      })
      if (known.some((cookie) => cookie.value === value)) return
      const [only] = known
      if (only !== undefined && known.length === 1) {
        const changed = { ...only, value }
        if (onlySent.delete(only)) onlySent.add(changed)
        put(changed)
      } else if (only === undefined && siteOf(hostname) !== null) {
        const found = sentCookie(name, value, hostname, url.protocol === "https:")
        onlySent.add(found)
        put(found)
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

/** The hostname and those above it; a hostname has 127 labels at most. */
function domainsOf(hostname: string): string[] {
  const labels = hostname.split(".")
  return labels.map((_, at) => labels.slice(at).join("."))
}

function isSentTo({ domain, hostOnly, path }: Cookie, hostname: string, pathname: string): boolean {
  if (hostOnly && domain !== hostname) return false
  return pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`)
}
