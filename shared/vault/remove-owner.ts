import { botMembersToJson } from "../bot-members.js"
import { utf8 } from "../bytes.js"
import { parseName, seal } from "../envelope.js"
import { isPspError, PspError, type ErrorCode } from "../errors.js"
import type { Card } from "../keys.js"
import { loneRecoveries } from "../lone-recovery.js"
import type { SessionRecord } from "../members.js"
import { ownershipOf, removalsOf, signOwnerStatement, statementId, type FormerOwner } from "../ownership.js"
import type { CallOptions } from "../provider.js"
import { oneMeant } from "../whom.js"
import { folderIn } from "./copies.js"
import { isStoreFault } from "./faults.js"
import { letInBy, type LetIn } from "./let-in.js"
import { list } from "./list.js"
import { liveRecords } from "./records.js"
import { membersFolder } from "./refresh.js"
import { resealWithout } from "./reseal.js"
import { membersLifetime, saveMembers } from "./save.js"
import type { VaultState } from "./state.js"
import { isLeaseName } from "./stored.js"

export interface RemoveOwnerOptions extends CallOptions {
  /** Told before each session, and at the end. */
  onProgress?: (progress: { done: number; total: number }) => void
}

/** What became of a vault without one of its owner devices. */
export interface OwnerRemoval {
  card: Card
  /** Sessions that were sealed anew. */
  sealed: number
  /** Objects that it could open, or that it wrote, and that are gone. */
  removed: number
  /** Sessions that could not be sealed anew, because this device cannot open them; all of theirs stays as it is. */
  left: { site: string; account: string; code: ErrorCode }[]
  /** Sessions of which it can still open what bots changed before, since that is in no save until the person agrees to it. */
  waiting: { site: string; account: string }[]
  /** Whether nothing that it signed counts any more; not while some of it is the only word of a session. */
  isClosed: boolean
  /** What it had let in, all of which stays. */
  letIn: LetIn
  /** Recovery identities that know none of those that stay, and are to be made anew. */
  loneRecoveries: Card[]
}

/**
 * Takes an owner device out of the vault: first everybody is told, then each session is sealed anew to those that stay and what the
 * device could open goes, copies that it wrote for bots are written anew, and at last nothing that it ever signed counts any
 * more. What it saved until then stays, as others sealed it. It may break off anywhere; the same call again goes on.
 *
 * The index key stays: with it the device could only test guesses of which site a session's folder is, and a new key
 * would move each session and each bot's copy to another folder.
 *
 * @param who a card, its six words, or the name of a device where only one is called so
 * @throws `not-owner`, `not-found`, `usage` for this device itself and for a name of several, and the provider's codes
 */
export async function removeOwner(
  vault: VaultState,
  who: string,
  { onProgress, ...call }: RemoveOwnerOptions = {},
): Promise<OwnerRemoval> {
  // Not only what was written about members: a session that was saved after it was removed is found by its objects.
  await list(vault, call)
  vault.ownMembers()
  const card = await ownerNamed(vault, who)
  if (card.writerId === vault.writerId) throw isItself(vault, card)
  const { until } = await tellRemoval(vault, card, call)
  const removal: OwnerRemoval = {
    card,
    sealed: 0,
    removed: 0,
    left: [],
    waiting: [],
    isClosed: false,
    letIn: await letInBy(vault, card),
    loneRecoveries: await loneRecoveries(vault.id, vault.ownMembers()),
  }
  const leftIds = new Set<string>()
  const records = liveRecords(vault)
  for (const [done, record] of records.entries()) {
    call.signal?.throwIfAborted()
    onProgress?.({ done, total: records.length })
    if (!(await resealOne(vault, record, { card, until, removal }, call))) leftIds.add(record.sid)
  }
  onProgress?.({ done: records.length, total: records.length })
  if (!(await isNeeded(vault, { card, until }, leftIds, call))) await close(vault, card, call)
  removal.isClosed = vault.ownMembers().closed.includes(card.writerId)
  removal.removed += await removeWritten(vault, card, { until, leftIds }, call)
  await vault.remember()
  return removal
}

/** Owners, removed ones included: to remove one once more finishes what broke off. */
async function ownerNamed(vault: VaultState, who: string): Promise<Card> {
  const { owners, former } = await ownershipOf(vault.id, vault.ownMembers())
  const gone = [...former.values()].map(({ card }) => card)
  const one = await oneMeant(who, [[...owners.values()], gone], { key: "writerId", what: "device" })
  if (one !== null) return one
  throw new PspError("not-found", "Cannot remove this device: the vault has no owner device of that name or card")
}

function isItself(vault: VaultState, { name }: Card): PspError {
  const why =
    vault.owners().size === 1
      ? "it is the vault's only owner device, and without it nobody could open anything"
      : "it is this device itself; remove it from another owner device"
  return new PspError("usage", `Cannot remove "${name}": ${why}`)
}

/**
 * Notes the removal among the members, and tells owners, bots and the device itself. Each device that removes says so itself: two of
 * them need not care for what the removed one says later of either.
 */
