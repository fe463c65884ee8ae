import { chmod, lstat, open, readFile } from "node:fs/promises"
import { join } from "node:path"
import { PspError } from "../shared/errors.js"
import { createCard, createIdentity, identityToText, parseIdentity, type Identity } from "../shared/keys.js"
import { refuseForeign, writePrivateFile } from "./private-file.js"

type Env = Record<string, string | undefined>

export function identityPath(home: string): string {
  return join(home, "identity")
}

/**
 * The identity of this machine: `PSP_IDENTITY` where there is no disk, else the file in PSP_HOME.
 *
 * @throws `no-identity`, `unsafe-permissions` when others may read the file, `bad-identity` when it is damaged
 */
export async function readIdentity(home: string, env: Env = process.env): Promise<Identity> {
  const given = env["PSP_IDENTITY"]
  if (given !== undefined && given !== "") return parseIdentity(given)
  const path = identityPath(home)
  await refuseUnsafe(path)
  return parseIdentity(await readFile(path, "utf8"))
}

export async function hasIdentity(home: string, env: Env = process.env): Promise<boolean> {
  try {
    await readIdentity(home, env)
    return true
  } catch (error) {
    if (error instanceof PspError && error.code === "no-identity") return false
    throw error
  }
}

/**
 * Makes the identity of this machine; never replaces one, because what was sealed to it could not be opened any more.
 *
 * @throws `usage` when there is one already
 */
export async function createIdentityFile(home: string, name: string): Promise<Identity> {
  if (await exists(identityPath(home))) {
    throw new PspError("usage", "Cannot make an identity: this machine has one already; psp card prints its card")
  }
  const identity = await createIdentity(name)
  await writeIdentity(home, identity)
  return identity
}

/** Writes the secret (0600) and beside it the public card, which is all that the native host reads. */
export async function writeIdentity(home: string, identity: Identity): Promise<void> {
  await writePrivateFile(identityPath(home), `${identityToText(identity)}\n`)
  await writePrivateFile(join(home, "card"), `${await createCard(identity)}\n`)
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
