import { placeOf } from "../database-pieces.js"
import { isSamePartition } from "../partition.js"
import type { Gap, Kind, RestoreReport } from "../report.js"
import type {
  IndexedDatabase,
  OriginState,
  Partition,
  Snapshot,
  StorageItem,
  StoredFile,
  TabState,
} from "../snapshot.js"

/** What is to be put into one origin (below one top-level site); null leaves that area alone. */
export interface Visit {
  origin: string
  partition: Partition | null
  local: StorageItem[] | null
  /** Of each tab that visits the origin. */
  session: StorageItem[][] | null
  databases: IndexedDatabase[] | null
  files: StoredFile[] | null
}

export type Part = Pick<RestoreReport, "set" | "gaps">

/** For each area: places of the items that did not stay, or the error that kept all of them out. */
export interface Written {
  local: number[] | string | null
  session: number[] | string | null
}

export interface DatabaseOutcome {
  /** Why the database could not be made. */
  fault: string | null
  failed: [store: number, record: number, why: string][]
  counts: number[]
  generators: (string | null)[]
}

/** Origins that need a visit: those with something to write, and those of the tabs, whose sessionStorage is tried out there. */
export function visitsOf(origins: OriginState[] = [], tabs: readonly TabState[], kinds: readonly Kind[]): Visit[] {
  const visits: Visit[] = []
  const visitTo = (origin: string, partition: Partition | null): Visit => {
    const known = visits.find((other) => other.origin === origin && isSamePartition(other.partition, partition))
    if (known !== undefined) return known
    const visit = { origin, partition, local: null, session: null, databases: null, files: null }
    visits.push(visit)
    return visit
  }
  for (const { origin, partition, localStorage, indexedDB, opfs } of origins) {
    if (localStorage !== undefined && kinds.includes("localStorage")) visitTo(origin, partition).local = localStorage
    if (indexedDB !== undefined && kinds.includes("indexedDB")) visitTo(origin, partition).databases = indexedDB
    if (opfs?.entries !== undefined && kinds.includes("opfs")) visitTo(origin, partition).files = opfs.entries
  }
  for (const { origin, partition, items } of tabs.flatMap(({ sessionStorage }) => sessionStorage)) {
    const visit = visitTo(origin, partition)
    visit.session = [...(visit.session ?? []), items]
  }
  return visits
}

/** Nothing could be written: something else than the blank page answered. */
export function unreachedGaps(visit: Visit, part: Part, because = whyUnreached(visit)): void {
  const { local, session, databases, files } = visit
  const areas: [Kind, number, string][] = [
    ["localStorage", local?.length ?? 0, "item"],
    ["sessionStorage", session?.flat().length ?? 0, "item"],
    ["indexedDB", databases?.length ?? 0, "database"],
    ["opfs", files?.length ?? 0, "private file"],
  ]
  for (const [kind, count, what] of areas) {
    if (kind === "localStorage" && local !== null) part.set.localStorage ??= 0
    if (kind === "sessionStorage" && session !== null) part.set.sessionStorage ??= 0
    if (count === 0) continue
    part.gaps.push({ kind, where: whereOf(visit), what: plural(count, what), ...because, count })
  }
}

function whyUnreached({ partition }: Visit): Pick<Gap, "why" | "fix"> {
  const why =
    partition === null
      ? "something else than the blank page answered there (a service worker, a redirect)"
      : "the browser did not open a blank frame there"
  return { why, fix: "restore into a fresh context" }
}

type WriteStorage = Record<"local" | "session", StorageItem[] | null>

/** Adds to the report what came of localStorage and sessionStorage. */
export function countWritten(visit: Visit, wanted: WriteStorage, written: Written, { set, gaps }: Part): void {
  const areas = [
    { kind: "localStorage", items: wanted.local, failed: written.local },
    { kind: "sessionStorage", items: wanted.session, failed: written.session },
  ] as const
  for (const { kind, items, failed } of areas) {
    if (items === null) continue
    const lost = Array.isArray(failed) ? failed.map((index) => items[index]?.[0] ?? "") : items.map(([key]) => key)
    set[kind] = (set[kind] ?? 0) + items.length - lost.length
    if (Array.isArray(failed) && lost.length === 0) continue
    const because = Array.isArray(failed)
      ? { why: "the browser did not keep it, most likely for its size", fix: "" }
      : {
          why: `the browser refused the storage (${failed ?? "no answer"})`,
          fix: visit.partition === null ? "allow cookies and site data" : "allow third-party cookies in this browser",
        }
    gaps.push({ kind, where: whereOf(visit), what: describeKeys(lost), ...because, count: Math.max(lost.length, 1) })
  }
}

