import { PspError } from "../../shared/errors.js"
import { aboutDevice } from "../../shared/device-events.js"
import { parseCard, type Card } from "../../shared/keys.js"
import { openVault } from "../../shared/vault.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { confirmCard, publicPart } from "../confirm-card.js"
import { dropOffer, fileMemory, isOwnVaultEmpty, joinVault, waitingOffers } from "../home-vault.js"
import { readIdentity } from "../identity-file.js"
import { openVaultFor, record } from "../sessions.js"
import { openHomeStore } from "../stores.js"
import { printable } from "../terminal.js"
import { unlockOf } from "../unlock.js"

export type TrustOptions = CommonOptions & { yes?: boolean }

/**
 * With a card: pins that owner, whose sessions this machine opens from then on. Without: answers the browsers that wait,
 * each of which becomes an owner device of this machine's vault.
 */
export async function trust(context: CommandContext, options: TrustOptions, cardText?: string): Promise<CommandResult> {
  return cardText === undefined ? adoptOffers(context, options) : pinOwner(context, options, cardText)
}

async function pinOwner(context: CommandContext, options: TrustOptions, text: string): Promise<CommandResult> {
  const { home, env } = context
  const owner = await parseCard(text)
  if (owner.vault === null) throw new PspError("bad-card", `Cannot trust "${printable(owner.name)}": it owns no vault`)
  const identity = await readIdentity(home, env, unlockOf(context))
  const provider = await openHomeStore(home, env, options.store)
  context.closeLater(provider)
  const memory = fileMemory(home)
  const isFirst = (await memory.read()) === null
  if (!isFirst) {
    // Says card-changed for another owner than the pinned one.
    await openVault(provider, { identity, owner: owner.text, memory })
  } else if (!(await isOwnVaultEmpty(identity, provider))) {
    throw new PspError("card-changed", "Cannot trust another owner: this machine's own vault already holds sessions")
  }
  await confirmCard(context, options, owner)
  // A vault that does not name this machine as an owner is remembered all the same: files from it can be opened.
  if (isFirst) await joinVault(home, identity, provider, owner)
  return { text: `Trusted: ${printable(owner.name)} (${owner.fingerprint})`, json: { trusted: [publicPart(owner)] } }
}

async function adoptOffers(context: CommandContext, options: TrustOptions): Promise<CommandResult> {
  const vault = await openVaultFor(context, options)
  const owners = new Set(vault.owners().map(({ writerId }) => writerId))
  const offers = await waitingOffers(context.home)
  const trusted: Card[] = []
  for (const offer of offers) {
    if (!owners.has(offer.writerId)) {
      await confirmCard(context, options, offer)
      await vault.addOwner(offer.text)
      await record(context, vault, aboutDevice("added", offer, "psp trust"))
      trusted.push(offer)
    }
    await dropOffer(context.home, offer)
  }
  const text =
    trusted.length === 0
      ? "No browser is waiting. Press Trust this computer in the extension first."
      : trusted.map((card) => `Trusted: ${printable(card.name)} (${card.fingerprint})`).join("\n")
  return { text, json: { trusted: trusted.map(publicPart) } }
}
