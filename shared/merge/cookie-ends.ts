import type { Cookie } from "../snapshot.js"
import { pathOf, type FieldId } from "./fields.js"

/** A cookie goes when the browser drops it, so the nearest end counts. @param end ms since epoch */
export function endCookies(cookies: Cookie[], end: number): Cookie[] {
  return cookies.map((cookie) => ({ ...cookie, expiresAt: Math.min(cookie.expiresAt ?? end, end) }))
}

/** The value of a field, whose cookies end then at the latest. */
export function endCookiesIn(field: FieldId, value: unknown, end: number): unknown {
  const [kind] = pathOf(field)
  if (kind === "cookies") return endCookies(value as Cookie[], end)
  if (kind !== "group") return value
  const { cookies, ...rest } = value as { cookies: Cookie[] }
  return { ...rest, cookies: endCookies(cookies, end) }
}
