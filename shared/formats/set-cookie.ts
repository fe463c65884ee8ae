import { siteOf } from "../site.js"
import type { Cookie } from "../snapshot.js"

/** A cookie as a response set it, or why a browser would not have kept it. `isGone`: it was taken back. */
export type SetCookie = { cookie: Cookie; isGone: boolean } | { why: string }

/**
 * One `Set-Cookie` header, as a browser at `url` reads it at `now` (ms since epoch).
 *
 * @see https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html §5.6, §5.7
 */
export function parseSetCookie(header: string, url: URL, now: number): SetCookie {
  const [pair = "", ...rest] = header.split(";", maxAttributes)
  const { key: name, value } = parsePair(pair)
  const attributes = new Map(rest.map((part) => [parsePair(part, true).key.toLowerCase(), parsePair(part, true).value]))
  if (attributes.has("partitioned")) return { why: "it is partitioned, and the file does not tell below which site" }
  const scope = scopeOf(url.hostname.toLowerCase(), (attributes.get("domain") ?? "").replace(/^\./, "").toLowerCase())
  if (scope === null) return { why: "it was set for a domain that the server does not belong to" }
  const path = attributes.get("path") ?? ""
  const end = endOf(attributes, now)
  return {
    cookie: {
      name,
      value,
      ...scope,
      path: path.startsWith("/") ? path : defaultPath(url.pathname),
      secure: attributes.has("secure"),
      httpOnly: attributes.has("httponly"),
      sameSite: sameSiteOf(attributes.get("samesite") ?? ""),
      expiresAt: end,
      partition: null,
    },
    isGone: end !== null && end <= now,
  }
}

/** The folder of the page that set it (§5.1.4). */
export function defaultPath(pathname: string): string {
  const last = pathname.lastIndexOf("/")
  return last <= 0 ? "/" : pathname.slice(0, last)
}

/** Nobody writes that many; the rest is not looked at. */
const maxAttributes = 50

/** Without `=` a cookie is all value, an attribute all key. */
function parsePair(text: string, isAttribute = false): { key: string; value: string } {
  const at = text.indexOf("=")
  if (at === -1) return isAttribute ? { key: text.trim(), value: "" } : { key: "", value: text.trim() }
  return { key: text.slice(0, at).trim(), value: text.slice(at + 1).trim() }
}

function scopeOf(hostname: string, domain: string): { domain: string; hostOnly: boolean } | null {
  if (domain === "" || domain === hostname) {
    // An address, and a name that is everybody's, stand for themselves only.
    const hostOnly = domain === "" || !domain.includes(".") || /^[\d.]+$|:/.test(domain) || siteOf(domain) === null
    return siteOf(hostname) === null ? null : { domain: hostname, hostOnly }
  }
  return hostname.endsWith(`.${domain}`) && siteOf(domain) === siteOf(hostname) ? { domain, hostOnly: false } : null
}

/** Max-Age is stronger than Expires; what is no time is a session cookie. */
function endOf(attributes: Map<string, string>, now: number): number | null {
  const age = attributes.get("max-age") ?? ""
  if (/^-?\d+$/.test(age)) return Number(age) <= 0 ? 0 : Math.min(now + Number(age) * 1000, latestTime)
  const end = Date.parse((attributes.get("expires") ?? "").replace(/(\d)-(\w{3})-(\d)/, "$1 $2 $3"))
  return Number.isNaN(end) ? null : Math.min(Math.max(end, 0), latestTime)
}

/** The end of the year 9999 (ms since epoch). */
const latestTime = 253_402_300_799_000

function sameSiteOf(text: string): Cookie["sameSite"] {
  const said = text.toLowerCase()
  return said === "strict" || said === "lax" || said === "none" ? said : "unspecified"
}
