import { clockMs } from "../shared/hlc.js"
import { deletionsOf, livesOf, type Live, type SessionState, type Stamp } from "../shared/merge.js"
import { comparedText, type Known, type KnownFields } from "../shared/merge/changes.js"
import { describeField } from "../shared/merge/describe.js"
import { groupOfCookie } from "../shared/merge/field-groups.js"
import { idOf, pathOf, type FieldId } from "../shared/merge/fields.js"
import { hasEnded } from "../shared/merge/stamps.js"
import type { Refusal } from "../shared/merge/rules.js"
import { cookieId } from "../shared/cookies.js"
import { siteOf } from "../shared/site.js"
import type { Cookie } from "../shared/snapshot.js"
import type { Vault } from "../shared/vault.js"
import { captureCookies } from "./capture-cookies.js"
import type { SessionName } from "./forget.js"
import { withHost } from "./host.js"
import { removeCookie, setCookie } from "./set-cookie.js"
import { createDigest, learn, readMemory } from "./sync-memory.js"
import type { HeldChange, SyncSetting } from "./sync-settings.js"

/**
 * Lets into this browser what others changed of a session: of itself only **rotations**, which are new values of cookies that
 * this browser has under the same name, place and flags, for no longer than before. Whoever may save back could else
 * plant a login of their own, or keep one alive for ever. All else waits for the person's tick, by name.
 */
export async function takeIn(
  setting: SyncSetting,
  ticked: ReadonlySet<FieldId> = new Set(),
): Promise<Pick<SyncSetting, "held"> & Partial<Pick<SyncSetting, "taken">>> {
  const memory = await readMemory(setting)
  if (memory === null) return { held: [] }
  const digestOf = await createDigest()
  const seen = await withHost((vault) => look(vault, setting))
  if (seen === null) return { held: [] }
  const { state, nameOf } = seen
  const { known } = memory
  const learned = new Map<FieldId, { before: Known | undefined; now: Known }>()
  const held: HeldChange[] = []
  const takers: string[] = []
  const hold = (field: FieldId, by: Stamp, why: string, canTake: boolean) => {
    if (held.length >= maxHeld) return
    const { where, what } = describeField(field)
    held.push({ id: field, where, what, by: nameOf(by.writer), why, canTake })
  }
  for (const [field, live] of setting.mode === "both" ? livesOf(state) : []) {
    const before = known.get(field)
    if (pathOf(field)[0] === "area" || isSameStamp(before, live) || hasEnded(live, Date.now())) continue
    const digest = live.value === undefined ? "" : digestOf(comparedText(live.value))
    const now: Known = { clock: live.clock, writer: live.writer, born: live.born, digest }
    if (before?.digest === digest) {
      learned.set(field, { before, now })
      continue
    }
    // What this browser has changed since is newer than what it knows of others.
    if (before !== undefined && before.clock > live.clock) continue
    const why = await whyHeld(live, before, setting)
    const isCookies = pathOf(field)[0] === "cookies"
    if (why !== null && !(isCookies && ticked.has(field))) {
      hold(field, live, why, isCookies)
      continue
    }
    // Remembered first: the browser tells of the cookie as it is set, and that must not be taken for a change of its own.
    await learn(setting, new Map([[field, { before, now }]]))
    if (await setAll(field, live, setting)) takers.push(nameOf(live.writer))
    else {
      await learn(setting, new Map([[field, { before: now, now: before }]]))
      hold(field, live, "this browser refused it", false)
    }
  }
  for (const { register: deletion, why } of setting.mode === "both" ? deletionsIn(seen) : []) {
    const { field } = deletion
    const before = known.get(field)
    // Whatever is known was read once: it can be read.
    if (before === undefined || pathOf(field)[0] === "area" || before.clock > deletion.clock) continue
    const isCookies = pathOf(field)[0] === "cookies"
    if (!isCookies || !ticked.has(field)) {
      hold(field, deletion, why, isCookies)
    }
    // It stays known: the next look finds it gone, and says so as this browser's own deletion.
    else if (await removeAll(field, setting)) takers.push(nameOf(deletion.writer))
    else hold(field, deletion, "this browser refused it", false)
  }
  const refused = setting.mode === "both" ? seen.refused.filter(({ register }) => !("deleted" in register)) : []
  for (const { register, why } of refused) hold(register.field, register, why, false)
  noteDead(state, known, learned)
  await learn(setting, learned)
  const [by] = takers
  if (by === undefined) return { held }
  const others = new Set(takers).size > 1 ? " and others" : ""
  return { held, taken: { count: takers.length, by: `${by}${others}`, at: Date.now() } }
}

