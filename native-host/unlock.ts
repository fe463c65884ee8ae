import { readFile, stat, unlink } from "node:fs/promises"
import { join } from "node:path"
import { PspError } from "../shared/errors.js"
import type { CommandContext } from "./command.js"
import { unlockByKeychain, unlockByPassphrase, type LockKind } from "./identity-lock.js"
import { systemKeychain, type Keychain } from "./keychain.js"
import { refuseForeign, writePrivateFile } from "./private-file.js"
import { countText, timeText } from "./terminal.js"

type Env = Record<string, string | undefined>

/** How a locked identity is opened. */
export interface Unlock {
  /** Asks a person; null where nobody can be asked. */
  ask?: (question: string) => Promise<string | null>
  /** Told how often somebody tried before. */
  say?: (line: string) => void
  keychain?: Keychain
  /** ms since epoch. */
  now?: () => number
}

/** As a command does it. */
export function unlockOf({ askSecret, say, now }: Pick<CommandContext, "askSecret" | "say" | "now">): Unlock {
  return { ask: askSecret, say, now }
}

/** How often a person is asked in one run. */
const tries = 3

export interface Unlocked {
  line: string
  /** null where none was needed. */
  passphrase: string | null
}

/**
 * The line under the lock. A wrong passphrase is counted beside the file, and told with the next right one; nothing is ever taken away
 * for it.
 *
 * @throws `locked` where there is nobody to ask, `wrong-passphrase`, `keychain-missing`, `keychain-locked`, `bad-identity`
 */
export async function unlockText(
  text: string,
  kind: Exclude<LockKind, "none">,
  { home, env, unlock }: { home: string; env: Env; unlock: Unlock },
): Promise<Unlocked> {
  if (kind === "keychain") {
    return { line: await unlockByKeychain(text, unlock.keychain ?? systemKeychain()), passphrase: null }
  }
  const given = await passphraseOf(env)
  for (let left = given === null ? tries : 1; left > 0; left--) {
    const passphrase = given ?? (await asked(unlock))
    const line = await unlockByPassphrase(text, passphrase)
    if (line !== null) {
      await tellAttempts(home, unlock.say)
      return { line, passphrase }
    }
    await countAttempt(home, unlock.now?.() ?? Date.now())
    if (left > 1) unlock.say?.("Wrong passphrase")
  }
  throw new PspError("wrong-passphrase", "Cannot unlock identity: the passphrase is wrong; nothing was changed")
}

async function asked({ ask }: Unlock): Promise<string> {
  const answer = (await ask?.("Passphrase of this machine's identity: ")) ?? null
  if (answer === null) {
    throw new PspError(
      "locked",
      "Cannot unlock identity: there is no terminal to ask for its passphrase; name a file that holds it in PSP_PASSPHRASE_FILE",
    )
  }
  if (answer === "") throw new PspError("locked", "Cannot unlock identity: no passphrase was given")
  return answer
}

/** Of this process: what comes through a pipe can be read once. */
const readOnce = new Map<string, Promise<string>>()

/**
 * The passphrase in the file that a variable names, without the end of its line; `/dev/fd/3` is one, too. The passphrase itself is
 * taken from no variable and no argument: both are shown to other programs and inherited by those that are started.
 *
 * @returns null where the variable names none
 * @throws `locked` for a file that cannot be read, `unsafe-permissions`
 */
export async function passphraseOf(env: Env, variable = "PSP_PASSPHRASE_FILE"): Promise<string | null> {
  const path = env[variable]
  if (path === undefined || path === "") return null
  const known = readOnce.get(path)
  if (known !== undefined) return known
  const reading = readPassphrase(path, variable)
  if (path.startsWith("/dev/fd/")) readOnce.set(path, reading)
  return reading
}

async function readPassphrase(path: string, variable: string): Promise<string> {
  try {
    const stats = await stat(path)
    // A pipe or a descriptor is nobody else's; Docker's and systemd's secrets are files that only root may write.
    if (stats.isFile() && stats.uid === process.getuid?.()) refuseForeign(stats, path, "passphrase")
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "")
  } catch (error) {
    if (error instanceof PspError) throw error
    throw new PspError("locked", `Cannot unlock identity: the file that ${variable} names cannot be read`)
  }
}

export function attemptsPath(home: string): string {
  return join(home, "unlock-attempts.json")
}

interface Attempts {
  count: number
  /** ms since epoch. */
  since: number
}

async function readAttempts(home: string): Promise<Attempts | null> {
  try {
    const { count, since } = JSON.parse(await readFile(attemptsPath(home), "utf8")) as Partial<Attempts>
    return Number.isSafeInteger(count) && Number.isSafeInteger(since) ? { count: count ?? 0, since: since ?? 0 } : null
  } catch {
    // None, or damaged: that must keep nobody out.
    return null
  }
}

async function countAttempt(home: string, now: number): Promise<void> {
  const { count, since } = (await readAttempts(home)) ?? { count: 0, since: now }
  await writePrivateFile(attemptsPath(home), `${JSON.stringify({ count: count + 1, since })}\n`)
}

async function tellAttempts(home: string, say: Unlock["say"]): Promise<void> {
  const attempts = await readAttempts(home)
  if (attempts === null || say === undefined) return
  say(`${countText(attempts.count, "wrong passphrase")} since ${timeText(attempts.since)}`)
  await unlink(attemptsPath(home)).catch(() => undefined)
}
