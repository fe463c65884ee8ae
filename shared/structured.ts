/**
 * The value codec: a graph of whatever the structured clone algorithm can carry, to one line of ASCII JSON and back.
 * What JSON can say is written as JSON says it, so that plain data is its own text; for everything else there is one form,
 * an object whose only key is `$`:
 *
 *     null  true  false  "text"  1.5  [value, …]  {"key": value, …}
 *     {"$": [tag, …]}
 *
 *     "undefined"  "NaN"  "-0"  "Infinity"  "-Infinity"     nothing more
 *     "bigint", "123"
 *     "ref", n                                              the nth object of this text, again
 *     "gap", what                                           could not be carried; reads as undefined
 *
 *     "Object", [key, value, …]                             an object that has a key called `$`
 *     "Array", length, [key, value, …]                      an array with holes, or with more than its items
 *     "Date", ms                                            a number or {"$": ["NaN"]}
 *     "Boolean" | "Number" | "String" | "BigInt", value     boxed
 *     "RegExp", source, flags                               lastIndex is 0 afterwards, as in a structured clone
 *     "Map", [key, value, …]      "Set", [value, …]
 *     "Error", name, message | null, stack | null, [key, value, …]     cause, errors
 *     "DOMException", name, message
 *     "ArrayBuffer", Base64, maxByteLength?                 the second only where it can be resized
 *     "Uint8Array" | … | "DataView", buffer, offset?, length?     no offset: from the start; no length: to the end of the
 *                                                           buffer, wherever that moves
 *     "Blob", type, Base64        "File", type, Base64, name, lastModified        "FileList", [file, …]
 *     "ImageData", data, width, height, colorSpace, pixelFormat?
 *     "DOMRect" | …, number, …                              what its constructor takes
 *     "CryptoKey", jwk, algorithm, usages
 *     "placeholder", what                                   could not be carried; reads as { placeholder: what }
 *
 * What begins a line of the second list is an object, and so are the arrays and objects of JSON: they are counted from 0, in
 * the order in which they begin in the text. Nothing of the first list is counted.
 *
 * Data is as deep as it likes: both ways work without recursion (nor has `JSON.parse` any, in V8 and SpiderMonkey).
 */

/* eslint-disable @typescript-eslint/prefer-for-of -- the iterators are the page's: no list is walked with them */
/* eslint-disable @typescript-eslint/unbound-method -- builtins are taken from their owners, and never lose their `this` */

export interface StructuredCodec {
  /**
   * Never throws: what cannot be carried is a gap, and `undefined` stands in its place. A promise only when something in
   * the graph can be read only asynchronously (Blob, File, extractable CryptoKey).
   */
  encode(value: unknown): Encoded | Promise<Encoded>
  /** As `encode`, but nothing that takes long is begun: first see how large it gets. */
  prepare(value: unknown): Encoded | Pending
  /**
   * The value; a promise of it only when a CryptoKey must be imported.
   * @throws an error named `DecodeError` for what is malformed or unknown here; it says the place, never a value.
   */
  decode(text: string): unknown
}

export interface Encoded {
  /** One line of ASCII JSON. */
  text: string
  gaps: ValueGap[]
}

/** A value of which something can be read only asynchronously. */
export interface Pending {
  /** About how many characters its text gets: exact but for keys, whose length is told by nobody. */
  size: number
  read(): Promise<Encoded>
}

/** Something that did not come along. Names only, never a value. */
export interface ValueGap {
  /** Positions, like `.*.*[3]` or `.* Map key 2`, less than 200 characters; `""` is the value itself. */
  path: string
  /** What was there: `function`, `CryptoKey`, `SharedArrayBuffer`… */
  what: string
  why: string
}

/**
 * Self-contained: its source text is sent into pages, so it refers to nothing outside of itself (types aside).
 *
 * Pages lie. Every builtin is taken once, here, and called without looking anything up again; lists have no prototype, so
 * that an index setter or a `toJSON` of the page is never met. What an object is, is asked of the engine's own methods,
 * which throw for another kind, and not of its constructor, which may belong to another realm.
 */
