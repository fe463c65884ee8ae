/** What it uses of the value codec (`structured.ts`). */
export interface ValueEncoder {
  prepare(value: unknown): Encoded | { size: number; read(): Promise<Encoded> }
}

type Half = ReturnType<ValueEncoder["prepare"]>

interface Encoded {
  text: string
  gaps: { path: string; what: string; why: string }[]
}

/** Sizes are bytes of the JSON that is sealed, in which the text of the codec, ASCII, stands as a string. */
export interface ReadDatabases {
  /** Names to read, as `readPage` counted them. */
  names: string[]
  /** Most of one database, and of all databases of the origin. */
  maxDatabase: number
  maxOrigin: number
  /** About how much one piece holds. */
  pieceSize: number
}

/** The first line of a piece, as JSON; for each record two lines follow: its key and its value. */
export interface PieceHeader {
  origin: string
  /** Told once, in the first piece. */
  databases?: SurveyedDatabase[]
  /** How many databases there are beyond those, that nobody looked at. */
  unlisted?: number
  parts: PiecePart[]
  /** True in the last piece. */
  isEnd: boolean
}

/** A run of records of one store, in key order. */
export interface PiecePart {
  database: number
  store: number
  records: number
  /** What of the values could not be carried, and how often; `path` is the first place. */
  gaps: { path: string; what: string; why: string; count: number }[]
  /** Records that the browser does not read: their data is damaged, or of a kind that no extension gets. */
  unread: number
  /** Records that were left out for their size, though the reading went on behind them. */
  large?: { why: "max-database" | "max-origin"; records: number }
  /** Why the store ends here although it holds more; `left` records were not read, null where they cannot be counted. */
  cut?: { why: "max-database" | "max-origin" | "upgraded" | "failed" | "late"; left: number | null; error: string }
}

export interface SurveyedDatabase {
  name: string
  version: number
  stores: {
    name: string
    keyPath: string | string[] | null
    autoIncrement: boolean
    /** Null without a generator, and where it could not be read. */
    nextKey: number | null
    indexes: { name: string; keyPath: string | string[]; unique: boolean; multiEntry: boolean }[]
    count: number
  }[]
  /** Bytes that all of this but its records has in the sealed JSON. */
  size: number
  /**
   * Why nothing of it is read: `late` (something holds it), `many` stores or indexes, `max-database` or
   * `max-origin` by its description alone, or the name of the exception.
   */
  fault: string | null
}

export interface DatabaseReader {
  begin(request: ReadDatabases): void
  /** The next piece: a header line, then the lines of its records. The one after is read while this one travels. */
  next(): Promise<string>
  stop(): void
}

/**
 * Reads the databases of a document's origin, piece by piece, with a cursor. Runs inside the page beside the site's own
 * scripts, so it is self-contained.
 *
 * The site must not notice: no version is touched, no database is made by looking, and a connection of ours goes as soon as
 * the site wants to upgrade or delete the database. A key generator is read with an `add` that is called off
 * (https://w3c.github.io/IndexedDB/#key-generator-construct: an aborted transaction takes the generator back).
 * Whatever does not answer within five seconds is named and passed over; a piece comes before the one that asks for it gives
 * up (see `tabTimeout`), so that what is late costs nothing else.
 */
