import { beginning, livesOf, type SessionState } from "../shared/merge.js"
import { comparedText, type Known, type KnownFields } from "../shared/merge/changes.js"
import { fieldsOf, type FieldId } from "../shared/merge/fields.js"
import type { Snapshot } from "../shared/snapshot.js"

/**
 * What a browser that saved a session by a click, and keeps it in sync from now on, knew at that click: what is here since then is its
 * own change, and what others wrote since is theirs.
 *
 * @param state of the session, right after that save
 * @param snapshot what is here now
 */
export function knownAtOwnSave(
  { state, writer }: { state: SessionState; writer: string },
  snapshot: Snapshot,
  digestOf: (json: string) => string,
): KnownFields {
  const here = fieldsOf(snapshot)
  const known = new Map<FieldId, Known>()
  for (const [id, live] of livesOf(state)) {
    const { clock, born, expiresAt, value } = live
    const digest = value === undefined ? "" : digestOf(comparedText(value))
    const now = here.get(id)
    if (live.writer === writer) known.set(id, { clock, writer, born, expiresAt, digest })
    else if (now !== undefined) {
      // Whether others' value ever came here is not known: as long as it does not change here, theirs counts.
      const own = digestOf(comparedText(now.value))
      const by = own === digest ? live : { clock: beginning, writer }
      known.set(id, { clock: by.clock, writer: by.writer, born, expiresAt, digest: own })
    }
  }
  return known
}
