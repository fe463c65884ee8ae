import { utf8 } from "../bytes.js"
import { seal } from "../envelope.js"
import { createCard, parseCard, recipientIdOf, type Card, type Identity } from "../keys.js"
import { membersToJson } from "../members.js"
import type { CallOptions, Provider } from "../provider.js"
import { rememberedToJson, type VaultMemory } from "../vault-memory.js"
import { addOwner } from "./add-owner.js"
import { blankMemory } from "./recall.js"
import type { VaultState } from "./state.js"

/** What a recovery identity says to itself lasts as long as paper does (ms): whoever needs it may come after years. */
const anchorLifetime = 50 * 365 * 24 * 60 * 60 * 1000

/**
 * Makes a recovery identity an owner. It leaves a word to itself, signed by itself: with no other device left there is nobody else
 * whom it could believe, and anybody can seal to a card.
 *
 * @throws as `addOwner`
 */
export async function addRecovery(vault: VaultState, identity: Identity, call: CallOptions = {}): Promise<Card> {
  const card = await addOwner(vault, await createCard({ ...identity, vault: vault.id }), call)
  await leaveAnchor(vault, identity, call)
  return card
}

/** Again after each recovery: of one writer's words only the newest is kept. */
export async function leaveAnchor(vault: VaultState, identity: Identity, call: CallOptions = {}): Promise<void> {
  const { recipient, recipientId } = await parseCard(await createCard({ ...identity, vault: vault.id }))
  const clock = vault.tick()
  const { name, bytes } = await seal({
    header: { typ: "member", vault: vault.id, sid: recipientId, clock, exp: vault.now() + anchorLifetime },
    plaintext: utf8(membersToJson(vault.ownMembers())),
    recipients: [recipient, ...[...vault.owners().values()].map((owner) => owner.recipient)],
    writer: identity,
  })
  await vault.remember()
  await vault.provider.put(name, bytes, call)
}

/** Vaults in a store in which something is written to this identity; one that was made of words does not know its own. */
export async function vaultsTo(provider: Provider, identity: Identity, call: CallOptions = {}): Promise<string[]> {
  const folder = `members/${await recipientIdOf(identity)}/`
  const found = new Set<string>()
  for await (const { name } of provider.list("", call)) {
    const vault = name.slice(0, 32)
    if (name.startsWith(folder, 33) && /^[0-9a-f]{32}$/.test(vault)) found.add(vault)
  }
  return [...found]
}

/** The memory of one that knows nothing, and believes only what it said itself. */
export async function ownWordOnly(identity: Identity, vault: string): Promise<VaultMemory> {
  const pinned = await createCard({ ...identity, vault })
  let text = rememberedToJson({ ...blankMemory(), vault, pinned, members: null, isUnsaved: false })
  return {
    read: () => Promise.resolve(text),
    write: (later) => {
      text = later
      return Promise.resolve()
    },
  }
}
