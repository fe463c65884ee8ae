import { utf8, type Bytes } from "../bytes.js"
import { defaultLifetime, parseName, readHeader, seal } from "../envelope.js"
import { PspError } from "../errors.js"
import { maxClockAhead, type Clock } from "../hlc.js"
import { membersToJson } from "../members.js"
import type { CallOptions } from "../provider.js"
import { changesOf, wholeOf, type ChangeOptions, type Since } from "../merge/changes.js"
import { frameOf } from "../merge/compose.js"
import { stateToBase } from "../merge/stamps.js"
import { stateOf, type Stamp, type Tombstone } from "../merge.js"
import type { FieldId } from "../merge/fields.js"
import type { Base } from "../session-payload.js"
import type { Snapshot } from "../snapshot.js"
import type { BotNote, Mark } from "../vault-memory.js"
import { prepareBots } from "./bot-envelopes.js"
import { copyIds, folderIn, isOvertaken, sealCopies } from "./copies.js"
import { note, seenOf } from "./marks.js"
import { putWhole, type NamedBytes } from "./parts.js"
import { upsertRecord } from "./records.js"
import { hasUnreadMembers, membersFolder, refresh } from "./refresh.js"
import { sealBase } from "./seal-base.js"
import type { VaultState } from "./state.js"

/** One session to be saved. */
export interface SaveEntry {
  snapshot: Snapshot
  /** ms since epoch; 30 days after the save when left out. */
  expiresAt?: number
  /** The save that this one repeats for more readers, with its stamp: what was saved since stays the newest. */
  repeats?: { clock: Clock; base: Base }
  /** It speaks for no save before it: what it has not captured stays in those. */
  isPart?: boolean
  /** What this device knew of the session, so that only what changed counts as new. */
  since?: Since
  /** When each field's time is over, by the person's rule; `since` brings its own. */
  endOf?: NonNullable<ChangeOptions["endOf"]>
}

/** Sealed objects that wait to be put, in this order; plain data that survives structured clone. */
export interface Prepared {
  objects: { name: string; bytes: Bytes }[]
  /** What may be removed once all of the above is in the store. */
  superseded: string[]
  /** The session it is about; null when only the members changed. */
  sid: string | null
  mark: (Mark & { writer: string }) | null
  /** Members that this writes; null when it writes none. Compared at commit, so that a later change stays unsaved. */
  members: string | null
  /** What it tells to which bots; left out where it tells none anything. */
  bots?: Record<string, BotNote>
}

/** A member envelope to an owner device lives this long (ms), and is written anew when it is a month old. */
export const membersLifetime = 400 * 24 * 60 * 60 * 1000
const membersRenewal = 30 * 24 * 60 * 60 * 1000

/** Seals a save without touching the store. @throws `not-owner`, `too-large`, `bad-clock` */
export async function prepare(
  vault: VaultState,
  snapshot: Snapshot,
  { expiresAt, ...entry }: Omit<SaveEntry, "snapshot" | "repeats"> = {},
): Promise<Prepared> {
  refuseEarlyClock(vault.now())
  const { sid } = upsertRecord(vault, snapshot.sites[0], snapshot.account, false)
  const members = areMembersDue(vault) ? await prepareMembers(vault) : null
  const { object, copies, mark } = await prepareBase(vault, sid, {
    snapshot,
    ...(expiresAt !== undefined && { expiresAt }),
    ...entry,
  })
  await vault.remember()
  return {
    objects: [...(members?.objects ?? []), object, ...copies],
    superseded: members?.superseded ?? [],
    sid,
    mark,
    members: members?.members ?? null,
    ...(members?.bots === undefined ? {} : { bots: members.bots }),
  }
}

/** True when what this device knows of the members is not in the store, or there for too long. */
export function areMembersDue(vault: VaultState): boolean {
  const { isUnsaved, membersWrittenAt } = vault.remembered
  const age = vault.now() - membersWrittenAt
  // Written by a clock that ran ahead: others leave it aside.
  return isUnsaved || age > membersRenewal || age < -maxClockAhead
}