/** Adds to the report what came of one database: the records that are there, each kind of fault in one line. */
export function countDatabase(visit: Visit, database: IndexedDatabase, outcome: DatabaseOutcome, part: Part): void {
  const { set, gaps } = part
  const where = whereOf(visit)
  const name = quoted(database.name)
  if (outcome.fault !== null) {
    set.indexedDB ??= 0
    gaps.push({ kind: "indexedDB", where, what: `database ${name}`, ...whyNot(outcome.fault), count: 1 })
    return
  }
  database.stores.forEach((store, place) => {
    const failed = outcome.failed.filter(([of]) => of === place)
    const wanted = (store.records ?? []).length - failed.length
    const found = outcome.counts[place] ?? 0
    set.indexedDB = (set.indexedDB ?? 0) + Math.min(wanted, found)
    const storeName = `store ${quoted(store.name)} of database ${name}`
    for (const why of new Set(failed.map(([, , error]) => error))) {
      const count = failed.filter(([, , error]) => error === why).length
      gaps.push({
        kind: "indexedDB",
        where,
        what: `${plural(count, "record")} of ${storeName}`,
        ...recordWhy(why),
        count,
      })
    }
    if (found < wanted) {
      const count = wanted - found
      const why = "it was written, but is not there"
      gaps.push({ kind: "indexedDB", where, what: `${plural(count, "record")} of ${storeName}`, why, fix: "", count })
    }
    const generator = outcome.generators[place] ?? null
    if (generator === null) return
    const why = `its next number could not be set (${generator})`
    gaps.push({ kind: "indexedDB", where, what: `key generator of ${storeName}`, why, fix: "", count: 1 })
  })
}

/** Databases that are not part of the session and did not go. */
export function countUncleared(visit: Visit, fault: string, { gaps }: Part): void {
  const what = "databases that were there"
  gaps.push({ kind: "indexedDB", where: whereOf(visit), what, ...whyNot(fault), count: 1 })
}

export function countFiles(visit: Visit, files: StoredFile[], failed: number[], { set, gaps }: Part): void {
  const lost = failed.filter((index) => files[index]?.data !== null).length
  set.opfs = (set.opfs ?? 0) + files.filter(({ data }) => data !== null).length - lost
  if (lost === 0) return
  const why = "the browser did not write it"
  gaps.push({ kind: "opfs", where: whereOf(visit), what: plural(lost, "private file"), why, fix: "", count: lost })
}

/**
 * Keys of localStorage that Firefox changes: it stores them as UTF-8, so that a lone surrogate becomes U+FFFD as soon as the
 * process that wrote it has ended (153; values and sessionStorage keep it). Reading back does not show it.
 */
export function countChangedKeys(visits: Visit[], { set, gaps }: Part): void {
  for (const visit of visits) {
    const changed = (visit.local ?? []).map(([key]) => key).filter((key) => /\p{Surrogate}/u.test(key))
    if (changed.length === 0) continue
    set.localStorage = Math.max(0, (set.localStorage ?? 0) - changed.length)
    const why = "this browser does not keep lone surrogates in keys"
    const what = describeKeys(changed)
    gaps.push({ kind: "localStorage", where: whereOf(visit), what, why, fix: "", count: changed.length })
  }
}

/** What the snapshot carries and cannot be put back at all. */
export function uncarriedGaps(snapshot: Snapshot, kinds: readonly Kind[]): Gap[] {
  const gaps: Gap[] = []
  if (!kinds.includes("opfs")) return gaps
  for (const { origin, partition, opfs } of snapshot.origins ?? []) {
    if (opfs === undefined || opfs.entries !== undefined || opfs.files === 0) continue
    const why = "private files were counted, but not captured"
    const fix = "capture them on request"
    const what = plural(opfs.files, "private file")
    gaps.push({ kind: "opfs", where: placeOf(origin, partition), what, why, fix, count: opfs.files })
  }
  return gaps
}

function whyNot(fault: string): Pick<Gap, "why" | "fix"> {
  if (fault === "late") {
    return {
      why: "an open page of the site holds the databases",
      fix: "restore into a fresh context, or close its pages",
    }
  }
  if (fault === "differs") {
    return {
      why: "another version of it is there already",
      fix: "restore with existing: replace, or into a fresh context",
    }
  }
  return { why: `the browser refused it (${fault})`, fix: "restore into a fresh context" }
}

function recordWhy(error: string): Pick<Gap, "why" | "fix"> {
  if (error === "QuotaExceededError") return { why: "no room is left for this origin", fix: "free disk space" }
  if (error === "ConstraintError") return { why: "a unique index has that value already", fix: "" }
  return { why: `the browser refused it (${error})`, fix: "" }
}

function whereOf({ origin, partition }: Visit): string {
  return placeOf(origin, partition)
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`
}

function describeKeys(keys: string[]): string {
  const shown = keys.slice(0, 5).map(quoted)
  const names = `${shown.join(", ")}${keys.length > shown.length ? ", …" : ""}`
  return keys.length === 1 ? `key ${names}` : keys.length === 0 ? "the storage" : `${keys.length} keys: ${names}`
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 60)).replace(/[^ -~]/g, "?")
}
