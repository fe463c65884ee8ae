import { sha256 as sha256Here } from "@noble/hashes/sha2.js"
import { asBufferSource, type Bytes } from "./bytes.js"

/** WebCrypto takes a copy of what it hashes, which from here on counts more than time does: it is five times as fast. */
const largeHash = 16 * 1024 * 1024

export async function sha256(bytes: Uint8Array): Promise<Bytes> {
  if (bytes.length > largeHash) return sha256Here(bytes)
  return new Uint8Array(await crypto.subtle.digest("SHA-256", asBufferSource(bytes)))
}
