import { isRefused, odditiesOf, type CardOddity } from "../shared/card-oddities.js"
import { PspError } from "../shared/errors.js"
import type { Card } from "../shared/keys.js"
import type { Vault } from "../shared/vault.js"
import type { CommandContext } from "./command.js"
import { printable } from "./terminal.js"

/**
 * Says what is odd about the card of somebody who is to open a session, before anybody is asked.
 *
 * @returns true for one of the person's own devices
 */
export async function sayOddities(
  { say }: Pick<CommandContext, "say">,
  vault: Vault,
  card: Card,
): Promise<{ isOwnDevice: boolean }> {
  const bots = (await vault.grants()).map((grant) => grant.card)
  const found = odditiesOf(card, { owners: vault.owners(), bots }, await vault.ownsSessions(card))
  for (const oddity of found) if (oddity.code !== "owner-device") say(`Look twice: ${textOf(oddity)}`)
  return { isOwnDevice: isRefused(found) }
}

/** @throws `usage` for one of the person's own devices */
export async function refuseOwnDevice(context: Pick<CommandContext, "say">, vault: Vault, bot: Card): Promise<void> {
  if (!(await sayOddities(context, vault, bot)).isOwnDevice) return
  const name = printable(bot.name)
  throw new PspError(
    "usage",
    `Cannot take "${name}" for a bot: it is one of your own devices, and opens everything already`,
  )
}

function textOf(oddity: CardOddity): string {
  switch (oddity.code) {
    case "owner-device":
      return "it is one of your own devices"
    case "other-owner":
      return "somebody keeps sessions of their own under it: that is a person's device, or a bot that saves for itself"
    case "mixed-scripts":
      return "its name has letters of several scripts, which may be there to look like another name"
    case "invisible":
      return "its name holds something that cannot be seen, shown here as a code"
    case "known-as":
      return `you know these very keys already, under the name "${printable(oddity.name)}"`
    case "half-known":
      return `one of its two keys is that of ${known(oddity)}, the other is not; an honest bot has no such card`
    case "same-name":
      return `you already know another ${known(oddity)}`
    case "look-alike":
      return `its name looks like that of ${known(oddity)}, which is somebody else`
  }
}

function known({ name, fingerprint }: { name: string; fingerprint: string }): string {
  return `"${printable(name)}" (${fingerprint})`
}
