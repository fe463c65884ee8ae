import { PspError } from "../shared/errors.js"
import type { Card } from "../shared/keys.js"
import type { CommandContext } from "./command.js"
import { printable } from "./terminal.js"

/** Shows whose card it is, and has the person compare the words with those of the other screen. @throws `not-trusted`, `usage` */
export async function confirmCard(
  { say, confirm }: Pick<CommandContext, "say" | "confirm">,
  { yes }: { yes?: boolean },
  card: Card,
): Promise<void> {
  say(`${printable(card.name)}: ${card.fingerprint}`)
  if (yes === true) return
  const answer = await confirm("Are these the words that the other screen shows? [y/N] ")
  if (answer === null) {
    throw new PspError(
      "usage",
      "Cannot ask whether to trust this card: there is no terminal; compare the words above and add --yes",
    )
  }
  if (!answer) throw new PspError("not-trusted", `Not trusted: "${printable(card.name)}"`)
}

/** A card as programs read it. */
export function publicPart({ name, fingerprint, text }: Card) {
  return { name, fingerprint, card: text }
}
