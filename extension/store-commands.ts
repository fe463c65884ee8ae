import { shellWord } from "../shared/shell-word.js"
import type { CredentialFact } from "../shared/store-facts.js"

/**
 * What the person types on the computer to keep a credential of a store; its value is asked for there. Empty where all
 * that the store may need is there already.
 *
 * @param address of a store that is not set; null for the one that is
 */
export function credentialCommands(credentials: CredentialFact[], address: string | null): string[] {
  const store = address === null ? "" : ` --store ${shellWord(address)}`
  return credentials
    .filter(({ name, state }) => state === "missing" || (state === "none" && name !== "sessionToken"))
    .map(({ name }) => `psp config set credentials.${name}${store}`)
}

/** What brings into the store that is set what lies in another one. */
export function pullCommand(address: string): string {
  return `psp pull --all --from ${shellWord(address)}`
}
