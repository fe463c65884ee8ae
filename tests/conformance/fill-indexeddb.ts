/** What IndexedDB would not take, by the name of the value. */
export interface Filled {
  refused: string[]
}

/** Page function: databases of every shape, each made anew. `makeValues` gives the values of every type. */
export async function fillIndexedDb(makeValues: () => Promise<[name: string, value: unknown][]>): Promise<Filled> {
  const refused: string[] = []
  await make("app", 7, (db) => {
    db.createObjectStore("keys")
    db.createObjectStore("values")
    db.createObjectStore("key path string", { keyPath: "meta.id" })
    db.createObjectStore("key path empty", { keyPath: "" })
    db.createObjectStore("key path array", { keyPath: ["a", "b.c"] })
    db.createObjectStore("auto", { autoIncrement: true })
    db.createObjectStore("auto in value", { keyPath: "meta.id", autoIncrement: true })
    db.createObjectStore("auto used up", { autoIncrement: true })
    db.createObjectStore("auto untouched", { autoIncrement: true })
    db.createObjectStore("no records")
    db.createObjectStore("").createIndex("", "", {})
    const indexed = db.createObjectStore("indexed", { keyPath: "id" })
    indexed.createIndex("by mail", "mail", { unique: true })
    indexed.createIndex("by tag", "tags", { multiEntry: true })
    indexed.createIndex("by tag, unique", "codes", { multiEntry: true, unique: true })
    indexed.createIndex("by name and age", ["name", "born.year"])
  })
  await make("", 1, (db) => db.createObjectStore("store of the database without a name"))
  await make("no stores", 3, () => undefined)
  await make("naïve 🌿 <b>", 2 ** 40, (db) => db.createObjectStore("__proto__", { autoIncrement: true }))

  const values = await makeValues()
  await write("app", (store) => {
    for (const [index, key] of validKeys().entries()) store("keys").put(`record ${index}`, key)
    for (const [name, value] of values) {
      try {
        store("values").put(value, name)
      } catch {
        refused.push(name)
      }
    }
    store("key path string").put({ meta: { id: "one" }, rest: 1 })
    for (const value of ["the value is the key", 2, [3]]) store("key path empty").put(value)
    store("key path array").put({ a: 1, b: { c: new Date(0) }, rest: "kept" })
    for (const name of ["first", "second", "third", "gone", "gone too"]) store("auto").add(name)
    store("auto").delete(IDBKeyRange.lowerBound(4))
    store("auto").put("a key of its own", "text")
    store("auto in value").add({ meta: { more: true } })
    store("auto in value").put({ meta: { id: 41.5 } })
    store("auto used up").put("the last number there is", 2 ** 53)
    store("").put("a store without a name", 1)
    const indexed = store("indexed")
    indexed.put({
      id: 1,
      mail: "ada@example.test",
      tags: ["a", "b", "a"],
      codes: [1, 2],
      name: "Ada",
      born: { year: 1815 },
    })
    indexed.put({ id: 2, mail: "mary@example.test", tags: "b", codes: [3], name: "Ada", born: { year: 1780 } })
    indexed.put({ id: 3, tags: [{ not: "a key" }], name: "in no index but one", born: { year: -0 } })
  })
  await write("", (store) => store("store of the database without a name").put(new Map([["a", 1]]), "key"))
  await write("naïve 🌿 <b>", (store) => store("__proto__").add({ "🌿": "\ud800" }))
  return { refused }

  function validKeys(): IDBValidKey[] {
    const numbers = [-Infinity, -1.5, 0, 2 ** 53, Infinity]
    const dates = [new Date(-1), new Date(8.64e15)]
    const strings = ["", "\u0000", "a", "\ud800", "🌿", "\uffff"]
    const binaries = [new ArrayBuffer(0), new Uint8Array([0, 255]).buffer, new Uint16Array([258, 3]).subarray(1)]
    const arrays = [[], [-Infinity], [[], ["deep", [new Date(5)]]], ["a", new Uint8Array([1]).buffer]]
    return [...numbers, ...dates, ...strings, ...binaries, ...arrays]
  }

  async function make(name: string, version: number, upgrade: (db: IDBDatabase) => unknown): Promise<void> {
    await done(indexedDB.deleteDatabase(name))
    const request = indexedDB.open(name, version)
    request.onupgradeneeded = () => upgrade(request.result)
    ;(await done(request)).close()
  }

  async function write(name: string, put: (store: (name: string) => IDBObjectStore) => unknown): Promise<void> {
    const db = await done(indexedDB.open(name))
    const transaction = db.transaction([...db.objectStoreNames], "readwrite")
    put((store) => transaction.objectStore(store))
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(transaction.error ?? new Error("Aborted"))
    })
    db.close()
  }

  function done<Result>(request: IDBRequest<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error ?? new Error("Failed"))
    })
  }
}
