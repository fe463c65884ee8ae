import { PspError } from "./errors.js"
import type { PieceHeader, PiecePart, SurveyedDatabase } from "./page/database-reader.js"
import type { Gap } from "./report.js"
import type { IndexedDatabase, Partition } from "./snapshot.js"

/** Puts the pieces of one origin's databases (see `page/database-reader.ts`) together. */
export interface DatabaseCollector {
  /** @throws `bad-message` for a piece of another origin, or one that is none */
  add(piece: string): { isEnd: boolean; records: number; bytes: number }
  /** The reading stops here for a reason of ours: what follows is a gap. */
  stop(why: StopReason): void
  readonly databases: IndexedDatabase[]
  readonly gaps: Gap[]
}

export type StopReason = "max-session" | "gone" | "late" | "stopped"

export function createDatabaseCollector(origin: string, partition: Partition | null): DatabaseCollector {
  let surveyed: SurveyedDatabase[] = []
  let isTold = false
  let isEnd = false
  const databases: IndexedDatabase[] = []
  const gaps: Gap[] = []
  const where = placeOf(origin, partition)
  /** Several records that lack the same thing are one line. */
  const lacking = new Map<string, Gap>()
  const read = new Map<string, number>()

  const add: DatabaseCollector["add"] = (piece) => {
    const lines = piece.split("\n")
    const header = parseHeader(lines[0])
    if (header.origin !== origin) throw strange("it is about another origin")
    if (header.databases !== undefined && !isTold) {
      isTold = true
      surveyed = header.databases
      for (const database of surveyed) describe(database)
    }
    let line = 1
    let bytes = 0
    let records = 0
    for (const part of header.parts) {
      const store = storeOf(part)
      for (let i = 0; i < part.records; i++, line += 2) {
        const [key, value] = [lines[line], lines[line + 1]]
        if (key === undefined || value === undefined) throw strange("it ends too early")
        store.push({ key, value })
        bytes += key.length + value.length
      }
      records += part.records
      notePart(part)
    }
    isEnd = header.isEnd
    return { isEnd, records, bytes }
  }

  const describe = ({ name, version, stores, fault }: SurveyedDatabase) => {
    if (fault !== null) {
      gaps.push({ kind: "indexedDB", where, what: `database ${quoted(name)}`, ...reasonOf(fault), count: 1 })
      return
    }
    databases.push({
      name,
      version,
      stores: stores.map(({ name: storeName, keyPath, autoIncrement, nextKey, indexes }) => ({
        name: storeName,
        keyPath,
        autoIncrement,
        nextKey,
        indexes,
        records: [],
      })),
    })
    for (const store of stores) {
      if (!store.autoIncrement || store.nextKey !== null) continue
      gaps.push({
        kind: "indexedDB",
        where,
        what: `key generator of ${nameOf(name, store.name)}`,
        why: "the browser did not tell its next number",
        fix: "",
        count: 1,
      })
    }
  }

  /** Only databases that could be opened are carried: their place is not that of the survey. */
  const storeOf = ({ database, store }: PiecePart) => {
    const before = surveyed.slice(0, database).filter(({ fault }) => fault === null).length
    const records = surveyed[database]?.fault === null ? databases[before]?.stores[store]?.records : undefined
    if (records === undefined) throw strange("it names a store that was not described")
    return records
  }

  const notePart = ({ database, store, records, gaps: lost, cut, unread }: PiecePart) => {
    const found = surveyed[database]
    const place = nameOf(found?.name ?? "", found?.stores[store]?.name ?? "")
    const sum = (read.get(`${database} ${store}`) ?? 0) + records + unread
    read.set(`${database} ${store}`, sum)
    for (const { path, what, why } of lost) {
      const id = `${database} ${store} ${what} ${why}`
      const known = lacking.get(id)
      if (known !== undefined) {
        known.count++
        continue
      }
      const gap: Gap = {
        kind: "indexedDB",
        where,
        what: `${plain(what, 60)} in ${place}${positions.test(path) ? ` at ${plain(path, 100)}` : ""}`,
        why: plain(why, 200),
        fix: "",
        count: 1,
      }
      lacking.set(id, gap)
      gaps.push(gap)
    }
    if (unread > 0) {
      const what = `${unread === 1 ? "1 record" : `${unread} records`} of ${place}`
      const why = "the browser gives it to no extension, or its data is damaged"
      gaps.push({ kind: "indexedDB", where, what, why, fix: "", count: unread })
    }
    if (cut === undefined) return
    const left = cut.left ?? 0
    gaps.push({
      kind: "indexedDB",
      where,
      what: `${left === 0 ? "records" : left === 1 ? "1 record" : `${left} records`} of ${place}`,
      ...cutReasons[cut.why],
      count: Math.max(left, 1),
    })
  }

  const stop = (why: StopReason) => {
    if (isEnd) return
    isEnd = true
    if (!isTold) {
      gaps.push({ kind: "indexedDB", where, what: "IndexedDB", ...stopReasons[why], count: 1 })
      return
    }
    surveyed.forEach(({ name, stores, fault }, database) => {
      if (fault !== null) return
      stores.forEach((store, place) => {
        const left = store.count - (read.get(`${database} ${place}`) ?? 0)
        if (left <= 0) return
        const what = `${left === 1 ? "1 record" : `${left} records`} of ${nameOf(name, store.name)}`
        gaps.push({ kind: "indexedDB", where, what, ...stopReasons[why], count: left })
      })
    })
  }

  return { add, stop, databases, gaps }
}

