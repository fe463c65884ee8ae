import { PspError } from "../../shared/errors.js"
import { aboutDevice, isNoted } from "../../shared/device-events.js"
import { parseCard, type Card } from "../../shared/keys.js"
import { shellWord } from "../../shared/shell-word.js"
import { defaultAccount } from "../../shared/site.js"
import type { LetIn, OwnerRemoval, Vault } from "../../shared/vault.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { confirmCard, publicPart } from "../confirm-card.js"
import { openVaultFor, record } from "../sessions.js"
import { grantToJson } from "./grant.js"
import { countText, printable, table } from "../terminal.js"

export type DevicesOptions = CommonOptions & { yes?: boolean }

/** The vault's owner devices: browsers and computers of the person, and a recovery identity where there is one. */
export async function devices(context: CommandContext, options: CommonOptions): Promise<CommandResult> {
  const vault = await openVaultFor(context, options)
  await vault.refresh()
  const owners = vault.owners().sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const isThis = ({ writerId }: Card) => writerId === vault.card.writerId
  const rows = owners.map((card) => [card.name, card.fingerprint, isThis(card) ? "this one" : ""])
  if (!vault.isOwner) context.say("This machine is none of them.")
  return {
    text: table(["DEVICE", "FINGERPRINT", ""], rows),
    json: { devices: owners.map((card) => ({ ...publicPart(card), isThis: isThis(card) })) },
  }
}

/** Makes another machine of the same person an owner device, after its words were compared. */
export async function devicesAdd(
  context: CommandContext,
  options: DevicesOptions,
  cardText: string,
): Promise<CommandResult> {
  const card = await parseCard(cardText)
  const vault = await openOwned(context, options, "add a device")
  const isKnown = vault.owners().some(({ writerId }) => writerId === card.writerId)
  if (!isKnown) await confirmCard(context, options, card)
  // Also where it is one already: what broke off the last time is finished.
  await vault.addOwner(card.text)
  if (!isKnown) await record(context, vault, aboutDevice("added", card, "psp devices add"))
  const { name, fingerprint } = card
  return {
    text:
      `Owner device: ${printable(name)} (${fingerprint}). There, if it was not done yet, with the address of this store:\n\n` +
      `  psp trust ${vault.card.text}`,
    json: { added: publicPart(card), commands: [`psp trust ${vault.card.text}`] },
  }
}

/** Takes a lost or retired device out, and seals everything without it. */
export async function devicesRemove(
  context: CommandContext,
  options: DevicesOptions,
  who: string,
): Promise<CommandResult> {
  const vault = await openOwned(context, options, "remove a device")
  await confirmRemoval(context, options, printable(who.startsWith("psp1") ? (await parseCard(who)).name : who))
  const removal = await removeDevice(context, vault, who, "psp devices remove")
  const text = [removalText(removal), ...letInLines(removal.letIn)].join("\n")
  return { text, json: removalJson(removal), ...(removal.left.length > 0 ? { exitCode: 5 } : {}) }
}

/** Removes it, and leaves that in the access history once, also where a removal before this one broke off too early for that. */
export async function removeDevice(
  context: CommandContext,
  vault: Vault,
  who: string,
  tool: string,
): Promise<OwnerRemoval> {
  const { progress } = context
  const isIn = new Set(vault.owners().map(({ writerId }) => writerId))
  const removal = await vault.removeOwner(who, { onProgress: (done) => progress({ doing: "sealing", ...done }) })
  const { card } = removal
  const isNew = isIn.has(card.writerId) || !(await isNoted(vault, "removed", card))
  if (isNew) await record(context, vault, aboutDevice("removed", card, tool))
  return removal
}

export function removalText({ card, sealed, removed, left, waiting, isClosed, loneRecoveries }: OwnerRemoval): string {
  const lines = [
    `Removed: ${printable(card.name)} (${card.fingerprint}). ${countText(sealed, "session")} sealed anew, ` +
      `${countText(removed, "object")} removed.`,
    ...left.map(
      ({ site, code }) => `Left as it was, because this machine cannot open it (${code}): ${printable(site)}`,
    ),
    ...waiting.map(({ site }) => `It can open what bots changed, as long as that waits for you: ${printable(site)}`),
    ...(isClosed
      ? []
      : [
          "What it saved of these, or of sessions that this machine has not heard of, still counts until then: remove it once more, " +
            "on another owner device too.",
        ]),
    "What it has opened before it keeps: log out at those sites where it matters, and give your store new credentials.",
    ...loneRecoveries.map(
      ({ fingerprint }) =>
        "The recovery identity knows none of the devices that are left, and may open nothing in a year: make a new one with " +
        `psp recovery create, and end the old one with psp devices remove "${fingerprint}"`,
    ),
    "A bot without a disk that had this device's card in PSP_OWNER needs the card of another one: psp card.",
  ]
  return lines.join("\n")
}

export function removalJson({ card, sealed, removed, left, waiting, isClosed, letIn, loneRecoveries }: OwnerRemoval) {
  const { devices, grants, untold } = letIn
  return {
    ...{ removed: publicPart(card), sealed, objects: removed, left, waiting, closed: isClosed },
    letIn: { devices: devices.map(publicPart), grants: grants.map(grantToJson), untold },
    loneRecoveries: loneRecoveries.map(publicPart),
  }
}

/** What stays of a device that somebody may have stolen. Of one's own former keys nobody wants to be told that. */
export function letInLines({ devices, grants, untold }: LetIn): string[] {
  const remove = devices.map(
    ({ name, fingerprint }) => `  the owner device ${printable(name)}: psp devices remove "${fingerprint}"`,
  )
  const revoke = grants.map(
    ({ card, site, account }) =>
      `  the bot ${printable(card.name)} at ${printable(site)}: psp revoke "${card.fingerprint}" ${shellWord(site)}` +
      (account === defaultAccount ? "" : ` --account ${shellWord(account)}`),
  )
  const all = [...remove, ...revoke]
  return [
    ...(all.length === 0 ? [] : ["It had let in, and these stay. Remove what you do not know:", ...all]),
    ...(untold === 0 ? [] : [`Who granted it is not noted for ${countText(untold, "grant")}: psp grants`]),
  ]
}

async function openOwned(context: CommandContext, options: CommonOptions, doing: string): Promise<Vault> {
  const vault = await openVaultFor(context, options)
  await vault.refresh()
  // Before anybody is asked.
  if (!vault.isOwner)
    throw new PspError("not-owner", `Cannot ${doing}: this machine is not one of the vault's owner devices`)
  return vault
}

async function confirmRemoval({ confirm }: CommandContext, { yes }: DevicesOptions, who: string): Promise<void> {
  if (yes === true) return
  const answer = await confirm(
    `Remove "${who}" for ever? It opens nothing any more, and its keys never come back. [y/N] `,
  )
  if (answer === null) {
    throw new PspError("usage", "Cannot ask whether to remove this device: there is no terminal; add --yes")
  }
  if (!answer) throw new PspError("aborted", `Not removed: "${who}"`)
}
