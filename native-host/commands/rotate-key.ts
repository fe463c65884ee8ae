import { aboutDevice } from "../../shared/device-events.js"
import { PspError } from "../../shared/errors.js"
import { grantedNames } from "../../shared/granted-names.js"
import { createIdentity, parseCard, type Card, type Identity, type OpenIdentity } from "../../shared/keys.js"
import { openVault, type Vault } from "../../shared/vault.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { confirmCard, publicPart } from "../confirm-card.js"
import { fileMemory } from "../home-vault.js"
import { readIdentity, writeIdentity, writeOwnCard } from "../identity-file.js"
import { beginRotation, endRotation, nextIdentity, readRotation, type Rotation } from "../rotation.js"
import { openVaultFor, record } from "../sessions.js"
import { openHomeStore } from "../stores.js"
import { countText, printable } from "../terminal.js"
import { unlockOf } from "../unlock.js"
import { removalText, removeDevice } from "./devices.js"

export type RotateOptions = CommonOptions & { bot?: string; yes?: boolean }

/**
 * New keys for this machine. They become an owner's first, and everything is sealed to them; then they take the place of the old
 * ones on this machine, in one step; then the old ones are removed from the vault. So this machine has an owner's keys at
 * every moment, and the same command again goes on where it broke off.
 */
export async function rotateKey(
  context: CommandContext,
  options: RotateOptions,
  cards: string[],
): Promise<CommandResult> {
  if (options.bot !== undefined) return rotateBot(context, options, options.bot, cards)
  if (cards.length > 0) throw new PspError("usage", "Cannot rotate-key: a card goes with --bot OLD NEW")
  const { home, env, say } = context
  if ((env["PSP_IDENTITY"] ?? "") !== "") {
    throw new PspError("usage", "Cannot change the keys in PSP_IDENTITY: make new ones where they are kept")
  }
  const identity = await readIdentity(home, env, unlockOf(context))
  const rotation = (await readRotation(home)) ?? (await startRotation(context, options, identity))
  const { old: before, next: after } = rotation
  const next = await nextIdentity(rotation, identity)
  if (next === identity) {
    // It may have been killed between the two files.
    await writeOwnCard(home, identity)
  } else {
    say(`New keys: ${printable(after.name)} (${after.fingerprint})`)
    const vault = await openVaultFor(context, options, { ...identity, vault: after.vault })
    await vault.addOwner(after.text)
    await writeIdentity(home, next)
  }
  const vault = await openAs(context, options, next)
  const removal = await removeDevice(context, vault, before.text, "psp rotate-key")
  await record(context, vault, aboutDevice("rotated", before, "psp rotate-key"))
  await endRotation(home)
  return {
    text: [
      `New keys: ${printable(after.name)} (${after.fingerprint}).`,
      removalText(removal),
      "Browsers that trust this computer follow by themselves, once they have read the vault.",
    ].join("\n"),
    json: { card: publicPart(after), before: publicPart(before), sealed: removal.sealed, left: removal.left },
  }
}

async function startRotation(
  context: CommandContext,
  options: CommonOptions,
  identity: OpenIdentity,
): Promise<Rotation> {
  const vault = await openVaultFor(context, options, identity)
  await vault.refresh()
  if (!vault.isOwner) {
    throw new PspError(
      "not-owner",
      "Cannot change this machine's keys: it is no owner device. For a bot: make new keys there (another PSP_HOME, psp keygen), " +
        "then on an owner device: psp rotate-key --bot OLD-CARD NEW-CARD",
    )
  }
  const fresh = await createIdentity(identity.name)
  return beginRotation(context.home, { ...identity, vault: vault.id }, { ...fresh, vault: vault.id })
}

/** What this machine remembers of its vault is true under its new keys, too. */
async function openAs(context: CommandContext, options: CommonOptions, identity: Identity): Promise<Vault> {
  const { home, env, closeLater } = context
  const provider = await openHomeStore(home, env, options.store)
  closeLater(provider)
  const vault = await openVault(provider, { identity, memory: fileMemory(home) })
  await vault.refresh()
  return vault
}

/** New keys for a bot: what the old card was granted and has not ended goes to the new one, and is taken back from the old one. */
async function rotateBot(
  context: CommandContext,
  options: RotateOptions,
  oldText: string,
  cards: string[],
): Promise<CommandResult> {
  const [newText, ...others] = cards
  if (newText === undefined || others.length > 0) {
    throw new PspError("usage", "Cannot rotate-key: expected psp rotate-key --bot OLD-CARD NEW-CARD")
  }
  const [before, after] = await Promise.all([parseCard(oldText), parseCard(newText)])
  if (before.writerId === after.writerId || before.recipientId === after.recipientId) {
    throw new PspError("usage", "Cannot rotate-key: the two cards share a key; make new keys on the bot")
  }
  const vault = await openVaultFor(context, options)
  await vault.refresh()
  const all = await vault.grants()
  const own = all.filter(({ card }) => card.recipientId === before.recipientId)
  const live = own.filter(({ hasEnded }) => !hasEnded)
  if (own.length === 0 && !all.some(({ card }) => card.recipientId === after.recipientId)) {
    throw new PspError("not-found", `Cannot rotate-key: "${printable(before.name)}" was granted nothing`)
  }
  if (live.length > 0) await confirmCard(context, options, after)
  for (const { site, account, sites, kinds, names, saveBack, expiresAt } of live) {
    const granted = await vault.grant(after.text, {
      ...{ site, account, sites, saveBack },
      ...(names !== null ? { names } : kinds === "all" ? {} : { kinds }),
      ...(expiresAt === null ? {} : { expiresAt }),
    })
    const told = { kind: "granted" as const, site, account, tool: "psp rotate-key", names: grantedNames(granted) }
    await record(context, vault, { ...told, bot: named(after) })
  }
  // Nothing is left to take back where it broke off after that.
  const taken = own.length === 0 ? [] : (await vault.revoke(before.text)).sessions
  const revoked = taken.map(({ site, account }) => ({
    ...{ kind: "revoked" as const, site, account, tool: "psp rotate-key", bot: named(before) },
  }))
  if (revoked.length > 0) await record(context, vault, revoked)
  return {
    text:
      `${countText(live.length, "grant")} of "${printable(before.name)}" (${before.fingerprint}) now for ` +
      `"${printable(after.name)}" (${after.fingerprint}). On the bot: psp trust ${vault.card.text}`,
    json: {
      bot: publicPart(after),
      before: publicPart(before),
      sessions: live.map(({ site, account }) => ({ site, account })),
    },
  }
}

function named({ name, fingerprint }: Card) {
  return { name, fingerprint }
}
