import { browser } from "wxt/browser"
import { describeField } from "../shared/merge/describe.js"
import type { KnownFields } from "../shared/merge/changes.js"
import { pathOf } from "../shared/merge/fields.js"
import type { Register } from "../shared/merge.js"
import { mostNames } from "../shared/vault/event-payload.js"
import { recordAccess } from "../shared/record-access.js"
import type { EventSays, Vault } from "../shared/vault.js"

/** What the access history calls this extension. */
export const tool = "extension"

/** Of what the history does not tell. */
export interface Untold {
  /** How many events, since the browser was started. */
  count: number
  /** One sentence, about the last of them. */
  why: string
}

/** Leaves in the access history what was done; what it could not tell is kept, to be shown beside it. Never throws. */
export async function noteAccess(vault: Pick<Vault, "record">, events: readonly EventSays[]): Promise<void> {
  if (events.length === 0) return
  const why = await recordAccess(vault, events)
  if (why === null) return
  const count = ((await readUntold())?.count ?? 0) + events.length
  await browser.storage.session.set({ untold: { count, why } satisfies Untold }).catch(() => undefined)
}

export async function readUntold(): Promise<Untold | null> {
  const { untold = null } = await browser.storage.session.get<{ untold?: Untold }>("untold")
  return untold
}

/** What changed, in words that hold no value. */
export function changeNames(known: KnownFields, changed: readonly Register[]): string[] {
  const counted = changed.filter(({ field }) => !["area", "tab"].includes(pathOf(field)[0]))
  const names = counted.map((register) => {
    const change = "deleted" in register ? "removed" : known.has(register.field) ? "changed" : "added"
    const { what, where } = describeField(register.field)
    return where === "" ? `${change} ${what}` : `${change} ${what} (${where})`
  })
  const told = [...new Set(names)]
  // They wait beside the save: what no event would hold is only counted.
  if (told.length <= mostNames) return told
  return [...told.slice(0, mostNames - 1), `${told.length - mostNames + 1} more changes`]
}
