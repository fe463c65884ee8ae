import { hostname } from "node:os"
import { parseCard, createCard } from "../../shared/keys.js"
import type { CommandContext, CommandResult } from "../command.js"
import { createIdentityFile } from "../identity-file.js"

/** Makes this machine's identity and prints its card. @throws `usage` when there is one already */
export async function keygen({ home }: CommandContext, { name }: { name?: string }): Promise<CommandResult> {
  const identity = await createIdentityFile(home, name ?? machineName())
  const card = await parseCard(await createCard(identity))
  return {
    text: card.text,
    json: { name: card.name, card: card.text, fingerprint: card.fingerprint },
  }
}

/** The machine's own name, within what a card may hold. */
export function machineName(): string {
  const name = hostname()
    .replace(/[^\x20-\x7e]/g, "")
    .slice(0, 64)
    .trim()
  return name === "" ? "this computer" : name
}
