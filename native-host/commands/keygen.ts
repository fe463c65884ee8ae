import { hostname } from "node:os"
import { parseCard, createCard } from "../../shared/keys.js"
import type { CommandContext, CommandResult } from "../command.js"
import { asItIs, createIdentityFile } from "../identity-file.js"
import { lockByKeychain, lockByPassphrase } from "../identity-lock.js"
import { systemKeychain } from "../keychain.js"
import { newPassphrase } from "./lock.js"

/** Makes this machine's identity and prints its card. @throws `usage` when there is one already */
export async function keygen(
  context: CommandContext,
  { name, ...own }: { name?: string; passphrase?: boolean; keychain?: boolean },
): Promise<CommandResult> {
  const identity = await createIdentityFile(context.home, name ?? machineName(), (line) => locked(line, context, own))
  const card = await parseCard(await createCard(identity))
  return {
    text: card.text,
    json: { name: card.name, card: card.text, fingerprint: card.fingerprint },
  }
}

async function locked(
  line: string,
  context: CommandContext,
  { passphrase, keychain }: { passphrase?: boolean; keychain?: boolean },
): Promise<string> {
  if (keychain === true) return lockByKeychain(line, systemKeychain())
  return passphrase === true ? lockByPassphrase(line, await newPassphrase(context, false)) : asItIs(line)
}

/** The machine's own name, within what a card may hold. */
export function machineName(): string {
  const name = hostname()
    .replace(/[^\x20-\x7e]/g, "")
    .slice(0, 64)
    .trim()
  return name === "" ? "this computer" : name
}