/** A session alone, and its copies for bots; its stamp is not yet remembered beyond this run. @throws `too-large` */
export async function prepareBase(
  vault: VaultState,
  sid: string,
  { snapshot, expiresAt = vault.now() + defaultLifetime, repeats, isPart = false, since, endOf }: SaveEntry,
): Promise<{ object: NamedBytes; copies: NamedBytes[]; mark: NonNullable<Prepared["mark"]> }> {
  const seen = seenOf(vault.remembered, sid)
  const stamp = repeats?.clock ?? vault.tick()
  const own = { clock: stamp, writer: vault.writerId }
  const fresh = () => (since ? baseSince(since, snapshot, own, vault.now()) : baseOf(snapshot, own, endOf))
  const base = repeats?.base ?? (isPart ? { ...fresh(), heads: {} } : fresh())
  const { name, bytes, header, headerId } = await sealBase(vault, base, { sid, clock: stamp, exp: expiresAt, seen })
  const { clock, exp } = header
  // What repeats a save repeats it for owners: bots have their copies of that already.
  const copies = repeats === undefined ? await sealCopies(vault, sid, base, { clock, exp, seen }) : []
  return {
    object: { name, bytes },
    copies: copies.map(({ name, bytes }) => ({ name, bytes })),
    mark: { writer: vault.writerId, clock, header: headerId, exp },
  }
}

/** A capture that knows of nothing before it; stamps stand beside it only where something in it is to end before the session. */
function baseOf(snapshot: Snapshot, stamp: Stamp, endOf: SaveEntry["endOf"]): Base {
  if (endOf === undefined) return { snapshot }
  const registers = wholeOf(snapshot, stamp, endOf)
  const hasEnd = registers.some((register) => !("deleted" in register) && register.expiresAt !== null)
  return hasEnd ? stateToBase(frameOf(snapshot), stateOf(registers), 0) : { snapshot }
}

/** What did not change keeps its stamps: a token that a bot rotated meanwhile is newer than the old one captured once more. */
function baseSince(
  { known, gone = new Map<FieldId, Stamp>(), heads, ...options }: Since,
  snapshot: Snapshot,
  stamp: Stamp,
  now: number,
): Base {
  const { changed, unchanged, isWhole } = changesOf(known, snapshot, { ...options, stamp })
  const deleted = [...gone].map(([field, by]): Tombstone => ({ field, ...by, deleted: true }))
  const base = stateToBase(frameOf(snapshot), stateOf([...deleted, ...changed, ...unchanged]), now)
  // What was not captured this time stays in the saves before it, which are then opened too.
  return { ...base, heads: isWhole ? { ...heads, [stamp.writer]: stamp.clock } : {} }
}

/** Puts what was prepared, in order; may be repeated after any failure. */
export async function commit(vault: VaultState, prepared: Prepared, call: CallOptions = {}): Promise<void> {
  const { remembered, provider } = vault
  const held = await heldCopies(vault, prepared, call)
  for (const object of prepared.objects) {
    if (!held.has(object.name) && !isOvertaken(vault, object.name)) await putWhole(provider, object, call)
  }
  if (prepared.members !== null) {
    remembered.membersWrittenAt = vault.now()
    remembered.bots = { ...remembered.bots, ...prepared.bots }
    await noteMembers(vault, prepared)
    if (remembered.members !== null && membersToJson(remembered.members) === prepared.members)
      remembered.isUnsaved = false
  }
  if (prepared.sid !== null && prepared.mark !== null) {
    const { writer, ...mark } = prepared.mark
    note(remembered, prepared.sid, writer, mark)
  }
  await vault.remember()
  // Leftovers are harmless and the next save's concern: what was asked for is already in the store.
  for (const name of prepared.superseded) await provider.remove(name, call).catch(() => undefined)
  // One that stayed after all is read once more by the next look, which does no harm.
  const superseded = new Set(prepared.superseded)
  remembered.merged = remembered.merged.filter((name) => !superseded.has(name))
}

