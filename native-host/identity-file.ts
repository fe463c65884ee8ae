import { chmod, lstat, open, readFile } from "node:fs/promises"
import { join } from "node:path"
import { isPspError, PspError } from "../shared/errors.js"
import {
  createCard,
  createIdentity,
  identityToText,
  parseCard,
  parseIdentity,
  type Card,
  type Identity,
  type OpenIdentity,
} from "../shared/keys.js"
import { keychainNameIn, lockByKeychain, lockByPassphrase, lockKindOf, type LockKind } from "./identity-lock.js"
import { systemKeychain, type Keychain } from "./keychain.js"
import { refuseForeign, writePrivateFile } from "./private-file.js"
import { unlockText, type Unlock } from "./unlock.js"

type Env = Record<string, string | undefined>

export function identityPath(home: string): string {
  return join(home, "identity")
}

/**
 * The identity of this machine: `PSP_IDENTITY` where there is no disk, else the file in PSP_HOME.
 *
 * @param unlock how it is opened where it is locked; PSP_PASSPHRASE_FILE needs nobody to be asked
 * @throws `no-identity`, `unsafe-permissions` when others may read the file, `bad-identity` when it is damaged, and what unlocking
 *   throws
 */
export async function readIdentity(home: string, env: Env = process.env, unlock: Unlock = {}): Promise<OpenIdentity> {
  const given = env["PSP_IDENTITY"]
  if (given !== undefined && given !== "") return parseIdentity(given)
  const text = await readText(home)
  const kind = lockKindOf(text)
  if (kind === "none") return parseIdentity(text)
  const keychain = unlock.keychain ?? systemKeychain()
  const { line, passphrase } = await unlockText(text, kind, { home, env, unlock: { ...unlock, keychain } })
  const identity = parseIdentity(line)
  relocks.set(identityPath(home), {
    lock: (changed) =>
      passphrase === null ? lockByKeychain(changed, keychain) : lockByPassphrase(changed, passphrase),
    keychain,
  })
  return identity
}

/** How this process opened a file, so that what it changes in it is locked as before. */
const relocks = new Map<string, { lock: (line: string) => Promise<string>; keychain: Keychain }>()

/** This machine's card, which needs no unlocking. @throws as `readIdentity` */
export async function readOwnCard(home: string, env: Env = process.env): Promise<Card> {
  const isGiven = env["PSP_IDENTITY"] !== undefined && env["PSP_IDENTITY"] !== ""
  if (isGiven || (await lockOf(home)) === "none") return parseCard(await createCard(await readIdentity(home, env)))
  const text = await readFile(join(home, "card"), "utf8").catch(() => {
    throw new PspError(
      "no-identity",
      `Cannot find this machine's card at ${join(home, "card")}; psp unlock writes it anew`,
    )
  })
  return parseCard(text.trim())
}

/** How the file in PSP_HOME is locked. @throws `no-identity`, `unsafe-permissions`, `bad-identity` */
export async function lockOf(home: string): Promise<LockKind> {
  return lockKindOf(await readText(home))
}

/** How the file is locked, and under which name the keychain has its key. @throws as `lockOf` */
export async function readLockedKey(home: string): Promise<{ kind: LockKind; name: string | null }> {
  const text = await readText(home)
  return { kind: lockKindOf(text), name: keychainNameIn(text) }
}

async function readText(home: string): Promise<string> {
  const path = identityPath(home)
  await refuseUnsafe(path)
  return readFile(path, "utf8")
}

export async function hasIdentity(home: string, env: Env = process.env): Promise<boolean> {
  try {
    await readOwnCard(home, env)
    return true
  } catch (error) {
    if (isPspError(error, "no-identity")) return false
    throw error
  }
}

/**
 * Makes the identity of this machine; never replaces one, because what was sealed to it could not be opened any more.
 *
 * @throws `usage` when there is one already
 */
export async function createIdentityFile(
  home: string,
  name: string,
  lock: (line: string) => Promise<string> = asItIs,
): Promise<Identity> {
  if (await exists(identityPath(home))) {
    throw new PspError("usage", "Cannot make an identity: this machine has one already; psp card prints its card")
  }
  const identity = await createIdentity(name)
  await writeBoth(home, identity, await lock(identityToText(identity)))
  return identity
}

/**
 * Writes the secret (0600), locked as it was, and beside it the public card, which is all that the native host reads.
 *
 * @throws `locked` for a file that this process has not unlocked
 */
export async function writeIdentity(home: string, identity: Identity): Promise<void> {
  const { kind, name } = (await exists(identityPath(home))) ? await readLockedKey(home) : { kind: "none", name: null }
  const relock = kind === "none" ? { lock: asItIs } : relocks.get(identityPath(home))
  if (relock === undefined)
    throw new PspError("locked", "Cannot write identity: it is locked, and was not unlocked before")
  await writeBoth(home, identity, await relock.lock(identityToText(identity)))
  // The key of the file that was replaced.
  if (name !== null && "keychain" in relock) await relock.keychain.remove(name)
}

/** The public card, beside the identity. */
export async function writeOwnCard(home: string, identity: Identity): Promise<void> {
  await writePrivateFile(join(home, "card"), `${await createCard(identity)}\n`)
}

/** Locks the file anew, or with `asItIs` not at all. What was there before is overwritten on the disk as far as that can be done. */
export async function relockIdentity(
  home: string,
  identity: Identity,
  lock: (line: string) => Promise<string>,
): Promise<void> {
  const text = await lock(identityToText(identity))
  relocks.delete(identityPath(home))
  const old = await open(identityPath(home), "r+")
  try {
    const { size } = await old.stat()
    await writeBoth(home, identity, text)
    // It has no name any more: its bytes would lie about until the disk needs the room.
    await old.write(Buffer.alloc(size), 0, size, 0)
    await old.sync()
  } finally {
    await old.close()
  }
}

export async function asItIs(line: string): Promise<string> {
  return Promise.resolve(`${line}\n`)
}

async function writeBoth(home: string, identity: Identity, text: string): Promise<void> {
  await writePrivateFile(identityPath(home), text)
  await writeOwnCard(home, identity)
  await chmod(home, 0o700)
}

async function refuseUnsafe(path: string): Promise<void> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (isNoEntry(error)) throw new PspError("no-identity", "Cannot find an identity on this machine; run: psp keygen")
    throw new PspError("bad-identity", `Cannot read identity: the system does not let us look at ${path}`)
  })
  if (!stats.isFile()) throw new PspError("bad-identity", `Cannot read identity: ${path} is not a plain file`)
  if (process.platform === "win32") return
  refuseForeign(stats, path, "identity")
  // Opened once more as ourselves: a file we own may still refuse us.
  const file = await open(path, "r").catch(() => {
    throw new PspError("bad-identity", `Cannot read identity: the system does not let us open ${path}`)
  })
  await file.close()
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isNoEntry(error)) return false
    throw error
  }
}

function isNoEntry(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT"
}
