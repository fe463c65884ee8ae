import type { Description } from "./describe-value.js"

export interface SeenDatabase {
  name: string
  version: number
  stores: SeenStore[]
}

export interface SeenStore {
  name: string
  keyPath: string | string[] | null
  autoIncrement: boolean
  /** What the key generator would give next. */
  nextKey: number | "used up" | null
  indexes: SeenIndex[]
  /** In key order. */
  records: { key: Description; value: Description }[]
}

export interface SeenIndex {
  name: string
  keyPath: string | string[]
  unique: boolean
  multiEntry: boolean
  /** What a query of the whole index finds: index key and primary key. */
  entries: [key: Description, primaryKey: Description][]
}

/** Page function: every database of the origin, in the order of names. Changes nothing. */
export async function seeDatabases(describe: (value: unknown) => Promise<Description>): Promise<SeenDatabase[]> {
  const names = (await indexedDB.databases()).flatMap(({ name }) => (name === undefined ? [] : [name])).sort()
  const seen: SeenDatabase[] = []
  for (const name of names) {
    const db = await done(indexedDB.open(name))
    const stores: SeenStore[] = []
    for (const storeName of [...db.objectStoreNames].sort()) stores.push(await seeStore(db, storeName))
    seen.push({ name, version: db.version, stores })
    db.close()
  }
  return seen

  async function seeStore(db: IDBDatabase, name: string): Promise<SeenStore> {
    const nextKey = await nextKeyOf(db, name)
    const store = db.transaction(name).objectStore(name)
    const [keys, values, found] = await Promise.all([
      done(store.getAllKeys()),
      done(store.getAll() as IDBRequest<unknown[]>),
      Promise.all([...store.indexNames].sort().map(async (index) => seeIndex(store.index(index)))),
    ])
    const records: SeenStore["records"] = []
    for (const [at, key] of keys.entries())
      records.push({ key: await describe(key), value: await describe(values[at]) })
    const indexes: SeenIndex[] = []
    for (const { raw, ...index } of found) {
      const entries: SeenIndex["entries"] = []
      for (const [key, primaryKey] of raw) entries.push([await describe(key), await describe(primaryKey)])
      indexes.push({ ...index, entries })
    }
    return { name, keyPath: store.keyPath, autoIncrement: store.autoIncrement, nextKey, indexes, records }
  }

  function seeIndex(index: IDBIndex): Promise<Omit<SeenIndex, "entries"> & { raw: [IDBValidKey, IDBValidKey][] }> {
    const { name, keyPath, unique, multiEntry } = index
    const raw: [IDBValidKey, IDBValidKey][] = []
    return new Promise((resolve, reject) => {
      const request = index.openKeyCursor()
      request.onerror = () => reject(request.error ?? new Error("No cursor"))
      request.onsuccess = () => {
        const cursor = request.result
        if (cursor === null) {
          resolve({ name, keyPath, unique, multiEntry, raw })
          return
        }
        raw.push([cursor.key, cursor.primaryKey])
        cursor.continue()
      }
    })
  }

  /** Adds and takes it back: an aborted transaction gives the number back too. */
  async function nextKeyOf(db: IDBDatabase, name: string): Promise<SeenStore["nextKey"]> {
    const transaction = db.transaction(name, "readwrite")
    const store = transaction.objectStore(name)
    if (!store.autoIncrement) return null
    const next = await done(store.add({})).then(Number, (error: unknown) => {
      if (error instanceof DOMException && error.name === "ConstraintError") return "used up" as const
      throw error
    })
    await new Promise((resolve) => {
      transaction.onabort = resolve
      if (next !== "used up") transaction.abort()
    })
    return next
  }

  function done<Result>(request: IDBRequest<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error ?? new Error("Failed"))
    })
  }
}
