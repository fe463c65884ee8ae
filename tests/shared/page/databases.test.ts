import { IDBFactory, IDBKeyRange, IDBRequest as FDBRequest } from "fake-indexeddb"
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { createBudget, type Budget } from "../../../shared/budget.js"
import { createDatabaseCollector } from "../../../shared/database-pieces.js"
import { createDatabaseReader, type ReadDatabases } from "../../../shared/page/database-reader.js"
import { createDatabaseWriter } from "../../../shared/page/database-writer.js"
import type { IndexedDatabase } from "../../../shared/snapshot.js"
import { createStructuredCodec } from "../../../shared/structured.js"

const origin = "https://app.example.com"
const generous = { maxDatabase: 1e9, maxOrigin: 1e9, pieceSize: 1e6 }

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory())
  vi.stubGlobal("IDBKeyRange", IDBKeyRange)
  vi.stubGlobal("location", { origin })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("reading databases", () => {
  it("gives every shape of database back as it was, key generators and indexes included", async () => {
    await makeEverything()
    const before = await readAll()
    expect(before.gaps).toEqual([])
    expect(before.databases.map(({ name, version, stores }) => [name, version, stores.length])).toEqual([
      ["", 7, 4],
      ["no stores", 2, 0],
    ])
    vi.stubGlobal("indexedDB", new IDBFactory())
    await writeAll(before.databases)
    expect(await readAll()).toEqual(before)
    expect(before.databases[0]?.stores.map(({ name, nextKey }) => [name, nextKey])).toEqual([
      ["empty", null],
      ["generated", 12],
      ["inside", null],
      ["pair", null],
    ])
  })

  it("comes in pieces, each of its own transaction, and in the order of keys", async () => {
    await make("app", 1, (db) => db.createObjectStore("s"))
    await fill("app", "s", (store) => {
      for (let i = 0; i < 100; i++) store.put("x".repeat(100), i)
    })
    const sizes: number[] = []
    const { databases } = await readAll({ pieceSize: 1000 }, (piece) => sizes.push(piece.length))
    expect(sizes.length).toBeGreaterThan(9)
    expect(databases[0]?.stores[0]?.records?.map(({ key }) => Number(key))).toEqual([...Array(100).keys()])
  })

  it("leaves key generators and versions as they are", async () => {
    await make("app", 3, (db) => db.createObjectStore("s", { autoIncrement: true }))
    await readAll()
    await readAll()
    expect(await fill("app", "s", (store) => store.add("first"))).toBe(1)
    expect(await indexedDB.databases()).toEqual([{ name: "app", version: 3 }])
  })

  it("names what is over the limits, and how much of it", async () => {
    for (const name of ["one", "two"]) {
      await make(name, 1, (db) => db.createObjectStore("s"))
      await fill(name, "s", (store) => {
        for (let i = 0; i < 10; i++) store.put("x".repeat(1000), i)
      })
    }
    const perDatabase = await readAll({ maxDatabase: 4500 })
    expect(perDatabase.gaps.map(({ what, count }) => [what, count])).toEqual([
      ['6 records of store "s" of database "one"', 6],
      ['6 records of store "s" of database "two"', 6],
    ])
    const perOrigin = await readAll({ maxOrigin: 12_000 })
    expect(perOrigin.gaps.map(({ what, why }) => [what, why.includes("one origin")])).toEqual([
      ['9 records of store "s" of database "two"', true],
    ])
  })

  it("leaves out a Blob that does not fit before its bytes are read, and goes on behind it", async () => {
    const MiB = 1024 * 1024
    const encoder = createStructuredCodec()
    const blob = new Blob([new Uint8Array(5 * MiB)])
    const readBytes = vi.spyOn(Blob.prototype, "arrayBuffer")
    const spied = createStructuredCodec()
    const reader = createDatabaseReader({
      prepare: (value) => (value === "blob" ? spied.prepare({ blob }) : encoder.prepare(value)),
    })
    await make("app", 1, (db) => db.createObjectStore("s"))
    await fill("app", "s", (store) => {
      for (let i = 0; i < 3; i++) store.put("blob", i)
      store.put("token", 3)
    })
    const sizes: number[] = []
    const over = { maxDatabase: MiB, maxOrigin: MiB, pieceSize: 2 * MiB }
    const { databases, gaps } = await readAll(over, (piece) => sizes.push(piece.length), reader)
    expect(readBytes).not.toHaveBeenCalled()
    expect(Math.max(...sizes)).toBeLessThan(1000)
    expect(databases[0]?.stores[0]?.records).toEqual([{ key: "3", value: '"token"' }])
    expect(gaps).toMatchObject([{ what: '3 records of store "s" of database "app"', count: 3 }])
    expect(gaps[0]?.why).toContain("limit for one database")
    const whole = await readAll({}, undefined, reader)
    expect([whole.gaps, whole.databases[0]?.stores[0]?.records?.length]).toEqual([[], 4])
    vi.restoreAllMocks()
  })

  it("leaves out one large record and takes the smaller ones behind it", async () => {
    await make("app", 1, (db) => db.createObjectStore("s"))
    await fill("app", "s", (store) => {
      store.put("x".repeat(50_000), 1)
      store.put("small", 2)
    })
    const { databases, gaps } = await readAll({ maxDatabase: 40_000, pieceSize: 10_000 })
    expect(databases[0]?.stores[0]?.records?.map(({ key }) => key)).toEqual(["2"])
    expect(gaps).toMatchObject([{ what: '1 record of store "s" of database "app"', count: 1 }])
  })

  it("keeps every limit in bytes as they are sealed, and names as many records as it leaves out", async () => {
    const value = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constant('"'.repeat(300)),
      fc.constant("\\\n\u{1f36a}".repeat(50)),
    )
    const limit = fc.integer({ min: 100, max: 8000 })
    await fc.assert(
      fc.asyncProperty(fc.array(value, { maxLength: 30 }), limit, limit, limit, async (values, database, most, all) => {
        vi.stubGlobal("indexedDB", new IDBFactory())
        for (const name of ["a", "b"]) {
          await make(name, 1, (db) => db.createObjectStore("s"))
          await fill(name, "s", (store) => values.forEach((one, key) => store.put(one, key)))
        }
        const limits = { maxDatabase: database, maxOrigin: most, pieceSize: 1000 }
        const { databases, gaps } = await readAll(limits, undefined, undefined, createBudget(all))
        const sizes = databases.map((one) => JSON.stringify(one).length)
        for (const size of sizes) expect(size).toBeLessThanOrEqual(database)
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(Math.min(most, all))
        const carried = databases.flatMap(({ stores }) => stores.flatMap(({ records = [] }) => records)).length
        const whole = gaps.filter(({ what }) => what.startsWith("database ")).length
        const left = gaps.reduce((sum, { count }) => sum + count, -whole)
        expect(carried + left).toBe(values.length * (2 - whole))
      }),
      { numRuns: 60 },
    )
  })

  it("leaves out a database whose names alone are too large, or that has more stores than any app", async () => {
    await make("long", 1, (db) => db.createObjectStore("n".repeat(50_000)))
    await make("many", 1, (db) => {
      for (let i = 0; i < 501; i++) db.createObjectStore(String(i))
    })
    const { databases, gaps } = await readAll({ maxDatabase: 40_000, names: ["long", "many"] })
    expect(databases).toEqual([])
    expect(gaps.map(({ what, why }) => [what, why])).toEqual([
      ['database "long"', "the database is larger than the limit for one database"],
      ['database "many"', "it has more stores or indexes than are read"],
    ])
  })

  it("looks at 500 databases at most, and says how many more there are", async () => {
    const names = Array.from({ length: 600 }, (_, index) => `gone ${index}`)
    const { gaps } = await readAll({ names })
    expect(gaps).toHaveLength(501)
    expect(gaps[500]).toMatchObject({ what: "100 more databases", count: 100 })
  })

  it("names what cannot be carried, once for each store, with how many records it concerns", async () => {
    const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"])
    const encoder = createStructuredCodec()
    const reader = createDatabaseReader({
      prepare: (value) => encoder.prepare(value === "key" ? { "ann@x.com": key } : value),
    })
    await make("keys", 1, (db) => db.createObjectStore("s\u202e"))
    await fill("keys", "s\u202e", (store) => {
      store.put("key", 1)
      store.put("key", 2)
      store.put("plain", 3)
    })
    const { databases, gaps } = await readAll({}, undefined, reader)
    expect(gaps).toMatchObject([{ what: 'CryptoKey in store "s?" of database "keys" at .*', count: 2 }])
    expect(gaps[0]?.why).toContain("non-extractable")
    expect(databases[0]?.stores[0]?.records).toHaveLength(3)
  })

  it("makes no database by looking for one that is gone", async () => {
    const { databases, gaps } = await readAll({ names: ["gone"] })
    expect(databases).toEqual([])
    expect(gaps).toMatchObject([{ what: 'database "gone"' }])
    expect(await indexedDB.databases()).toEqual([])
  })

  it("passes over a database that is being upgraded all the time, and says so", async () => {
    await make("free", 1, (db) => db.createObjectStore("s"))
    await make("held", 1, (db) => db.createObjectStore("s"))
    const held = await open("held")
    // It never answers the wish to close: the upgrade waits, and so does everybody after it.
    indexedDB.open("held", 2)
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    const reading = readAll({ names: ["free", "held"] })
    // The other one answers in real turns of the loop, long before five seconds are over.
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
    await vi.advanceTimersByTimeAsync(5000)
    const { databases, gaps } = await reading
    expect(databases.map(({ name }) => name)).toEqual(["free"])
    expect(gaps).toMatchObject([{ what: 'database "held"' }])
    expect(gaps[0]?.why).toContain("within 5 seconds")
    held.close()
  })

  it("goes on behind a record that the browser does not read, and says how many there are", async () => {
    await make("app", 1, (db) => db.createObjectStore("s"))
    await fill("app", "s", (store) => {
      for (let i = 0; i < 5; i++) store.put(i, i)
    })
    const result = Object.getOwnPropertyDescriptor(FDBRequest.prototype, "result")
    // As Firefox does for a file handle that an extension reads.
    vi.spyOn(FDBRequest.prototype, "result", "get").mockImplementation(function (this: IDBRequest) {
      const found = result?.get?.call(this) as IDBCursorWithValue | null
      const isCursor = typeof found === "object" && found !== null && "continue" in found
      const isUnreadable = isCursor && [1, 4].includes(found.primaryKey as number)
      if (!isUnreadable) return found
      return Object.create(found, {
        primaryKey: { value: found.primaryKey },
        continue: { value: () => found.continue() },
        value: {
          get() {
            throw new DOMException("", "DataCloneError")
          },
        },
      }) as IDBCursorWithValue
    })
    const { databases, gaps } = await readAll()
    vi.restoreAllMocks()
    expect(databases[0]?.stores[0]?.records?.map(({ key }) => key)).toEqual(["0", "2", "3"])
    expect(gaps).toMatchObject([{ what: '2 records of store "s" of database "app"', count: 2 }])
  })

  it("lets the site upgrade a database in the middle of the reading, and names what was not read", async () => {
    await make("app", 1, (db) => db.createObjectStore("s"))
    await fill("app", "s", (store) => {
      for (let i = 0; i < 50; i++) store.put("x".repeat(100), i)
    })
    const collector = createDatabaseCollector(origin, null)
    const reader = createDatabaseReader(createStructuredCodec())
    reader.begin({ names: ["app"], ...generous, pieceSize: 500 })
    collector.add(await reader.next())
    await make("app", 2, (db) => db.createObjectStore("more"))
    while (!collector.add(await reader.next()).isEnd);
    expect(collector.gaps).toMatchObject([
      { kind: "indexedDB", why: "the site changed the database while it was read" },
    ])
    const left = collector.gaps[0]?.count ?? 0
    expect(left + (collector.databases[0]?.stores[0]?.records?.length ?? 0)).toBe(50)
  })
})

