import { cookieId } from "../shared/cookies.js"
import { clockMs } from "../shared/hlc.js"
import type { Live } from "../shared/merge.js"
import type { Known } from "../shared/merge/changes.js"
import { groupAt } from "../shared/merge/field-groups.js"
import { idOf, pathOf, type FieldId } from "../shared/merge/fields.js"
import { isFieldOf } from "../shared/merge/rules.js"
import { siteOf } from "../shared/site.js"
import type { Cookie } from "../shared/snapshot.js"
import { captureCookies } from "./capture-cookies.js"
import { maxIdLength } from "./messages.js"
import type { HeldChange, SyncSetting } from "./sync-settings.js"
import { isPageStorage, whyNeverWritten } from "./write-field.js"

/** Why a change by others waits, and for whom. */
export type Wait = Required<Pick<HeldChange, "why" | "canTake" | "isLasting">>

/**
 * Null for what enters by itself: **rotations**, which are new values of cookies that this browser has under the same name, place and
 * flags, for no longer than before, and of page storage that the person ticked once. Whoever may save back could else plant a
 * login of their own, keep one alive for ever, or leave code where a page runs it.
 */
export async function waitOf(live: Live, before: Known | undefined, setting: SyncSetting): Promise<Wait | null> {
  const never = live.value === undefined ? "its time is over" : whyNotHere(live.field, setting)
  if (never !== null) return { why: never, canTake: false, isLasting: false }
  const isLasting = isPageStorage(pathOf(live.field))
  if (!isLasting) {
    const why = await whyNoRotation(live, before, setting)
    return why === null ? null : { why, canTake: true, isLasting }
  }
  if (before === undefined) return { why: "this browser did not have it", canTake: true, isLasting }
  return setting.letIn.includes(live.field) ? null : { why: "page storage waits for you", canTake: true, isLasting }
}

/** Null for what can be taken over here at a click. */
export function whyNotHere(field: FieldId, { site, scope }: SyncSetting): string | null {
  const path = pathOf(field)
  const never = whyNeverWritten(path)
  if (never !== null) return never
  const isKept = isFieldOf(field, { kinds: scope.kinds, sites: [site, ...scope.alsoSites] })
  const isLeftOut = scope.withoutOrigins.some((origin) =>
    path[0] === "group" ? idOf(groupAt(origin)) === field : path[0] !== "cookies" && path[1] === origin,
  )
  if (!isKept || isLeftOut) return "it is not kept in sync here"
  return field.length > maxIdLength ? "its name is too long" : null
}

async function whyNoRotation(live: Live, before: Known | undefined, { scope }: SyncSetting): Promise<string | null> {
  if (before === undefined) return "this browser did not have it"
  const cookies = live.value as Cookie[]
  for (const cookie of cookies) {
    if (cookie.expiresAt !== null && cookie.expiresAt < Date.now() + tolerance) return "it ends at once"
    const own = await ownOf(cookie, scope.storeId)
    if (own === undefined) return "this browser does not have it"
    const isSameKind =
      own.secure === cookie.secure && own.httpOnly === cookie.httpOnly && own.sameSite === cookie.sameSite
    if (!isSameKind) return "its flags are others"
    if (livesLonger(cookie, own, clockMs(live.clock) - clockMs(before.clock))) return "it would live longer"
  }
  return null
}

/** Whoever renews a cookie gives it the life that it had, from then on. */
function livesLonger(cookie: Cookie, own: Cookie, laterMs: number): boolean {
  if (own.expiresAt === null) return cookie.expiresAt !== null
  return cookie.expiresAt === null || cookie.expiresAt > own.expiresAt + Math.max(0, laterMs) + tolerance
}

/** Clocks and requests take their time (ms). */
const tolerance = 60_000

async function ownOf(cookie: Cookie, storeId: string): Promise<Cookie | undefined> {
  const own = await captureCookies(siteOf(cookie.domain) ?? cookie.domain, storeId, [])
  return own.find((other) => cookieId(other) === cookieId(cookie))
}
