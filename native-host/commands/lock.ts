import { PspError } from "../../shared/errors.js"
import { shortestPassphrase } from "../../shared/shortest-passphrase.js"
import type { CommandContext, CommandResult } from "../command.js"
import { asItIs, readIdentity, readLockedKey, relockIdentity } from "../identity-file.js"
import { lockByKeychain, lockByPassphrase } from "../identity-lock.js"
import { systemKeychain } from "../keychain.js"
import { passphraseOf, unlockOf } from "../unlock.js"

export interface LockCommandOptions {
  keychain?: boolean
  off?: boolean
}

/**
 * Locks this machine's identity, with a passphrase or by the system's keychain; one that is locked already is unlocked first, and locked
 * the new way.
 *
 * @throws `usage` where the identity comes from the environment, and what unlocking throws
 */
export async function lock(context: CommandContext, { keychain, off }: LockCommandOptions): Promise<CommandResult> {
  if (off === true) return unlock(context)
  const { home, env } = context
  refuseGiven(env)
  const store = systemKeychain()
  const before = await readLockedKey(home)
  const identity = await readIdentity(home, env, unlockOf(context))
  const kind = keychain === true ? "keychain" : "passphrase"
  const passphrase = keychain === true ? "" : await newPassphrase(context, before.kind !== "none")
  await relockIdentity(home, identity, (line) =>
    keychain === true ? lockByKeychain(line, store) : lockByPassphrase(line, passphrase),
  )
  if (before.name !== null) await store.remove(before.name)
  return { text: sentences[kind], json: { locked: kind } }
}

const sentences = {
  passphrase:
    "Locked with a passphrase. Nobody can tell it to you again: whoever forgets it needs another owner device.",
  keychain: "Locked. Its key is in the system's keychain, which opens it while you are logged in.",
}

/** Takes the lock away: from now on the file alone is this machine. @throws what unlocking throws */
export async function unlock(context: CommandContext): Promise<CommandResult> {
  const { home, env } = context
  refuseGiven(env)
  const { kind, name } = await readLockedKey(home)
  if (kind === "none") return { text: "It is not locked.", json: { locked: "none" } }
  await relockIdentity(home, await readIdentity(home, env, unlockOf(context)), asItIs)
  if (name !== null) await systemKeychain().remove(name)
  return { text: "Not locked any more: whoever can read your files as you is this machine.", json: { locked: "none" } }
}

/**
 * A passphrase to lock with, typed twice. Where nobody can type: what PSP_NEW_PASSPHRASE_FILE names, or for an identity that has none
 * yet PSP_PASSPHRASE_FILE, which opens it from then on.
 *
 * @throws `usage`
 */
export async function newPassphrase(
  { env, askSecret }: Pick<CommandContext, "env" | "askSecret">,
  isLocked: boolean,
): Promise<string> {
  const fromFile = (await passphraseOf(env, "PSP_NEW_PASSPHRASE_FILE")) ?? (isLocked ? null : await passphraseOf(env))
  if (fromFile !== null) return checked(fromFile)
  const first = await askSecret("New passphrase: ")
  if (first === null) {
    const how = "name a file that holds it in PSP_PASSPHRASE_FILE, or PSP_NEW_PASSPHRASE_FILE to change it"
    throw new PspError("usage", `Cannot ask for a new passphrase: there is no terminal; ${how}`)
  }
  checked(first)
  if (first !== (await askSecret("The same again: "))) {
    throw new PspError("usage", "Cannot lock identity: the two passphrases differ; nothing was changed")
  }
  return first
}

function checked(passphrase: string): string {
  if (passphrase.length >= shortestPassphrase) return passphrase
  const what = `it is shorter than ${shortestPassphrase} characters; a few words that nobody would guess are good`
  throw new PspError("usage", `Cannot use this passphrase: ${what}`)
}

function refuseGiven(env: CommandContext["env"]): void {
  if (env["PSP_IDENTITY"] === undefined || env["PSP_IDENTITY"] === "") return
  throw new PspError("usage", "Cannot lock an identity that is given in PSP_IDENTITY: there is no file to lock")
}