async function tellRemoval(vault: VaultState, card: Card, call: CallOptions): Promise<FormerOwner> {
  const members = vault.ownMembers()
  const removals = await removalsOf(vault.id, members)
  if (!removals.some(({ by, about }) => by === vault.writerId && about === card.writerId)) {
    const own = members.statements.filter(({ by }) => by === card.writerId)
    const statement = await signOwnerStatement(vault.identity, vault.id, {
      action: "remove",
      card: card.text,
      clock: vault.tick(),
      knew: own.map(statementId),
    })
    members.statements = [...members.statements, statement]
    vault.remembered.isUnsaved = true
    await vault.reloadOwners()
  }
  await saveMembers(vault, call)
  const former = (await ownershipOf(vault.id, members)).former.get(card.writerId)
  if (former === undefined) throw new PspError("internal", "Cannot remove an owner device: its removal does not count")
  await sayFarewell(vault, former, call)
  return former
}

/** A device that is only lost for a while finds out, instead of wondering why nothing opens. It learns nothing else. */
async function sayFarewell(vault: VaultState, { card, until }: FormerOwner, call: CallOptions): Promise<void> {
  for await (const { name } of vault.provider.list(membersFolder(vault, card.recipientId), call)) {
    if (isSaidAfter(vault, name, until)) return
  }
  const { root, statements } = vault.ownMembers()
  const { name, bytes } = await seal({
    header: {
      typ: "member",
      vault: vault.id,
      sid: card.recipientId,
      clock: vault.tick(),
      exp: vault.now() + membersLifetime,
    },
    plaintext: utf8(botMembersToJson({ root, statements, closed: [], grants: [] })),
    recipients: [card.recipient],
    writer: vault.identity,
  })
  await vault.provider.put(name, bytes, call)
}

function isSaidAfter(vault: VaultState, name: string, until: string): boolean {
  const parsed = parseName(name)
  return parsed !== null && vault.owners().has(parsed.writer) && parsed.clock > until
}

async function resealOne(
  vault: VaultState,
  record: SessionRecord,
  { card, until, removal }: { card: Card; until: string; removal: OwnerRemoval },
  call: CallOptions,
): Promise<boolean> {
  try {
    const done = await resealWithout(vault, record, { card, until }, call)
    if (done === null) return true
    if (done.removed > 0) removal.sealed++
    removal.removed += done.removed
    if (done.waiting > 0) removal.waiting.push({ site: record.site, account: record.account })
    return true
  } catch (error) {
    if (!isPspError(error) || isStoreFault(error.code)) throw error
    removal.left.push({ site: record.site, account: record.account, code: error.code })
    // What has ended nobody opens any more.
    return error.code === "expired"
  }
}

/**
 * True while something that it saved as an owner may be all that there is of a session: where the newest cannot be opened an older
 * one may be good, another owner may open what this device cannot, and may know a session of which this one has not heard.
 *
 * @param leftIds of sessions that were not sealed anew
 */
async function isNeeded(
  vault: VaultState,
  { card, until }: Pick<FormerOwner, "card" | "until">,
  leftIds: ReadonlySet<string>,
  call: CallOptions,
): Promise<boolean> {
  const { sessions, grants } = vault.ownMembers()
  const known = new Set([...sessions.map(({ sid }) => sid), ...grants.flatMap(({ copy, old }) => [copy, ...old])])
  for await (const { name } of vault.provider.list(`${vault.id}/sessions/`, call)) {
    const parsed = parseName(name)
    const id = folderIn(name)
    if (parsed?.writer !== card.writerId || parsed.clock > until || (known.has(id) && !leftIds.has(id))) continue
    if (!isLeaseName(name)) return true
  }
  return false
}

/** From now on nothing that the device signed counts, whatever time it wrote on it. */
async function close(vault: VaultState, { writerId }: Card, call: CallOptions): Promise<void> {
  const members = vault.ownMembers()
  if (!members.closed.includes(writerId)) {
    members.closed = [...members.closed, writerId].sort()
    vault.remembered.isUnsaved = true
    await vault.reloadOwners()
  }
  await saveMembers(vault, call)
}

/**
 * What was written to it as an owner, and what it wrote of sessions that were removed; how many objects those were. Its access history
 * stays, and so does what it told other devices and bots of the owners: whoever was away learns from that whom to believe now.
 */
async function removeWritten(
  vault: VaultState,
  card: Card,
  { until, leftIds }: { until: string; leftIds: ReadonlySet<string> },
  call: CallOptions,
): Promise<number> {
  const own = membersFolder(vault, card.recipientId)
  const { closed, sessions } = vault.ownMembers()
  const isClosed = closed.includes(card.writerId)
  const settled = new Set(sessions.map(({ sid }) => sid).filter((sid) => !leftIds.has(sid)))
  const names: string[] = []
  for await (const { name } of vault.provider.list(`${vault.id}/`, call)) {
    const isSession = name.startsWith(`${vault.id}/sessions/`)
    const isIts = isSession && isClosed && settled.has(folderIn(name)) && parseName(name)?.writer === card.writerId
    if (isIts || (name.startsWith(own) && !isSaidAfter(vault, name, until))) names.push(name)
  }
  for (const name of names) await vault.provider.remove(name, call)
  return names.length
}