interface Seen {
  state: SessionState
  refused: Refusal[]
  nameOf: (writer: string) => string
}

/** What owners deleted, and what bots would have. */
function deletionsIn({ state, refused }: Seen): Refusal[] {
  const byOwners = [...deletionsOf(state).values()].map((register) => ({ register, why: "it was deleted elsewhere" }))
  return [...byOwners, ...refused.filter(({ register }) => "deleted" in register)]
}

/** More than anybody ticks; whoever writes more of them hides in them. */
const maxHeld = 100

/**
 * What somebody else deleted, or saved anew as a whole, ended the life that this browser goes on writing: nobody would see it. From
 * now on what changes is a life of its own. What this browser wrote later than the one that took its place is written once more.
 */
function noteDead(
  { fields }: SessionState,
  known: KnownFields,
  learned: Map<FieldId, { before: Known | undefined; now: Known }>,
): void {
  for (const [field, before] of known) {
    const lives = fields.get(field)?.lives
    if (learned.has(field) || before.isDead === true || lives?.has(before.born) === true) continue
    const others = [...(lives?.values() ?? [])]
    const isLater = others.length > 0 && others.every(({ clock }) => clock < before.clock)
    learned.set(field, { before, now: { ...before, isDead: true, ...(isLater && { digest: "" }) } })
  }
}

async function look(vault: Vault, { site, account }: SessionName): Promise<Seen | null> {
  const session = await vault.loadSession(site, { account })
  if (session === null) return null
  const cards = [...vault.owners(), ...(await vault.grants()).map(({ card }) => card)]
  const names = new Map(cards.map(({ writerId, name }) => [writerId, name]))
  return {
    state: session.state(),
    refused: session.refused,
    nameOf: (writer) => names.get(writer) ?? "somebody who is no member any more",
  }
}

function isSameStamp(one: Stamp | undefined, other: Stamp): boolean {
  return one?.clock === other.clock && one.writer === other.writer
}

/** Null for a rotation; else why it waits. */
async function whyHeld(live: Live, before: Known | undefined, { scope }: SyncSetting): Promise<string | null> {
  if (pathOf(live.field)[0] !== "cookies" || live.value === undefined) return "it is no cookie"
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

/** All of it or nothing: chunks of two logins are none. */
async function setAll(field: FieldId, { value }: Live, { scope }: SyncSetting): Promise<boolean> {
  const [wanted, before] = [value as Cookie[], await cookiesOf(field, scope.storeId)]
  const ids = new Set(wanted.map(cookieId))
  const results: boolean[] = []
  for (const cookie of wanted) results.push(await setCookie(cookie, scope.storeId))
  for (const old of before) if (!ids.has(cookieId(old))) results.push(await removeCookie(old, scope.storeId))
  if (results.every(Boolean)) return true
  for (const cookie of before) await setCookie(cookie, scope.storeId)
  return false
}

/** Everything that the field is made of here. */
async function removeAll(field: FieldId, { scope }: SyncSetting): Promise<boolean> {
  const own = await cookiesOf(field, scope.storeId)
  const results = await Promise.all(own.map((cookie) => removeCookie(cookie, scope.storeId)))
  return results.every(Boolean)
}

async function cookiesOf(field: FieldId, storeId: string): Promise<Cookie[]> {
  const [, , domain] = pathOf(field)
  const site = siteOf(String(domain)) ?? String(domain)
  return (await captureCookies(site, storeId, [])).filter((cookie) => idOf(groupOfCookie(cookie)) === field)
}
