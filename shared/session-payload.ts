import { utf8Length, utf8ToText } from "./bytes.js"
import type { Plaintext } from "./envelope.js"
import { PspError } from "./errors.js"
import { jsonPieces } from "./json-pieces.js"
import { maxSnapshotBytes, parseSnapshot, type Snapshot } from "./snapshot.js"

/**
 * The plaintext of a `base` envelope: `{"kind":"base","v":1,"snapshot":{…}}`. Readers leave keys they do not know aside,
 * so that what merging needs can be added beside the snapshot, and `check` stands there. A large one is written twice, once for its length, so that
 * there is no other copy of it than the one that is sealed.
 *
 * @throws `too-large`
 */
export function basePlaintext(snapshot: Snapshot): Plaintext {
  const { check, ...rest } = snapshot
  const payload = { kind: "base", v: 1, snapshot: rest, ...(check === undefined ? {} : { check }) }
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

/** @throws `damaged`, `too-new`, `bad-snapshot` */
export function parseBase(bytes: Uint8Array): Snapshot {
  let value: unknown
  try {
    value = JSON.parse(utf8ToText(bytes))
  } catch {
    throw new PspError("damaged", "Cannot read session: what was sealed is not JSON")
  }
  const { kind, v, snapshot, check } = (value ?? {}) as Partial<Record<"kind" | "v" | "snapshot" | "check", unknown>>
  if (typeof v === "number" && v > 1) {
    throw new PspError("too-new", "Cannot read session: a newer version saved it; update this one")
  }
  if (kind !== "base" || v !== 1) throw new PspError("damaged", "Cannot read session: what was sealed is no session")
  if (check === undefined || typeof snapshot !== "object") return parseSnapshot(snapshot)
  return parseSnapshot({ ...snapshot, check })
}
