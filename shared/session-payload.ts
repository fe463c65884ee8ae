import { utf8, utf8ToText, type Bytes } from "./bytes.js"
import { PspError } from "./errors.js"
import { maxSnapshotBytes, parseSnapshot, snapshotToJson, type Snapshot } from "./snapshot.js"

/**
 * The plaintext of a `base` envelope: `{"kind":"base","v":1,"snapshot":{…}}`. Readers leave keys they do not know aside,
 * so that what merging needs can be added beside the snapshot.
 */
export function baseToBytes(snapshot: Snapshot): Bytes {
  const bytes = utf8(`{"kind":"base","v":1,"snapshot":${snapshotToJson(snapshot)}}`)
  if (bytes.length <= maxBaseBytes) return bytes
  const [have, most] = [bytes.length, maxBaseBytes].map((size) => (size / 2 ** 20).toFixed(1))
  throw new PspError("too-large", `Cannot seal session: it has ${have} MiB, and ${most} MiB fit; save less of the site`)
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
