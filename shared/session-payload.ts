import { utf8Length, utf8ToText } from "./bytes.js"
import type { Plaintext } from "./envelope.js"
import { PspError } from "./errors.js"
import { jsonPieces } from "./json-pieces.js"
import { maxSnapshotBytes, parseSnapshot, type Snapshot } from "./snapshot.js"

/**
 * The plaintext of a `base` envelope: `{"kind":"base","v":1,"snapshot":{…}}`. Readers leave keys they do not know aside,
 * so that what merging needs can be added beside the snapshot. It is made twice, once for its length, because a session may
 * be large and there is no other copy of it than the one that is sealed.
 *
 * @throws `too-large`
 */
export function basePlaintext(snapshot: Snapshot): Plaintext {
  const texts = () => inSlices(jsonPieces({ kind: "base", v: 1, snapshot }))
  let length = 0
  for (const text of texts()) length += utf8Length(text)
  if (length > maxBaseBytes) {
    const [have, most] = [length, maxBaseBytes].map((size) => (size / 2 ** 20).toFixed(1))
    throw new PspError(
      "too-large",
      `Cannot seal session: it has ${have} MiB, and ${most} MiB fit; save less of the site`,
    )
  }
  return {
    length,
    writeTo(target) {
      let at = 0
      for (const text of texts()) at += encoder.encodeInto(text, target.subarray(at)).written
    },
  }
}

/** Text that is worth a call of the encoder (characters). */
const sliceLength = 8 * 1024
const encoder = new TextEncoder()

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

/** The snapshot and what stands around it. */
const maxBaseBytes = maxSnapshotBytes + 64

/** @throws `damaged`, `too-new`, `bad-snapshot` */
export function parseBase(bytes: Uint8Array): Snapshot {
  let value: unknown
  try {
    value = JSON.parse(utf8ToText(bytes))
  } catch {
    throw new PspError("damaged", "Cannot read session: what was sealed is not JSON")
  }
  const { kind, v, snapshot } = (value ?? {}) as { kind?: unknown; v?: unknown; snapshot?: unknown }
  if (typeof v === "number" && v > 1) {
    throw new PspError("too-new", "Cannot read session: a newer version saved it; update this one")
  }
  if (kind !== "base" || v !== 1) throw new PspError("damaged", "Cannot read session: what was sealed is no session")
  return parseSnapshot(snapshot)
}
