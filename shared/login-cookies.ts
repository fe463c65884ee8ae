import { botGuardOf } from "./portability/browser-bound.js"
import { isOfOtherUse } from "./portability/device-bound.js"
import type { Cookie } from "./snapshot.js"

/**
 * True for a cookie that may hold a login: pages must not read those, so sites say `HttpOnly`. One of a single step of logging in, of
 * measurement, or of a guard against bots holds none. A guess by the name, for telling a person when a login is likely to end.
 */
export function mayHoldLogin({ name, httpOnly }: Pick<Cookie, "name" | "httpOnly">): boolean {
  return httpOnly && botGuardOf(name) === null && !isOfOtherUse(name)
}
