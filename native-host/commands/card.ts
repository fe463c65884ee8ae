import type { CommandContext, CommandResult } from "../command.js"
import { readOwnCard } from "../identity-file.js"
import { printable } from "../terminal.js"

/** Prints this machine's card; its name and fingerprint go to stderr, so that the card can be piped. */
export async function card({ home, env, say }: CommandContext): Promise<CommandResult> {
  const own = await readOwnCard(home, env)
  say(`${printable(own.name)}: ${own.fingerprint}`)
  return { text: own.text, json: { name: own.name, card: own.text, fingerprint: own.fingerprint } }
}
