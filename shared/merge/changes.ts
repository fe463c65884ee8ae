import { sessionIsFull } from "../budget.js"
import { clockMs, type Clock } from "../hlc.js"
import type { Live, Register, Stamp } from "../merge.js"
import type { Snapshot, TabState } from "../snapshot.js"
import { groupAt } from "./field-groups.js"
import { areaOf, fieldsOf, idOf, kindsOf, pathOf, type FieldId, type Fields, type Path } from "./fields.js"
import { isFieldOf } from "./rules.js"

/** What is remembered of a live field: enough to see that it changed, and not what it holds. */
export interface Known extends Stamp {
  born: Clock
  /** Of its value: the value itself where that may be held, else a keyed hash. */
  digest: string
  /** When its time is over (ms since epoch), null for never; left out where nobody noted it. */
  expiresAt?: number | null
  /** True when another device deleted it, and it is still here: should it change, that is a new login and no late save. */
  isDead?: true
}

export type KnownFields = ReadonlyMap<FieldId, Known>

export interface Changes {
  /** What is new, different or gone, with this capture's stamp. */
  changed: Register[]
  /** The rest, with the stamps that they had: who captures a field unchanged says nothing new of it. */
  unchanged: Live[]
  /** True when all areas that were known are captured this time: then nothing is known that this does not say. */
  isWhole: boolean
}

export interface ChangeOptions {
  stamp: Stamp
  /** Of a value's JSON. */
  digestOf: (json: string) => string
  /** The person's own word: what changed, and what another device deleted and is here, begins anew. */
  isAnew?: boolean
  /** When this field's time is over (ms since epoch), by whoever's rule; null for none. */
  endOf?: (path: Path) => number | null
}

/** What a device knows of a session from before. */
export interface Since extends Omit<ChangeOptions, "stamp"> {
  known: KnownFields
  /** What was deleted, and when: a whole save says that too, or a stale copy would come back behind it. */
  gone?: ReadonlyMap<FieldId, Stamp>
  /** By writer id: up to which clock everything of that writer is in what is known. */
  heads: Record<string, Clock>
}

/**
 * What a capture says that was not known before. What it did not look at stays: only within what it captured as a whole (an `area`) is
 * a field deleted that is not there any more.
 */
export function changesOf(known: KnownFields, snapshot: Snapshot, options: ChangeOptions): Changes {
  const { stamp, digestOf, isAnew = false, endOf = () => null } = options
  const bornOf = (before: Known | undefined) =>
    before === undefined || isAnew || before.isDead === true ? stamp.clock : before.born
  const fields = fieldsOf({ ...snapshot, ...(snapshot.tabs && { tabs: alignTabs(known, snapshot.tabs) }) })
  const changes: Changes = { changed: [], unchanged: [], isWhole: true }
  for (const [field, { value, rank }] of fields) {
    const before = known.get(field)
    if (areasOfGroup(pathOf(field), known).some((area) => !fields.has(area))) {
      // Half of a login says nothing of the other half.
      changes.isWhole = false
      continue
    }
    const expiresAt = endOf(pathOf(field))
    const isSame = before?.digest === digestOf(comparedText(value))
    const isOver = (before?.expiresAt ?? Infinity) <= clockMs(stamp.clock)
    if (isSame && !(isAnew && (before.isDead === true || isOver))) {
      const { clock, writer, born } = before
      // Its time goes on: to be captured once more gives it no more of it, unless the person says so.
      const end = isAnew ? expiresAt : nearest(before.expiresAt ?? null, expiresAt)
      changes.unchanged.push({ field, clock, writer, born, value, rank, expiresAt: end })
    } else {
      changes.changed.push({ field, ...stamp, born: bornOf(before), value, rank, expiresAt })
    }
  }
  for (const field of known.keys()) {
    if (fields.has(field)) continue
    if (isMissed(pathOf(field), fields, known) && isLookedFor(field, snapshot))
      changes.changed.push({ field, ...stamp, deleted: true })
    else changes.isWhole = false
  }
  return changes
}

/**
 * The text by which two captures of one field are compared, in whatever order their keys are. Sites push the end of a cookie along with
 * every answer: it counts in steps, else each page view would be a change.
 */
export function comparedText(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === "expiresAt" && typeof inner === "number") return Math.floor(inner / expiryStep)
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** Short against any session that is worth keeping (ms). */
const expiryStep = 5 * 60 * 1000

/** A whole capture by somebody who knows nothing of what was before: everything else in its areas is gone. */
export function wholeOf(snapshot: Snapshot, stamp: Stamp, endOf: ChangeOptions["endOf"] = () => null): Register[] {
  const registers: Register[] = []
  for (const [field, { value, rank }] of fieldsOf(snapshot)) {
    const path = pathOf(field)
    registers.push({ field, ...stamp, born: stamp.clock, value, rank, expiresAt: endOf(path) })
    if (path[0] !== "area") continue
    registers.push({ field, ...stamp, deleted: true })
    const group = snapshot.cookies === undefined ? null : groupOfArea(path)
    if (group !== null) registers.push({ field: group, ...stamp, deleted: true })
  }
  return registers
}

