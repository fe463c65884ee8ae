import { plainName } from "../plain-name.js"
import type { Gap } from "../report.js"
import type { IndexedDatabase } from "../snapshot.js"
import { createStructuredCodec } from "../structured.js"
import { leftOut } from "./export.js"
import { toPlaywrightValue, type PlaywrightReader, type PlaywrightValue } from "./playwright-value.js"

/**
 * The databases of an origin as Playwright's storageState says them:
 *
 *     { name, version, stores: [{ name, autoIncrement, keyPath? | keyPathArray?,
 *       indexes: [{ name, keyPath? | keyPathArray?, multiEntry, unique }],
 *       records: [{ key | keyEncoded (only where there is no keyPath), value | valueEncoded }] }] }
 *
 * A record is carried whole or not at all: one with something missing breaks the app that reads it. Also a database named `""`
 * is carried: Playwright restores it (and cannot save it).
 */
export function databasesToPlaywright(
  databases: IndexedDatabase[],
  where: string,
  reader: PlaywrightReader,
): { databases: object[]; gaps: Gap[] } {
  const gaps: Gap[] = []
  const written = databases.map(({ name, version, stores }) => ({
    name,
    version,
    stores: stores.map((store) => {
      const place = `store "${plainName(store.name)}" of database "${plainName(name)}"`
      const { records, lost, changed, nextKey } = writeRecords(store, reader)
      for (const [what, count] of lost)
        gaps.push(...recordGap(where, place, count, `${what} has no place in ${format}`))
      for (const [what, count] of changed) gaps.push(...recordGap(where, place, count, `${what} in ${format}`))
      if (store.autoIncrement && store.nextKey !== null && store.nextKey !== nextKey) {
        const why = `${format} goes on after the highest key that is there`
        gaps.push({ kind: "indexedDB", where, what: `next number of ${place}`, why, fix, count: 1 })
      }
      const { autoIncrement, indexes } = store
      return {
        name: store.name,
        autoIncrement,
        ...keyPathOf(store.keyPath),
        indexes: indexes.map(({ keyPath, ...index }) => ({ ...index, ...keyPathOf(keyPath) })),
        records,
      }
    }),
  }))
  return { databases: written, gaps }
}

const format = "Playwright's storageState"
const fix = "restore with the Playwright adapter"

type Store = IndexedDatabase["stores"][number]

function writeRecords({ records = [], keyPath }: Store, reader: PlaywrightReader) {
  const written: object[] = []
  const lost = new Map<string, number>()
  const changed = new Map<string, number>()
  let nextKey = 1
  for (const record of records) {
    const key = decode(record.key)
    const value = decode(record.value)
    const [saidKey, saidValue] = [say(key, reader), say(value, reader)]
    const gone = "lost" in saidKey ? saidKey.lost : "lost" in saidValue ? saidValue.lost : null
    if (gone !== null || "lost" in saidKey || "lost" in saidValue) {
      add(lost, gone ?? "")
      continue
    }
    if (typeof key === "number" && key >= nextKey) nextKey = Math.floor(key) + 1
    for (const change of saidValue.changes) add(changed, change)
    written.push({ ...(keyPath === null ? named("key", saidKey) : {}), ...named("value", saidValue) })
  }
  return { records: written, lost, changed, nextKey }
}

const codec = createStructuredCodec()
/** Stands for what this runtime cannot make: only browsers have an ImageData. */
const unmade = Symbol("unmade")

function decode(text: string): unknown {
  try {
    const value = codec.decode(text)
    if (!(value instanceof Promise)) return value
    // Only keys are read asynchronously, and they are lost whatever becomes of them.
    value.catch(() => undefined)
    return unmade
  } catch (error) {
    if (error instanceof Error && error.name === "DecodeError") return unmade
    throw error
  }
}

function say(value: unknown, reader: PlaywrightReader) {
  return value === unmade
    ? { lost: "what only a browser can make (CryptoKey, ImageData, …)" }
    : toPlaywrightValue(value, reader)
}

function named(name: "key" | "value", { said }: PlaywrightValue): object {
  return "plain" in said ? { [name]: said.plain } : { [`${name}Encoded`]: said.encoded }
}

function keyPathOf(keyPath: string | string[] | null): object {
  if (keyPath === null) return {}
  return typeof keyPath === "string" ? { keyPath } : { keyPathArray: keyPath }
}

function recordGap(where: string, place: string, count: number, why: string): Gap[] {
  return leftOut("indexedDB", where, count, "record", why, fix).map((gap) => ({
    ...gap,
    what: `${gap.what} of ${place}`,
  }))
}

function add(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}
