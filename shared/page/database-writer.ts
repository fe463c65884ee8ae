/** What it uses of the value codec (`structured.ts`). */
export interface ValueDecoder {
  decode(text: string): unknown
}

export interface DatabaseSchema {
  name: string
  version: number
  stores: {
    name: string
    keyPath: string | string[] | null
    autoIncrement: boolean
    nextKey: number | null
    indexes: { name: string; keyPath: string | string[]; unique: boolean; multiEntry: boolean }[]
  }[]
}

/** Answers are strings of ASCII JSON. */
export interface DatabaseWriter {
  /** Deletes every database of the origin but the named ones; `{ "fault": null }`, or what kept some from going. */
  clear(but?: string[]): Promise<string>
  /**
   * Makes the database, or opens the one that is there and has the same stores. `{ "fault": null }`, `"late"` when something
   * holds it, `"differs"` when another one is there, else the name of the exception.
   *
   * @param empties the one that is there loses its records, which open pages may go on with; another one goes
   */
  begin(schema: DatabaseSchema, empties?: boolean): Promise<string>
  /** Puts records, two lines each: key, value. `{ "failed": [[place, "DataError"], …] }` */
  write(store: number, lines: string): Promise<string>
  /** Sets the key generators and counts what is there: `{ "counts": [3], "generators": [null] }`, a name where one failed. */
  end(): Promise<string>
}

/**
 * Writes databases in a blank page of their origin, self-contained. A record that cannot be written costs no other: a
 * transaction that fails as a whole (quota) is tried again in halves, until that has failed often enough to call the origin full.
 */
