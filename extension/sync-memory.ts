import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import type { FieldId } from "../shared/merge/fields.js"
import { hex, hexToBytes, randomBytes, utf8 } from "../shared/bytes.js"
import type { Clock } from "../shared/hlc.js"
import type { Stamp } from "../shared/merge.js"
import type { Known, KnownFields } from "../shared/merge/changes.js"
import { deleteKept, keepFirst, readKept, updateKept, writeKept } from "./db.js"
import type { SessionName } from "./forget.js"

/**
 * What this browser remembers of the sessions that it keeps in sync: for each field its name, its stamp and a keyed hash of its
 * value, never the value. That is enough to see what changed, and to say so with the right stamps.
 */
export interface SyncMemory {
  known: KnownFields
  /** What was deleted here, and when. */
  gone: ReadonlyMap<FieldId, Stamp>
  /** How many changes were sealed since the last whole save. */
  deltas: number
  /** When the last whole save was sealed (ms since epoch): a session ends some weeks after that. */
  wholeAt: number
  /** When the latest saves were sealed (ms since epoch). */
  saves: number[]
  /** To which devices of the person the last whole save was sealed, by writer id: one that came since cannot read the rest. */
  owners: string[]
  /** What bots were told that they cannot see by themselves. */
  passed: Passed
}

export interface Passed {
  /** What bots changed, by when. Of those that the last whole save holds there is no need to tell. */
  fields: [FieldId, Clock][]
  /** Up to when what this browser changed went to all that could read it then. */
  own: Clock
  /** Who could, as ids of copies. */
  copies: string[]
}

export async function readMemory(session: SessionName): Promise<SyncMemory | null> {
  const text = await readKept(nameOf(session))
  return text === null || text === "" ? null : parse(text)
}

export async function writeMemory(session: SessionName, memory: SyncMemory): Promise<void> {
  await writeKept(nameOf(session), textOf(memory))
}

/** Changes what is remembered of some fields, where it still is what it was: a save in between knows better. */
export async function learn(
  session: SessionName,
  learned: ReadonlyMap<FieldId, { before: Known | undefined; now: Known | undefined }>,
): Promise<void> {
  await change(session, (memory) => {
    const known = new Map(memory.known)
    for (const [field, { before, now }] of learned) {
      if (JSON.stringify(known.get(field)) !== JSON.stringify(before)) continue
      if (now === undefined) known.delete(field)
      else known.set(field, now)
    }
    return { ...memory, known }
  })
}

export async function notePassed(session: SessionName, passed: Passed): Promise<void> {
  await change(session, (memory) => ({ ...memory, passed }))
}

async function change(session: SessionName, work: (memory: SyncMemory) => SyncMemory): Promise<void> {
  await updateKept(nameOf(session), (text) => {
    const memory = text === null || text === "" ? null : parse(text)
    // Switched off meanwhile: nothing is remembered any more.
    return memory === null ? (text ?? "") : textOf(work(memory))
  })
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

interface Written extends Omit<SyncMemory, "known" | "gone"> {
  known: [FieldId, Known][]
  gone: [FieldId, Stamp][]
}

/** The latest ones: a page that makes and deletes keys for ever must not fill the disk. */
const maxGone = 5_000

function parse(text: string): SyncMemory {
  const { known, gone, ...rest } = JSON.parse(text) as Written
  return { known: new Map(known), gone: new Map(gone), ...rest }
}

function textOf({ known, gone, ...rest }: SyncMemory): string {
  return JSON.stringify({ known: [...known], gone: [...gone].slice(-maxGone), ...rest })
}

function nameOf({ site, account }: SessionName): string {
  return `fields ${site} ${account}`
}
