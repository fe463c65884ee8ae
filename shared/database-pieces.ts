import { createBudget, jsonSize, raiseLimit, recordSize, sessionIsFull, type Budget } from "./budget.js"
import { PspError } from "./errors.js"
import type { PieceHeader, PiecePart, SurveyedDatabase } from "./page/database-reader.js"
import type { Gap } from "./report.js"
import type { IndexedDatabase, Partition } from "./snapshot.js"

/** Puts the pieces of one origin's databases (see `page/database-reader.ts`) together, as far as the budget goes. */
export interface DatabaseCollector {
  /**
   * `isFull`: the session takes no more, so the reading ends here; what follows is a gap by now.
   *
   * @throws `bad-message` for a piece of another origin, or one that is none
   */
  add(piece: string): { isEnd: boolean; isFull: boolean; records: number; bytes: number }
  /** The reading stops here for a reason of ours: what follows is a gap. */
  stop(why: StopReason): void
  readonly databases: IndexedDatabase[]
  /** Each thing once, with how often it was met. */
  readonly gaps: Gap[]
}

export type StopReason = "max-session" | "gone" | "late" | "stopped"

/** A record larger than this that does not fit the session is left out alone: smaller ones behind it may fit. */
const largeRecord = 64 * 1024

export function createDatabaseCollector(
  origin: string,
  partition: Partition | null,
  budget: Budget = createBudget(Number.POSITIVE_INFINITY),
): DatabaseCollector {
  let surveyed: SurveyedDatabase[] = []
  /** Where the databases that are carried stand among all. */
  const places = new Map<number, IndexedDatabase>()
  let isTold = false
  let isEnd = false
  const where = placeOf(origin, partition)
  const read = new Map<string, number>()
  const lines = new Map<string, Gap>()

  /** Several things that lack the same are one line: its text is made when it is shown. */
  const note = (id: string, what: string, because: Pick<Gap, "why" | "fix">, count = 1) => {
    const known = lines.get(id)
    if (known === undefined) lines.set(id, { kind: "indexedDB", where, what, ...because, count })
    else known.count += count
  }
  const noteRecords = (id: string, store: string, because: Pick<Gap, "why" | "fix">, count: number) => {
    note(id, "", because, count)
    const line = lines.get(id)
    if (line !== undefined) line.what = `${line.count === 1 ? "1 record" : `${line.count} records`} of ${store}`
  }

  const add: DatabaseCollector["add"] = (piece) => {
    const texts = piece.split("\n")
    const header = parseHeader(texts[0])
    if (header.origin !== origin) throw strange("it is about another origin")
    if (header.databases !== undefined && !isTold) {
      isTold = true
      surveyed = header.databases
      surveyed.forEach(describe)
      const { unlisted = 0 } = header
      if (unlisted > 0) note("unlisted", `${unlisted} more databases`, tooManyDatabases, unlisted)
    }
    let line = 1
    let bytes = 0
    let records = 0
    for (const part of header.parts) {
      const store = storeOf(part)
      let left = 0
      for (let i = 0; i < part.records; i++, line += 2) {
        const [key, value] = [texts[line], texts[line + 1]]
        if (key === undefined || value === undefined) throw strange("it ends too early")
        const size = recordSize({ key, value })
        if (budget.take(size)) store?.push({ key, value })
        else if (size > largeRecord) left++
        else {
          count(part, i - left, left)
          noteLost(part)
          stop("max-session")
          return { isEnd: true, isFull: true, records, bytes }
        }
        bytes += key.length + value.length
        records++
      }
      count(part, part.records - left, left)
      noteLost(part)
      noteCut(part)
    }
    isEnd = header.isEnd
    return { isEnd, isFull: false, records, bytes }
  }

  const describe = (database: SurveyedDatabase, place: number) => {
    const { name, version, stores, fault } = database
    if (fault !== null) {
      note(`fault ${place}`, `database ${quoted(name)}`, reasonOf(fault))
      return
    }
    const described: IndexedDatabase = {
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
    }
    if (!budget.take(jsonSize(described))) {
      note(`fault ${place}`, `database ${quoted(name)}`, sessionIsFull)
      return
    }
    places.set(place, described)
    for (const store of stores) {
      if (!store.autoIncrement || store.nextKey !== null) continue
      const why = "the browser did not tell its next number"
      note(`generator ${place} ${store.name}`, `key generator of ${nameOf(name, store.name)}`, { why, fix: "" })
    }
  }

  /** Undefined for a database that is left out: its records have no place. */
  const storeOf = ({ database, store }: PiecePart) => {
    if (surveyed[database]?.fault !== null || surveyed[database].stores[store] === undefined)
      throw strange("it names a store that was not described")
    return places.get(database)?.stores[store]?.records
  }

  const count = ({ database, store, unread, large }: PiecePart, records: number, left: number) => {
    const id = `${database} ${store}`
    read.set(id, (read.get(id) ?? 0) + records + left + unread + (large?.records ?? 0))
    if (left > 0 && places.has(database)) noteRecords(`left ${id}`, nameAt(database, store), sessionIsFull, left)
  }

  const nameAt = (database: number, store: number) => {
    const found = surveyed[database]
    return nameOf(found?.name ?? "", found?.stores[store]?.name ?? "")
  }

  const noteLost = ({ database, store, gaps: lost, unread, large }: PiecePart) => {
    const id = `${database} ${store}`
    const name = nameAt(database, store)
    if (!places.has(database)) return
    for (const { path, what, why, count: times } of lost) {
      const place = positions.test(path) ? ` at ${plain(path, 100)}` : ""
      const text = `${plain(what, 60)} in ${name}${place}`
      note(`lacking ${id} ${what} ${why}`, text, { why: plain(why, 200), fix: "" }, times)
    }
    if (unread > 0) noteRecords(`unread ${id}`, name, unreadable, unread)
    if (large !== undefined) noteRecords(`large ${id} ${large.why}`, name, tooLarge[large.why], large.records)
  }

  const noteCut = ({ database, store, cut }: PiecePart) => {
    if (cut === undefined || !places.has(database)) return
    const id = `${database} ${store}`
    const name = nameAt(database, store)
    const left = cut.left ?? 0
    // Named here: whatever stops the reading later must not name them again.
    read.set(id, surveyed[database]?.stores[store]?.count ?? 0)
    if (left > 0) noteRecords(`cut ${id}`, name, cutReasons[cut.why], left)
    else note(`cut ${id}`, `records of ${name}`, cutReasons[cut.why])
  }

  const stop = (why: StopReason) => {
    if (isEnd) return
    isEnd = true
    if (!isTold) {
      note("all", "IndexedDB", stopReasons[why])
      return
    }
    for (const database of places.keys()) {
      surveyed[database]?.stores.forEach((store, place) => {
        const left = store.count - (read.get(`${database} ${place}`) ?? 0)
        if (left > 0) noteRecords(`stop ${database} ${place}`, nameAt(database, place), stopReasons[why], left)
      })
    }
  }

  return {
    add,
    stop,
    get databases() {
      return [...places.values()]
    },
    get gaps() {
      return [...lines.values()]
    },
  }
}

