import { chacha20poly1305 } from "@noble/ciphers/chacha.js"
import { scrypt } from "@noble/hashes/scrypt.js"
import { base64nopad } from "@scure/base"
import { Decrypter, Encrypter, Stanza } from "age-encryption"
import { concat, randomBytes, utf8, utf8ToText, type Bytes } from "./bytes.js"
import { PspError } from "./errors.js"

/**
 * A secret under a passphrase: an age file with the one scrypt stanza that the format allows (age-encryption.org/v1, "The scrypt
 * recipient type"), N = 2^18, r = 8, p = 1. A try takes about a second and 256 MiB, for us and for whoever guesses; it blocks, so a
 * browser does it in a worker.
 */
export const workFactor = 18

/** What a file may ask for at most: 1 GiB. */
const maxWorkFactor = 20

/** scrypt with r = 8, p = 1 and 32 bytes of output; where the machine has one of its own, that is three times as fast. */
export type Derive = (passphrase: Uint8Array, salt: Uint8Array, N: number) => Uint8Array

const deriveHere: Derive = (passphrase, salt, N) => scrypt(passphrase, salt, { N, r: 8, p: 1, dkLen: 32 })

const label = utf8("age-encryption.org/v1/scrypt")
const nonce = new Uint8Array(12)

/** @throws `usage` for a passphrase that is empty or too long */
export async function sealWithPassphrase(secret: string, passphrase: string, derive = deriveHere): Promise<Bytes> {
  const typed = canonical(passphrase)
  const encrypter = new Encrypter()
  encrypter.addRecipient({
    wrapFileKey(fileKey) {
      const salt = randomBytes(16)
      const key = derive(typed, concat(label, salt), 2 ** workFactor)
      const args = ["scrypt", base64nopad.encode(salt), String(workFactor)]
      return [new Stanza(args, chacha20poly1305(key, nonce).encrypt(fileKey))]
    },
  })
  return (await encrypter.encrypt(utf8(secret))) as Bytes
}

/**
 * What was sealed, or null for a wrong passphrase.
 *
 * @throws `bad-identity` for what is damaged or was sealed otherwise, `usage`
 */
export async function openWithPassphrase(
  file: Uint8Array,
  passphrase: string,
  derive = deriveHere,
): Promise<string | null> {
  const typed = canonical(passphrase)
  // An object: the compiler does not see that the callback ran.
  const seen = { isWrong: false }
  const decrypter = new Decrypter()
  decrypter.addIdentity({
    unwrapFileKey(stanzas) {
      const { salt, N, body } = readStanza(stanzas)
      const key = derive(typed, concat(label, salt), N)
      try {
        return chacha20poly1305(key, nonce).decrypt(body)
      } catch {
        seen.isWrong = true
        return null
      }
    },
  })
  try {
    return utf8ToText(await decrypter.decrypt(file))
  } catch {
    // The library throws plain errors for every fault of a file.
    if (seen.isWrong) return null
    throw damaged()
  }
}

function readStanza([stanza, ...others]: Stanza[]): { salt: Uint8Array; N: number; body: Uint8Array } {
  const { args = [], body = new Uint8Array() } = stanza ?? {}
  const [type, salt = "", factor = "", ...more] = args
  if (others.length > 0 || more.length > 0 || type !== "scrypt" || !/^[1-9]\d?$/.test(factor)) throw damaged()
  const saltBytes = base64nopad.decode(salt)
  if (saltBytes.length !== 16 || body.length !== 32 || Number(factor) > maxWorkFactor) throw damaged()
  return { salt: saltBytes, N: 2 ** Number(factor), body }
}

function damaged(): PspError {
  return new PspError("bad-identity", "Cannot unlock identity: what is locked is damaged")
}

/** Characters. What a person types, and not a file that was named by mistake. */
const longest = 1024

/** One passphrase for all keyboards: some write é as one character and some as two. */
function canonical(passphrase: string): Bytes {
  const text = passphrase.normalize("NFC")
  if (text === "") throw new PspError("usage", "Cannot use this passphrase: it is empty")
  if (text.length > longest) throw new PspError("usage", `Cannot use this passphrase: it is longer than ${longest}`)
  return utf8(text)
}
