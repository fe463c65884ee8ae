import { plainName } from "../plain-name.js"
import type { Gap } from "../report.js"
import type { IndexedDatabase } from "../snapshot.js"
import { createStructuredCodec } from "../structured.js"
import { leftOut } from "./export.js"
import { isObject, listAt, own, textAt, type JsonObject } from "./read-json.js"
import { fromPlaywrightValue } from "./read-playwright-value.js"

/**
 * The databases of an origin in a storageState (see `playwright-databases.ts`). A record is taken whole or not at all, and so
 * is a store or a database whose description is malformed.
 */
export function readPlaywrightDatabases(list: unknown[], where: string): { databases: IndexedDatabase[]; gaps: Gap[] } {
  // Not pushed as arguments: a file may make more of them than a call can have.
  const gaps: Gap[][] = []
  const databases: IndexedDatabase[] = []
  let malformed = 0
  for (const raw of list) {
    const [name, version, stores] = isObject(raw)
      ? [textAt(raw, "name"), own(raw, "version"), listAt(raw, "stores")]
      : [null, null, null]
    if (name === null || stores === null || !Number.isSafeInteger(version) || Number(version) < 0) {
      malformed++
      continue
    }
    const read = stores.map((store) => readStore(store, name, where))
    gaps.push(read.flatMap((store) => store.gaps))
    databases.push({ name, version: Number(version), stores: read.flatMap(({ store }) => (store ? [store] : [])) })
  }
  return { databases, gaps: [...gaps.flat(), ...leftOut("indexedDB", where, malformed, "database", "it is malformed")] }
}

type Store = IndexedDatabase["stores"][number]

function readStore(raw: unknown, database: string, where: string): { store: Store | null; gaps: Gap[] } {
  const object = isObject(raw) ? raw : {}
  const name = textAt(object, "name")
  const keyPath = keyPathOf(object)
  const records = listAt(object, "records") ?? []
  if (name === null || keyPath === undefined) {
    const gaps = gapOf(where, `database "${plainName(database)}"`, 1, "store", "it is malformed")
    return { store: null, gaps }
  }
  const lost = new Map<string, number>()
  const read = records.flatMap((record): Store["records"] & object => {
    const made = readRecord(record, keyPath)
    if (!("lost" in made)) return [made]
    lost.set(made.lost, (lost.get(made.lost) ?? 0) + 1)
    return []
  })
  const autoIncrement = own(object, "autoIncrement") === true
  const place = `store "${plainName(name)}" of database "${plainName(database)}"`
  const indexes = (listAt(object, "indexes") ?? []).map(readIndex)
  const broken = indexes.filter((index) => index === null).length
  return {
    store: {
      name,
      keyPath,
      autoIncrement,
      nextKey: autoIncrement ? nextKeyAfter(read) : null,
      indexes: indexes.filter((index) => index !== null),
      records: read,
    },
    gaps: [
      ...[...lost].flatMap(([why, count]) => gapOf(where, place, count, "record", why)),
      ...gapOf(where, place, broken, "secondary key", "it is malformed"),
    ],
  }
}

function gapOf(where: string, place: string, count: number, thing: string, why: string): Gap[] {
  return leftOut("indexedDB", where, count, thing, why).map((gap) => ({ ...gap, what: `${gap.what} of ${place}` }))
}

function readIndex(raw: unknown): Store["indexes"][number] | null {
  if (!isObject(raw)) return null
  const [name, keyPath] = [textAt(raw, "name"), keyPathOf(raw)]
  if (name === null || keyPath === null || keyPath === undefined) return null
  return { name, keyPath, unique: own(raw, "unique") === true, multiEntry: own(raw, "multiEntry") === true }
}

/** Null for none; undefined for one that is malformed. */
function keyPathOf(raw: JsonObject): string | string[] | null | undefined {
  const [one, many] = [own(raw, "keyPath") ?? null, own(raw, "keyPathArray") ?? null]
  if (many === null) return one === null || typeof one === "string" ? one : undefined
  const isList = Array.isArray(many) && many.every((part) => typeof part === "string")
  return isList ? many : undefined
}

const codec = createStructuredCodec()

function readRecord(raw: unknown, keyPath: Store["keyPath"]): { key: string; value: string } | { lost: string } {
  if (!isObject(raw)) return { lost: "it is malformed" }
  const value = readSaid(raw, "value")
  if ("lost" in value) return { lost: `${value.lost} cannot be read` }
  const key = keyPath === null ? readSaid(raw, "key") : keyIn(value.value, keyPath)
  if ("lost" in key) return { lost: `${key.lost} cannot be read` }
  const [keyText, valueText] = [encode(key.value), encode(value.value)]
  return keyText === null || valueText === null ? { lost: "it cannot be read" } : { key: keyText, value: valueText }
}

function readSaid(raw: JsonObject, name: string): { value: unknown } | { lost: string } {
  if (Object.hasOwn(raw, `${name}Encoded`)) return fromPlaywrightValue(own(raw, `${name}Encoded`))
  return Object.hasOwn(raw, name) ? { value: own(raw, name) } : { lost: `a missing ${name}` }
}

/** Nothing in these values is read asynchronously, and what is in a gap does not come along. */
function encode(value: unknown): string | null {
  const encoded = codec.encode(value)
  return encoded instanceof Promise || encoded.gaps.length > 0 ? null : encoded.text
}

/** @see https://w3c.github.io/IndexedDB/#evaluate-a-key-path-on-a-value */
function keyIn(value: unknown, keyPath: string | string[]): { value: unknown } | { lost: string } {
  const parts = typeof keyPath === "string" ? [keyPath] : keyPath
  const keys = parts.map((path) => (path === "" ? [] : path.split(".")).reduce(stepInto, value))
  if (keys.includes(undefined)) return { lost: "a record without its key" }
  return { value: typeof keyPath === "string" ? keys[0] : keys }
}

function stepInto(value: unknown, name: string): unknown {
  if (name === "length" && (typeof value === "string" || Array.isArray(value))) return value.length
  return isObject(value) ? own(value, name) : undefined
}

function nextKeyAfter(records: { key: string }[]): number {
  let next = 1
  for (const { key } of records) {
    // Numbers are their own text in the codec.
    const number = /^-?\d/.test(key) ? Number(key) : 0
    if (number >= next) next = Math.min(Math.floor(number) + 1, 2 ** 53)
  }
  return next
}
