import type { StructuredCodec } from "../../shared/structured.js"

/**
 * What the value codec is held to in every runtime. Each function is self-contained: it is also sent into pages by its text.
 * Browsers put the value into IndexedDB first and compare with what they read from there.
 */
export interface StructuredCase {
  name: string
  build: () => unknown
  /** What comes out, where it is not what went in, but what a structured clone would make of it. */
  expected?: (value: never) => unknown
  /** `path: what` of every gap; none are expected otherwise. */
  gaps?: string[]
  /** A global without which the case cannot be. */
  needs?: string
  /** Nothing that IndexedDB would take. */
  isUnstorable?: true
  /** Null, or what is wrong with what came out; beside the comparison. */
  check?: (value: never) => string | null
}

export const structuredCases: StructuredCase[] = [
  { name: "the primitives", build: () => ["", "text", 0, 1.5, -1e300, 5e-324, true, false, null] },
  { name: "undefined as the value itself", build: () => undefined },
  { name: "undefined in objects and arrays", build: () => ({ a: undefined, list: [undefined, 1, undefined] }) },
  { name: "numbers that JSON cannot say", build: () => [-0, NaN, Infinity, -Infinity, { deep: [-0] }] },
  { name: "BigInt", build: () => [0n, -1n, 2n ** 200n] },
  {
    name: "texts of any kind",
    build: () => ["é", "😀", "\u0000\u001f\u007f\u2028\uffff", '"\\/\n', "</script>", '{"$":["Date"]}'],
  },
  { name: "lone surrogates, in keys too", build: () => ({ "\ud800": "\udc00a", a: "x\udbff", "\udfff": ["\ud83d"] }) },
  {
    name: "own keys that objects inherit",
    build: () => {
      const value: Record<string, unknown> = { constructor: 1, toString: "s", valueOf: null, hasOwnProperty: [1] }
      Object.defineProperty(value, "__proto__", {
        value: { a: 1 },
        writable: true,
        enumerable: true,
        configurable: true,
      })
      return [value, { nested: value }]
    },
  },
  { name: "a key of the codec's own", build: () => ({ $: ["Date", 1], a: { $: null }, b: [{ $: 1, c: 2 }], $$: 1 }) },
  { name: "a toJSON in the data", build: () => ({ toJSON: "x", a: { toJSON: 1 } }) },
  { name: "integer keys, empty keys, many keys", build: () => ({ 2: "b", 1: "a", "": 0, "-1": 1, "01": 2, a: 3 }) },
  { name: "empty objects and arrays", build: () => [{}, [], [[]], { a: {} }] },
  {
    name: "cycles",
    build: () => {
      const value: Record<string, unknown> = { list: [] }
      value["self"] = value
      ;(value["list"] as unknown[]).push(value, value["list"])
      return value
    },
  },
  {
    name: "shared references",
    build: () => {
      const shared = { a: [1] }
      return { one: shared, two: [shared, shared.a], map: new Map([[shared, shared]]), set: new Set([shared]) }
    },
  },
  {
    name: "equal objects that are not the same",
    build: () => [new Date(1), new Date(1), {}, {}, new Number(1), new Number(1)],
  },
  {
    name: "sparse arrays",
    build: () => {
      const holes: unknown[] = [1, , undefined, , 5]
      const long: unknown[] = []
      long.length = 4_294_967_295
      long[4_000_000_000] = "far"
      return [holes, new Array(3), long, [, ,]]
    },
  },
  {
    name: "arrays with more than items",
    build: () => {
      const hole: unknown[] = [, 1]
      return [
        Object.assign([1, 2], { more: { a: 1 }, "-1": 0 }),
        Object.assign(hole, { x: 1 }),
        Object.assign([], { length2: 1 }),
        Object.assign([1], { "4294967295": "beyond" }),
      ]
    },
  },
  { name: "dates, invalid ones too", build: () => [new Date(0), new Date(-1), new Date(8.64e15), new Date(NaN)] },
  {
    name: "regular expressions, from their start again",
    build: () => {
      const used = /a/g
      used.lastIndex = 3
      return [/a\/[/]\n\u2028/dgimsuy, /(?:)/, new RegExp("[\\p{L}--[a-z]]", "v"), used, new RegExp("\n"), /é😀/u]
    },
    expected: () => [
      /a\/[/]\n\u2028/dgimsuy,
      /(?:)/,
      new RegExp("[\\p{L}--[a-z]]", "v"),
      /a/g,
      new RegExp("\n"),
      /é😀/u,
    ],
  },
  {
    name: "Map and Set, their order and odd keys",
    build: () => {
      const map = new Map<unknown, unknown>([
        [NaN, 1],
        [0, -0],
        [undefined, null],
        [{ a: 1 }, [1]],
        ["__proto__", new Map([[1, new Set([new Map()])]])],
      ])
      map.set(map, map)
      return {
        map,
        set: new Set([3, "3", 1n, map, undefined]),
        empty: [new Map(), new Set()],
        boxes: new Map([[Object("k"), new Set([Object(1n)])]]),
      }
    },
  },
  {
    name: "boxed values",
    build: () =>
      [
        Object(true),
        Object(false),
        Object(-0),
        Object(NaN),
        Object(""),
        Object("é\ud800"),
        Object(2n ** 70n),
      ] as unknown,
  },
  {
    name: "errors with class, message, stack and cause",
    build: () => {
      const cause = { code: 5 }
      const error = new RangeError("far", { cause })
      return [
        error,
        cause,
        new Error(),
        new Error(""),
        new TypeError("t", { cause: new SyntaxError("s") }),
        new EvalError("e"),
        new ReferenceError("r"),
        new URIError("u", { cause: undefined }),
      ]
    },
    check: ([error]: [Error]) => (Object.keys(error).length === 0 ? null : "the cause can be enumerated"),
  },
  {
    name: "an error that is its own cause",
    build: () => {
      const error = new Error("loop")
      error.cause = [error]
      return { error }
    },
  },
  {
    name: "every typed array and DataView",
    build: () => {
      const buffer = new Uint8Array(Array.from({ length: 32 }, (_, i) => i * 7)).buffer
      return [
        new Int8Array(buffer.slice(0)),
        new Uint8Array(buffer.slice(0)),
        new Uint8ClampedArray(buffer.slice(0)),
        new Int16Array(buffer.slice(0)),
        new Uint16Array(buffer.slice(0)),
        new Int32Array(buffer.slice(0)),
        new Uint32Array(buffer.slice(0)),
        new Float32Array([1.5, -0, NaN, Infinity]),
        new Float64Array([1.5, -0, NaN, -Infinity]),
        new BigInt64Array([-1n, 2n ** 62n]),
        new BigUint64Array([2n ** 64n - 1n]),
        new DataView(buffer.slice(0)),
        new Uint8Array(),
        new ArrayBuffer(0),
        buffer,
      ]
    },
  },
  {
    name: "Float16Array",
    needs: "Float16Array",
    build: () => {
      // Not in the types of ES2023.
      const { Float16Array } = globalThis as unknown as { Float16Array: new (items: number[]) => object }
      return [new Float16Array([1.5, -0, NaN, 65504])]
    },
  },
  {
    name: "views that share one buffer",
    build: () => {
      const buffer = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]).buffer
      return [
        new Uint8Array(buffer, 3, 5),
        new DataView(buffer, 2, 7),
        new Float64Array(buffer, 8),
        buffer,
        new Uint8Array(buffer),
        new Uint8Array(buffer, 16),
        new DataView(buffer, 16, 0),
      ]
    },
    check: ([bytes, view]: [Uint8Array, DataView]) => {
      bytes[0] = 77
      return view.getUint8(1) === 77 ? null : "the views do not share their memory"
    },
  },
  {
    name: "buffers that can be resized, and views that follow them",
    build: () => {
      // Not in the types of ES2023.
      const Resizable = ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer
      const buffer = new Resizable(8, { maxByteLength: 64 })
      new Uint8Array(buffer).set([1, 2, 3, 4, 5, 6, 7, 8])
      const full = new Resizable(8, { maxByteLength: 8 })
      new Uint8Array(full).set([9, 8, 7, 6, 5, 4, 3, 2])
      return {
        follow: [
          new Uint8Array(buffer),
          new Uint16Array(buffer, 4),
          new DataView(buffer, 3),
          new Float64Array(buffer, 8),
        ],
        stay: [new Uint8Array(buffer, 0, 8), new Uint16Array(buffer, 4, 2), new DataView(buffer, 3, 5)],
        buffer,
        fullFollow: [new Uint8Array(full), new Uint32Array(full), new DataView(full, 2)],
        fullStay: [new Uint8Array(full, 0, 8), new Uint32Array(full, 0, 2), new DataView(full, 2, 6)],
        full,
      }
    },
    check: (value: Record<string, (ArrayBufferView & { length?: number })[]>) => {
      const [buffer, full] = [value["buffer"], value["full"]] as unknown as { resize(length: number): void }[]
      const lengths = (name: string) => (value[name] ?? []).map((view) => view.byteLength).join()
      const [bytes] = value["fullFollow"] as [Uint8Array]
      if (bytes.join() !== "9,8,7,6,5,4,3,2") return `bytes ${bytes.join()}`
      buffer?.resize(16)
      full?.resize(4)
      const got = `${lengths("follow")} ${lengths("stay")} ${lengths("fullFollow")}`
      return got === "16,12,13,8 8,4,5 4,4,2" && value["fullStay"]?.[0]?.byteLength === 0 ? null : `lengths ${got}`
    },
  },
  {
    name: "Blob and File",
    needs: "File",
    build: () => {
      const blob = new Blob(["a", new Uint8Array([0, 255])], { type: "text/x-é;Charset=UTF-8" })
      const file = new File(["q"], 'n"é\ud800😀.txt', { type: "image/png", lastModified: -5 })
      return { blob, again: [blob, { blob }], file, empty: new Blob(), after: new Map([[file, blob]]) }
    },
  },
  {
    name: "FileList",
    needs: "FileList",
    build: () => {
      const transfer = new DataTransfer()
      transfer.items.add(new File(["one"], "1.txt", { lastModified: 1 }))
      transfer.items.add(new File(["two"], "2.txt", { lastModified: 2 }))
      return { files: transfer.files }
    },
  },
  {
    name: "ImageData",
    needs: "ImageData",
    build: () => {
      const image = new ImageData(new Uint8ClampedArray([1, 2, 3, 4, 5, 6, 7, 8]), 2, 1)
      // Firefox has one colour space.
      return [image, image.data, "colorSpace" in image ? new ImageData(1, 2, { colorSpace: "display-p3" }) : null]
    },
  },
  {
    name: "shapes of the DOM",
    needs: "DOMQuad",
    build: () => [
      new DOMRect(1, -0, NaN, -4),
      new DOMRectReadOnly(1, 2, Infinity),
      new DOMPoint(1, 2, 3, 4),
      new DOMPointReadOnly(-0),
      new DOMMatrix([1, 2, 3, 4, 5, 6]),
      new DOMMatrixReadOnly([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
      new DOMMatrix([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
      new DOMQuad({ x: 1 }, { y: 2 }, { z: 3 }, { w: 4 }),
    ],
  },
  {
    name: "DOMException",
    needs: "DOMException",
    build: () => [new DOMException("é", "AbortError"), new DOMException()],
  },
  {
    name: "keys that may leave",
    needs: "CryptoKey",
    build: async () => {
      const { subtle } = crypto
      const pair = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])
      const rsa = await subtle.generateKey(
        { name: "RSA-OAEP", modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
        true,
        ["encrypt", "decrypt", "wrapKey"],
      )
      const aes = await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"])
      const mac = await subtle.generateKey({ name: "HMAC", hash: "SHA-384", length: 104 }, true, ["sign", "verify"])
      return { pair: { ...pair }, rsa: { ...rsa }, aes, again: new Map<unknown, unknown>([[aes, mac]]), after: aes }
    },
  },
  {
    name: "keys that may not",
    needs: "CryptoKey",
    build: async () => {
      const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"])
      const aes = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt"])
      return {
        user: { keys: [1, 2, 3, aes, pair.privateKey] },
        shared: aes,
        map: new Map<unknown, unknown>([
          ["a", 1],
          ["b", aes],
        ]),
      }
    },
    expected: () => {
      const [aes, privateKey] = [{ placeholder: "CryptoKey" }, { placeholder: "CryptoKey" }]
      return {
        user: { keys: [1, 2, 3, aes, privateKey] },
        shared: aes,
        map: new Map<unknown, unknown>([
          ["a", 1],
          ["b", aes],
        ]),
      }
    },
    gaps: [".*.*[3]: CryptoKey", ".*.*[4]: CryptoKey"],
  },
  {
    name: "10,000 levels",
    isUnstorable: true,
    build: () => {
      let value: unknown = "end"
      for (let i = 0; i < 10_000; i++) {
        value =
          i % 4 === 0 ? [value] : i % 4 === 1 ? { a: value } : i % 4 === 2 ? new Map([[1, value]]) : new Set([value])
      }
      return value
    },
  },
  {
    name: "10,000 plain levels",
    isUnstorable: true,
    build: () => {
      let value: unknown = {}
      for (let i = 0; i < 10_000; i++) value = i % 2 === 0 ? [value] : { a: value }
      return value
    },
  },
  {
    name: "instances of classes, as plain objects",
    build: () => {
      class Point {
        x = 1
        get double() {
          return this.x * 2
        }
      }
      class Fault extends RangeError {
        override name = "Fault"
        code = 5
      }
      const bare = Object.assign(Object.create(null) as object, { a: 1 })
      const fault = new Fault("f")
      return [new Point(), bare, fault]
    },
    expected: ([, , { stack }]: [unknown, unknown, Error]) => {
      const error = Object.defineProperty(new Error("f"), "stack", { value: stack })
      return [{ x: 1 }, { a: 1 }, error]
    },
  },
  {
    name: "what cannot be stored",
    isUnstorable: true,
    build: () => {
      const value: Record<string, unknown> = {
        fn: () => 1,
        list: [1, Symbol("s"), { promise: Promise.resolve(1), weak: new WeakMap() }],
        map: new Map<unknown, unknown>([
          ["a", 1],
          [() => 1, new WeakSet()],
        ]),
        set: new Set([1, Math.max]),
        "odd key": Symbol.iterator,
        error: new Error("e", { cause: () => 1 }),
        last: "here",
      }
      ;(value["error"] as Error).stack = ""
      return value
    },
    expected: () => {
      const error = new Error("e", { cause: undefined })
      error.stack = ""
      return {
        fn: undefined,
        list: [1, undefined, { promise: undefined, weak: undefined }],
        map: new Map<unknown, unknown>([
          ["a", 1],
          [undefined, undefined],
        ]),
        set: new Set([1, undefined]),
        "odd key": undefined,
        error,
        last: "here",
      }
    },
    gaps: [
      ".*: function",
      ".*[1]: symbol",
      ".*[2].*: Promise",
      ".*[2].*: WeakMap",
      ".* Map key 1: function",
      ".* Map value 1: WeakSet",
      ".* Set item 1: function",
      ".*: symbol",
      ".*.*: function",
    ],
  },
  {
    name: "what throws when it is looked at",
    isUnstorable: true,
    build: () => {
      const thrower = () => {
        throw new Error("no")
      }
      const revoked = Proxy.revocable({}, {})
      revoked.revoke()
      return {
        getter: Object.defineProperty({ b: 1 }, "a", { get: thrower, enumerable: true }) as unknown,
        proxy: new Proxy({}, { getPrototypeOf: thrower, ownKeys: thrower }),
        item: [revoked.proxy],
        keys: new Proxy({ a: 1 }, { ownKeys: thrower }),
        last: 1,
      }
    },
    expected: () => ({ getter: { b: 1, a: undefined }, proxy: undefined, item: [undefined], keys: undefined, last: 1 }),
    gaps: [".*.*: property", ".*: object", ".*[0]: object", ".*: object"],
  },
  {
    name: "memory that was given away",
    isUnstorable: true,
    build: () => {
      const buffer = new ArrayBuffer(8)
      const view = new Uint8Array(buffer)
      structuredClone(buffer, { transfer: [buffer] })
      return { buffer, view }
    },
    expected: () => ({ buffer: undefined, view: undefined }),
    gaps: [".*: object", ".*: object"],
  },
  {
    name: "shared memory",
    isUnstorable: true,
    needs: "SharedArrayBuffer",
    build: () => ({ memory: new SharedArrayBuffer(8), view: [new Uint8Array(new SharedArrayBuffer(8))] }),
    expected: () => ({ memory: undefined, view: [undefined] }),
    gaps: [".*: SharedArrayBuffer", ".*[0]: SharedArrayBuffer"],
  },
]

/** Runs the cases where it is: gives back a line for everything that is wrong. Self-contained, as the cases are. */
export async function runStructuredCases(
  createCodec: () => StructuredCodec,
  differenceBetween: (left: unknown, right: unknown) => Promise<string | null>,
  cases: StructuredCase[],
  /** What a value is before it is encoded; in browsers, what IndexedDB makes of it. */
  prepare: (value: unknown) => unknown = (value) => value,
): Promise<string[]> {
  const wrong: string[] = []
  const codec = createCodec()
  for (const { name, build, expected, gaps = [], isUnstorable, check } of cases) {
    try {
      const built = await build()
      const value = isUnstorable === true ? built : await prepare(built)
      const encoded = await codec.encode(value)
      if (!/^[ -~]*$/.test(encoded.text)) wrong.push(`${name}: not one line of ASCII`)
      const decoded = await codec.decode(encoded.text)
      const difference = await differenceBetween(
        expected === undefined ? value : await expected(value as never),
        decoded,
      )
      if (difference !== null) wrong.push(`${name}: ${difference}`)
      const found = encoded.gaps.map(({ path, what }) => `${path}: ${what}`).join("; ")
      if (found !== gaps.join("; ")) wrong.push(`${name}: gaps ${found}`)
      const more = check?.(decoded as never)
      if (more !== null && more !== undefined) wrong.push(`${name}: ${more}`)
    } catch (error) {
      wrong.push(`${name}: ${String(error)}`)
    }
  }
  return wrong
}