export function createDatabaseReader(encoder: ValueEncoder): DatabaseReader {
  const limit = 5000
  /** Far beyond what any app has: a page that makes more wants to fill the report, or us. */
  const most = { databases: 500, stores: 500, indexes: 2000 }
  let request: ReadDatabases
  let ahead: Promise<string> | null = null
  let databases: SurveyedDatabase[] = []
  let connection: { index: number; db: IDBDatabase; isLost: boolean } | null = null
  /** Where the next piece begins: after `key` of that store. */
  let at = { database: 0, store: 0, key: null as { after: IDBValidKey } | null, read: 0 }
  let sizes = { database: 0, origin: 0 }
  /** Bytes of records that were read and then left out for their size. */
  let inVain = 0
  /** Stores that were late: the more there are, the shorter the wait for the next, or a thousand would take hours. */
  let lateStores = 0
  let isTold = false
  let isEnd = false

  /** @param since when the five seconds began, where several waits share them */
  const within = <T>(work: Promise<T>, since = performance.now()): Promise<T> => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new DOMException("no answer", "late")), limit - (performance.now() - since))
    })
    return Promise.race([work, late]).finally(() => clearTimeout(timer))
  }
  const nameOf = (error: unknown) => {
    const name = (error as { name?: unknown } | null)?.name
    return typeof name === "string" && /^\w{1,40}$/.test(name) ? name : "Error"
  }
  /** How long a text of the codec gets as a string of the sealed JSON. Natively: quotes are many. */
  const sizeOf = (text: string) => JSON.stringify(text).length
  const halfSize = (half: Half) => ("text" in half ? sizeOf(half.text) : half.size)
  /** What stands around a record's key and value: `{"key":…,"value":…},` */
  const around = 18
  const limitOf = (): "max-database" | "max-origin" =>
    request.maxDatabase - sizes.database <= request.maxOrigin - sizes.origin ? "max-database" : "max-origin"
  const room = () => Math.min(request.maxDatabase - sizes.database, request.maxOrigin - sizes.origin)

  const answerOf = <T>(asked: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      asked.onsuccess = () => resolve(asked.result)
      asked.onerror = (event) => {
        event.preventDefault()
        reject(asked.error ?? new DOMException("", "UnknownError"))
      }
    })

  const connect = (index: number, name: string, since: number): Promise<NonNullable<typeof connection>> => {
    const asked = indexedDB.open(name)
    let isGivenUp = false
    const opened = new Promise<NonNullable<typeof connection>>((resolve, reject) => {
      asked.onupgradeneeded = () => {
        // It was deleted meanwhile: looking must not make it anew.
        asked.transaction?.abort()
      }
      asked.onerror = (event) => {
        event.preventDefault()
        reject(asked.error ?? new DOMException("", "UnknownError"))
      }
      asked.onsuccess = () => {
        const db = asked.result
        if (isGivenUp) {
          db.close()
          return
        }
        const made = { index, db, isLost: false }
        db.onversionchange = () => {
          made.isLost = true
          db.close()
        }
        db.onclose = () => (made.isLost = true)
        resolve(made)
      }
    })
    return within(opened, since).catch((error: unknown) => {
      isGivenUp = true
      throw error
    })
  }

  const survey = async (name: string, index: number): Promise<SurveyedDatabase> => {
    const found: SurveyedDatabase = { name, version: 0, stores: [], size: 0, fault: null }
    let opened: NonNullable<typeof connection>
    const since = performance.now()
    try {
      opened = await connect(index, name, since)
    } catch (error) {
      return { ...found, fault: nameOf(error) }
    }
    const { db } = opened
    try {
      found.version = db.version
      const names = Array.from(db.objectStoreNames)
      if (names.length === 0) return found
      if (names.length > most.stores) return { ...found, fault: "many" }
      const looking = db.transaction(names, "readonly")
      for (const storeName of names) {
        const store = looking.objectStore(storeName)
        found.stores.push({
          name: storeName,
          keyPath: pathOf(store.keyPath),
          autoIncrement: store.autoIncrement,
          nextKey: null,
          indexes: Array.from(store.indexNames, (indexName) => {
            const { keyPath, unique, multiEntry } = store.index(indexName)
            return { name: indexName, keyPath: pathOf(keyPath) ?? "", unique, multiEntry }
          }),
          count: 0,
        })
      }
      if (found.stores.reduce((sum, { indexes }) => sum + indexes.length, 0) > most.indexes) {
        return { ...found, stores: [], fault: "many" }
      }
      const counts = found.stores.map(async (store) => {
        store.count = await answerOf(looking.objectStore(store.name).count())
      })
      await within(Promise.all(counts), since)
      const generators = found.stores.map(async (store) => {
        if (store.autoIncrement) store.nextKey = await readNextKey(db, store, since)
      })
      await Promise.all(generators)
      return found
    } catch (error) {
      return { ...found, stores: [], fault: opened.isLost ? "upgraded" : nameOf(error) }
    } finally {
      db.close()
    }
  }
  const pathOf = (path: unknown): string | string[] | null =>
    path === null || path === undefined
      ? null
      : typeof path === "string"
        ? path
        : Array.from(path as ArrayLike<unknown>, String)

  const readNextKey = async (
    db: IDBDatabase,
    store: SurveyedDatabase["stores"][number],
    since: number,
  ): Promise<number | null> => {
    try {
      const trying = db.transaction(store.name, "readwrite")
      // An empty object is no key, so no index can mind it.
      const asked = trying.objectStore(store.name).add({})
      const key = await within(answerOf(asked), since).finally(() => {
        try {
          trying.abort()
        } catch {
          // It has ended by itself.
        }
      })
      return typeof key === "number" ? key : null
    } catch (error) {
      // "When the key generator has reached 2^53, adding fails": that, too, is a state to restore.
      return nameOf(error) === "ConstraintError" ? 2 ** 53 : null
    }
  }

  /** Names have any length, and there may be many: a database whose description does not fit is left out whole. */
  const chargeNames = (database: SurveyedDatabase, index: number) => {
    const { name, version, stores } = database
    // Escaped below: what leaves the page is ASCII, and the sealed JSON has UTF-8, which is never longer.
    const described = stores.map((store) => ({ ...store, count: undefined, records: [] }))
    database.size = ascii(JSON.stringify({ name, version, stores: described })).length
    if (database.fault === null && database.size <= Math.min(request.maxDatabase, request.maxOrigin - sizes.origin)) {
      sizes.origin += database.size
      if (index === 0) sizes.database = database.size
      return
    }
    database.fault ??= database.size > request.maxDatabase ? "max-database" : "max-origin"
    database.name = name.slice(0, 100)
    database.stores = []
    database.size = 0
  }
  /** Names of databases and stores are any text: only ASCII leaves the page. */
  const ascii = (text: string) =>
    text.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)

  const readPiece = async (): Promise<string> => {
    const header: PieceHeader = { origin: location.origin, parts: [], isEnd: false }
    const lines: string[] = []
    let size = 0
    const since = performance.now()
    const holdsSomething = () => header.databases !== undefined || header.parts.length > 0
    const isSlow = () => holdsSomething() && performance.now() - since > limit / 2
    if (!isTold) {
      isTold = true
      databases = await Promise.all(request.names.slice(0, most.databases).map((name, index) => survey(name, index)))
      databases.forEach(chargeNames)
      header.databases = databases
      header.unlisted = Math.max(0, request.names.length - most.databases)
    }
    while (!isEnd && size < request.pieceSize && !isSlow()) {
      const surveyed = databases[at.database]
      const store = surveyed?.stores[at.store]
      if (surveyed === undefined || store === undefined) {
        at = { database: at.database + 1, store: 0, key: null, read: 0 }
        sizes = { database: databases[at.database]?.size ?? 0, origin: sizes.origin }
        connection?.db.close()
        connection = null
        isEnd = at.database >= databases.length
        continue
      }
      if (store.count === 0 && at.key === null) {
        at = { ...at, store: at.store + 1, key: null, read: 0 }
        continue
      }
      const part = await readPart(lines, request.pieceSize - size, surveyed.name, store)
      size += part.size
      header.parts.push(part.part)
      if (part.isDone) at = { ...at, store: at.store + 1, key: null, read: 0 }
    }
    header.isEnd = isEnd
    const head = ascii(JSON.stringify(header))
    lines.unshift(head)
    return lines.join("\n")
  }

  /** Null where the browser throws: Firefox does for a file handle that a content script reads. */
  const valueOf = (cursor: IDBCursorWithValue): { is: unknown } | null => {
    try {
      return { is: cursor.value as unknown }
    } catch {
      return null
    }
  }
  /** The key of the record that stops a cursor; null where there is none, or no way to tell. */
  const nextKey = async (db: IDBDatabase, store: string): Promise<{ after: IDBValidKey } | null> => {
    try {
      const range = at.key === null ? null : IDBKeyRange.lowerBound(at.key.after, true)
      const cursor = await within(answerOf(db.transaction(store).objectStore(store).openKeyCursor(range)))
      return cursor === null ? null : { after: cursor.primaryKey }
    } catch {
      return null
    }
  }

  const readPart = async (lines: string[], enough: number, name: string, store: SurveyedDatabase["stores"][number]) => {
    const { database, store: place } = at
    const part: PiecePart = { database, store: place, records: 0, gaps: [], unread: 0 }
    const fits = room()
    const why = limitOf()
    const found: { key: Half; value: Half; bytes: number; isHere: boolean }[] = []
    let size = 0
    let isDone = false as boolean
    let isCut = false as boolean
    const leaveOut = () => {
      part.large ??= { why, records: 0 }
      part.large.records++
    }
    const patience = limit / (1 + lateStores)
    const since = performance.now() - limit + patience
    /** A busy page gives smaller pieces, not fewer records. */
    const endsAt = performance.now() + patience / 2
    try {
      connection ??= await connect(database, name, since)
      const { db } = connection
      const range = at.key === null ? null : IDBKeyRange.lowerBound(at.key.after, true)
      const asked = db.transaction(store.name, "readonly").objectStore(store.name).openCursor(range)
      await within(
        new Promise<void>((resolve, reject) => {
          asked.onerror = (event) => {
            event.preventDefault()
            reject(asked.error ?? new DOMException("", "UnknownError"))
          }
          asked.onsuccess = () => {
            try {
              const cursor = asked.result
              if (cursor === null) {
                isDone = true
                resolve()
                return
              }
              const value = valueOf(cursor)
              if (value === null) {
                part.unread++
                at.key = { after: cursor.primaryKey }
                cursor.continue()
                return
              }
              const record = { key: encoder.prepare(cursor.primaryKey), value: encoder.prepare(value.is) }
              const isHere = "text" in record.key && "text" in record.value
              // Of a Blob the bytes are not read yet.
              const more = halfSize(record.key) + halfSize(record.value) + around
              if (size + more <= fits) {
                found.push({ ...record, bytes: more, isHere })
                size += more
              } else if (isHere && (more <= request.pieceSize || inVain > request.maxOrigin)) {
                isCut = true
                resolve()
                return
              } else {
                // One large thing is no reason to leave out what is behind it, as long as passing over it costs little.
                leaveOut()
                if (isHere) inVain += more
              }
              at.key = { after: cursor.primaryKey }
              if (size >= enough || performance.now() > endsAt) resolve()
              else cursor.continue()
            } catch (error) {
              reject(error instanceof Error ? error : new Error(nameOf(error)))
            }
          }
        }),
        since,
      )
    } catch (error) {
      const fault = connection?.isLost === true ? "upgraded" : nameOf(error) === "late" ? "late" : "failed"
      const next = fault === "failed" && connection !== null ? await nextKey(connection.db, store.name) : null
      if (next === null) {
        part.cut = { why: fault, left: null, error: nameOf(error) }
        if (fault === "late") lateStores++
        isDone = true
      } else {
        // One record stops the cursor: go on behind it.
        at.key = next
        part.unread++
      }
    }
    size = 0
    for (const { key: keyHalf, value: valueHalf, bytes, isHere } of found) {
      const key = "text" in keyHalf ? keyHalf : await keyHalf.read()
      const value = "text" in valueHalf ? valueHalf : await valueHalf.read()
      const more = isHere ? bytes : sizeOf(key.text) + sizeOf(value.text) + around
      if (size + more > fits) {
        leaveOut()
        continue
      }
      lines.push(key.text, value.text)
      size += more
      for (const { path, what, why: because } of value.gaps) {
        const known = part.gaps.find((gap) => gap.what === what && gap.why === because)
        if (known === undefined) part.gaps.push({ path, what, why: because, count: 1 })
        else known.count++
      }
      part.records++
    }
    at.read += part.records + part.unread + (part.large?.records ?? 0)
    sizes = { database: sizes.database + size, origin: sizes.origin + size }
    if (isCut) part.cut = { why, left: null, error: "" }
    if (part.cut !== undefined) part.cut.left = Math.max(0, store.count - at.read)
    return { part, size, isDone: isDone || isCut }
  }

  return {
    begin(asked) {
      request = asked
      lateStores = 0
      isTold = false
      isEnd = asked.names.length === 0
      at = { database: 0, store: 0, key: null, read: 0 }
      sizes = { database: 0, origin: 0 }
      inVain = 0
      ahead = readPiece()
      ahead.catch(() => undefined)
    },
    async next() {
      const piece = await (ahead ?? readPiece())
      ahead = isEnd ? null : readPiece()
      ahead?.catch(() => undefined)
      return piece
    },
    stop() {
      isEnd = true
      connection?.db.close()
      connection = null
    },
  }
}
