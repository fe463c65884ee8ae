/** What it uses of the value codec (`structured.ts`). */
export interface RecordCodec {
  encode(value: unknown): { text: string } | Promise<{ text: string }>
  decode(text: string): unknown
}

/** A record: names, and its key as text of the codec. */
export interface RecordPlace {
  origin: string
  database: string
  store: string
  key: string
}

export interface RecordReading {
  /** Why nothing was read: `origin`, `no-database`, `no-store`, `late`, or the name of the exception. */
  fault: string | null
  /** Of the database as it is; null with a fault. */
  schema: {
    version: number
    stores: {
      name: string
      keyPath: string | string[] | null
      autoIncrement: boolean
      indexes: { name: string; keyPath: string | string[]; unique: boolean; multiEntry: boolean }[]
    }[]
  } | null
  /** Text of the codec; null where there is no such record. */
  value: string | null
}

/** Puts or deletes one record. Values are text of the codec, null for none. */
export interface RecordSwap extends RecordPlace {
  from: string | null
  to: string | null
}

/** Requests and answers are JSON. */
export interface RecordWriter {
  /** A `RecordReading`. */
  read(place: string): Promise<string>
  /** `{ "fault": null }` once it is written for good; else nothing changed. `changed`: it is not `from` any more. */
  swap(request: string): Promise<string>
}

/**
 * Changes single records of databases that are there, in a document of their origin. Self-contained.
 *
 * Never a database, a version or a store: it opens what exists, without a version, and gives up after five seconds when the site
 * holds it, or is upgrading or deleting it; a connection of ours goes as soon as the site wants to do so. What was written is
 * read back in the same transaction, which takes all of it back when it is not as wanted.
 */
export function createRecordWriter(codec: RecordCodec): RecordWriter {
  const limit = 5000
  const nameOf = (error: unknown) => {
    const name = (error as { name?: unknown } | null)?.name
    return typeof name === "string" && /^[\w-]{1,40}$/.test(name) ? name : "Error"
  }
  const fail = (name: string) => new DOMException("", name)
  const answerOf = <T>(asked: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      asked.onsuccess = () => resolve(asked.result)
      asked.onerror = (event) => {
        event.preventDefault()
        reject(asked.error ?? fail("UnknownError"))
      }
    })
  /** @param onLate takes back what was begun */
  const within = <T>(work: Promise<T>, onLate: () => void): Promise<T> => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        onLate()
        reject(fail("late"))
      }, limit)
    })
    return Promise.race([work, late]).finally(() => clearTimeout(timer))
  }

  const open = async ({ origin, database, store }: RecordPlace): Promise<IDBDatabase> => {
    if (self.origin !== origin || location.origin !== origin) throw fail("origin")
    const found = await within(indexedDB.databases(), () => undefined)
    if (!found.some(({ name }) => name === database)) throw fail("no-database")
    const asked = indexedDB.open(database)
    let isGivenUp = false
    // It was deleted meanwhile: looking must not make it anew.
    asked.onupgradeneeded = () => asked.transaction?.abort()
    const opened = answerOf(asked).then((db) => {
      db.onversionchange = () => db.close()
      if (isGivenUp) db.close()
      return db
    })
    const db = await within(opened, () => (isGivenUp = true))
    if (db.objectStoreNames.contains(store)) return db
    db.close()
    throw fail("no-store")
  }

  const pathOf = (path: unknown): string | string[] | null =>
    path === null || path === undefined
      ? null
      : typeof path === "string"
        ? path
        : Array.from(path as ArrayLike<unknown>, String)

  const schemaOf = (db: IDBDatabase): RecordReading["schema"] => {
    const names = Array.from(db.objectStoreNames)
    const looking = db.transaction(names, "readonly")
    const stores = names.map((name) => {
      const { keyPath, autoIncrement, indexNames } = looking.objectStore(name)
      const indexes = Array.from(indexNames, (indexName) => {
        const { keyPath, unique, multiEntry } = looking.objectStore(name).index(indexName)
        return { name: indexName, keyPath: pathOf(keyPath) ?? "", unique, multiEntry }
      })
      return { name, keyPath: pathOf(keyPath), autoIncrement, indexes }
    })
    return { version: db.version, stores }
  }

  const textOf = async (value: unknown) => (value === undefined ? null : (await codec.encode(value)).text)
  /** Within a transaction, which ends by itself while something else is awaited. */
  const textNow = (value: unknown) => {
    if (value === undefined) return null
    const encoded = codec.encode(value)
    if ("then" in encoded) throw fail("unread")
    return encoded.text
  }

  const read: RecordWriter["read"] = async (place) => {
    const request = JSON.parse(place) as RecordPlace
    try {
      const db = await open(request)
      try {
        const key = (await codec.decode(request.key)) as IDBValidKey
        const schema = schemaOf(db)
        const looking = db.transaction(request.store, "readonly")
        const found = answerOf<unknown>(looking.objectStore(request.store).get(key))
        const value = await textOf(await within(found, () => looking.abort()))
        return JSON.stringify({ fault: null, schema, value } satisfies RecordReading)
      } finally {
        db.close()
      }
    } catch (error) {
      return JSON.stringify({ fault: nameOf(error), schema: null, value: null } satisfies RecordReading)
    }
  }

  const swap: RecordWriter["swap"] = async (text) => {
    const request = JSON.parse(text) as RecordSwap
    try {
      const key = (await codec.decode(request.key)) as IDBValidKey
      const value = request.to === null ? undefined : await codec.decode(request.to)
      const db = await open(request)
      try {
        const writing = db.transaction(request.store, "readwrite")
        const ended = new Promise<void>((resolve, reject) => {
          writing.oncomplete = () => resolve()
          writing.onabort = () => reject(writing.error ?? fail("AbortError"))
        })
        const abort = () => {
          try {
            writing.abort()
          } catch {
            // It has ended by itself.
          }
        }
        const work = async () => {
          try {
            const store = writing.objectStore(request.store)
            if (textNow(await answerOf<unknown>(store.get(key))) !== request.from) throw fail("changed")
            if (request.to === null) await answerOf(store.delete(key))
            else {
              const own = await answerOf(store.keyPath === null ? store.put(value, key) : store.put(value))
              if (indexedDB.cmp(own, key) !== 0) throw fail("key")
            }
            if (textNow(await answerOf<unknown>(store.get(key))) !== request.to) throw fail("unlike")
          } catch (error) {
            ended.catch(() => undefined)
            abort()
            throw error
          }
          await ended
        }
        await within(work(), abort)
        return JSON.stringify({ fault: null })
      } finally {
        db.close()
      }
    } catch (error) {
      return JSON.stringify({ fault: nameOf(error) })
    }
  }

  return { read, swap }
}
