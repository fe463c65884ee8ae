import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { hex, hexToBytes, randomBytes, utf8 } from "../shared/bytes.js"
import type { Clock } from "../shared/hlc.js"
import type { Known, KnownFields } from "../shared/merge/changes.js"
import { deleteKept, keepFirst, readKept, writeKept } from "./db.js"
import type { SessionName } from "./forget.js"

/**
 * What this browser remembers of the sessions that it keeps in sync: for each field its name, its stamp and a keyed hash of its
 * value, never the value. That is enough to see what changed, and to say so with the right stamps.
 */
export interface SyncMemory {
  known: KnownFields
  /** By writer id: up to which clock everything of that writer is in it. */
  heads: Record<string, Clock>
  /** How many changes were sealed since the last whole save. */
  deltas: number
}

export async function readMemory(session: SessionName): Promise<SyncMemory | null> {
  const text = await readKept(nameOf(session))
  if (text === null) return null
  const { known, heads, deltas } = JSON.parse(text) as { known: [string, Known][] } & Omit<SyncMemory, "known">
  return { known: new Map(known), heads, deltas }
}

export async function writeMemory(session: SessionName, { known, ...rest }: SyncMemory): Promise<void> {
  await writeKept(nameOf(session), JSON.stringify({ known: [...known], ...rest }))
}

export async function forgetMemory(session: SessionName): Promise<void> {
  await deleteKept(nameOf(session))
}

/** Stands for a value: with a key of this browser it can neither be looked up nor compared elsewhere. */
export async function createDigest(): Promise<(json: string) => string> {
  const kept = await keepFirst("sync key", hex(randomBytes(32)))
  const key = hexToBytes(kept) ?? randomBytes(32)
  return (json) => hex(hmac(sha256, key, utf8(json)).subarray(0, 16))
}

function nameOf({ site, account }: SessionName): string {
  return `fields ${site} ${account}`
}