/**
 * Names of copies for bots that a locked device does not put: another owner changed something about members that it cannot read, which
 * may be that these bots were granted nothing any more.
 */
async function heldCopies(vault: VaultState, { objects }: Prepared, call: CallOptions): Promise<Set<string>> {
  if (vault.identity.age !== null) return new Set()
  const { live, dead } = copyIds(vault, vault.now())
  const copies = objects.map(({ name }) => name).filter((name) => [live, dead].some((ids) => ids.has(folderIn(name))))
  return new Set(copies.length > 0 && (await hasUnreadMembers(vault, call)) ? copies : [])
}

/** `prepare` and `commit`. */
export async function save(
  vault: VaultState,
  snapshot: Snapshot,
  call: CallOptions & Pick<SaveEntry, "expiresAt" | "since" | "endOf"> = {},
): Promise<Prepared> {
  const prepared = await prepare(vault, snapshot, call)
  await commit(vault, prepared, call)
  return prepared
}

/** Puts the members as they are now, when something in them is not in the store yet. */
export async function saveMembers(vault: VaultState, call: CallOptions): Promise<void> {
  if (!vault.remembered.isUnsaved) return
  await commit(vault, { ...(await prepareMembers(vault)), sid: null, mark: null }, call)
}

/**
 * Puts the members also when this device did so before: the store may be another one now, and without them no other owner
 * finds out what is in it. Should that fail, they go out with the next save.
 */
export async function announceMembers(vault: VaultState, call: CallOptions = {}): Promise<void> {
  vault.ownMembers()
  vault.remembered.isUnsaved = true
  vault.remembered.bots = {}
  await vault.remember()
  await refresh(vault, call)
  await saveMembers(vault, call)
}

/** What this device put in its own members folder must not vanish from it. */
async function noteMembers(vault: VaultState, { objects }: Pick<Prepared, "objects">): Promise<void> {
  for (const { name, bytes } of objects) {
    if (!name.startsWith(membersFolder(vault, vault.recipientId))) continue
    const { header, headerId } = await readHeader(bytes)
    const { clock, exp } = header
    note(vault.remembered, vault.recipientId, header.writer, { clock, header: headerId, exp })
  }
}

/** One member envelope for each owner device, each in its own folder, and for each bot to whom there is something to tell. */
export async function prepareMembers(
  vault: VaultState,
): Promise<Pick<Prepared, "objects" | "superseded" | "members" | "bots">> {
  const { remembered } = vault
  const members = membersToJson(vault.ownMembers())
  const everyone = [...vault.owners().values()]
  const clock = vault.tick()
  const sealed = await Promise.all(
    everyone.map((owner) =>
      seal({
        header: { typ: "member", vault: vault.id, sid: owner.recipientId, clock, exp: vault.now() + membersLifetime },
        plaintext: utf8(members),
        recipients: [owner.recipient, ...everyone.map(({ recipient }) => recipient)],
        writer: vault.identity,
      }),
    ),
  )
  const told = await prepareBots(vault, clock, { lifetime: membersLifetime, renewal: membersRenewal })
  // What was written under keys of before tells others of the new ones.
  const superseded = [...remembered.written, ...told.superseded].filter(
    (name) => parseName(name)?.writer === vault.writerId,
  )
  remembered.written = sealed.map(({ name }) => name)
  remembered.merged.push(
    ...remembered.written.filter((name) => name.startsWith(membersFolder(vault, vault.recipientId))),
  )
  const objects = [...sealed.map(({ name, bytes }) => ({ name, bytes })), ...told.objects]
  return { objects, superseded, members, bots: told.bots }
}

/** Before this project began (ms): a clock that says so was never set, and what it stamps would have ended long ago. */
const beginning = Date.UTC(2025, 0, 1)

export function refuseEarlyClock(now: number): void {
  if (now >= beginning) return
  const time = new Date(now).toISOString()
  throw new PspError("bad-clock", `Cannot save: this device's clock says ${time}; set it to the right time first`)
}
