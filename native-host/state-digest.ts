import { createHash } from "node:crypto"
import { comparedText } from "../shared/merge/changes.js"
import { fieldsOf } from "../shared/merge/fields.js"
import type { Snapshot } from "../shared/snapshot.js"

/** Tells whether two snapshots hold the same state, in whatever order and whenever they were captured; never written down. */
export function digestOfState(snapshot: Snapshot): string {
  const hash = createHash("sha256")
  const fields = [...fieldsOf(snapshot)].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [id, { value }] of fields) hash.update(`${id}\n${comparedText(value)}\n`)
  return hash.digest("hex")
}
