import { base64 } from "../bytes.js"

/**
 * A value as Playwright's storageState says it: plain JSON where that is enough (`value`), else in the encoding that its
 * `evaluate` uses too (`valueEncoded`):
 *
 *     {v: "undefined" | "null" | "NaN" | "Infinity" | "-Infinity" | "-0"}   {bi: "123"}   {d: ISO time}   {r: {p, f}}
 *     {e: {n, m, s}}   {ab: {b: Base64}}   {ta: {b: Base64, k: "ui8" …}}   {ref: id}
 *     {a: [value …], id}   {o: [{k, v} …], id}   {m: [{k, v} …], id}   {s: [value …], id}
 *
 * @see https://github.com/microsoft/playwright packages/isomorphic/utilityScriptSerializers.ts
 */
export interface PlaywrightValue {
  /** `plain`: the value itself is JSON that says all; `encoded`: the value in that encoding. */
  said: { plain: unknown } | { encoded: unknown }
  /** What is not quite the same afterwards, each in one clause. */
  changes: string[]
}

/** The version that reads: 1.59 learned ArrayBuffers, 1.64 Maps and Sets; older ones make plain objects of them. */
export interface PlaywrightReader {
  minor: number
}

/** @returns the value, or `{ lost }` with the name of the first thing in it that has no encoding */
export function toPlaywrightValue(root: unknown, { minor }: PlaywrightReader): PlaywrightValue | { lost: string } {
  const ids = new Map<object, number>()
  const seen = new Set<object>()
  const changes = new Set<string>()
  const json = { saysAll: true }
  const lost: string[] = []

  const write = (value: unknown, depth: number): unknown => {
    if (lost.length > 0) return null
    if (value === null) return { v: "null" }
    if (typeof value === "string" || typeof value === "boolean") return value
    if (typeof value === "number" && Number.isFinite(value) && !Object.is(value, -0)) return value
    if (typeof value === "object" && isTree(value)) return writeTree(value, depth)
    json.saysAll = false
    if (typeof value === "number") return { v: Object.is(value, -0) ? "-0" : String(value) }
    if (typeof value === "bigint") return { bi: String(value) }
    if (value === undefined) return { v: "undefined" }
    return typeof value === "object" ? writeLeaf(value) : lose(typeof value)
  }

  const lose = (what: string): null => {
    lost.push(what)
    return null
  }

  const writeTree = (value: Tree, depth: number): unknown => {
    const known = ids.get(value)
    if (known !== undefined) {
      json.saysAll = false
      return { ref: known }
    }
    // Playwright reads them with recursion, and one that overflows costs the whole context.
    if (depth > maxDepth) return lose(`data deeper than ${maxDepth} levels`)
    const id = ids.size + 1
    ids.set(value, id)
    if (Array.isArray(value)) return { a: writeList(value, depth + 1), id }
    if (value instanceof Map || value instanceof Set) {
      json.saysAll = false
      if (minor < 64) return lose(value instanceof Map ? "Map" : "Set")
      if (value instanceof Set) return { s: Array.from(value, (item) => write(item, depth + 1)), id }
      return { m: Array.from(value, ([k, v]) => ({ k: write(k, depth + 1), v: write(v, depth + 1) })), id }
    }
    const entries = Object.entries(value).filter(([key]) => key !== "__proto__")
    if (Object.hasOwn(value, "__proto__")) change("keys named __proto__ are left out")
    return { o: entries.map(([k, v]) => ({ k, v: write(v, depth + 1) })), id }
  }

  const writeList = (list: unknown[], depth: number): unknown[] => {
    const names = Object.keys(list).length
    const holes = list.length - list.reduce<number>((sum) => sum + 1, 0)
    if (names !== list.length - holes) change("lists lose what is not one of their items")
    if (holes > maxHoles) return [lose("a list of mostly nothing")]
    if (holes > 0) change("holes in lists become undefined")
    return Array.from(list, (item) => write(item, depth))
  }

  const writeLeaf = (value: object): unknown => {
    if (seen.has(value)) change(copies)
    seen.add(value)
    // Any text that is no time reads as an invalid date; Playwright's own null reads as 1970.
    if (value instanceof Date) return { d: Number.isNaN(value.getTime()) ? "invalid" : value.toISOString() }
    if (value instanceof RegExp) return { r: { p: value.source, f: value.flags } }
    if (value instanceof ArrayBuffer) return writeBuffer(value)
    if (ArrayBuffer.isView(value)) return writeView(value)
    const kind = Object.prototype.toString.call(value).slice(8, -1)
    return kind === "Error" && isError(value) ? writeError(value) : lose(kind)
  }

  const writeBuffer = (buffer: ArrayBuffer): unknown => {
    if (minor < 59) return lose("ArrayBuffer")
    if ("resizable" in buffer && buffer.resizable === true) change("buffers lose their room to grow")
    return { ab: { b: base64(new Uint8Array(buffer)) } }
  }

  const writeView = (view: ArrayBufferView): unknown => {
    const kind = viewKinds[Object.prototype.toString.call(view).slice(8, -1)]
    if (kind === undefined) return lose(Object.prototype.toString.call(view).slice(8, -1))
    if (seen.has(view.buffer)) change(copies)
    seen.add(view.buffer)
    if (view.byteLength < view.buffer.byteLength) change("views lose the rest of their buffer")
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    return { ta: { b: base64(bytes), k: kind } }
  }

  /** A decoded error without a stack has the one of its decoding, which is nobody's business. */
  const writeError = (error: Error): unknown => {
    const { name, message } = error
    change("errors lose their stack")
    const isMore = Object.getOwnPropertyNames(error).some((key) => key !== "message" && key !== "stack")
    if (isMore) change("errors lose their cause")
    return { e: { n: name, m: message, s: `${name}: ${message}` } }
  }

  const change = (what: string) => {
    json.saysAll = false
    changes.add(what)
  }

  const encoded = write(root, 0)
  const [first] = lost
  if (first !== undefined) return { lost: first }
  return { said: json.saysAll ? { plain: root } : { encoded }, changes: [...changes] }
}

const copies = "what was one object in two places becomes two"
const maxDepth = 500
const maxHoles = 10_000

type Tree = unknown[] | Map<unknown, unknown> | Set<unknown> | Record<string, unknown>

function isTree(value: object): value is Tree {
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function isError(value: object): value is Error {
  return value instanceof Error
}

/** What Playwright calls typed arrays; it has no word for Float16Array and DataView. */
const viewKinds: Record<string, string> = {
  Int8Array: "i8",
  Uint8Array: "ui8",
  Uint8ClampedArray: "ui8c",
  Int16Array: "i16",
  Uint16Array: "ui16",
  Int32Array: "i32",
  Uint32Array: "ui32",
  Float32Array: "f32",
  Float64Array: "f64",
  BigInt64Array: "bi64",
  BigUint64Array: "bui64",
}