describe("writing databases", () => {
  const schema = (over: object = {}) => ({
    name: "app",
    version: 1,
    stores: [{ name: "s", keyPath: null, autoIncrement: false, nextKey: null, indexes: [], ...over }],
  })

  it("costs no other record when one cannot be written", async () => {
    const writer = createDatabaseWriter(createStructuredCodec())
    const unique = { name: "u", keyPath: "id", unique: true, multiEntry: false }
    await writer.begin(schema({ indexes: [unique] }))
    const lines = ["1", '{"id":1}', "2", '{"id":1}', "{}", '{"id":3}', "4", '{"$":"Unheard"}', "5", '{"id":5}']
    const { failed } = JSON.parse(await writer.write(0, lines.join("\n"))) as { failed: [number, string][] }
    expect(failed.sort()).toEqual([
      [1, "ConstraintError"],
      [2, "DataError"],
      [3, "DecodeError"],
    ])
    expect(JSON.parse(await writer.end())).toEqual({ counts: [2], generators: [null] })
  })

  it("adds to a database of the same shape, and leaves another one alone", async () => {
    await make("app", 1, (db) => db.createObjectStore("s"))
    await fill("app", "s", (store) => store.put("mine", 9))
    const writer = createDatabaseWriter(createStructuredCodec())
    expect(JSON.parse(await writer.begin(schema()))).toEqual({ fault: null })
    await writer.write(0, '1\n"theirs"')
    expect(JSON.parse(await writer.end())).toMatchObject({ counts: [2] })
    expect(JSON.parse(await writer.begin({ ...schema(), version: 2 }))).toEqual({ fault: "differs" })
    expect(JSON.parse(await writer.begin(schema({ keyPath: "id" })))).toEqual({ fault: "differs" })
    expect(await indexedDB.databases()).toEqual([{ name: "app", version: 1 }])
  })

  it("empties a database of the same shape beside whoever holds it, and makes another one anew", async () => {
    const index = { name: "i", keyPath: "a", unique: false, multiEntry: false }
    await make("app", 1, (db) => db.createObjectStore("s"))
    await fill("app", "s", (store) => store.put("mine", 9))
    const held = await open("app")
    const writer = createDatabaseWriter(createStructuredCodec())
    expect(JSON.parse(await writer.begin(schema(), true))).toEqual({ fault: null })
    await writer.write(0, '1\n"theirs"')
    expect(JSON.parse(await writer.end())).toMatchObject({ counts: [1] })
    held.close()
    for (const other of [schema({ indexes: [index] }), { ...schema(), version: 2 }]) {
      expect(JSON.parse(await writer.begin(other, true))).toEqual({ fault: null })
      expect(JSON.parse(await writer.end())).toMatchObject({ counts: [0] })
    }
    expect(await indexedDB.databases()).toEqual([{ name: "app", version: 2 }])
  })

  it("clears away all databases but those that are named", async () => {
    for (const name of ["a", "b", ""]) await make(name, 1, (db) => db.createObjectStore("s"))
    expect(JSON.parse(await createDatabaseWriter(createStructuredCodec()).clear(["b", ""]))).toEqual({ fault: null })
    expect((await indexedDB.databases()).map(({ name }) => name).sort()).toEqual(["", "b"])
  })

  it("says when an open page holds what is to go", async () => {
    await make("app", 1, (db) => db.createObjectStore("s"))
    const held = await open("app")
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    const clearing = createDatabaseWriter(createStructuredCodec()).clear()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(JSON.parse(await clearing)).toEqual({ fault: "late" })
    held.close()
  })
})

