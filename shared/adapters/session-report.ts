import type { Live, Register } from "../merge.js"
import { describeField } from "../merge/describe.js"
import { pathOf, type FieldId } from "../merge/fields.js"
import type { Refusal } from "../merge/rules.js"
import { gapKinds, type GapKind } from "../report.js"

/** Things of one kind and name that a save changed: never what they hold. */
export interface SavedChange {
  kind: GapKind
  /** Origin or cookie domain. */
  where: string
  /** `cookie "sid"`, `key "token"`. */
  what: string
  change: "added" | "changed" | "removed"
  count: number
}

/** A change that does not count, or not until the person takes it. */
export interface RefusedChange extends Omit<SavedChange, "change"> {
  why: string
}

/** What changed beside the values that were known, by name; that a place was looked at is no change. */
export function tellChanges(
  known: ReadonlyMap<FieldId, Live>,
  changed: Register[],
  refusals: Refusal[],
): { changes: SavedChange[]; refused: RefusedChange[] } {
  const held = new Set(refusals.map(({ register }) => register))
  const changes = changed
    .filter((register) => countsAsChange(register) && !held.has(register))
    .map((register): SavedChange => {
      const change = "deleted" in register ? "removed" : known.has(register.field) ? "changed" : "added"
      return { ...describeField(register.field), change, count: 1 }
    })
  const refused = refusals
    .filter(({ register }) => countsAsChange(register))
    .map(({ register, why }): RefusedChange => ({ ...describeField(register.field), why, count: 1 }))
  return { changes: counted(changes), refused: counted(refused) }
}

/** What was looked at, and where tabs are, comes along with what changed, and is no reason to save. */
export function countsAsChange({ field }: Register): boolean {
  const [kind] = pathOf(field)
  return kind !== "area" && kind !== "tab"
}

/** Equal lines as one, kind by kind. */
function counted<Line extends { kind: GapKind; count: number }>(lines: Line[]): Line[] {
  const found = new Map<string, Line>()
  for (const line of lines) {
    const id = JSON.stringify(line)
    const same = found.get(id)
    found.set(id, same === undefined ? line : { ...same, count: same.count + line.count })
  }
  const rank = ({ kind }: Line) => gapKinds.indexOf(kind)
  return [...found.values()].sort((a, b) => rank(a) - rank(b))
}
