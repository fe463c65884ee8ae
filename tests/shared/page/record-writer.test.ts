import { IDBFactory, IDBKeyRange } from "fake-indexeddb"
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { createRecordWriter, type RecordReading, type RecordSwap } from "../../../shared/page/record-writer.js"
import { createStructuredCodec } from "../../../shared/structured.js"

const origin = "https://app.example.com"
const place = { origin, database: "app", store: "tokens", key: `"refresh"` }
const first = `{"name":"refresh","token":"first"}`
const second = `{"name":"refresh","token":"second"}`

beforeEach(async () => {
  vi.stubGlobal("indexedDB", new IDBFactory())
  vi.stubGlobal("IDBKeyRange", IDBKeyRange)
  vi.stubGlobal("location", { origin })
  vi.stubGlobal("self", { origin })
  const db = await open("app", 3, (made) => {
    made.createObjectStore("tokens", { keyPath: "name" }).createIndex("by token", "token", { unique: true })
    made.createObjectStore("plain")
  })
  const store = db.transaction("tokens", "readwrite").objectStore("tokens")
  await done(store.put({ name: "refresh", token: "first" }))
  await done(store.put({ name: "other", token: "taken" }))
  db.close()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const done = <T>(asked: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result)
    asked.onerror = () => reject(asked.error ?? new Error("failed"))
  })

function open(name: string, version?: number, make: (db: IDBDatabase) => void = () => undefined) {
  const asked = indexedDB.open(name, version)
  asked.onupgradeneeded = () => make(asked.result)
  return done(asked)
}

const writer = () => createRecordWriter(createStructuredCodec())
const read = async (over: Partial<typeof place> = {}) =>
  JSON.parse(await writer().read(JSON.stringify({ ...place, ...over }))) as RecordReading
const swap = async (over: Partial<RecordSwap>) => {
  const answer = await writer().swap(JSON.stringify({ ...place, from: first, to: second, ...over }))
  return (JSON.parse(answer) as { fault: string | null }).fault
}

it("a record that is as it was known is replaced, deleted, and added", async () => {
  expect(await swap({})).toBe(null)
  expect(await read()).toMatchObject({ fault: null, value: second })
  expect(await swap({ from: second, to: null })).toBe(null)
  expect(await read()).toMatchObject({ fault: null, value: null })
  expect(await swap({ from: null, to: first })).toBe(null)
  expect(await swap({ store: "plain", key: "7", from: null, to: `{"$":["Date",0]}` })).toBe(null)
  expect((await read({ store: "plain", key: "7" })).value).toBe(`{"$":["Date",0]}`)
})

it("one that the site changed since stays", async () => {
  expect(await swap({ from: second, to: first })).toBe("changed")
  expect(await swap({ from: null })).toBe("changed")
  expect((await read()).value).toBe(first)
})

it("one that would land under another key, or break an index, is taken back", async () => {
  expect(await swap({ to: `{"name":"elsewhere","token":"second"}` })).toBe("key")
  expect(await swap({ to: `{"name":"refresh","token":"taken"}` })).toBe("ConstraintError")
  expect((await read()).value).toBe(first)
  expect((await read({ key: `"elsewhere"` })).value).toBe(null)
})

it("no database, store or version is made", async () => {
  expect(await swap({ database: "planted", from: null })).toBe("no-database")
  expect(await swap({ store: "planted", from: null })).toBe("no-store")
  expect((await read({ database: "planted" })).fault).toBe("no-database")
  expect(await indexedDB.databases()).toEqual([{ name: "app", version: 3 }])
})

it("it tells the schema as it is", async () => {
  expect((await read()).schema).toEqual({
    version: 3,
    stores: [
      { name: "plain", keyPath: null, autoIncrement: false, indexes: [] },
      {
        name: "tokens",
        keyPath: "name",
        autoIncrement: false,
        indexes: [{ name: "by token", keyPath: "token", unique: true, multiEntry: false }],
      },
    ],
  })
})

it("a store that the site goes on holding is given up, and keeps what it has", async () => {
  const db = await open("app")
  const holding = db.transaction("tokens", "readwrite").objectStore("tokens")
  let isHeld = true
  const hold = () => {
    if (isHeld) holding.get("refresh").onsuccess = hold
  }
  hold()
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
  const answer = swap({})
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
  await vi.advanceTimersByTimeAsync(5000)
  expect(await answer).toBe("late")
  isHeld = false
  vi.useRealTimers()
  db.close()
  expect((await read()).value).toBe(first)
})

it("a document of another origin is left alone", async () => {
  vi.stubGlobal("self", { origin: "null" })
  expect(await swap({})).toBe("origin")
  expect((await read()).fault).toBe("origin")
})
