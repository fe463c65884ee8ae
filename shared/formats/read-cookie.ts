import type { Gap } from "../report.js"
import { siteOf } from "../site.js"
import type { Cookie, Partition } from "../snapshot.js"
import { gapsOf, whereOf } from "./found.js"
import { isObject, own, textAt, type JsonObject } from "./read-json.js"

/** The end of the year 9999 in seconds: no tool takes a later time. */
export const latestSecond = 253_402_300_799

/** In which a tool's cookie objects differ. */
export interface CookieDialect {
  /** The key that holds the end, in seconds since epoch: `expires` or `expirationDate`. */
  expiryKey: string
  sameSite: (text: string) => Cookie["sameSite"] | null
}

/**
 * The cookies of a list of objects. One that is none is left out and named; the rest is not worse for it. A leading dot of the
 * domain (or `hostOnly: false`) is a cookie of the subdomains too; an end of 0 or -1, or none, is a session cookie.
 */
export function readCookies(list: unknown[], dialect: CookieDialect): { cookies: Cookie[]; gaps: Gap[] } {
  const refused = new Map<string, number>()
  const cookies: Cookie[] = []
  for (const raw of list) {
    const read = readCookie(raw, dialect)
    if ("cookie" in read) cookies.push(read.cookie)
    else {
      const key = `${whereOf(isObject(raw) ? own(raw, "domain") : null)}\n${read.why}`
      refused.set(key, (refused.get(key) ?? 0) + 1)
    }
  }
  return { cookies, gaps: gapsOf(refused, "cookies", "cookie") }
}

/** As browsers and Playwright name it. */
export function sameSiteByName(text: string): Cookie["sameSite"] | null {
  const names: Record<string, Cookie["sameSite"]> = { strict: "strict", lax: "lax", none: "none", "": "unspecified" }
  return Object.hasOwn(names, text.toLowerCase()) ? (names[text.toLowerCase()] ?? null) : null
}

/** ms since epoch of an end in seconds; null for a session cookie. */
export function expiryOf(seconds: number): number | null {
  return seconds <= 0 ? null : Math.round(Math.min(seconds, latestSecond) * 1000)
}

type Read = { cookie: Cookie } | { why: string }

function readCookie(raw: unknown, { expiryKey, sameSite: sameSiteOf }: CookieDialect): Read {
  if (!isObject(raw)) return { why: "it is no object" }
  const [name, value] = [textAt(raw, "name"), textAt(raw, "value")]
  if (name === null || value === null) return { why: "its name or value is no text" }
  const domain = domainOf(textAt(raw, "domain") ?? "")
  if (domain === null) return { why: "its domain is missing, no hostname, or everybody's" }
  const flags = ["secure", "httpOnly", "hostOnly", "session"].map((key) => flagAt(raw, key))
  const [secure, httpOnly, hostOnly, session] = flags
  if (flags.includes(undefined)) return { why: "one of its flags is neither true nor false" }
  const path = own(raw, "path") ?? "/"
  if (typeof path !== "string") return { why: "its path is no text" }
  const end = own(raw, expiryKey) ?? -1
  if (typeof end !== "number") return { why: "its end is no number of seconds" }
  const said = own(raw, "sameSite") ?? ""
  const sameSite = typeof said === "string" ? sameSiteOf(said) : null
  if (sameSite === null) return { why: "its SameSite is none that is known" }
  const partition = partitionOf(raw)
  if (partition === undefined) return { why: "its partition is hidden or none that is known" }
  const firstPartyDomain = textAt(raw, "firstPartyDomain") ?? ""
  return {
    cookie: {
      name,
      value,
      domain: domain.hostname,
      hostOnly: hostOnly ?? !domain.hasDot,
      path: path === "" ? "/" : path,
      secure: secure ?? false,
      httpOnly: httpOnly ?? false,
      sameSite,
      expiresAt: session === true ? null : expiryOf(end),
      partition,
      ...(firstPartyDomain === "" ? {} : { firstPartyDomain }),
    },
  }
}

/** Null where there is no such flag; undefined where it is something else than a flag. */
function flagAt(raw: JsonObject, key: string): boolean | null | undefined {
  const value = own(raw, key) ?? null
  return value === null || typeof value === "boolean" ? value : undefined
}

/** A hostname of a site, without its dot; null for anything else. */
export function domainOf(text: string): { hostname: string; hasDot: boolean } | null {
  const hasDot = text.startsWith(".")
  const hostname = (hasDot ? text.slice(1) : text).toLowerCase()
  const isName = hostname !== "" && hostname.length <= 253 && !/[\s/\\:@?#]/.test(hostname.replace(/^\[.*\]$/, ""))
  // With a dot, a top-level domain is everybody's.
  const isEverybodys = hasDot && !hostname.includes(".") && hostname !== "localhost"
  return isName && !isEverybodys && siteOf(hostname) !== null ? { hostname, hasDot } : null
}

/**
 * Playwright: `partitionKey` is a text, and `_crHasCrossSiteAncestor` beside it. CDP and chrome.cookies: `{ topLevelSite,
 * hasCrossSiteAncestor }`. Puppeteer and BiDi: `{ sourceOrigin, hasCrossSiteAncestor }`. Undefined: one that is not known.
 */
function partitionOf(raw: JsonObject): Partition | null | undefined {
  const key = own(raw, "partitionKey") ?? ""
  if (own(raw, "partitionKeyOpaque") === true) return undefined
  if (key === "" || (isObject(key) && Object.keys(key).length === 0)) return null
  const [site, hasCrossSiteAncestor] = isObject(key)
    ? [textAt(key, "topLevelSite") ?? textAt(key, "sourceOrigin"), ancestorOf(key, "hasCrossSiteAncestor")]
    : [key, ancestorOf(raw, "_crHasCrossSiteAncestor")]
  return typeof site === "string" && isWebSite(site) ? { topLevelSite: site, hasCrossSiteAncestor } : undefined
}

/** A site with its scheme; other schemes (`javascript:`) have no cookies, and nobody may be asked to go there. */
function isWebSite(text: string): boolean {
  return /^https?:\/\/[^/?#@\\\s]+\/?$/.test(text) && siteOf(text) !== null
}

function ancestorOf(object: JsonObject, key: string): boolean | null {
  const value = own(object, key)
  return typeof value === "boolean" ? value : null
}
