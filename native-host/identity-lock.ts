import { armor, Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption"
import { randomBytes, scryptSync } from "node:crypto"
import { utf8, utf8ToText } from "../shared/bytes.js"
import { PspError } from "../shared/errors.js"
import { openWithPassphrase, sealWithPassphrase, type Derive } from "../shared/passphrase.js"
import type { Keychain } from "./keychain.js"

/**
 * What may lie in the identity file:
 *
 *     PSP-IDENTITY-1…                        not locked
 *     -----BEGIN AGE ENCRYPTED FILE-----     that line under a passphrase; `age -d` opens it, too
 *     psp-keychain-1 ID                      that line, sealed to an age key that the system's keychain keeps under
 *     -----BEGIN AGE ENCRYPTED FILE-----     the name ID
 */
export type LockKind = "none" | "passphrase" | "keychain"

/** Needs 128 × 8 × N bytes, and a little more. */
const derive: Derive = (passphrase, salt, N) => scryptSync(passphrase, salt, 32, { N, r: 8, p: 1, maxmem: 129 * 8 * N })

const keychainLine = /^psp-keychain-1 ([0-9a-f]{32})\r?\n/

export function lockKindOf(text: string): LockKind {
  if (keychainLine.test(text)) return "keychain"
  return text.trimStart().startsWith("-----BEGIN AGE ENCRYPTED FILE-----") ? "passphrase" : "none"
}

/** @throws `usage` for a passphrase that cannot be one */
export async function lockByPassphrase(line: string, passphrase: string): Promise<string> {
  return armor.encode(await sealWithPassphrase(line, passphrase, derive))
}

/** null for a wrong passphrase. @throws `bad-identity` */
export async function unlockByPassphrase(text: string, passphrase: string): Promise<string | null> {
  return openWithPassphrase(bytesIn(text), passphrase, derive)
}

/**
 * Seals to a new key, which goes into the keychain under a new name: the old file opens until the new one is in its place.
 *
 * @throws `keychain-missing`, `keychain-locked`
 */
export async function lockByKeychain(line: string, keychain: Keychain): Promise<string> {
  const [key, name] = [await generateX25519Identity(), randomBytes(16).toString("hex")]
  await keychain.write(name, key)
  // What a keychain takes and does not give back would be lost with the file that is replaced.
  if ((await keychain.read(name)) !== key) throw new PspError("keychain-missing", unkept)
  const encrypter = new Encrypter()
  encrypter.addRecipient(await identityToRecipient(key))
  return `psp-keychain-1 ${name}\n${armor.encode(await encrypter.encrypt(utf8(line)))}`
}

/** @throws `keychain-missing` also where the keychain has no key for this file, `keychain-locked`, `bad-identity` */
export async function unlockByKeychain(text: string, keychain: Keychain): Promise<string> {
  const name = keychainNameIn(text) ?? ""
  const key = await keychain.read(name)
  if (key === null) throw new PspError("keychain-missing", noKey)
  const decrypter = new Decrypter()
  try {
    decrypter.addIdentity(key)
    return utf8ToText(await decrypter.decrypt(bytesIn(text.replace(keychainLine, ""))))
  } catch {
    throw damaged()
  }
}

/** Under which name the keychain has the key of this file; null where it needs none. */
export function keychainNameIn(text: string): string | null {
  return keychainLine.exec(text)?.[1] ?? null
}

const unkept = "Cannot lock identity: the system's keychain did not keep its key; nothing was changed"
const noKey =
  "Cannot unlock identity: the system's keychain has no key for it; log in as the user, and on the system, that locked it, " +
  "or get in from another of your devices and make a new one with psp keygen"

function bytesIn(text: string): Uint8Array {
  try {
    return armor.decode(text)
  } catch {
    throw damaged()
  }
}

function damaged(): PspError {
  return new PspError("bad-identity", "Cannot unlock identity: what is locked is damaged")
}
