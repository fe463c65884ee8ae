import { cookieId } from "../shared/cookies.js"
import { groupOfCookie } from "../shared/merge/field-groups.js"
import { idOf, pathOf, type FieldId } from "../shared/merge/fields.js"
import { siteOf } from "../shared/site.js"
import type { Cookie } from "../shared/snapshot.js"
import { captureCookies } from "./capture-cookies.js"
import { removeCookie, setCookie } from "./set-cookie.js"

/** The cookies that a field is made of here, as a capture orders them. @param hostname of it */
export async function cookiesOf(field: FieldId, hostname: string, storeId: string): Promise<Cookie[]> {
  const own = await captureCookies(siteOf(hostname) ?? hostname, storeId, [])
  return own
    .filter((cookie) => idOf(groupOfCookie(cookie)) === field)
    .sort((one, other) => (one.name < other.name ? -1 : 1))
}

/** The hostname in the id of a field of cookies. */
export function hostnameOfCookies(field: FieldId): string {
  return String(pathOf(field)[2])
}

/**
 * All of them or nothing: chunks of two logins are none. No browser sets a cookie only where it is still the one that was read, so they
 * are read once more right before.
 *
 * @returns false when what was there is there, as it was or newer
 */
export async function swapCookies(from: readonly Cookie[], to: readonly Cookie[], storeId: string): Promise<boolean> {
  if (!(await isStill(from, storeId))) return false
  const ids = new Set(to.map(cookieId))
  const results: boolean[] = []
  for (const cookie of to) results.push(await setCookie(cookie, storeId))
  for (const old of from) if (!ids.has(cookieId(old))) results.push(await removeCookie(old, storeId))
  if (results.every(Boolean)) return true
  const before = new Set(from.map(cookieId))
  for (const added of to) if (!before.has(cookieId(added))) await removeCookie(added, storeId)
  for (const cookie of from) await setCookie(cookie, storeId)
  return false
}

async function isStill(from: readonly Cookie[], storeId: string): Promise<boolean> {
  for (const cookie of from) {
    const own = await captureCookies(siteOf(cookie.domain) ?? cookie.domain, storeId, [])
    if (own.find((other) => cookieId(other) === cookieId(cookie))?.value !== cookie.value) return false
  }
  return true
}