const tooLarge: Record<"max-database" | "max-origin", Pick<Gap, "why" | "fix">> = {
  "max-database": {
    why: "the database is larger than the limit for one database",
    fix: raiseLimit,
  },
  "max-origin": {
    why: "the databases of this origin are larger than the limit for one origin",
    fix: raiseLimit,
  },
}

const cutReasons: Record<NonNullable<PiecePart["cut"]>["why"], Pick<Gap, "why" | "fix">> = {
  ...tooLarge,
  upgraded: { why: "the site changed the database while it was read", fix: "save again" },
  failed: { why: "the browser could not read on", fix: "save again" },
  late: { why: "the browser did not read on within 5 seconds", fix: "save again" },
}

const unreadable = { why: "the browser gives it to no extension, or its data is damaged", fix: "" }
const tooManyDatabases = { why: "the origin has more databases than are read", fix: "" }

const stopReasons: Record<StopReason, Pick<Gap, "why" | "fix">> = {
  "max-session": sessionIsFull,
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
  if (fault === "many") return { why: "it has more stores or indexes than are read", fix: "" }
  if (fault === "max-database" || fault === "max-origin") return tooLarge[fault]
  return { why: `the browser did not open it (${plain(fault, 40)})`, fix: "" }
}

function parseHeader(line = ""): PieceHeader {
  try {
    const header = JSON.parse(line) as Partial<PieceHeader> | null
    if (typeof header?.origin === "string" && Array.isArray(header.parts)) {
      const unlisted = typeof header.unlisted === "number" ? header.unlisted : 0
      return {
        isEnd: header.isEnd === true,
        origin: header.origin,
        parts: header.parts,
        ...databasesOf(header),
        unlisted,
      }
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