/** The areas that a group may have parts in, of those that were known. */
function areasOfGroup(path: Path, known: KnownFields): FieldId[] {
  if (path[0] !== "group") return []
  const group = idOf(path)
  const cookies = idOf(["area", "cookies"])
  return [...known.keys()].filter((id) => id === cookies || groupOfArea(pathOf(id)) === group)
}

/** The group that takes items out of the localStorage of an origin. */
function groupOfArea([kind, name, origin, partition]: Path): FieldId | null {
  const isOne = kind === "area" && name === "localStorage" && partition === null
  return isOne ? idOf(groupAt(String(origin))) : null
}

/** False for what this capture was not to look at, and for what was there and did not fit. */
function isLookedFor(field: FieldId, { sites, report }: Snapshot): boolean {
  const own = kindsOf(pathOf(field))
  const isCut = report.gaps.some(
    ({ kind, why }) => own.some((one) => one === kind) && (kind === "opfs" || why === sessionIsFull.why),
  )
  return !isCut && isFieldOf(field, { kinds: "all", sites })
}

/** True for a field that would have been captured if it were there. */
function isMissed(path: Path, fields: Fields, known: KnownFields): boolean {
  const parts = areasOfGroup(path, known)
  if (parts.length > 0) return parts.every((id) => fields.has(id))
  const area = areaOf(path)
  if (area === null || !fields.has(area)) return false
  const [kind, ...place] = path
  if (kind === "file") return (fields.get(area)?.value as { isListed?: boolean }).isListed === true
  if (kind !== "record" && !(kind === "area" && place[0] === "records")) return true
  // A store that is there without its records was not read.
  const store = kind === "record" ? place.slice(0, 4) : place.slice(1)
  const database = idOf(["database", ...store.slice(0, 3)])
  return !hasStore(fields, database, store[3]) || (kind === "record" && fields.has(idOf(["area", "records", ...store])))
}

function hasStore(fields: Fields, database: FieldId, store: unknown): boolean {
  const schema = fields.get(database)?.value as { stores?: { name: string }[] } | undefined
  return schema?.stores?.some(({ name }) => name === store) === true
}

/**
 * Ids of tabs mean nothing from one capture to the next: a tab takes the id of the first known one that has the same
 * origins in it, and one that is new takes an id that none had.
 */
function alignTabs(known: KnownFields, tabs: TabState[]): TabState[] {
  const places = new Map<string, Set<string>>()
  for (const field of known.keys()) {
    const [kind, name, tab, ...place] = pathOf(field)
    if (kind === "area" && name === "sessionStorage")
      places.set(String(tab), (places.get(String(tab)) ?? new Set()).add(idOf(place as Path)))
    // Bots say nothing of areas.
    if (kind === "sessionStorage")
      places.set(String(name), (places.get(String(name)) ?? new Set()).add(idOf([String(tab), place[0]])))
    if (kind === "tab") places.set(String(name), places.get(String(name)) ?? new Set())
  }
  const free = new Map(places)
  return tabs.map((tab) => {
    const own = fieldsOf({ tabs: [tab] } as Snapshot)
    const origins = [...own.keys()].map(pathOf).filter(([kind, name]) => kind === "area" && name === "sessionStorage")
    const wanted = origins.map((path) => idOf(path.slice(3) as Path))
    const same = [...free].find(([, has]) => wanted.length === has.size && wanted.every((place) => has.has(place)))
    if (same !== undefined) free.delete(same[0])
    const id = same?.[0] ?? freshId(places, tab.id)
    if (same === undefined) places.set(id, new Set(wanted))
    return { ...tab, id }
  })
}

function freshId(taken: ReadonlyMap<string, unknown>, wanted: string): string {
  for (let n = 0; ; n++) {
    const id = n === 0 ? wanted : `${wanted}.${n}`
    if (!taken.has(id)) return id
  }
}

function nearest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other)
}

/** What is known once these changes are sealed. */
export function knownAfter(
  { known, gone = new Map<FieldId, Stamp>(), digestOf }: Pick<Since, "known" | "gone" | "digestOf">,
  { changed }: Changes,
): { known: KnownFields; gone: ReadonlyMap<FieldId, Stamp> } {
  const [after, deleted] = [new Map(known), new Map(gone)]
  for (const register of changed) {
    const { field, clock, writer } = register
    if ("deleted" in register) {
      after.delete(field)
      deleted.set(field, { clock, writer })
    } else {
      const { born, expiresAt, value } = register
      after.set(field, { clock, writer, born, expiresAt, digest: digestOf(comparedText(value)) })
    }
  }
  return { known: after, gone: deleted }
}
