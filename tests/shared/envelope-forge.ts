import { createCipheriv, createHash, createHmac, createPrivateKey, hkdfSync, sign as signWith } from "node:crypto"
import { Encrypter } from "age-encryption"
import type { Header } from "../../shared/envelope.js"
import type { Identity } from "../../shared/keys.js"
import { idOf, writerIdOf } from "../../shared/keys.js"

/**
 * The sealed format once more, from its description and over node:crypto, with a hand in every step: the hostile writer of
 * the tests, and a second opinion on what `seal` writes.
 */
export interface Forge {
  header: Omit<Header, "writer"> & { writer?: string }
  plaintext: Uint8Array
  recipients: string[]
  writer: Identity
  dek?: Buffer
  /** Of that DEK, made before: most of the time goes there. */
  wraps?: Wrap[]
  /** Hands in the works; each gets the right value and returns what is written. */
  headerText?: (text: string) => string
  context?: (header: Buffer) => Buffer
  padded?: (padded: Buffer) => Buffer
  chunkNumber?: (index: number) => number
  chunks?: (plaintext: Buffer) => Buffer[]
  commitment?: (commitment: Buffer) => Buffer
  mac?: (mac: Buffer) => Buffer
  sig?: (sig: Buffer) => Buffer
  outer?: (envelope: Record<string, unknown>) => Record<string, unknown>
}

export async function forge(f: Forge): Promise<Uint8Array> {
  const dek = f.dek ?? createHash("sha256").update(Math.random().toString()).digest()
  const { v, typ, vault, sid, writer = await writerIdOf(f.writer), clock, exp, seen, cipher, pad } = f.header
  const ordered = { v, typ, vault, sid, writer, clock, exp, seen, cipher, pad }
  const headerText = JSON.stringify(ordered)
  const header = Buffer.from(f.headerText?.(headerText) ?? headerText)
  const wraps = f.wraps ?? (await Promise.all(f.recipients.map((recipient) => wrapFor(dek, recipient))))
  const ct = seal(f, dek, f.context?.(header) ?? header)
  const wrapBytes = Buffer.concat(
    wraps.flatMap(({ to, age }) => [u16(to.length), Buffer.from(to), u32(age.length), age]),
  )
  const transcript = Buffer.concat([
    Buffer.from("psp/1\0"),
    u32(0),
    u32(header.length),
    header,
    createHash("sha256").update(wrapBytes).digest(),
    createHash("sha256").update(ct).digest(),
  ])
  const macKey = Buffer.from(hkdfSync("sha256", dek, Buffer.alloc(32), "psp/1 mac", 32))
  const rightMac = createHmac("sha256", macKey).update(transcript).digest()
  const mac = f.mac?.(rightMac) ?? rightMac
  const rightSig = signWith(null, Buffer.concat([transcript, mac]), privateKey(f.writer.writer))
  const envelope = {
    psp: 1,
    hdr: header.toString("base64"),
    wraps: wraps.map(({ to, age }) => ({ to, age: age.toString("base64") })),
    ct: ct.toString("base64"),
    mac: mac.toString("base64"),
    sig: (f.sig?.(rightSig) ?? rightSig).toString("base64"),
  }
  return Buffer.from(JSON.stringify(f.outer?.(envelope) ?? envelope))
}

interface Wrap {
  to: string
  age: Buffer
}

export async function wrapFor(dek: Buffer, recipient: string): Promise<Wrap> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return { to: await idOf(Buffer.from(recipient)), age: Buffer.from(await encrypter.encrypt(dek)) }
}

export { recipientOf } from "../../shared/keys.js"

function seal(f: Forge, dek: Buffer, context: Buffer): Buffer {
  const length = Math.max(1024, padme(f.plaintext.length + 4))
  const rightPadded = Buffer.concat([u32(f.plaintext.length), f.plaintext], length)
  const padded = f.padded?.(rightPadded) ?? rightPadded
  const salt = createHash("sha256").update(dek).digest().subarray(0, 24)
  const info = Buffer.concat([Buffer.from("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"), salt, context])
  const one = createHmac("sha512", dek)
    .update(Buffer.concat([info, Buffer.of(1)]))
    .digest()
  const two = createHmac("sha512", dek)
    .update(Buffer.concat([one, info, Buffer.of(2)]))
    .digest()
  const okm = Buffer.concat([one, two])
  const chunks =
    f.chunks?.(padded) ??
    Array.from({ length: Math.floor(padded.length / 16384) + 1 }, (_, i) => padded.subarray(i * 16384, (i + 1) * 16384))
  const sealed = chunks.map((chunk, index) => {
    const nonce = Buffer.from(okm.subarray(32, 44))
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ (f.chunkNumber?.(index) ?? index)) >>> 0, 8)
    const cipher = createCipheriv("aes-256-gcm", okm.subarray(0, 32), nonce)
    return Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()])
  })
  const commitment = okm.subarray(44, 76)
  return Buffer.concat([salt, f.commitment?.(Buffer.from(commitment)) ?? commitment, ...sealed])
}

function padme(length: number): number {
  if (length < 2) return length
  const exponent = Math.floor(Math.log2(length))
  const drop = exponent - (Math.floor(Math.log2(exponent)) + 1)
  const mask = 2 ** drop - 1
  return Math.ceil(length / (mask + 1)) * (mask + 1)
}

function privateKey(seed: Uint8Array) {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed])
  return createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" })
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