export function createStructuredCodec(): StructuredCodec {
  type Builtin = (self: unknown, ...args: unknown[]) => unknown
  type Next = (iterator: unknown) => { done: boolean; value: unknown }
  type Constructor = (new (...args: unknown[]) => object) & { prototype: object }

  const { apply, construct, deleteProperty } = Reflect
  const { bind, call } = Function.prototype
  const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, hasOwn, keys, setPrototypeOf } = Object
  const { isArray } = Array
  const { isFinite, isInteger } = Number
  const { parse, stringify } = JSON
  const objectPrototype: unknown = getPrototypeOf({})
  const arrayPrototype = getPrototypeOf([]) as object

  const globals = globalThis as unknown as Record<string, unknown>
  const classOf = (name: string): Constructor | null => {
    try {
      const found = globals[name]
      return typeof found === "function" ? (found as Constructor) : null
    } catch {
      return null
    }
  }
  /** Where this world lacks a builtin, a call throws as it does for the wrong kind of object. */
  const absent: Builtin = () => {
    throw new TypeErrorHere("Not in this world")
  }
  /** A function that takes its `this` as the first argument. What it gives back is said where it is called. */
  const uncurry = (fn: unknown): Builtin => (typeof fn === "function" ? (apply(bind, call, [fn]) as Builtin) : absent)
  const descriptorOf = (target: object, key: PropertyKey): PropertyDescriptor | undefined => {
    const found = getOwnPropertyDescriptor(target, key)
    return found === undefined ? undefined : (setPrototypeOf(found, null) as PropertyDescriptor)
  }
  /** A method or the getter of an attribute, from a class's prototype. */
  const member = (className: string, name: PropertyKey, owner = classOf(className)?.prototype): Builtin => {
    const found = owner === undefined ? undefined : descriptorOf(owner, name)
    const builtin: unknown = found?.get ?? found?.value
    return uncurry(builtin)
  }

  const MapHere = Map
  const SetHere = Set
  const DateHere = Date
  const RegExpHere = RegExp
  const BigIntHere = BigInt
  const box = Object as (primitive: unknown) => object
  const ErrorHere = Error
  const TypeErrorHere = TypeError
  const BytesHere = Uint8Array
  const BufferHere = ArrayBuffer
  const statics = (className: string, name: string): Builtin => {
    const owner = classOf(className)
    const found: unknown = owner === null ? undefined : descriptorOf(owner, name)?.value
    return typeof found === "function" ? (_, ...args) => apply(found as Builtin, owner, args) as unknown : absent
  }

  const toString = member("Object", "toString")
  const charCodeAt = member("String", "charCodeAt") as (self: string, at: number) => number
  const slice = member("String", "slice") as (self: string, from: number, to?: number) => string
  const indexOf = member("String", "indexOf") as (self: string, part: string) => number
  const join = member("Array", "join") as (self: string[], between: string) => string
  const exec = member("RegExp", "exec") as (self: RegExp, text: string) => RegExpExecArray | null
  const mapGet = member("Map", "get")
  const mapSet = member("Map", "set")
  const mapEntries = member("Map", "entries")
  const mapNext = member("", "next", getPrototypeOf(mapEntries(new MapHere())) as object) as Next
  const setAdd = member("Set", "add")
  const setSize = member("Set", "size")
  const setValues = member("Set", "values")
  const setNext = member("", "next", getPrototypeOf(setValues(new SetHere())) as object) as Next

  /** A list that inherits nothing. */
  const list = <Item>(...items: Item[]): Item[] => setPrototypeOf(items, null) as Item[]
  const append = <Item>(items: Item[], item: Item) => {
    items[items.length] = item
  }
  /** A table that inherits nothing. */
  const bare = <Item>(items: Record<string, Item>) => setPrototypeOf(items, null) as Record<string, Item>
  const define = (target: object, key: PropertyKey, value: unknown, enumerable = true): unknown =>
    defineProperty(target, key, { __proto__: null, value, writable: true, enumerable, configurable: true } as object)

  /** For what the browser walks by itself, with an iterator. */
  const iterable = <Item>(items: Item[]): Item[] => {
    let at = 0
    const next = () =>
      bare<unknown>(at < items.length ? { done: false, value: items[at++] } : { done: true, value: undefined })
    return define(items, Symbol.iterator, () => bare({ next }), false) as Item[]
  }

  /** A container on the way through a graph; its children are `source[0…size]`, or `source[names[i]]`. */
  interface Frame {
    parent: Frame | null
    kind: "key" | "item" | "entry" | "Map" | "Set" | "part"
    source: Children
    names: string[] | null
    size: number
    /** Place of the next child. */
    at: number
  }
  type Children = Record<string | number, unknown>

  // What objects are asked with, and how each kind is written.

  const typedPrototype = getPrototypeOf(BytesHere.prototype) as object
  const typed = (name: PropertyKey) => member("", name, typedPrototype)
  const typedName = typed(Symbol.toStringTag)
  const typedMethods: ViewMethods = {
    buffer: typed("buffer"),
    offset: typed("byteOffset"),
    bytes: typed("byteLength"),
    length: typed("length"),
    check: typed("at"),
  }
  const dataViewMethods: ViewMethods = {
    buffer: member("DataView", "buffer"),
    offset: member("DataView", "byteOffset"),
    bytes: member("DataView", "byteLength"),
    length: member("DataView", "byteLength"),
    check: member("DataView", "byteLength"),
  }
  const setBytes = typed("set")
  const toBase64 = member("Uint8Array", "toBase64")
  const fromBase64 = statics("Uint8Array", "fromBase64")
  const latin1 = new TextDecoder("latin1")
  const decodeText = member("TextDecoder", "decode")
  const bufferLength = member("ArrayBuffer", "byteLength")
  const bufferMaximum = member("ArrayBuffer", "maxByteLength")
  const bufferIsResizable = member("ArrayBuffer", "resizable")
  const bufferResize = member("ArrayBuffer", "resize")
  const dateTime = member("Date", "getTime")
  const regExpSource = member("RegExp", "source")
  const regExpFlags = list(
    { flag: "d", has: member("RegExp", "hasIndices") },
    { flag: "g", has: member("RegExp", "global") },
    { flag: "i", has: member("RegExp", "ignoreCase") },
    { flag: "m", has: member("RegExp", "multiline") },
    { flag: "s", has: member("RegExp", "dotAll") },
    { flag: "u", has: member("RegExp", "unicode") },
    { flag: "v", has: member("RegExp", "unicodeSets") },
    { flag: "y", has: member("RegExp", "sticky") },
  )
  const isError = statics("Error", "isError")
  const errorStack = member("Error", "stack")
  const blobBytes = member("Blob", "arrayBuffer")
  const fileListLength = member("FileList", "length")
  const fileListItem = member("FileList", "item")
  const transferFiles = member("DataTransfer", "files")
  const transferItems = member("DataTransfer", "items")
  const transferAdd = member("DataTransferItemList", "add")
  const imageData = member("ImageData", "data")
  const imageWidth = member("ImageData", "width")
  const imageHeight = member("ImageData", "height")
  const imageColorSpace = member("ImageData", "colorSpace")
  const imagePixelFormat = member("ImageData", "pixelFormat")
  const exceptionName = member("DOMException", "name")
  const exceptionMessage = member("DOMException", "message")
  const quadPoints = list(
    member("DOMQuad", "p1"),
    member("DOMQuad", "p2"),
    member("DOMQuad", "p3"),
    member("DOMQuad", "p4"),
  )
  const isFlatMatrix = member("DOMMatrixReadOnly", "is2D")
  const keyExtractable = member("CryptoKey", "extractable")
  const keyAlgorithm = member("CryptoKey", "algorithm")
  const keyUsages = member("CryptoKey", "usages")
  const exportKey = member("SubtleCrypto", "exportKey")
  const importKey = member("SubtleCrypto", "importKey")
  const subtle: unknown = (() => {
    try {
      return crypto.subtle
    } catch {
      return undefined
    }
  })()

  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  const charOfSextet = new BytesHere(64)
  const sextetOfChar = new BytesHere(128)
  for (let i = 0; i < 128; i++) sextetOfChar[i] = 255
  for (let i = 0; i < 64; i++) {
    charOfSextet[i] = charCodeAt(alphabet, i)
    sextetOfChar[charCodeAt(alphabet, i)] = i
  }
  const hex = list<string>()
  for (let i = 0; i < 256; i++) append(hex, `${"0123456789abcdef"[i >>> 4]}${"0123456789abcdef"[i & 15]}`)

  const hasXrays = typeof globals["XPCNativeWrapper"] === "function"

  const errorClasses = bare({
    Error: classOf("Error"),
    EvalError: classOf("EvalError"),
    RangeError: classOf("RangeError"),
    ReferenceError: classOf("ReferenceError"),
    SyntaxError: classOf("SyntaxError"),
    TypeError: classOf("TypeError"),
    URIError: classOf("URIError"),
    AggregateError: classOf("AggregateError"),
  })
  const point = list("x", "y", "z", "w")
  const rect = list("x", "y", "width", "height")
  const flatMatrix = list("a", "b", "c", "d", "e", "f")
  const fullMatrix = list<string>()
  for (let i = 0; i < 16; i++) append(fullMatrix, `m${1 + (i >>> 2)}${1 + (i & 3)}`)

  /** The class of a kind that is derived from another one stands before it. */
  const brands = bare<Brand>({
    Date: {
      is: answers(dateTime),
      write: (date) => ({ text: `{"$":["Date",${numberText(dateTime(date) as number)}]}` }),
    },
    TypedArray: {
      is: answers(typedName),
      write: (view) => writingOfView(view, typedName(view) as string, typedMethods),
    },
    ArrayBuffer: { is: isBuffer, write: writingOfBuffer },
    Map: { is: answers(member("Map", "size")), write: writingOfMap },
    Set: { is: answers(setSize), write: writingOfSet },
    File: blobBrand("File", list(member("File", "name"), member("File", "lastModified"))),
    Blob: blobBrand("Blob", list()),
    RegExp: { is: isRegExp, write: writingOfRegExp },
    DOMException: { is: answers(exceptionName), write: writingOfException },
    Error: { is: isErrorHere, write: writingOfError },
    Boolean: boxed("Boolean"),
    Number: boxed("Number"),
    String: boxed("String"),
    BigInt: boxed("BigInt"),
    DataView: {
      is: answers(dataViewMethods.buffer),
      write: (view) => writingOfView(view, "DataView", dataViewMethods),
    },
    CryptoKey: { is: answers(keyExtractable), write: writingOfKey },
    ImageData: { is: answers(imageWidth), write: writingOfImageData },
    FileList: { is: answers(fileListLength), write: writingOfFileList },
    DOMRect: shapeBrand("DOMRect", rect),
    DOMRectReadOnly: shapeBrand("DOMRectReadOnly", rect),
    DOMPoint: shapeBrand("DOMPoint", point),
    DOMPointReadOnly: shapeBrand("DOMPointReadOnly", point),
    DOMMatrix: matrixBrand("DOMMatrix"),
    DOMMatrixReadOnly: matrixBrand("DOMMatrixReadOnly"),
    DOMQuad: { is: answers(quadPoints[0] ?? absent), write: writingOfQuad },
  })
  const brandNames = keys(brands)

  /** What decoding makes, beside what every world has. */
  const classes = bare({
    DOMException: classOf("DOMException"),
    Blob: classOf("Blob"),
    File: classOf("File"),
    DataTransfer: classOf("DataTransfer"),
    ImageData: classOf("ImageData"),
    DOMRect: classOf("DOMRect"),
    DOMRectReadOnly: classOf("DOMRectReadOnly"),
    DOMPoint: classOf("DOMPoint"),
    DOMPointReadOnly: classOf("DOMPointReadOnly"),
    DOMMatrix: classOf("DOMMatrix"),
    DOMMatrixReadOnly: classOf("DOMMatrixReadOnly"),
    DOMQuad: classOf("DOMQuad"),
  })
  const viewClasses = bare({
    Int8Array: classOf("Int8Array"),
    Uint8Array: classOf("Uint8Array"),
    Uint8ClampedArray: classOf("Uint8ClampedArray"),
    Int16Array: classOf("Int16Array"),
    Uint16Array: classOf("Uint16Array"),
    Int32Array: classOf("Int32Array"),
    Uint32Array: classOf("Uint32Array"),
    Float16Array: classOf("Float16Array"),
    Float32Array: classOf("Float32Array"),
    Float64Array: classOf("Float64Array"),
    BigInt64Array: classOf("BigInt64Array"),
    BigUint64Array: classOf("BigUint64Array"),
    DataView: classOf("DataView"),
  })

  // ——— Encoding ———

  interface WritingFrame extends Frame {
    parent: WritingFrame | null
    between: string
    end: string
  }
  /** How an object is written. */
  interface Writing {
    text: string
    kind: Frame["kind"]
    /** The children; null: the text is all. */
    source: object | null
    names: string[] | null
    /** Between a name and its child. */
    between: string
    /** Behind the children. */
    end: string
    /** What comes behind the text when it is there. */
    later: (() => Promise<string>) | null
    /** About how many characters that is. */
    laterSize: number
    /** What it is, when it cannot be carried; `""` otherwise. */
    gap: string
    why: string
    /** A placeholder stands for it. */
    isObject: boolean
  }
  const plainWriting = bare<unknown>({
    text: "",
    kind: "part",
    source: null,
    names: null,
    between: ":",
    end: "]}",
    later: null,
    laterSize: 0,
    gap: "",
    why: "",
    isObject: false,
  }) as unknown as Writing
  interface Brand {
    is(value: object): boolean
    write(value: object): Partial<Writing>
  }

  function encode(value: unknown): Encoded | Promise<Encoded> {
    const prepared = prepare(value)
    // Own: what everything inherits may have any name.
    return hasOwn(prepared, "text") ? (prepared as Encoded) : (prepared as Pending).read()
  }

  function prepare(value: unknown): Encoded | Pending {
    try {
      const text = encodeTree(value)
      return text === null ? encodeGraph(value) : { text: escape(text), gaps: [] }
    } catch {
      // No memory for it, or no string as long as that.
      return { text: '{"$":["gap","value"]}', gaps: [{ path: "", what: "value", why: "it cannot be read" }] }
    }
  }

  /** The fast way, for trees of what JSON can say; null for everything else. */
  function encodeTree(root: unknown): string | null {
    // A `toJSON` that everything inherits would be asked.
    if ("toJSON" in arrayPrototype) return null
    const seen = new SetHere<object>()
    let count = 0
    // Recursion is faster than frames where data is not deep; the rest goes the other way.
    const isTree = (node: unknown, depth: number): boolean => {
      if (typeof node === "string" || typeof node === "boolean" || node === null) return true
      if (typeof node === "number") return isFinite(node) && (node !== 0 || 1 / node > 0)
      if (typeof node !== "object" || depth > 100) return false
      setAdd(seen, node)
      if (setSize(seen) !== ++count) return false
      const prototype: unknown = getPrototypeOf(node)
      if (prototype === arrayPrototype && isArray(node)) {
        if (!isDense(node)) return false
        for (let i = 0; i < node.length; i++) if (!isTree(node[i], depth + 1)) return false
        return true
      }
      if (prototype !== objectPrototype && prototype !== null) return false
      const names = keys(node)
      for (let i = 0; i < names.length; i++) {
        const name = names[i] ?? ""
        if (name === "$" || !isTree((node as Children)[name], depth + 1)) return false
      }
      return true
    }
    try {
      return isTree(root, 0) ? stringify(root) : null
    } catch {
      return null
    }
  }

  function encodeGraph(root: unknown): Encoded | Pending {
    const gaps: ValueGap[] = []
    const numbers = new MapHere<object, number>()
    const parts = list<string>()
    const waiting = list<() => Promise<void>>()
    let waitingSize = 0
    let out = ""
    let top = null as WritingFrame | null
    let count = 0

    const report = ({ gap, why, isObject }: Writing, path = pathOf(top)) => {
      define(gaps, gaps.length, { path, what: gap, why })
      return special(isObject ? "placeholder" : "gap", gap)
    }

    const write = (value: unknown) => {
      if (typeof value === "string") out += stringify(value)
      else if (typeof value === "number") out += numberText(value)
      else if (typeof value === "boolean" || value === null) out += `${value}`
      else if (typeof value === "object") writeObject(value)
      else if (typeof value === "bigint") out += special("bigint", `${value}`)
      else if (value === undefined) out += '{"$":["undefined"]}'
      else out += report({ ...plainWriting, gap: typeof value, why: `a ${typeof value} cannot be stored` })
    }

    const writeObject = (seen: object) => {
      const value = behindXray(seen)
      const number = mapGet(numbers, value)
      if (typeof number === "number") {
        out += `{"$":["ref",${number}]}`
        return
      }
      // What it does not say, it inherits from there, and not from the page.
      const writing = setPrototypeOf(writingOf(value), plainWriting) as Writing
      const { source, names, later, laterSize, gap } = writing
      if (gap === "" || writing.isObject) mapSet(numbers, value, count++)
      if (later === null) out += gap === "" ? writing.text : report(writing)
      else {
        append(parts, out)
        append(parts, "")
        out = ""
        const hole = parts.length - 1
        const path = pathOf(top)
        append(waiting, () => fill(hole, writing.text, later, kindOf(value), path))
        waitingSize += writing.text.length + laterSize
      }
      if (source === null) return
      const { kind, between, end } = writing
      const size = names?.length ?? (source as unknown[]).length
      top = { parent: top, kind, source: source as Children, names, size, at: 0, between, end }
    }

    const fill = async (hole: number, text: string, later: () => Promise<string>, what: string, path: string) => {
      try {
        parts[hole] = text + (await later())
      } catch {
        // Its number is given away, so something has to stand there that counts.
        parts[hole] = report({ ...plainWriting, gap: what, why: "it cannot be read", isObject: true }, path)
      }
    }

    write(root)
    while (top !== null) {
      const frame = top
      const { source, names, at, size } = frame
      if (at === size) {
        out += frame.end
        top = frame.parent
        continue
      }
      frame.at++
      if (at > 0) out += ","
      const key = names === null ? at : (names[at] ?? "")
      if (names !== null) out += stringify(key) + frame.between
      let child: unknown
      try {
        child = source[key]
      } catch {
        out += report({ ...plainWriting, gap: "property", why: "it throws when it is read" })
        continue
      }
      write(child)
    }
    append(parts, out)
    const finish = () => ({ text: escape(join(parts, "")), gaps })
    if (waiting.length === 0) return finish()
    const read = async () => {
      // One after the other: no more of them is in memory than must be.
      for (let i = 0; i < waiting.length; i++) await waiting[i]?.()
      return finish()
    }
    return { size: escape(join(parts, "")).length + waitingSize, read }
  }

  function special(tag: string, text: string): string {
    return `{"$":["${tag}",${stringify(text)}]}`
  }

  function numberText(value: number): string {
    if (value !== value) return '{"$":["NaN"]}'
    if (value === 0 && 1 / value < 0) return '{"$":["-0"]}'
    return isFinite(value) ? `${value}` : value > 0 ? '{"$":["Infinity"]}' : '{"$":["-Infinity"]}'
  }

  /** The name that an object goes by. It may be a lie: the search only begins there. */
  function kindOf(value: object): string {
    try {
      const name = slice(toString(value) as string, 8, -1)
      return name.length > 40 ? "object" : name
    } catch {
      return "object"
    }
  }

  /**
   * What a content script in Firefox gets from the page's world, it sees through Xrays: without boxed values, causes and keys
   * that shadow inherited ones. Behind them all is there, and is asked with the builtins of this world all the same. (A
   * clone of it, which would be quicker to walk, forgets that what is in a Map or has a view is shared.)
   */
  function behindXray<Value extends object>(value: Value): Value {
    // A key of that name in somebody's data is no getter.
    const isXray = hasXrays && descriptorOf(value, "wrappedJSObject")?.get !== undefined
    return isXray ? ((value as Children)["wrappedJSObject"] as Value) : value
  }

  function writingOf(value: object): Partial<Writing> {
    try {
      if (isArray(value)) return writingOfArray(value)
      const prototype = getPrototypeOf(value) as object | null
      // Nothing else that comes out of a structured clone has no prototype but this one, of whatever realm.
      const isPlain = prototype === null || prototype === objectPrototype || getPrototypeOf(prototype) === null
      if (isPlain) return writingOfObject(value)
      const name = kindOf(value)
      const likely = brands[name !== "DataView" && name in viewClasses ? "TypedArray" : name]
      if (likely?.is(value) === true) return likely.write(value)
      for (let i = 0; i < brandNames.length; i++) {
        const brand = brands[brandNames[i] ?? ""]
        if (brand?.is(value) === true) return brand.write(value)
      }
      // An instance of a class is copied as a plain object, as in a structured clone.
      if (name === "Object" || name === "Arguments") return writingOfObject(value)
      return { gap: name, why: "this kind of object cannot be carried" }
    } catch {
      return { gap: "object", why: "it cannot be read" }
    }
  }

  function writingOfArray(value: unknown[]): Partial<Writing> {
    if (isDense(value)) return { text: "[", kind: "item", source: value, end: "]" }
    return {
      text: `{"$":["Array",${value.length},[`,
      kind: "key",
      source: value,
      names: keys(value),
      between: ",",
      end: "]]}",
    }
  }

  /** Integer keys come first and in order: the last of as many as there are items says it all. */
  function isDense(array: unknown[]): boolean {
    const names = keys(array)
    const { length } = array
    return names.length === length && (length === 0 || names[length - 1] === `${length - 1}`)
  }

  function writingOfObject(value: object): Partial<Writing> {
    const names = keys(value)
    if (!hasOwn(value, "$")) return { text: "{", kind: "key", source: value, names, end: "}" }
    return { text: '{"$":["Object",[', kind: "key", source: value, names, between: ",", end: "]]}" }
  }

  function answers(builtin: Builtin): (value: object) => boolean {
    return (value) => {
      try {
        return builtin(value) !== undefined
      } catch {
        return false
      }
    }
  }

  function boxed(name: string): Brand {
    const valueOf = member(name, "valueOf")
    const write = (value: object): Partial<Writing> => {
      const inside = valueOf(value)
      const text =
        typeof inside === "number" ? numberText(inside) : stringify(typeof inside === "bigint" ? `${inside}` : inside)
      return { text: `{"$":["${name}",${text}]}` }
    }
    return { is: answers(valueOf), write }
  }

  function blobBrand(name: "Blob" | "File", attributes: Builtin[]): Brand {
    const type = member("Blob", "type")
    const size = member("Blob", "size")
    const write = (value: object): Partial<Writing> => {
      let more = ""
      for (let i = 0; i < attributes.length; i++) more += `,${stringify(attributes[i]?.(value))}`
      const read = async () => `${base64(new BytesHere((await blobBytes(value)) as ArrayBuffer))}"${more}]}`
      const laterSize = base64Length(size(value) as number) + more.length + 3
      return { text: `{"$":["${name}",${stringify(type(value))},"`, later: read, laterSize }
    }
    return { is: answers(attributes[0] ?? member("Blob", "size")), write }
  }

  /** A shape of the DOM: its attributes are what its constructor takes. */
  function shapeBrand(name: string, attributes: string[]): Brand {
    const getters = gettersOf(name, attributes)
    return { is: answers(getters[0] ?? absent), write: (shape) => writingOfShape(name, shape, getters) }
  }

  function matrixBrand(name: string): Brand {
    const flat = gettersOf(name, flatMatrix)
    const full = gettersOf(name, fullMatrix)
    const write = (matrix: object) => writingOfShape(name, matrix, isFlatMatrix(matrix) === true ? flat : full)
    return { is: answers(flat[0] ?? absent), write }
  }

  function gettersOf(className: string, attributes: string[]): Builtin[] {
    const getters = list<Builtin>()
    for (let i = 0; i < attributes.length; i++) append(getters, member(className, attributes[i] ?? ""))
    return getters
  }

  function writingOfShape(name: string, shape: object, getters: Builtin[]): Partial<Writing> {
    let text = `{"$":["${name}"`
    for (let i = 0; i < getters.length; i++) text += `,${numberText(getters[i]?.(shape) as number)}`
    return { text: `${text}]}` }
  }

  function writingOfQuad(quad: object): Partial<Writing> {
    const ofPoint = gettersOf("DOMPoint", point)
    let text = '{"$":["DOMQuad"'
    for (let i = 0; i < 4; i++) {
      const corner = quadPoints[i]?.(quad)
      for (let j = 0; j < 4; j++) text += `,${numberText(ofPoint[j]?.(corner) as number)}`
    }
    return { text: `${text}]}` }
  }

  function writingOfMap(map: object): Partial<Writing> {
    const entries = list<unknown>()
    const iterator = mapEntries(map)
    for (let step = mapNext(iterator); !step.done; step = mapNext(iterator)) {
      const entry = step.value as unknown[]
      append(entries, entry[0])
      append(entries, entry[1])
    }
    return { text: '{"$":["Map",[', kind: "Map", source: entries, end: "]]}" }
  }

  function writingOfSet(set: object): Partial<Writing> {
    const items = list<unknown>()
    const iterator = setValues(set)
    for (let step = setNext(iterator); !step.done; step = setNext(iterator)) append(items, step.value)
    return { text: '{"$":["Set",[', kind: "Set", source: items, end: "]]}" }
  }

  function isRegExp(value: object): boolean {
    try {
      // The source of RegExp.prototype is there too: only what can run is one.
      return regExpSource(value) !== undefined && kindOf(value) !== "Object"
    } catch {
      return false
    }
  }

  function writingOfRegExp(pattern: object): Partial<Writing> {
    let flags = ""
    for (let i = 0; i < regExpFlags.length; i++) {
      const entry = regExpFlags[i]
      if (entry !== undefined && entry.has !== absent && entry.has(pattern) === true) flags += entry.flag
    }
    return { text: `{"$":["RegExp",${stringify(regExpSource(pattern))},"${flags}"]}` }
  }

  function writingOfException(exception: object): Partial<Writing> {
    return {
      text: `{"$":["DOMException",${stringify(exceptionName(exception))},${stringify(exceptionMessage(exception))}]}`,
    }
  }

  function isErrorHere(value: object): boolean {
    return isError === absent ? kindOf(value) === "Error" : isError(null, value) === true
  }

  function isBuffer(value: unknown): boolean {
    try {
      return bufferLength(value) !== undefined
    } catch {
      return false
    }
  }

  function writingOfBuffer(buffer: object): Partial<Writing> {
    // Throws for a buffer that was given away.
    const bytes = bytesOf(buffer)
    const maximum = isResizable(buffer) ? `,${bufferMaximum(buffer) as number}` : ""
    return { text: `{"$":["ArrayBuffer","${base64(bytes)}"${maximum}]}` }
  }

  function isResizable(buffer: object): boolean {
    try {
      return bufferIsResizable(buffer) === true
    } catch {
      return false
    }
  }

  /** The methods of typed arrays or of DataView; `check` throws for a view that is out of its buffer's bounds. */
  interface ViewMethods {
    buffer: Builtin
    offset: Builtin
    bytes: Builtin
    length: Builtin
    check: Builtin
  }

  function writingOfView(view: object, name: string, of: ViewMethods): Partial<Writing> {
    const buffer = of.buffer(view) as object
    if (!isBuffer(buffer)) return { gap: kindOf(buffer), why: "shared memory cannot be stored" }
    of.check(view, 0)
    const offset = of.offset(view) as number
    const length = of.length(view) as number
    const isTracking = isResizable(buffer) && tracksLength(view, buffer, of)
    const isWhole = offset === 0 && of.bytes(view) === bufferLength(buffer) && !isResizable(buffer)
    const place = isWhole || (isTracking && offset === 0) ? "" : isTracking ? `,${offset}` : `,${offset},${length}`
    return { text: `{"$":["${name}",`, source: list(buffer), end: `${place}]}` }
  }

  /** Whether a view grows with its buffer: only growing or shrinking tells, and is undone. */
  function tracksLength(view: object, buffer: object, of: ViewMethods): boolean {
    const size = bufferLength(buffer) as number
    const maximum = bufferMaximum(buffer) as number
    const before = of.bytes(view) as number
    // The widest item has 8 bytes.
    bufferResize(buffer, maximum < size + 8 ? maximum : size + 8)
    const hasGrown = of.bytes(view) !== before
    bufferResize(buffer, size)
    if (hasGrown || maximum >= size + 8 || before === 0) return hasGrown
    const kept = new BytesHere(size)
    copyBytes(kept, bytesOf(buffer))
    try {
      bufferResize(buffer, of.offset(view))
      of.check(view, 0)
      return true
    } catch {
      return false
    } finally {
      bufferResize(buffer, size)
      copyBytes(bytesOf(buffer), kept)
    }
  }

  function bytesOf(buffer: object): Uint8Array {
    return behindXray(new BytesHere(buffer as ArrayBuffer))
  }

  /** One by one: `set` may not look into another world. */
  function copyBytes(target: Uint8Array, source: Uint8Array) {
    const length = typedMethods.length(source) as number
    for (let i = 0; i < length; i++) target[i] = source[i] ?? 0
  }

  function writingOfError(error: object): Partial<Writing> {
    const known = errorNameOf(error)
    // Firefox has it on the prototype.
    const stack = hasOwn(error, "stack") || errorStack === absent ? (error as Children)["stack"] : errorStack(error)
    const message: unknown = descriptorOf(error, "message")?.value
    const textOrNull = (text: unknown) => (typeof text === "string" ? stringify(text) : "null")
    const names = list<string>()
    if (hasOwn(error, "cause")) append(names, "cause")
    // Firefox keeps them in a structured clone.
    if (known === "AggregateError" && hasOwn(error, "errors")) append(names, "errors")
    const text = `{"$":["Error","${known}",${textOrNull(message)},${textOrNull(stack)},[`
    return { text, kind: "key", source: error, names, between: ",", end: "]]}" }
  }

  /** By its class where it says nothing else itself: the names on prototypes are anybody's to change. */
  function errorNameOf(error: object): string {
    const prototype: unknown = getPrototypeOf(error)
    const names = keys(errorClasses)
    for (let i = 0; i < names.length && !hasOwn(error, "name"); i++) {
      const name = names[i] ?? ""
      if (errorClasses[name]?.prototype === prototype) return name
    }
    const name = (error as Children)["name"]
    return typeof name === "string" && name in errorClasses ? name : "Error"
  }

  function writingOfImageData(image: object): Partial<Writing> {
    // Firefox has one colour space and one format.
    const colorSpace = imageColorSpace === absent ? "srgb" : imageColorSpace(image)
    const pixelFormat = imagePixelFormat === absent ? "rgba-unorm8" : imagePixelFormat(image)
    const format = pixelFormat === "rgba-unorm8" ? "" : `,${stringify(pixelFormat)}`
    const size = `${imageWidth(image) as number},${imageHeight(image) as number}`
    const source = list(imageData(image))
    return { text: '{"$":["ImageData",', source, end: `,${size},${stringify(colorSpace)}${format}]}` }
  }

  function writingOfFileList(files: object): Partial<Writing> {
    const items = list<unknown>()
    const count = fileListLength(files) as number
    for (let i = 0; i < count; i++) append(items, fileListItem(files, i))
    return { text: '{"$":["FileList",[', kind: "item", source: items, end: "]]}" }
  }

  function writingOfKey(key: object): Partial<Writing> {
    const what = "CryptoKey"
    if (keyExtractable(key) !== true) {
      return { gap: what, why: "it is non-extractable: it never leaves its browser", isObject: true }
    }
    const algorithm = keyAlgorithm(key) as Children
    const hash = algorithm["hash"] as Children | undefined
    let params = `{"name":${stringify(algorithm["name"])}`
    if (hash !== undefined) params += `,"hash":${stringify(hash["name"])}`
    if (algorithm["namedCurve"] !== undefined) params += `,"namedCurve":${stringify(algorithm["namedCurve"])}`
    if (algorithm["length"] !== undefined) params += `,"length":${algorithm["length"] as number}`
    const usages = treeText(keyUsages(key))
    const read = async () => `${treeText(await exportKey(subtle, "jwk", key))},${params}},${usages}]}`
    // A private RSA key of 4096 bits has 3,200 characters, and there are hardly any larger.
    return { text: '{"$":["CryptoKey",', later: read, laterSize: 4096 }
  }

  /** What comes from the browser itself, as JSON. */
  function treeText(value: unknown): string {
    const encoded = encodeGraph(value)
    if (!("text" in encoded) || encoded.gaps.length > 0) throw new TypeErrorHere("Not plain")
    return encoded.text
  }

  // ——— Decoding ———

  interface ReadingFrame extends Frame {
    parent: ReadingFrame | null
    /** Done when all children are there. */
    finish: ((children: unknown[]) => void) | null
  }

  function decode(text: string): unknown {
    const plain = parseText(text)
    // Neither a `$` in quotes nor one in disguise: JSON has said it all.
    if (indexOf(text, '"$"') === -1 && indexOf(text, "\\u0024") === -1) return plain
    const imports = list<Promise<unknown>>()
    const value = decodeGraph(plain, null, imports)
    if (imports.length === 0) return value
    // Keys come later, but a Map is filled in order: once they are there, everything is read again.
    return (async () => {
      const imported = list<unknown>()
      for (let i = 0; i < imports.length; i++) append(imported, await imports[i])
      return decodeGraph(parseText(text), imported, imports)
    })()
  }

  function refusal(path: string, why: string): Error {
    const error = new ErrorHere(`Cannot decode a value${path === "" ? "" : ` at ${path}`}: ${why}`)
    define(error, "name", "DecodeError", false)
    return error
  }

  function parseText(text: string): unknown {
    try {
      return parse(text)
    } catch {
      // The parser's own message quotes the text.
      throw refusal("", "it is not JSON")
    }
  }

  function decodeGraph(parsed: unknown, imported: unknown[] | null, imports: Promise<unknown>[]): unknown {
    const objects = list<unknown>()
    let keyCount = 0
    let top = null as ReadingFrame | null
    let refused = null as Error | null

    const refuse = (why: string): Error => (refused ??= refusal(pathOf(top), why))

    /** The value of a node. What is inside of a container comes when its frame has its turn. */
    const read = (node: unknown): unknown => {
      if (typeof node !== "object" || node === null) return node
      if (isArray(node)) return walk(node, "item", node)
      if (!hasOwn(node, "$")) return walk(node, "key", node, keys(node))
      const args: unknown = (node as Children)["$"]
      if (!isArray(args) || keys(node).length !== 1) throw refuse("an object with $ is malformed")
      return readTagged(setPrototypeOf(args, null) as unknown[])
    }

    const walk = (
      target: object,
      kind: Frame["kind"],
      children: unknown,
      names: string[] | null = null,
      finish: ((children: unknown[]) => void) | null = null,
    ): object => {
      append(objects, target)
      const size = names === null ? listIn(children).length : names.length
      top = { parent: top, kind, source: children as Children, names, size, at: 0, finish }
      return target
    }

    /** An object that is complete at once. */
    const leaf = (target: object): object => {
      append(objects, target)
      return target
    }

    /** An object that is made of another one, which begins after it and is complete at once. */
    const around = (node: unknown, make: (inner: unknown) => object): object => {
      const number = objects.length
      append(objects, null)
      const before = top
      const inner = read(node)
      if (top !== before) throw refuse("a part of it is malformed")
      const target = make(inner)
      objects[number] = target
      return target
    }

    const textIn = (value: unknown): string => {
      if (typeof value !== "string") throw refuse("a text was expected")
      return value
    }
    const listIn = (value: unknown): unknown[] => {
      if (!isArray(value)) throw refuse("a list was expected")
      return value
    }
    const numberIn = (value: unknown): number => {
      const number = read(value)
      if (typeof number !== "number") throw refuse("a number was expected")
      return number
    }
    const classIn = (name: string): Constructor => {
      const found = classes[name]
      if (found === null || found === undefined) throw refuse(`there is no ${name} in this world`)
      return found
    }
    const numbersIn = (args: unknown[]): number[] => {
      const numbers: number[] = []
      for (let i = 1; i < args.length; i++) define(numbers, i - 1, numberIn(args[i]))
      return numbers
    }
    const bytesIn = (value: unknown): Uint8Array<ArrayBuffer> => {
      const bytes = base64ToBytes(textIn(value))
      if (bytes === null) throw refuse("its Base64 is malformed")
      return bytes
    }

    const readTagged = (args: unknown[]): unknown => {
      const tag = textIn(args[0])
      switch (tag) {
        case "undefined":
        case "gap":
          return undefined
        case "NaN":
          return 0 / 0
        case "-0":
          return -0
        case "Infinity":
          return 1 / 0
        case "-Infinity":
          return -1 / 0
        case "bigint":
          return BigIntHere(textIn(args[1]))
        case "ref": {
          const number = args[1]
          if (typeof number !== "number" || !isInteger(number) || number < 0 || number >= objects.length) {
            throw refuse("it refers to nothing before it")
          }
          return objects[number]
        }
        case "Object": {
          const target = {}
          return walk(target, "entry", args[1], null, (entries) => defineEntries(target, entries))
        }
        case "Array": {
          const target: unknown[] = []
          target.length = numberIn(args[1])
          return walk(target, "entry", args[2], null, (entries) => defineEntries(target, entries))
        }
        case "Date":
          return leaf(new DateHere(numberIn(args[1])))
        case "Boolean":
          if (typeof args[1] !== "boolean") throw refuse("true or false was expected")
          return leaf(box(args[1]))
        case "Number":
          return leaf(box(numberIn(args[1])))
        case "String":
          return leaf(box(textIn(args[1])))
        case "BigInt":
          return leaf(box(BigIntHere(textIn(args[1]))))
        case "RegExp":
          return leaf(new RegExpHere(textIn(args[1]), textIn(args[2])))
        case "Map": {
          const map = new MapHere()
          return walk(map, "Map", args[1], null, (entries) => {
            for (let i = 0; i + 1 < entries.length; i += 2) mapSet(map, entries[i], entries[i + 1])
          })
        }
        case "Set": {
          const set = new SetHere()
          return walk(set, "Set", args[1], null, (items) => {
            for (let i = 0; i < items.length; i++) setAdd(set, items[i])
          })
        }
        case "Error": {
          const error = makeError(textIn(args[1]), args[2], args[3])
          return walk(error, "entry", args[4], null, (entries) => defineEntries(error, entries, false))
        }
        case "DOMException":
          return leaf(new (classIn(tag))(textIn(args[2]), textIn(args[1])))
        case "ArrayBuffer":
          return leaf(makeBuffer(bytesIn(args[1]), args[2] === undefined ? null : numberIn(args[2])))
        case "Blob":
          return leaf(new (classIn(tag))(iterable([bytesIn(args[2])]), bare({ type: textIn(args[1]) })))
        case "File": {
          const options = bare<unknown>({ type: textIn(args[1]), lastModified: numberIn(args[4]) })
          return leaf(new (classIn(tag))(iterable([bytesIn(args[2])]), textIn(args[3]), options))
        }
        case "FileList": {
          const transfer = new (classIn("DataTransfer"))()
          const files = transferFiles(transfer) as object
          return walk(files, "item", args[1], null, (items) => {
            for (let i = 0; i < items.length; i++) transferAdd(transferItems(transfer), items[i])
          })
        }
        case "ImageData":
          return around(args[1], (data) => {
            const settings = bare<unknown>({ colorSpace: textIn(args[4]) })
            if (args[5] !== undefined) define(settings, "pixelFormat", textIn(args[5]))
            const image = new (classIn(tag))(data, numberIn(args[2]), numberIn(args[3]), settings)
            const colorSpace = imageColorSpace === absent ? "srgb" : imageColorSpace(image)
            if (colorSpace !== args[4]) throw refuse("there is no such colour space in this world")
            return image
          })
        case "DOMRect":
        case "DOMRectReadOnly":
        case "DOMPoint":
        case "DOMPointReadOnly":
        case "DOMMatrix":
        case "DOMMatrixReadOnly":
        case "DOMQuad":
          return leaf(makeShape(tag, classIn(tag), numbersIn(args)))
        case "CryptoKey":
          if (imported !== null) return leaf(imported[keyCount++] as object)
          append(imports, importKeyOf(args))
          return leaf({})
        case "placeholder":
          return leaf({ placeholder: textIn(args[1]) })
        default:
          if (!(tag in viewClasses)) throw refuse("its kind is not known to this version")
          return around(args[1], (buffer) => {
            const viewClass = viewClasses[tag]
            if (viewClass === null || viewClass === undefined) throw refuse(`there is no ${tag} in this world`)
            if (!isBuffer(buffer)) throw refuse("a view needs an ArrayBuffer")
            if (args[2] === undefined) return new viewClass(buffer)
            if (args[3] === undefined) return new viewClass(buffer, numberIn(args[2]))
            return new viewClass(buffer, numberIn(args[2]), numberIn(args[3]))
          })
      }
    }

    const importKeyOf = async (args: unknown[]): Promise<unknown> => {
      const where = pathOf(top)
      try {
        const jwk = setPrototypeOf(args[1], null) as Children
        if (isArray(jwk["key_ops"])) iterable(jwk["key_ops"])
        const algorithm = setPrototypeOf(args[2], null) as Children
        return await importKey(subtle, "jwk", jwk, algorithm, true, iterable(listIn(args[3])))
      } catch {
        throw refusal(where, "its CryptoKey cannot be imported here")
      }
    }

    try {
      const root = read(parsed)
      while (top !== null) {
        const frame = top
        const { source, names, at, size } = frame
        if (at === size) {
          frame.finish?.(source as unknown as unknown[])
          top = frame.parent
          continue
        }
        frame.at++
        const key = names === null ? at : (names[at] ?? "")
        const node = source[key]
        if (typeof node !== "object" || node === null) continue
        const value = read(node)
        // The parser made an own property of every name: no setter is met.
        if (value !== node) source[key] = value
      }
      return root
    } catch {
      throw refused ?? refusal(pathOf(top), "it is malformed")
    }
  }

  function defineEntries(target: object, entries: unknown[], enumerable = true) {
    for (let i = 0; i + 1 < entries.length; i += 2) define(target, entries[i] as string, entries[i + 1], enumerable)
  }

  function makeError(name: string, message: unknown, stack: unknown): object {
    const errorClass = errorClasses[name]
    if (errorClass === null || errorClass === undefined) throw new TypeErrorHere("No such error")
    const error = name === "AggregateError" ? new errorClass([]) : new errorClass()
    if (name === "AggregateError") deleteProperty(error, "errors")
    if (typeof message === "string") define(error, "message", message, false)
    if (typeof stack === "string") define(error, "stack", stack, false)
    return error
  }

  function makeShape(name: string, shapeClass: Constructor, n: number[]): object {
    if (name === "DOMMatrix" || name === "DOMMatrixReadOnly") return new shapeClass(iterable(n))
    if (name !== "DOMQuad") return new shapeClass(n[0], n[1], n[2], n[3])
    const corner = (at: number) => bare({ x: n[at], y: n[at + 1], z: n[at + 2], w: n[at + 3] })
    return new shapeClass(corner(0), corner(4), corner(8), corner(12))
  }

  function makeBuffer(bytes: Uint8Array<ArrayBuffer>, maxByteLength: number | null): object {
    if (maxByteLength === null) return typedMethods.buffer(bytes) as object
    // The types of ES2023 do not know resizable buffers yet.
    const buffer = construct(BufferHere, [typedMethods.length(bytes), bare({ maxByteLength })]) as ArrayBuffer
    setBytes(new BytesHere(buffer), bytes)
    return buffer
  }

  // ——— Text ———

  /**
   * A place for gaps and refusals, like `.*.*[3]`. Positions only: names of properties are the site's data, as its values
   * are (an address book has mail addresses for keys), and so is the index of a sparse array.
   */
  function pathOf(frame: Frame | null): string {
    let path = ""
    for (let at = frame; at !== null; at = at.parent) {
      const step = stepOf(at)
      if (path.length + step.length > 190) return `…${path}`
      path = step + path
    }
    return path
  }

  function stepOf({ kind, at }: Frame): string {
    const place = at - 1
    if (place < 0) return ""
    if (kind === "item") return `[${place}]`
    if (kind === "Set") return ` Set item ${place}`
    if (kind === "Map") return ` Map ${place % 2 === 0 ? "key" : "value"} ${place >>> 1}`
    return kind === "key" || kind === "entry" ? ".*" : ""
  }

  /** ASCII, by escapes that are the same JSON. */
  function escape(text: string): string {
    const beyond = /[\u007f-\uffff]+/g
    let match = exec(beyond, text)
    if (match === null) return text
    let out = ""
    let done = 0
    while (match !== null) {
      out += slice(text, done, match.index)
      const chars = match[0]
      for (let i = 0; i < chars.length; i++) {
        const code = charCodeAt(chars, i)
        out += `\\u${hex[code >>> 8] ?? ""}${hex[code & 255] ?? ""}`
      }
      done = match.index + chars.length
      match = exec(beyond, text)
    }
    return out + slice(text, done)
  }

  function base64Length(bytes: number): number {
    const tail = bytes % 3
    return ((bytes - tail) / 3 + (tail === 0 ? 0 : 1)) * 4
  }

  /** Base64 with padding; by table where the engine has none of its own. */
  function base64(bytes: Uint8Array): string {
    if (toBase64 !== absent) return toBase64(bytes) as string
    const length = typedMethods.bytes(bytes) as number
    const tail = length % 3
    const out = new BytesHere(base64Length(length))
    let at = 0
    for (let i = 0; i < length; i += 3) {
      const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
      out[at++] = charOfSextet[bits >>> 18] ?? 0
      out[at++] = charOfSextet[(bits >>> 12) & 63] ?? 0
      out[at++] = charOfSextet[(bits >>> 6) & 63] ?? 0
      out[at++] = charOfSextet[bits & 63] ?? 0
    }
    for (let i = tail; tail !== 0 && i < 3; i++) out[--at] = 61
    return decodeText(latin1, out) as string
  }

  /** Null for what is not Base64 with padding. */
  function base64ToBytes(text: string): Uint8Array<ArrayBuffer> | null {
    if (text.length % 4 !== 0) return null
    if (fromBase64 !== absent) {
      try {
        return fromBase64(null, text) as Uint8Array<ArrayBuffer>
      } catch {
        return null
      }
    }
    const isPad = (place: number) => charCodeAt(text, text.length - place) === 61
    const pad = isPad(1) ? (isPad(2) ? 2 : 1) : 0
    const end = text.length - pad
    const out = new BytesHere((text.length / 4) * 3 - pad)
    let seen = 0
    let at = 0
    for (let i = 0; i < text.length; i += 4) {
      let bits = 0
      for (let j = i; j < i + 4; j++) {
        const sextet = j < end ? (sextetOfChar[charCodeAt(text, j)] ?? 255) : 0
        seen |= sextet
        bits = (bits << 6) | sextet
      }
      out[at++] = bits >>> 16
      out[at++] = bits >>> 8
      out[at++] = bits
    }
    return seen > 63 ? null : out
  }

  return { encode, prepare, decode }
}
