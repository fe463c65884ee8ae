import { siteOf } from "./site.js"
import type { Cookie, Partition } from "./snapshot.js"

/** What makes two cookies the same one for a browser (RFC 6265bis §5.7, CHIPS). */
export function cookieId({ name, domain, hostOnly, path, partition }: Cookie): string {
  return JSON.stringify([name, domain.toLowerCase(), hostOnly, path, partitionId(partition)])
}

/** A reason in one clause and what to do about it. */
export interface Fault {
  why: string
  fix: string
}

/** Longest life a browser gives a cookie (RFC 6265bis §5.5: 400 days); Chrome and Firefox shorten what asks for more. */
export const maxCookieAge = 400 * 24 * 60 * 60 * 1000

/**
 * Why a browser would not keep this cookie, or null. Asked before setting, because browsers drop such cookies without a
 * word (CDP even answers "success") or refuse the whole batch they came in.
 */
export function cookieFault(cookie: Cookie, now: number): Fault | null {
  const { name, value, domain, path, secure, httpOnly, hostOnly, sameSite, expiresAt, partition } = cookie
  if (expiresAt !== null && expiresAt <= now) return fault("it has expired", "log in again and save the session again")
  if (!isHostname(domain)) return fault("its domain is not a hostname")
  if (!hostOnly && siteOf(domain) === null) return fault("its domain is a public suffix, which is everybody")
  if (name === "" && value === "") return fault("it has neither name nor value")
  if (hasControl(name) || hasControl(value) || hasControl(path)) return fault("it holds control characters")
  if (/[=;]/.test(name) || value.includes(";")) return fault("its name or value holds a separator (= or ;)")
  if (name.trim() !== name || value.trim() !== value) return fault("its name or value has spaces at an end")
  if (/\p{Surrogate}/u.test(name + value)) return fault("its name or value is not valid Unicode")
  if (byteLength(name) + byteLength(value) > 4096) return fault("name and value are longer than 4096 bytes")
  if (byteLength(path) > 1024) return fault("its path is longer than 1024 bytes")
  if (!path.startsWith("/")) return fault("its path does not begin with a slash")
  if (sameSite === "none" && !secure) return fault("SameSite=None needs Secure")
  if (partition !== null && !secure) return fault("a partitioned cookie needs Secure")
  // A cookie without a name is sent as its bare value: browsers hold the value to the same rules.
  const shown = (name === "" ? value : name).toLowerCase()
  const isHost = shown.startsWith("__host-")
  const isHttp = shown.startsWith("__http-") || shown.startsWith("__host-http-")
  if (name === "" && (isHost || isHttp || shown.startsWith("__secure-"))) {
    return fault("it has no name and pretends a prefix")
  }
  if ((isHost || isHttp || shown.startsWith("__secure-")) && !secure) return fault("its prefix needs Secure")
  if (isHost && (!hostOnly || path !== "/")) return fault("__Host- needs a host-only cookie with path /")
  if (isHttp && !httpOnly) return fault("its prefix needs HttpOnly")
  return null
}

/** Names of the attributes in which a cookie that was read back differs from the one that was set. */
export function cookieDifferences(wanted: Cookie, got: Cookie): string[] {
  const differences: string[] = []
  if (wanted.value !== got.value) differences.push("value")
  if (wanted.secure !== got.secure) differences.push("Secure")
  if (wanted.httpOnly !== got.httpOnly) differences.push("HttpOnly")
  if (wanted.sameSite !== got.sameSite) differences.push("SameSite")
  if (!isSameExpiry(wanted.expiresAt, got.expiresAt)) differences.push("expiry")
  return differences
}

/** True when the browser shortened the life of the cookie to what it allows. */
export function isShortened(wanted: Cookie, now: number): boolean {
  return wanted.expiresAt !== null && wanted.expiresAt > now + maxCookieAge
}

/** Names of cookies for a report: never a value, and nothing that a terminal would act on. */
export function describeCookies(names: string[]): string {
  const shown = names.slice(0, 5).map((name) => JSON.stringify(name.slice(0, 60)).replace(/[^ -~]/g, "?"))
  const rest = names.length > shown.length ? ", …" : ""
  return names.length === 1 ? `cookie ${shown.join("")}` : `${names.length} cookies: ${shown.join(", ")}${rest}`
}

function fault(why: string, fix = ""): Fault {
  return { why, fix }
}

function partitionId(partition: Partition | null): string | null {
  return partition === null ? null : `${partition.topLevelSite} ${String(partition.hasCrossSiteAncestor)}`
}

function isSameExpiry(wanted: number | null, got: number | null): boolean {
  if (wanted === null || got === null) return wanted === got
  // Tools speak seconds, some of them whole ones.
  return Math.abs(wanted - got) <= 1000
}

function hasControl(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text)
}

/** Browsers repair what is none, and put the cookie of `a/b` to the host `a`. */
function isHostname(domain: string): boolean {
  try {
    return new URL(`http://${domain}/`).hostname === domain.toLowerCase()
  } catch {
    return false
  }
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}
