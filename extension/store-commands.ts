import type { CredentialFact } from "../shared/store-facts.js"

/**
 * What the person types on the computer to keep a credential of a store; its value is asked for there. Empty where all
 * that the store may need is there already.
 *
 * @param address of a store that is not set; null for the one that is
 */
export function credentialCommands(credentials: CredentialFact[], address: string | null): string[] {
  const store = address === null ? "" : ` --store ${quotedAddress(address)}`
  return credentials
    .filter(({ name, state }) => state === "missing" || (state === "none" && name !== "sessionToken"))
    .map(({ name }) => `psp config set credentials.${name}${store}`)
}

/** What brings into the store that is set what lies in another one. */
export function pullCommand(address: string): string {
  return `psp pull --all --from ${quotedAddress(address)}`
}

/** One word of a command line: double quotes are understood by every shell, as long as nothing in them means anything to one. */
function quotedAddress(address: string): string {
  if (/^[\w:/.@=,+-]+$/.test(address)) return address
  if (/^[^"$`\\!%]+$/.test(address)) return `"${address}"`
  return `'${address.replaceAll("'", `'\\''`)}'`
}
