import { PspError } from "../../shared/errors.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { credentialNames, keepCredentials, type CredentialName } from "../credentials.js"
import { placeOf } from "../store-address.js"
import { storeAddress } from "../stores.js"

const prefix = "credentials."

export function isCredentialKey(key: string): boolean {
  return key.startsWith(prefix)
}

/**
 * Keeps one credential for the configured store, or for that of `--store`. Its value is typed unseen or piped in: the
 * arguments of a command are seen by every process of the machine, and stay in the shell's history.
 *
 * @throws `usage`, `aborted`, and what reading the store's address or the kept credentials throws
 */
export async function setCredential(
  context: CommandContext,
  options: CommonOptions,
  key: string,
  argument: string | undefined,
): Promise<CommandResult> {
  const { name, place } = await target(context, options, key)
  if (argument !== undefined) {
    throw new PspError(
      "usage",
      `Cannot take the ${name} from the command line, where others can see it (make a new one); leave it out and type it, or pipe it in`,
    )
  }
  const value = (await context.readSecret(`${name} for ${place}: `)) ?? ""
  if (value === "") throw new PspError("usage", `Cannot keep the ${name}: none was typed or piped in`)
  const pattern = name === "password" ? /^[^\p{Cc}]+$/u : /^[\x21-\x7e]+$/
  if (!pattern.test(value)) {
    throw new PspError(
      "usage",
      `Cannot keep the ${name}: it has characters in it that none can have, a line's end perhaps`,
    )
  }
  await keepCredentials(context.home, place, { [name]: value })
  return { text: `Kept the ${name} for ${place}; psp doctor tries it.`, json: { kept: name, place } }
}

export async function unsetCredential(
  context: CommandContext,
  options: CommonOptions,
  key: string,
): Promise<CommandResult> {
  const { name, place } = await target(context, options, key)
  await keepCredentials(context.home, place, { [name]: null })
  return { text: `Forgot the ${name} for ${place}.`, json: { forgot: name, place } }
}

async function target(
  { home, env }: CommandContext,
  { store }: CommonOptions,
  key: string,
): Promise<{ name: CredentialName; place: string }> {
  const address = store ?? (await storeAddress(home, env))
  const place = placeOf(address)
  const names = credentialNames(address)
  if (place === null) {
    throw new PspError(
      "usage",
      "Cannot keep credentials: the configured store takes none; name the store that they are for with --store ADDRESS",
    )
  }
  const name = names.find((known) => key === prefix + known)
  if (name === undefined) {
    throw new PspError(
      "usage",
      `Cannot keep that for this store: expected one of ${names.map((known) => prefix + known).join(", ")}`,
    )
  }
  return { name, place }
}
