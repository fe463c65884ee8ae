import { gcm } from "@noble/ciphers/aes.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha512 } from "@noble/hashes/sha2.js"
import { asBufferSource, concat, equalBytes, randomBytes, utf8, type Bytes } from "./bytes.js"

/**
 * Cobblestone-256: AES-256-GCM in chunks with a commitment to key and context.
 *
 *     salt 24 || commitment 32 || chunk 0 || chunk 1 || … || last chunk
 *
 *     key 32 || base nonce 12 || commitment 32 = HKDF-Expand-SHA-512(secret,
 *         "c2sp.org/chunked-encryption@v1+" || "AEAD_AES_256_GCM" || 0x00 || salt || context)
 *
 * A chunk holds 16 KiB of plaintext and a 16-byte tag; its nonce is the base nonce XOR its number (big-endian). The
 * last chunk is always shorter than 16 KiB, so a message that ends early or goes on too long cannot pass.
 *
 * @see https://c2sp.org/chunked-encryption
 */
export const chunkLength = 16 * 1024
const saltLength = 24
const commitmentLength = 32
const tagLength = 16
const label = utf8("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0")

/** How many WebCrypto calls are under way at once: enough to keep its threads busy, few enough to bound memory. */
const parallel = 64

/** Bytes that a plaintext of `length` bytes takes. */
export function cobblestoneLength(length: number): number {
  const chunks = Math.floor(length / chunkLength) + 1
  return saltLength + commitmentLength + length + chunks * tagLength
}

/**
 * @param secret 32 bytes, fresh for every message
 * @param context bound to the ciphertext: opening with another context fails
 * @param salt only for test vectors
 */
export async function encrypt(
  secret: Uint8Array,
  context: Uint8Array,
  plaintext: Uint8Array,
  salt?: Uint8Array,
): Promise<Bytes> {
  const message = new Uint8Array(cobblestoneLength(plaintext.length))
  message.set(plaintext, message.length - plaintext.length)
  await encryptInPlace(secret, context, message, plaintext.length, salt)
  return message
}

/**
 * As `encrypt`, where the plaintext is the last `length` bytes of the room that the message takes: each chunk is written a
 * little before where it came from, and was read by then, so a large session needs no room twice.
 */
export async function encryptInPlace(
  secret: Uint8Array,
  context: Uint8Array,
  message: Bytes,
  length: number,
  salt: Uint8Array = randomBytes(saltLength),
): Promise<void> {
  const { key, baseNonce, commitment } = derive(secret, salt, context)
  const cipher = await createChunkCipher(key)
  const plaintext = message.subarray(message.length - length)
  const chunks = Math.floor(length / chunkLength) + 1
  await forEachChunk(chunks, async (index) => {
    const chunk = plaintext.subarray(index * chunkLength, (index + 1) * chunkLength)
    const sealed = await cipher.encrypt(chunkNonce(baseNonce, index), chunk)
    message.set(sealed, saltLength + commitmentLength + index * (chunkLength + tagLength))
  })
  message.set(salt, 0)
  message.set(commitment, saltLength)
}

/**
 * The plaintext, or null for whatever is not exactly a message under this secret and context. It is written over the
 * message, which is used up either way: each chunk lies a little before where it came from, and was read by then.
 */
export async function decrypt(secret: Uint8Array, context: Uint8Array, message: Bytes): Promise<Bytes | null> {
  if (secret.length !== 32) return null
  const body = message.length - saltLength - commitmentLength
  if (body < tagLength) return null
  const lastChunk = body % (chunkLength + tagLength)
  // A last chunk of full length has no place in the format; 0 means that every chunk is full and the last is missing.
  if (lastChunk < tagLength) return null
  const { key, baseNonce, commitment } = derive(secret, message.subarray(0, saltLength), context)
  if (!equalBytes(commitment, message.subarray(saltLength, saltLength + commitmentLength))) return null
  const cipher = await createChunkCipher(key)
  const chunks = Math.floor(body / (chunkLength + tagLength)) + 1
  const plaintext = message.subarray(0, body - chunks * tagLength)
  const whole = message.subarray(saltLength + commitmentLength)
  try {
    await forEachChunk(chunks, async (index) => {
      const start = index * (chunkLength + tagLength)
      const chunk = whole.subarray(start, start + chunkLength + tagLength)
      plaintext.set(await cipher.decrypt(chunkNonce(baseNonce, index), chunk), index * chunkLength)
    })
  } catch {
    // WebCrypto and noble throw on a bad tag; whatever else may throw here, nothing was opened.
    message.fill(0)
    return null
  }
  return plaintext
}

function derive(secret: Uint8Array, salt: Uint8Array, context: Uint8Array) {
  const okm = hkdfExpandSha512(secret, concat(label, salt, context), 32 + 12 + commitmentLength)
  return { key: okm.subarray(0, 32), baseNonce: okm.subarray(32, 44), commitment: okm.subarray(44) }
}

/** RFC 5869 §2.3. noble's `expand()` wants a key as long as the hash; the standard and Cobblestone-256 do not. */
function hkdfExpandSha512(secret: Uint8Array, info: Uint8Array, length: number): Bytes {
  const okm = new Uint8Array(length)
  let block: Uint8Array = new Uint8Array(0)
  for (let offset = 0, counter = 1; offset < length; offset += block.length, counter++) {
    block = hmac(sha512, secret, concat(block, info, Uint8Array.of(counter)))
    okm.set(block.subarray(0, length - offset), offset)
  }
  return okm
}

function chunkNonce(baseNonce: Uint8Array, index: number): Bytes {
  const nonce = baseNonce.slice()
  const view = new DataView(nonce.buffer)
  view.setUint32(8, view.getUint32(8) ^ index)
  return nonce
}

interface ChunkCipher {
  encrypt(nonce: Bytes, chunk: Uint8Array): Uint8Array | Promise<Uint8Array>
  decrypt(nonce: Bytes, chunk: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/**
 * WebCrypto with the key imported once where there is one (570 MB/s measured), noble's pure AES elsewhere (50 MB/s):
 * pages without a secure context have no `crypto.subtle`.
 */
async function createChunkCipher(key: Uint8Array): Promise<ChunkCipher> {
  const subtle = (crypto as { subtle?: SubtleCrypto }).subtle
  if (subtle === undefined) return createPureChunkCipher(key)
  const imported = await subtle.importKey("raw", asBufferSource(key), "AES-GCM", false, ["encrypt", "decrypt"])
  return {
    encrypt: async (iv, chunk) =>
      new Uint8Array(await subtle.encrypt({ name: "AES-GCM", iv }, imported, asBufferSource(chunk))),
    decrypt: async (iv, chunk) =>
      new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv }, imported, asBufferSource(chunk))),
  }
}

export function createPureChunkCipher(key: Uint8Array): ChunkCipher {
  return {
    encrypt: (nonce, chunk) => gcm(key, nonce).encrypt(chunk),
    decrypt: (nonce, chunk) => gcm(key, nonce).decrypt(chunk),
  }
}

async function forEachChunk(count: number, work: (index: number) => Promise<void>): Promise<void> {
  for (let start = 0; start < count; start += parallel) {
    const batch = Array.from({ length: Math.min(parallel, count - start) }, (_, i) => work(start + i))
    const done = await Promise.allSettled(batch)
    // Only when all have ended is there nobody left who writes.
    for (const one of done) if (one.status === "rejected") throw one.reason
  }
}
