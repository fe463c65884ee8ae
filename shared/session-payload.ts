import { base64ToBytes, base64, utf8, utf8Length } from "./bytes.js"
import type { Plaintext } from "./envelope.js"
import { PspError } from "./errors.js"
import { isClock, type Clock } from "./hlc.js"
import { jsonPieces } from "./json-pieces.js"
import { parseStamps, type Stamps } from "./merge/stamps.js"
import { parsePayload } from "./payload.js"
import { maxSnapshotBytes, parseSnapshot, type Snapshot } from "./snapshot.js"

/**
 * The plaintext of a `base` envelope: `{"kind":"base","v":1,"snapshot":{…},"check":{…},"stamps":{…},"heads":{…}}`. Readers
 * leave keys they do not know aside, so that what merging needs stands beside the snapshot (`merge/stamps.ts`). A large one is written twice, once for its length, so that
 * there is no other copy of it than the one that is sealed.
 *
 * @throws `too-large`
 */
export function basePlaintext(snapshot: Snapshot, { stamps, heads }: Omit<Base, "snapshot"> = {}): Plaintext {
  const { check, ...rest } = snapshot
  const beside = { ...(check && { check }), ...(stamps && { stamps }), ...(heads && { heads }) }
  const payload = { kind: "base", v: 1, snapshot: rest, ...beside }
  const isLarge = hasMoreThan(largeSession, snapshot)
  const whole = isLarge ? [] : [JSON.stringify(payload)]
  const plaintext = plaintextOf(() => (isLarge ? inSlices(jsonPieces(payload)) : whole))
  if (plaintext.length <= maxBaseBytes) return plaintext
  const [have, most] = [plaintext.length, maxBaseBytes].map((size) => (size / 2 ** 20).toFixed(1))
  throw new PspError("too-large", `Cannot seal session: it has ${have} MiB, and ${most} MiB fit; save less of the site`)
}

/** From here on memory counts more than time (characters). */
const largeSession = 8 * 1024 * 1024
/** Text that is worth a call of the encoder (characters). */
const sliceLength = 8 * 1024
const encoder = new TextEncoder()

function plaintextOf(texts: () => Iterable<string>): Plaintext {
  let length = 0
  for (const text of texts()) length += utf8Length(text)
  return {
    length,
    writeTo(target) {
      let at = 0
      let isWhole = true
      for (const text of texts()) {
        const { read, written } = encoder.encodeInto(text, target.subarray(at))
        isWhole &&= read === text.length
        at += written
      }
      // Never sealed as it is: nobody could read it.
      if (!isWhole || at !== length) throw new PspError("internal", "Cannot seal session: it changed meanwhile")
    },
  }
}

function* inSlices(pieces: Iterable<string>): Generator<string, void, undefined> {
  let text = ""
  for (const piece of pieces) {
    text += piece
    if (text.length < sliceLength) continue
    yield text
    text = ""
  }
  yield text
}

function hasMoreThan(characters: number, value: unknown): boolean {
  let left = characters
  const look = (item: unknown) => {
    if (typeof item === "string") left -= item.length
    else if (typeof item === "object" && item !== null)
      for (const inner of Object.values(item)) if (left >= 0) look(inner)
  }
  look(value)
  return left < 0
}

/** The snapshot and what stands around it; `check` counts as part of the snapshot. */
const maxBaseBytes = maxSnapshotBytes + 64

/** What a base holds. */
export interface Base {
  snapshot: Snapshot
  /** Without them it is a capture that knew of nothing before it. */
  stamps?: Stamps
  /** By writer id: up to which clock everything of that writer is in it; the base itself when left out. */
  heads?: Record<string, Clock>
}

/** @throws `damaged`, `too-new`, `bad-snapshot` */
export function parseBase(bytes: Uint8Array): Base {
  const { snapshot, check, stamps, heads } = parsePayload(bytes, "base", "a session")
  const whole = check === undefined || typeof snapshot !== "object" ? snapshot : { ...snapshot, check }
  return {
    snapshot: parseSnapshot(whole),
    ...(stamps !== undefined && { stamps: parseStamps(stamps) }),
    ...(heads !== undefined && { heads: parseHeads(heads) }),
  }
}

function parseHeads(value: unknown): Record<string, Clock> {
  const heads = typeof value === "object" && value !== null ? Object.entries(value) : []
  if (heads.every((head): head is [string, Clock] => isClock(head[1]))) return Object.fromEntries(heads)
  throw new PspError("damaged", "Cannot read session: what it covers is not as expected")
}

/** The plaintext of a `delta` envelope: `{"kind":"delta","v":1,"update":"…"}`, a Yjs update in Base64 (`merge/registers.ts`). */
export function deltaPlaintext(update: Uint8Array): Uint8Array {
  return utf8(JSON.stringify({ kind: "delta", v: 1, update: base64(update) }))
}

/** The Yjs update in a delta. @throws `damaged`, `too-new` */
export function parseDelta(bytes: Uint8Array): Uint8Array {
  const { update } = parsePayload(bytes, "delta", "changes of a session")
  const parsed = typeof update === "string" ? base64ToBytes(update) : null
  if (parsed === null) throw new PspError("damaged", "Cannot read changes of a session: what was sealed is no update")
  return parsed
}
