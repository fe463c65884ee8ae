import { sha256 as sha256Here } from "@noble/hashes/sha2.js"
import { asBufferSource, type Bytes } from "./bytes.js"

/** WebCrypto is five times as fast, and takes a copy of what it hashes: from here on memory counts more than time (bytes). */
const largeHash = 16 * 1024 * 1024

export async function sha256(bytes: Uint8Array): Promise<Bytes> {
  if (bytes.length > largeHash) return sha256Here(bytes)
  return new Uint8Array(await crypto.subtle.digest("SHA-256", asBufferSource(bytes)))
}