export function createDatabaseWriter(decoder: ValueDecoder): DatabaseWriter {
  const limit = 10_000
  type StoreSchema = DatabaseSchema["stores"][number]
  /** Records that found no room even alone, and how many of them mean that there is none. */
  let refused = 0
  const enough = 16
  let current: { db: IDBDatabase; stores: StoreSchema[] } | null = null

  const nameOf = (error: unknown) => {
    const name = (error as { name?: unknown } | null)?.name
    return typeof name === "string" && /^\w{1,40}$/.test(name) ? name : "Error"
  }
  const answerOf = <T>(asked: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      asked.onsuccess = () => resolve(asked.result)
      asked.onerror = (event) => {
        event.preventDefault()
        reject(asked.error ?? new DOMException("", "UnknownError"))
      }
    })
  const within = <T>(work: Promise<T>): Promise<T> => {
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new DOMException("no answer", "late")), limit)
    })
    return Promise.race([work, late])
  }
  const samePath = (one: unknown, other: unknown) =>
    JSON.stringify(Array.isArray(one) || typeof one === "string" ? one : Array.from((one ?? []) as string[])) ===
    JSON.stringify(other ?? [])

  const make = (made: IDBDatabase, { stores }: DatabaseSchema) => {
    for (const { name, keyPath, autoIncrement, indexes } of stores) {
      const store = made.createObjectStore(name, { keyPath, autoIncrement })
      for (const { name: indexName, keyPath: path, unique, multiEntry } of indexes) {
        store.createIndex(indexName, path, { unique, multiEntry })
      }
    }
  }
  const hasSame = (store: IDBObjectStore, indexes: StoreSchema["indexes"]) =>
    store.indexNames.length === indexes.length &&
    indexes.every(({ name, keyPath, unique, multiEntry }) => {
      if (!store.indexNames.contains(name)) return false
      const index = store.index(name)
      return index.unique === unique && index.multiEntry === multiEntry && samePath(index.keyPath, keyPath)
    })
  const isSame = (found: IDBDatabase, schema: DatabaseSchema, withIndexes: boolean) => {
    const names = Array.from(found.objectStoreNames)
    if (found.version !== schema.version || names.length !== schema.stores.length) return false
    if (names.length === 0) return true
    const looking = found.transaction(names, "readonly")
    return schema.stores.every(({ name, keyPath, autoIncrement, indexes }) => {
      if (!names.includes(name)) return false
      const store = looking.objectStore(name)
      const isAlike = store.autoIncrement === autoIncrement && samePath(store.keyPath, keyPath)
      return isAlike && (!withIndexes || hasSame(store, indexes))
    })
  }
  const empty = (db: IDBDatabase): Promise<unknown> => {
    const names = Array.from(db.objectStoreNames)
    if (names.length === 0) return Promise.resolve()
    const writing = db.transaction(names, "readwrite")
    return Promise.all(names.map((name) => answerOf(writing.objectStore(name).clear())))
  }

  const begin: DatabaseWriter["begin"] = async (wanted, empties = false) => {
    let fault = await openAs(wanted, empties)
    if (fault === "differs" && empties) {
      fault = await within(answerOf(indexedDB.deleteDatabase(wanted.name))).then(() => null, nameOf)
      fault ??= await openAs(wanted, empties)
    }
    return JSON.stringify({ fault })
  }

  const openAs = async (wanted: DatabaseSchema, empties: boolean): Promise<string | null> => {
    current = null
    const asked = indexedDB.open(wanted.name, wanted.version)
    let wasThere = true as boolean
    try {
      await within(
        new Promise<void>((resolve, reject) => {
          asked.onupgradeneeded = ({ oldVersion }) => {
            wasThere = oldVersion !== 0
            if (!wasThere) make(asked.result, wanted)
            else asked.transaction?.abort()
          }
          asked.onsuccess = () => resolve()
          asked.onerror = (event) => {
            event.preventDefault()
            reject(asked.error ?? new DOMException("", "UnknownError"))
          }
        }),
      )
      const db = asked.result
      db.onversionchange = () => db.close()
      if (wasThere && !isSame(db, wanted, empties)) {
        db.close()
        return "differs"
      }
      if (wasThere && empties) await within(empty(db))
      current = { db, stores: wanted.stores }
      return null
    } catch (error) {
      const name = nameOf(error)
      return name === "VersionError" || name === "AbortError" ? "differs" : name
    }
  }

  const writeAll = async (
    db: IDBDatabase,
    target: StoreSchema,
    records: [number, unknown, unknown][],
    failed: [number, string][],
  ): Promise<void> => {
    const { name, keyPath } = target
    const mine: [number, string][] = []
    try {
      const writing = db.transaction(name, "readwrite")
      const store = writing.objectStore(name)
      const ended = new Promise<void>((resolve, reject) => {
        writing.oncomplete = () => resolve()
        writing.onabort = () => reject(writing.error ?? new DOMException("", "AbortError"))
      })
      for (const [index, key, value] of records) {
        try {
          const asked = keyPath === null ? store.put(value, key as IDBValidKey) : store.put(value)
          asked.onerror = (event) => {
            event.preventDefault()
            event.stopPropagation()
            mine.push([index, nameOf(asked.error)])
          }
        } catch (error) {
          mine.push([index, nameOf(error)])
        }
      }
      await ended
      failed.push(...mine)
    } catch (error) {
      const isQuota = nameOf(error) === "QuotaExceededError"
      if (isQuota && records.length <= 1) refused++
      if (records.length <= 1 || (isQuota && refused >= enough)) {
        for (const [index] of records) failed.push([index, nameOf(error)])
        return
      }
      const middle = records.length >> 1
      await writeAll(db, target, records.slice(0, middle), failed)
      await writeAll(db, target, records.slice(middle), failed)
    }
  }

  const write: DatabaseWriter["write"] = async (place, text) => {
    const lines = text.split("\n")
    const failed: [number, string][] = []
    const records: [number, unknown, unknown][] = []
    for (let i = 0; i + 1 < lines.length; i += 2) {
      try {
        const [key, value] = [decoder.decode(lines[i] ?? ""), decoder.decode(lines[i + 1] ?? "")]
        records.push([i / 2, isPromise(key) ? await key : key, isPromise(value) ? await value : value])
      } catch (error) {
        failed.push([i / 2, nameOf(error)])
      }
    }
    const target = current?.stores[place]
    if (current === null || target === undefined) throw new Error("No such store")
    if (records.length > 0) await writeAll(current.db, target, records, failed)
    return JSON.stringify({ failed })
  }
  const isPromise = (value: unknown) => Object.prototype.toString.call(value) === "[object Promise]"

  /** An explicit key of N−1 moves the generator to N; the record goes again at once. */
  const setGenerator = async (db: IDBDatabase, { name, keyPath, nextKey }: StoreSchema): Promise<string | null> => {
    if (nextKey === null || nextKey < 2) return null
    try {
      const writing = db.transaction(name, "readwrite")
      const store = writing.objectStore(name)
      const key = nextKey - 1
      let value: Record<string, unknown> = {}
      if (typeof keyPath === "string") {
        const path = keyPath.split(".")
        value = path.reduceRight<unknown>((inner, step) => ({ [step]: inner }), key) as Record<string, unknown>
      }
      const added = await answerOf(keyPath === null ? store.add(value, key) : store.add(value)).catch(
        (error: unknown) => {
          // A record of that key is there: it has moved the generator already.
          if (nameOf(error) === "ConstraintError") return null
          throw error
        },
      )
      if (added !== null) await answerOf(store.delete(added))
      return null
    } catch (error) {
      return nameOf(error)
    }
  }

  const end: DatabaseWriter["end"] = async () => {
    if (current === null) throw new Error("No database")
    const { db, stores } = current
    const generators: (string | null)[] = []
    for (const store of stores) generators.push(store.autoIncrement ? await setGenerator(db, store) : null)
    let counts: number[] = []
    if (stores.length > 0) {
      const looking = db.transaction(
        stores.map(({ name }) => name),
        "readonly",
      )
      counts = await Promise.all(stores.map(({ name }) => answerOf(looking.objectStore(name).count())))
    }
    db.close()
    current = null
    return JSON.stringify({ counts, generators })
  }

  const clear: DatabaseWriter["clear"] = async (but = []) => {
    try {
      const found = (await indexedDB.databases()).filter(({ name = "" }) => !but.includes(name))
      await within(Promise.all(found.map(({ name = "" }) => answerOf(indexedDB.deleteDatabase(name)))))
      return JSON.stringify({ fault: null })
    } catch (error) {
      return JSON.stringify({ fault: nameOf(error) })
    }
  }

  return { clear, begin, write, end }
}
