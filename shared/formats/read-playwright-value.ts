import { base64ToBytes } from "../bytes.js"
import { isObject, listAt, own, textAt, type JsonObject } from "./read-json.js"

/**
 * The value that `valueEncoded` and `keyEncoded` of a storageState stand for (see `playwright-value.ts`).
 *
 * @returns the value, or `{ lost }` with what is malformed or unknown in it
 */
export function fromPlaywrightValue(encoded: unknown): { value: unknown } | { lost: string } {
  const refs = new Map<unknown, unknown>()
  const keep = <Item>(object: JsonObject, made: Item): Item => {
    refs.set(own(object, "id"), made)
    return made
  }

  const read = (said: unknown, depth: number): unknown => {
    if (!isObject(said)) return Array.isArray(said) || said === undefined ? lose("data that is malformed") : said
    if (depth > maxDepth) return lose(`data deeper than ${maxDepth} levels`)
    const word = own(said, "v")
    if (word !== undefined) return words.has(word) ? words.get(word) : lose("a word that is not known")
    if (own(said, "ref") !== undefined) return refs.get(own(said, "ref"))
    const list = listAt(said, "a")
    if (list !== null) return fill(keep(said, [] as unknown[]), list, depth)
    const set = listAt(said, "s")
    if (set !== null) {
      const made = keep(said, new Set())
      for (const item of set) made.add(read(item, depth + 1))
      return made
    }
    const entries = listAt(said, "o")
    if (entries !== null) {
      const made = keep(said, {})
      for (const [key, value] of pairs(entries)) define(made, key, read(value, depth + 1))
      return made
    }
    const items = listAt(said, "m")
    if (items !== null) {
      const made = keep(said, new Map())
      for (const [key, value] of pairs(items)) made.set(read(key, depth + 1), read(value, depth + 1))
      return made
    }
    return readLeaf(said)
  }

  const fill = (made: unknown[], list: unknown[], depth: number) => {
    for (const item of list) made.push(read(item, depth + 1))
    return made
  }

  try {
    return { value: read(encoded, 0) }
  } catch (error) {
    if (error instanceof LostError) return { lost: error.message }
    throw error
  }
}

/** As deep as the writer goes. */
const maxDepth = 500

const words = new Map<unknown, unknown>([
  ["undefined", undefined],
  ["null", null],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["-0", -0],
])

const viewsByKind: Record<string, new (buffer: ArrayBuffer) => unknown> = {
  i8: Int8Array,
  ui8: Uint8Array,
  ui8c: Uint8ClampedArray,
  i16: Int16Array,
  ui16: Uint16Array,
  i32: Int32Array,
  ui32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
  bi64: BigInt64Array,
  bui64: BigUint64Array,
}

/** Stays inside of this file: what is said is what is lost. */
class LostError extends Error {}

function lose(what: string): never {
  throw new LostError(what)
}

function readLeaf(said: JsonObject): unknown {
  const [time, big] = [textAt(said, "d"), textAt(said, "bi")]
  if (time !== null) return new Date(time)
  // Reading digits takes more than linear time: no app has numbers like that.
  if (big !== null) return /^-?\d{1,10000}$/.test(big) ? BigInt(big) : lose("a BigInt that is malformed")
  const [pattern, error, view, buffer] = ["r", "e", "ta", "ab"].map((key) => own(said, key))
  if (isObject(pattern)) return readPattern(pattern)
  if (isObject(error)) return readError(error)
  if (isObject(buffer)) return readBytes(buffer)
  if (isObject(view)) return readView(view)
  return lose(own(said, "u") === undefined ? "data that is malformed" : "URL")
}

function readPattern(pattern: JsonObject): RegExp {
  try {
    return new RegExp(textAt(pattern, "p") ?? lose("RegExp"), textAt(pattern, "f") ?? "")
  } catch {
    return lose("RegExp")
  }
}

function readError(said: JsonObject): Error {
  const error = new Error(textAt(said, "m") ?? "")
  error.name = textAt(said, "n") ?? "Error"
  error.stack = textAt(said, "s") ?? ""
  return error
}

function readBytes(said: JsonObject): ArrayBuffer {
  return (base64ToBytes(textAt(said, "b") ?? "?") ?? lose("bytes that are malformed")).buffer
}

function readView(said: JsonObject): unknown {
  const kind = textAt(said, "k") ?? ""
  const View = Object.hasOwn(viewsByKind, kind) ? viewsByKind[kind] : undefined
  try {
    return View === undefined ? lose("a typed array that is not known") : new View(readBytes(said))
  } catch (error) {
    // Bytes that are no whole number of items.
    return error instanceof RangeError ? lose("bytes that are malformed") : lose("a typed array that is not known")
  }
}

function pairs(entries: unknown[]): [key: unknown, value: unknown][] {
  return entries.map((entry) => (isObject(entry) ? [own(entry, "k"), own(entry, "v")] : lose("data that is malformed")))
}

/** Also a key called `__proto__` is only a key. */
function define(target: object, key: unknown, value: unknown): void {
  if (typeof key !== "string") lose("data that is malformed")
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}
