import { utf8ToText } from "../bytes.js"
import { parseName } from "../envelope.js"
import { isPspError } from "../errors.js"
import { laterClock } from "../hlc.js"
import { mergeMembers, ownersOf, parseMembers } from "../members.js"
import type { CallOptions } from "../provider.js"
import type { VaultState } from "./state.js"

/** Reads what other owners wrote about members, and remembers it. */
export async function refresh(vault: VaultState, call: CallOptions = {}): Promise<void> {
  const { remembered } = vault
  const names: string[] = []
  for await (const { name } of vault.provider.list(`${vault.id}/members/${vault.recipientId}/`, call)) names.push(name)
  let pending = names.filter((name) => !remembered.merged.includes(name))
  // An envelope may be by an owner whom a later one introduces: go round until nothing more can be read.
  for (let before = -1; pending.length !== before && pending.length > 0;) {
    before = pending.length
    const left: string[] = []
    for (const name of pending) if (!(await mergeMemberObject(vault, name, call))) left.push(name)
    pending = left
  }
  remembered.merged = remembered.merged.filter((name) => names.includes(name))
  await vault.remember()
}

async function mergeMemberObject(vault: VaultState, name: string, call: CallOptions): Promise<boolean> {
  const { remembered } = vault
  const writer = parseName(name)?.writer
  if (writer === undefined || !vault.owners().has(writer)) return false
  const bytes = await vault.provider.get(name, call)
  if (bytes === null) return true
  const opened = await vault.openAs(bytes, ["member"], { sid: vault.recipientId, name }).catch((error: unknown) => {
    // An expired one says nothing any more; a damaged or forged one is named by `verify`.
    if (isPspError(error) && error.code !== "too-new") return null
    throw error
  })
  if (opened === null) return true
  const theirs = parseMembers(utf8ToText(opened.plaintext))
  if (remembered.members === null) {
    const theirOwners = await ownersOf(vault.id, theirs)
    if (!theirOwners.has(writer)) return true
    remembered.members = theirs
  } else {
    remembered.members = mergeMembers(remembered.members, theirs)
    const before = vault.owners()
    await vault.reloadOwners()
    // A new owner's folder holds nothing of what this device wrote before it knew of it.
    if ([...vault.owners().keys()].some((id) => !before.has(id))) remembered.isUnsaved = true
  }
  await vault.reloadOwners()
  remembered.clock = laterClock(remembered.clock, opened.header.clock)
  remembered.merged.push(name)
  return true
}