const cutReasons: Record<NonNullable<PiecePart["cut"]>["why"], Pick<Gap, "why" | "fix">> = {
  "max-database": { why: "the database is larger than the limit for one database", fix: "raise the limit" },
  "max-origin": {
    why: "the databases of this origin are larger than the limit for one origin",
    fix: "raise the limit",
  },
  upgraded: { why: "the site changed the database while it was read", fix: "save again" },
  failed: { why: "the browser could not read on", fix: "save again" },
  late: { why: "the browser did not read on within 5 seconds", fix: "save again" },
}

const stopReasons: Record<StopReason, Pick<Gap, "why" | "fix">> = {
  "max-session": {
    why: "the session is larger than the limit for one session",
    fix: "raise the limit, or save fewer origins",
  },
  gone: { why: "the page was closed or left while it was read", fix: "save again" },
  late: { why: "the page did not answer in time", fix: "save again" },
  stopped: { why: "the reading was called off", fix: "save again" },
}

/** What the codec says of a place: nothing of the data itself, whoever made the piece. */
const positions = /^…?(?:\.\*|\[\d{1,9}\]| Set item \d{1,9}| Map (?:key|value) \d{1,9})+$/

function reasonOf(fault: string): Pick<Gap, "why" | "fix"> {
  if (fault === "late") {
    return {
      why: "it did not open within 5 seconds: the site is upgrading or holding it",
      fix: "reload the page, then save again",
    }
  }
  if (fault === "upgraded") return { why: "the site changed it while it was read", fix: "save again" }
  return { why: `the browser did not open it (${plain(fault, 40)})`, fix: "" }
}

function parseHeader(line = ""): PieceHeader {
  try {
    const header = JSON.parse(line) as Partial<PieceHeader> | null
    if (typeof header?.origin === "string" && Array.isArray(header.parts)) {
      return { isEnd: header.isEnd === true, origin: header.origin, parts: header.parts, ...databasesOf(header) }
    }
  } catch {
    // Told below.
  }
  throw strange("its first line is none")
}

function databasesOf({ databases }: Partial<PieceHeader>): Pick<PieceHeader, "databases"> {
  return databases === undefined ? {} : { databases }
}

function strange(why: string): PspError {
  return new PspError("bad-message", `Cannot read databases: a piece is not as expected (${why})`)
}

export function placeOf(origin: string, partition: Partition | null): string {
  return partition === null ? origin : `${origin} below ${partition.topLevelSite}`
}

function nameOf(database: string, store: string): string {
  return `store ${quoted(store)} of database ${quoted(database)}`
}

/** Names are the site's: whatever it wrote, a report stays one printable line. */
function quoted(name: string): string {
  return JSON.stringify(plain(name, 60))
}

function plain(text: string, most: number): string {
  const shown = text.replace(/[\p{C}\u2028\u2029]/gu, "?")
  return shown.length > most ? `${shown.slice(0, most - 1)}…` : shown
}
