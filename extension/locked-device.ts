import { base64, base64ToBytes } from "../shared/bytes.js"
import { PspError } from "../shared/errors.js"
import { lockedIdentity, parseIdentity, type Identity, type OpenIdentity } from "../shared/keys.js"

/** This browser's identity as it is kept. */
export interface Device {
  identity: Identity
  /** What opens, as an age file under the person's passphrase; null where it is not locked. */
  file: Uint8Array | null
}

/** As it lies in IndexedDB: what signs is readable, for saving needs no unlocking; what opens is not. */
interface Written {
  psp: 1
  name: string
  /** Base64. */
  writer: string
  vault: string | null
  /** `age1…` */
  recipient: string
  /** Base64 of the age file. */
  file: string
}

export async function deviceToText(open: OpenIdentity, file: Uint8Array): Promise<string> {
  const { name, writer, vault, recipient = "" } = await lockedIdentity(open)
  const written: Written = { psp: 1, name, writer: base64(writer), vault, recipient, file: base64(file) }
  return JSON.stringify(written)
}

/** @throws `bad-identity` */
export function parseDevice(text: string): Device {
  if (!text.startsWith("{")) return { identity: parseIdentity(text), file: null }
  const { name, writer, vault, recipient, file } = JSON.parse(text) as Written
  const [seed, bytes] = [base64ToBytes(writer), base64ToBytes(file)]
  if (seed?.length !== 32 || bytes === null) {
    throw new PspError("bad-identity", "Cannot read this browser's identity: what is kept of it is damaged")
  }
  return { identity: { name, writer: seed, vault, age: null, recipient }, file: bytes }
}
