import { utf8ToText } from "../bytes.js"
import { digestOf, parseName, type OpenedEnvelope } from "../envelope.js"
import { isPspError } from "../errors.js"
import { isClockPlausible, laterClock } from "../hlc.js"
import { isBotMembers, mergeBotMembers, parseBotMembers } from "../bot-members.js"
import { mergeMembers, parseMembers } from "../members.js"
import { mergeStatements, ownersOf } from "../ownership.js"
import type { CallOptions } from "../provider.js"
import { bringBack } from "./bring-back.js"
import { refuseOldGrants } from "./granted.js"
import { note } from "./marks.js"
import type { VaultState } from "./state.js"

/** Where the member envelopes to one device lie, with a slash at its end. */
export function membersFolder({ id }: VaultState, recipientId: string): string {
  return `${id}/members/${recipientId}/`
}

/**
 * Reads what other owners wrote about members, the newest first, and remembers it.
 *
 * @param isEnough asked before each envelope is read; what is left out is read by the next call
 * @returns names of envelopes by owners that say nothing, because they are damaged or stamped ahead of this device's clock
 */
export async function refresh(
  vault: VaultState,
  call: CallOptions = {},
  isEnough = () => false,
): Promise<{ damaged: string[]; ahead: string[] }> {
  const { remembered } = vault
  const names: string[] = []
  for await (const { name } of vault.provider.list(membersFolder(vault, vault.recipientId), call)) names.push(name)
  const latest = new Map(names.map((name) => [parseName(name)?.writer ?? "", parseName(name)?.clock ?? ""]))
  const merged = new Set(remembered.merged)
  const damaged: string[] = []
  let pending = names.filter((name) => !merged.has(name)).reverse()
  // An envelope may be by an owner whom another one introduces: go round until nothing more can be read.
  for (let before = -1; pending.length !== before && pending.length > 0;) {
    before = pending.length
    const left: string[] = []
    for (const name of pending) {
      if (isEnough()) break
      const outcome = await mergeMemberObject(vault, name, call)
      if (outcome === "not yet") left.push(name)
      if (outcome === "damaged") damaged.push(name)
    }
    pending = left
  }
  // Only now it is known who owns the vault: what a removed owner had told may be gone.
  refuseOldGrants(vault, latest)
  const shown = new Set(names)
  remembered.merged = remembered.merged.filter((name) => shown.has(name))
  bringBack(vault)
  await vault.remember()
  return { damaged, ahead: pending.filter((name) => isAhead(vault, name)) }
}

/** True when an owner wrote something about members that this device has not read: while it is locked it cannot. */
export async function hasUnreadMembers(vault: VaultState, call: CallOptions = {}): Promise<boolean> {
  const merged = new Set(vault.remembered.merged)
  for await (const { name } of vault.provider.list(membersFolder(vault, vault.recipientId), call)) {
    if (!merged.has(name) && vault.owners().has(parseName(name)?.writer ?? "")) return true
  }
  return false
}

async function mergeMemberObject(
  vault: VaultState,
  name: string,
  call: CallOptions,
): Promise<"done" | "not yet" | "damaged"> {
  const { remembered } = vault
  const writer = parseName(name)?.writer
  // Whoever is locked saves by what it knew before.
  if (vault.identity.age === null) return "not yet"
  if (writer === undefined || !vault.owners().has(writer) || isAhead(vault, name)) return "not yet"
  const bytes = await vault.provider.get(name, call)
  if (bytes === null) return "done"
  const opened = await openMember(vault, name, bytes)
  if (opened === null || opened === "damaged") return opened ?? "done"
  const text = utf8ToText(opened.plaintext)
  if (!(await mergeTold(vault, text, writer))) return "done"
  const { clock, exp } = opened.header
  remembered.clock = laterClock(remembered.clock, clock)
  remembered.merged.push(name)
  note(remembered, vault.recipientId, writer, { clock, header: opened.headerId, exp })
  return "done"
}

/** What an owner told this device. @returns false where the writer is no owner by its own account */
async function mergeTold(vault: VaultState, text: string, writer: string): Promise<boolean> {
  const { remembered } = vault
  if (isBotMembers(text)) {
    const theirs = parseBotMembers(text)
    const { granted, members } = remembered
    if (members !== null) {
      // What is told to a device that was removed: so, and nothing else.
      const statements = mergeStatements(members.statements, theirs.statements)
      remembered.members = { ...members, statements }
      await vault.reloadOwners()
      return true
    }
    if (granted === null && !(await ownersOf(vault.id, theirs)).has(writer)) return false
    remembered.granted = granted === null ? theirs : mergeBotMembers(granted, theirs)
    await vault.reloadOwners()
    return true
  }
  const theirs = parseMembers(text)
  if (remembered.members === null) {
    const theirOwners = await ownersOf(vault.id, theirs)
    if (!theirOwners.has(writer)) return false
    remembered.members = theirs
  } else {
    remembered.members = mergeMembers(remembered.members, theirs)
    const before = vault.owners()
    await vault.reloadOwners()
    // A new owner's folder holds nothing of what this device wrote before it knew of it, and a removed one can open all of it.
    if (!isSameSet(new Set(vault.owners().keys()), new Set(before.keys()))) remembered.isUnsaved = true
  }
  await vault.reloadOwners()
  return true
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item))
}

function isAhead(vault: VaultState, name: string): boolean {
  const parsed = parseName(name)
  return parsed !== null && vault.owners().has(parsed.writer) && !isClockPlausible(parsed.clock, vault.now())
}

/** Null for one that has ended, which says nothing any more; `verify` names a damaged or forged one. */
async function openMember(
  vault: VaultState,
  name: string,
  bytes: Uint8Array,
): Promise<OpenedEnvelope | "damaged" | null> {
  try {
    return await vault.openAs(bytes, ["member"], { sid: vault.recipientId, name })
  } catch (error) {
    if (!isPspError(error)) throw error
    // What only rotted into a higher version number is no newer version.
    if (error.code === "too-new" && (await digestOf(bytes)) === parseName(name)?.digest) throw error
    return error.code === "damaged" || error.code === "too-new" ? "damaged" : null
  }
}
