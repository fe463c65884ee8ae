import { isPspError, PspError } from "../errors.js"
import { parseCard, type Card } from "../keys.js"
import { ownershipOf, signOwnerStatement } from "../ownership.js"
import type { CallOptions } from "../provider.js"
import { isStoreFault } from "./faults.js"
import { list } from "./list.js"
import { openNewest } from "./load.js"
import { liveRecords } from "./records.js"
import { saveMembers, type SaveEntry } from "./save.js"
import { saveAll } from "./save-all.js"
import type { VaultState } from "./state.js"
import { listSession } from "./stored.js"

/**
 * Makes a device an owner and seals every session to it as well. May be repeated after a failure.
 *
 * @throws `not-owner`, `bad-card`, `usage` for a device that was removed: keys that were given up never come back
 */
export async function addOwner(vault: VaultState, text: string, call: CallOptions = {}): Promise<Card> {
  // Not only what was written about members: a session that was saved after it was removed is found by its objects.
  await list(vault, call)
  const members = vault.ownMembers()
  const added = await parseCard(text)
  const { former } = await ownershipOf(vault.id, members)
  if (former.has(added.writerId)) {
    throw new PspError(
      "usage",
      `Cannot add "${added.name}": these keys were removed from the vault; make new ones there`,
    )
  }
  if (!vault.owners().has(added.writerId)) {
    const statement = await signOwnerStatement(vault.identity, vault.id, {
      action: "add",
      card: added.text,
      clock: vault.tick(),
    })
    members.statements = [...members.statements, statement]
    vault.remembered.isUnsaved = true
    await vault.reloadOwners()
  }
  await saveMembers(vault, call)
  // A session saved before an owner was added is not sealed to it: save it again as it is, with the stamp that it has.
  // Under a later one it would hide what another device saved meanwhile and the store does not show here yet.
  await saveAll(vault, notSealedToAll(vault, call), call)
  await vault.remember()
  return added
}

async function* notSealedToAll(vault: VaultState, call: CallOptions): AsyncGenerator<SaveEntry> {
  const everyone = [...vault.owners().values()].map((owner) => owner.recipientId)
  for (const record of liveRecords(vault)) {
    const stored = await listSession(vault, record.sid, call)
    const session = await openNewest(vault, record, stored, call).catch((error: unknown) => {
      // What nobody can open any more cannot be sealed anew; it stays as it is and `verify` names it.
      if (isPspError(error) && !isStoreFault(error.code)) return null
      throw error
    })
    if (session === null || everyone.every((id) => session.recipients.includes(id))) continue
    const { snapshot, expiresAt, clock } = session
    yield { snapshot, expiresAt, repeats: { clock, base: session.base() } }
  }
}