describe("putting pieces together", () => {
  const database = { name: "a", version: 1, stores: [], fault: null }

  it.each([
    ["no header", ""],
    ["a header that is none", "[]"],
    ["another origin", JSON.stringify({ origin: "https://evil.test", parts: [], isEnd: true })],
    [
      "a store that nobody described",
      JSON.stringify({ origin, parts: [{ database: 0, store: 0, records: 0, gaps: [], unread: 0 }] }),
    ],
    ["fewer records than it says", header({ databases: [{ ...database, stores: [{ name: "s" }] }], records: 2 })],
  ])("a piece with %s is refused", (_what, piece) => {
    expect(() => createDatabaseCollector(origin, null).add(piece)).toThrow(
      expect.objectContaining({ code: "bad-message" }) as Error,
    )
  })

  it("a reading that stops names everything that was still to come", () => {
    const stores = [
      { name: "s", count: 5 },
      { name: "t", count: 0 },
    ]
    const collector = createDatabaseCollector(origin, { topLevelSite: "https://top.test", hasCrossSiteAncestor: true })
    collector.add(`${header({ databases: [{ ...database, stores }], records: 1 })}\n1\n"x"`)
    collector.stop("max-session")
    collector.stop("gone")
    expect(collector.gaps.map(({ where, what, count }) => [where, what, count])).toEqual([
      [`${origin} below https://top.test`, '4 records of store "s" of database "a"', 4],
    ])
  })

  it("a place that is not one of positions is not shown, whoever made the piece", () => {
    const gaps = [{ path: ".ann@x.com", what: "CryptoKey", why: "it is non-extractable", count: 1 }]
    const part = { database: 0, store: 0, records: 0, gaps, unread: 0 }
    const collector = createDatabaseCollector(origin, null)
    const databases = [{ ...database, stores: [{ name: "s", count: 1 }] }]
    collector.add(JSON.stringify({ origin, databases, parts: [part], isEnd: true }))
    expect(collector.gaps.map(({ what }) => what)).toEqual(['CryptoKey in store "s" of database "a"'])
  })

  it("what is lacking in many pieces is one line", () => {
    const part = { database: 0, store: 0, records: 0, gaps: [], unread: 2 }
    const collector = createDatabaseCollector(origin, null)
    const databases = [{ ...database, stores: [{ name: "s", count: 1 }] }]
    for (let i = 0; i < 3; i++) collector.add(JSON.stringify({ origin, databases, parts: [part, part], isEnd: false }))
    expect(collector.gaps).toMatchObject([{ what: '12 records of store "s" of database "a"', count: 12 }])
  })

  it("a session that is full takes large records out, and ends at a small one", () => {
    const stores = [{ name: "s", keyPath: null, autoIncrement: false, nextKey: null, indexes: [], count: 9 }]
    const values = ["1", `"${"x".repeat(100_000)}"`, "2", `"${"y".repeat(600)}"`, "3"]
    const part = { database: 0, store: 0, records: values.length, gaps: [], unread: 1 }
    const lines = values.flatMap((value, index) => [String(index), value])
    const head = JSON.stringify({ origin, databases: [{ ...database, stores }], parts: [part], isEnd: true })
    const collector = createDatabaseCollector(origin, null, createBudget(500))
    expect(collector.add([head, ...lines].join("\n"))).toMatchObject({ isEnd: true, isFull: true })
    expect(collector.databases[0]?.stores[0]?.records?.map(({ value }) => value)).toEqual(["1", "2"])
    expect(collector.gaps.map(({ what, count }) => [what, count])).toEqual([
      ['1 record of store "s" of database "a"', 1],
      ['1 record of store "s" of database "a"', 1],
      ['5 records of store "s" of database "a"', 5],
    ])
  })

  it("a reading that never began is one line", () => {
    const collector = createDatabaseCollector(origin, null)
    collector.stop("late")
    expect(collector.gaps).toMatchObject([{ what: "IndexedDB", why: "the page did not answer in time" }])
  })

  function header({ databases, records }: { databases: object[]; records: number }): string {
    const part = { database: 0, store: 0, records, gaps: [], unread: 0 }
    return JSON.stringify({ origin, databases, parts: [part], isEnd: false })
  }
})

