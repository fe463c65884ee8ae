import type { IndexedDatabase } from "../../shared/snapshot.js"
import { createStructuredCodec } from "../../shared/structured.js"

const codec = createStructuredCodec()

type Index = IndexedDatabase["stores"][number]["indexes"][number]

/** A database of one store, `things`, with these records. */
export function exampleDatabase(name: string, records: [number, unknown][], indexes: Index[] = []): IndexedDatabase {
  const text = (value: unknown) => {
    const encoded = codec.encode(value)
    if (!("text" in encoded)) throw new Error("A value of this test needs to wait")
    return encoded.text
  }
  const lines = records.map(([key, value]) => ({ key: text(key), value: text(value) }))
  const store = { name: "things", keyPath: null, autoIncrement: false, nextKey: null, indexes, records: lines }
  return { name, version: 1, stores: [store] }
}
