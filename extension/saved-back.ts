import { livesOf } from "../shared/merge.js"
import { describeField } from "../shared/merge/describe.js"
import { pathOf } from "../shared/merge/fields.js"
import type { LoadedSession, Vault } from "../shared/vault.js"
import { tickFor } from "./entrance.js"
import { memberNames } from "./member-names.js"
import type { Tick } from "./sync-settings.js"

/** Something of a saved session that was last written by a bot, or by a device that is no owner any more: a name, no value. */
export interface SavedBack extends Tick {
  where: string
  what: string
  by: string
}

/** What of a saved session the person's own devices did not write: it may be the token that lives on, or a login of somebody else. */
export async function savedBackIn(vault: Vault, session: LoadedSession): Promise<SavedBack[]> {
  const owners = new Set(vault.owners().map(({ writerId }) => writerId))
  const nameOf = await memberNames(vault)
  return [...livesOf(session.state())].flatMap(([id, live]) => {
    if (owners.has(live.writer) || pathOf(id)[0] === "area") return []
    const { where, what } = describeField(id)
    return [{ ...tickFor(live), where, what, by: nameOf(live.writer) }]
  })
}