async function readAll(
  over: Partial<ReadDatabases> = {},
  onPiece?: (piece: string) => void,
  reader = createDatabaseReader(createStructuredCodec()),
  budget?: Budget,
) {
  const names = over.names ?? (await indexedDB.databases()).map(({ name = "" }) => name)
  const collector = createDatabaseCollector(origin, null, budget)
  reader.begin({ ...generous, ...over, names })
  for (;;) {
    const piece = await reader.next()
    onPiece?.(piece)
    if (collector.add(piece).isEnd) return { databases: collector.databases, gaps: collector.gaps }
  }
}

async function writeAll(databases: IndexedDatabase[]): Promise<void> {
  const writer = createDatabaseWriter(createStructuredCodec())
  for (const database of databases) {
    expect(JSON.parse(await writer.begin(database))).toEqual({ fault: null })
    for (const [index, { records = [] }] of database.stores.entries()) {
      const lines = records.flatMap(({ key, value }) => [key, value]).join("\n")
      if (records.length > 0) expect(JSON.parse(await writer.write(index, lines))).toEqual({ failed: [] })
    }
    await writer.end()
  }
}

async function makeEverything(): Promise<void> {
  await make("", 7, (db) => {
    db.createObjectStore("empty")
    const generated = db.createObjectStore("generated", { keyPath: "deep.id", autoIncrement: true })
    generated.createIndex("tags", "tags", { multiEntry: true })
    generated.createIndex("both", ["a", "b"], { unique: true })
    db.createObjectStore("inside", { keyPath: "" })
    db.createObjectStore("pair", { keyPath: ["a", "b"] })
  })
  await make("no stores", 2, () => undefined)
  await fill("", "generated", (store) => {
    store.add({ tags: ["x", "y"], a: 1, b: 2 })
    store.add({ deep: { id: 11 }, a: 2, b: 2 })
  })
  await fill("", "inside", (store) => {
    for (const key of [1, -Infinity, "text", new Date(5), [1, ["a"]]]) store.put(key)
  })
  await fill("", "pair", (store) => store.put({ a: 1, b: "x", c: new Map([[1, new Set([-0])]]) }))
}

function make(name: string, version: number, build: (db: IDBDatabase) => unknown): Promise<void> {
  const asked = indexedDB.open(name, version)
  return new Promise((resolve, reject) => {
    asked.onupgradeneeded = () => void build(asked.result)
    asked.onsuccess = () => {
      asked.result.close()
      resolve()
    }
    asked.onerror = () => reject(new Error(asked.error?.name))
  })
}

function open(name: string): Promise<IDBDatabase> {
  const asked = indexedDB.open(name)
  return new Promise((resolve) => (asked.onsuccess = () => resolve(asked.result)))
}

/** @returns the key of the last request, when the work gives one */
async function fill(name: string, store: string, work: (store: IDBObjectStore) => unknown): Promise<unknown> {
  const db = await open(name)
  const writing = db.transaction(store, "readwrite")
  const asked = work(writing.objectStore(store))
  await new Promise((resolve) => (writing.oncomplete = resolve))
  db.close()
  return (asked as IDBRequest | undefined)?.result
}
