import type { Counts, Gap, Kind } from "../report.js"
import type { OriginState, Partition, Snapshot, StorageItem, TabState } from "../snapshot.js"
import type { Written } from "./blank-page.js"

/** What is to be put into each origin; null leaves that area alone. */
export type Visits = Map<string, { local: StorageItem[] | null; session: StorageItem[] | null }>

/** Origins that need a visit: those with localStorage, and those of the tab, whose sessionStorage is tried out there. */
export function visitsOf(origins: OriginState[] = [], tab: TabState | null): Visits {
  const visits: Visits = new Map()
  for (const { origin, partition, localStorage } of origins) {
    if (partition === null && localStorage !== undefined) visits.set(origin, { local: localStorage, session: null })
  }
  for (const { origin, partition, items } of tab?.sessionStorage ?? []) {
    if (partition === null) visits.set(origin, { local: visits.get(origin)?.local ?? null, session: items })
  }
  return visits
}

/** Adds to the report what came of a visit. */
export function countWritten(
  origin: string,
  wanted: { local: StorageItem[] | null; session: StorageItem[] | null },
  written: Written | null,
  { set, gaps }: { set: Counts; gaps: Gap[] },
): void {
  const areas = [
    { kind: "localStorage", items: wanted.local, failed: written?.local },
    { kind: "sessionStorage", items: wanted.session, failed: written?.session },
  ] as const
  for (const { kind, items, failed } of areas) {
    if (items === null) continue
    const lost = Array.isArray(failed) ? failed.map((index) => items[index]?.[0] ?? "") : items.map(([key]) => key)
    set[kind] = (set[kind] ?? 0) + items.length - lost.length
    if (Array.isArray(failed) && lost.length === 0) continue
    const because =
      written === null
        ? {
            why: "something else than the blank page answered there (a service worker, a redirect)",
            fix: "restore into a fresh context",
          }
        : Array.isArray(failed)
          ? { why: "the browser did not keep it, most likely for its size", fix: "" }
          : { why: `the browser refused the storage (${failed ?? "no answer"})`, fix: "allow cookies and site data" }
    gaps.push({ kind, where: origin, what: describeKeys(lost), ...because, count: Math.max(lost.length, 1) })
  }
}

/** What the snapshot carries and this version does not put back. */
export function uncarriedGaps(snapshot: Snapshot, kinds: readonly Kind[]): Gap[] {
  const gaps: Gap[] = []
  const add = (kind: Kind, where: string, count: number, what: string, why: string) => {
    if (count === 0 || !kinds.includes(kind)) return
    gaps.push({ kind, where, what: `${count} ${what}${count === 1 ? "" : "s"}`, why, fix: "", count })
  }
  for (const { origin, partition, localStorage, indexedDB } of snapshot.origins ?? []) {
    add("indexedDB", placeOf(origin, partition), indexedDB?.length ?? 0, "database", "IndexedDB is not restored yet")
    if (partition !== null)
      add("localStorage", placeOf(origin, partition), localStorage?.length ?? 0, "item", partitionedWhy)
  }
  for (const { origin, partition, items } of (snapshot.tabs ?? []).flatMap(({ sessionStorage }) => sessionStorage)) {
    if (partition !== null) add("sessionStorage", placeOf(origin, partition), items.length, "item", partitionedWhy)
  }
  return gaps
}

const partitionedWhy = "storage of a frame below another site is not restored yet"

function placeOf(origin: string, partition: Partition | null): string {
  return partition === null ? origin : `${origin} below ${partition.topLevelSite}`
}

function describeKeys(keys: string[]): string {
  const shown = keys.slice(0, 5).map((key) => JSON.stringify(key.slice(0, 60)).replace(/[^ -~]/g, "?"))
  const names = `${shown.join(", ")}${keys.length > shown.length ? ", …" : ""}`
  return keys.length === 1 ? `key ${names}` : keys.length === 0 ? "the storage" : `${keys.length} keys: ${names}`
}
