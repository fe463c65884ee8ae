import { createHash } from "node:crypto"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { PspError } from "../shared/errors.js"
import { writePrivateFile } from "./private-file.js"

/** How many offers wait at most: nobody reads a longer list of fingerprints. */
export const maxOffers = 32

export function offersFolder(home: string): string {
  return join(home, "offers")
}

/**
 * Keeps the public card that an extension hands to this computer, as `offers/<writer id>.card`, until `psp trust` answers
 * it. A newer card of the same writer replaces the older one. The card's signature is checked by whoever adopts it.
 *
 * @throws `bad-card`, `full` when 32 are waiting
 */
export async function saveOffer(home: string, card: string): Promise<void> {
  const name = `${writerIdIn(card)}.card`
  const waiting = (await namesIn(offersFolder(home))).filter((entry) => /^[0-9a-f]{32}\.card$/.test(entry))
  if (!waiting.includes(name) && waiting.length >= maxOffers) {
    throw new PspError("full", `Cannot keep the offer: ${maxOffers} are waiting already; answer them with: psp trust`)
  }
  await writePrivateFile(join(offersFolder(home), name), `${card}\n`)
}

/** The writer id in a card (see shared/keys.ts): first 16 bytes of SHA-256 of bytes 1 to 32, hex. */
function writerIdIn(card: string): string {
  const writer = bech32Bytes(card, "psp")?.subarray(1, 33)
  if (writer?.length !== 32) throw new PspError("bad-card", "Cannot keep the offer: its card is damaged or cut off")
  return createHash("sha256").update(writer).digest("hex").slice(0, 32)
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return []
    throw error
  }
}

const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]

/**
 * BIP 173, decoding only, without its limit of 90 characters; null when the checksum does not fit. Written out here
 * because the host starts with every click and loads no library.
 */
function bech32Bytes(text: string, prefix: string): Uint8Array | null {
  const words = Array.from(text.slice(prefix.length + 1), (char) => alphabet.indexOf(char))
  if (!text.startsWith(`${prefix}1`) || words.includes(-1) || words.length < 6) return null
  const codes = Array.from(prefix, (char) => char.charCodeAt(0))
  const all = [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31), ...words]
  let sum = 1
  for (const word of all) {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ word
    generator.forEach((value, bit) => (sum ^= (top >> bit) & 1 ? value : 0))
  }
  if (sum >>> 0 !== 1) return null
  const bytes: number[] = []
  let bits = 0
  let held = 0
  for (const word of words.slice(0, -6)) {
    held = ((held << 5) | word) & 0xfff
    bits += 5
    if (bits >= 8) bytes.push((held >> (bits -= 8)) & 0xff)
  }
  return Uint8Array.from(bytes)
}
