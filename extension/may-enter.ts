import { cookieId } from "../shared/cookies.js"
import { clockMs } from "../shared/hlc.js"
import type { Live } from "../shared/merge.js"
import type { KnownFields } from "../shared/merge/changes.js"
import { groupAt } from "../shared/merge/field-groups.js"
import { idOf, pathOf, type FieldId, type Group } from "../shared/merge/fields.js"
import { isFieldOf } from "../shared/merge/rules.js"
import type { Cookie } from "../shared/snapshot.js"
import { maxIdLength } from "./messages.js"
import type { HeldChange, SyncSetting } from "./sync-settings.js"
import { cookiesOf, hostnameOfCookies } from "./write-cookies.js"
import { isPageStorage, whyNeverWritten } from "./write-field.js"
import { originsOfGroup } from "./write-group.js"

/** Why a change by others waits, and for whom. */
export type Wait = Required<Pick<HeldChange, "why" | "canTake" | "isLasting">>

/**
 * Null for what enters by itself: **rotations**, which are new values of cookies that this browser has under the same name, place and
 * flags, for no longer than before, and of page storage that the person ticked once. Whoever may save back could else plant a
 * login of their own, keep one alive for ever, or leave code where a page runs it.
 */
export async function waitOf(live: Live, known: KnownFields, setting: SyncSetting): Promise<Wait | null> {
  const never = live.value === undefined ? "its time is over" : whyNotHere(live.field, setting)
  if (never !== null) return { why: never, canTake: false, isLasting: false }
  const { field } = live
  const path = pathOf(field)
  const isLasting = isPageStorage(path)
  const waits = (why: string): Wait => ({ why, canTake: true, isLasting })
  const before = known.get(field)
  if (before === undefined) return waits("this browser did not have it")
  if (isLasting && !setting.letIn.includes(field)) return waits("page storage waits for you")
  if (isLasting && path[0] !== "group") return null
  const { cookies, items } =
    path[0] === "group" ? (live.value as Group) : { cookies: live.value as Cookie[], items: [] }
  const places = originsOfGroup(field, known, null)
  if (items.some(({ origin }) => !places.includes(origin))) return waits("this browser has nothing of it there")
  const own = await cookiesOf(field, hostnameOfCookies(field), setting.scope.storeId)
  const why = whyNoRotation(cookies, own, clockMs(live.clock) - clockMs(before.clock))
  return why === null ? null : waits(why)
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

/** @param own the cookies of the field here */
function whyNoRotation(cookies: readonly Cookie[], own: readonly Cookie[], laterMs: number): string | null {
  for (const cookie of cookies) {
    if (cookie.expiresAt !== null && cookie.expiresAt < Date.now() + tolerance) return "it ends at once"
    const before = own.find((other) => cookieId(other) === cookieId(cookie))
    if (before === undefined) return "this browser does not have it"
    const isSameKind =
      before.secure === cookie.secure &&
      before.httpOnly === cookie.httpOnly &&
      before.sameSite === cookie.sameSite &&
      before.firstPartyDomain === cookie.firstPartyDomain
    if (!isSameKind) return "its flags are others"
    if (livesLonger(cookie, before, laterMs)) return "it would live longer"
  }
  const last = cookies.length === 0 ? Infinity : Math.max(...cookies.map(chunkOf))
  const ids = new Set(cookies.map(cookieId))
  // A shorter token needs fewer chunks; anything else that is missing would be a logout.
  return own.every((cookie) => ids.has(cookieId(cookie)) || chunkOf(cookie) > last) ? null : "a part of it would go"
}

/** Which chunk of a token a cookie is; -1 for one that is whole, or the first of them. */
function chunkOf({ name }: Cookie): number {
  return Number(/[.C](\d+)$/.exec(name)?.[1] ?? -1)
}

/** Whoever renews a cookie gives it the life that it had, from then on. */
function livesLonger(cookie: Cookie, own: Cookie, laterMs: number): boolean {
  if (own.expiresAt === null) return cookie.expiresAt !== null
  return cookie.expiresAt === null || cookie.expiresAt > own.expiresAt + Math.max(0, laterMs) + tolerance
}

/** Clocks and requests take their time (ms). */
const tolerance = 60_000
