import { placeOf } from "../database-pieces.js"
import type { Gap } from "../report.js"
import type { Snapshot } from "../snapshot.js"
import { leftOut, ofFiles, ofOriginState, ofTabs } from "./export.js"

/** An origin as agents' tools keep it, in a storageState with sessionStorage. */
export interface WebStorage {
  origin: string
  localStorage: { name: string; value: string }[]
  sessionStorage: { name: string; value: string }[]
}

/**
 * localStorage and sessionStorage of each origin. Such a file knows no tabs: where two of them differ, the first one is taken
 * (it is the one that the person saved from), and the rest is named. Databases, files and partitions have no place in it.
 */
export function webStorageOf(snapshot: Snapshot, format: string): { origins: WebStorage[]; gaps: Gap[] } {
  const origins = new Map<string, WebStorage>()
  const gaps: Gap[] = []
  const at = (origin: string) => {
    const made = origins.get(origin) ?? { origin, localStorage: [], sessionStorage: [] }
    origins.set(origin, made)
    return made
  }
  const why = `${format} has no place for it`
  for (const state of snapshot.origins ?? []) {
    const { origin, partition, localStorage, indexedDB, opfs } = state
    if (partition !== null) {
      gaps.push(...ofOriginState(state, `${format} has no partitions`, adapterFix))
      continue
    }
    if (localStorage !== undefined && localStorage.length > 0) at(origin).localStorage = localStorage.map(toEntry)
    gaps.push(
      ...leftOut("indexedDB", origin, indexedDB?.length ?? 0, "database", why, "restore with --format playwright"),
      ...ofFiles(placeOf(origin, partition), opfs, why, "restore with --format playwright"),
    )
  }
  const tabs = snapshot.tabs ?? []
  const isPartitioned = (area: { partition: unknown }) => area.partition !== null
  const partitioned = tabs.map((tab) => ({ ...tab, sessionStorage: tab.sessionStorage.filter(isPartitioned) }))
  gaps.push(...ofTabs({ ...snapshot, tabs: partitioned }, `${format} has no partitions`, adapterFix))
  for (const [origin, { items, others }] of firstOfEach(tabs)) {
    if (items.size > 0) at(origin).sessionStorage = [...items].map(toEntry)
    gaps.push(
      ...leftOut("sessionStorage", origin, others, "item", "another tab comes first, and it has no tabs", adapterFix),
    )
  }
  return { origins: [...origins.values()], gaps }
}

const adapterFix = "restore with an adapter"

function firstOfEach(tabs: NonNullable<Snapshot["tabs"]>) {
  const origins = new Map<string, { items: Map<string, string>; others: number }>()
  for (const { origin, partition, items } of tabs.flatMap(({ sessionStorage }) => sessionStorage)) {
    if (partition !== null) continue
    const known = origins.get(origin) ?? { items: new Map<string, string>(), others: 0 }
    origins.set(origin, known)
    for (const [key, value] of items) {
      const first = known.items.get(key)
      if (first === undefined) known.items.set(key, value)
      else if (first !== value) known.others++
    }
  }
  return origins
}

function toEntry([name, value]: [string, string]) {
  return { name, value }
}
