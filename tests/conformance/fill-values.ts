/**
 * Page function: a value of every type that a page can keep in IndexedDB, each with a name. The ones that need a secure
 * context are left out where there is none, and so are types that this browser does not know.
 */
export async function makeValues(): Promise<[name: string, value: unknown][]> {
  return [...primitives(), ...objects(), ...bytes(), ...graphs(), ...platformObjects(), ...(await keys())]

  function primitives(): [string, unknown][] {
    return [
      ["undefined", undefined],
      ["null", null],
      ["true", true],
      ["minus zero", -0],
      ["not a number", NaN],
      ["infinity", -Infinity],
      ["smallest number", Number.MIN_VALUE],
      ["bigint", -(2n ** 70n)],
      ["empty string", ""],
      ["lone surrogates", "\ud800 and \udc00"],
      ["controls", "\u0000\u2028\u007f"],
    ]
  }

  function objects(): [string, unknown][] {
    const odd: unknown = JSON.parse('{"__proto__": {"own": true}, "constructor": 1, "": 2, "toJSON": 3}')
    const pattern = /ünïcode\/\n/giu
    pattern.lastIndex = 3
    class AppError extends RangeError {}
    const boxes: unknown[] = [new Boolean(false), new Number(-0), new String("box \ud800"), Object(7n)]
    return [
      ["object", { a: 1, b: { c: [1, "two", null] }, later: undefined, 2: "two", 1: "one" }],
      ["own keys of every object", odd],
      ["date", new Date(Date.UTC(1969, 6, 20, 20, 17, 40, 123))],
      ["invalid date", new Date(NaN)],
      ["regexp", pattern],
      [
        "map",
        new Map<unknown, unknown>([
          ["key", new Map()],
          [{ an: "object" }, -0],
          [NaN, undefined],
        ]),
      ],
      ["set", new Set<unknown>([1, "1", new Set(), undefined])],
      ["boxes", boxes],
      ["error", new TypeError("went wrong", { cause: { code: 7, inner: new Error("inner") } })],
      ["error of a subclass", new AppError("out of range")],
      ["error without message", new SyntaxError()],
    ]
  }

  function bytes(): [string, unknown][] {
    const shared = Uint8Array.from({ length: 64 }, (_, index) => index * 5).buffer
    const names = [
      "Int8",
      "Uint8",
      "Uint8Clamped",
      "Int16",
      "Uint16",
      "Int32",
      "Uint32",
      "Float16",
      "Float32",
      "Float64",
    ]
    const views = [...names, "BigInt64", "BigUint64"].flatMap((name) => {
      const make: unknown = Reflect.get(globalThis, `${name}Array`)
      return typeof make === "function" ? [Reflect.construct(make, [shared, 8, 3]) as unknown] : []
    })
    const resizable: unknown = Reflect.construct(ArrayBuffer, [4, { maxByteLength: 16 }])
    return [
      ["empty buffer", new ArrayBuffer(0)],
      ["views of one buffer", { shared, views, data: new DataView(shared, 1, 5) }],
      ["minus zero in bytes", new Float64Array([-0, NaN, 1e-320])],
      ["resizable buffer", resizable],
      ["view that follows a resizable buffer", new Uint8Array(resizable as ArrayBuffer)],
      ["a hundred kilobytes", Uint8Array.from({ length: 100_000 }, (_, index) => (index * 31) % 251)],
    ]
  }

  function graphs(): [string, unknown][] {
    const cycle: Record<string, unknown> = { name: "cycle" }
    cycle["self"] = cycle
    cycle["map"] = new Map<unknown, unknown>([[cycle, cycle]])
    const one = { shared: true }
    const sparse: unknown[] = [0, undefined]
    sparse[5] = "five"
    sparse.length = 9
    const deep = Array.from({ length: 300 }).reduce<unknown>((inner) => [inner], "bottom")
    return [
      ["cycle", cycle],
      ["shared reference", { first: one, second: one, alike: { shared: true }, list: [one] }],
      ["sparse array", sparse],
      ["array with properties", Object.assign([1, 2], { extra: "kept", "-1": "negative" })],
      ["depth", deep],
    ]
  }

  function platformObjects(): [string, unknown][] {
    const blob = new Blob(["blob ", new Uint8Array([0, 255])], { type: "text/x-odd;charset=utf-8" })
    const file = new File(["file"], "näme \u202e.txt", { type: "text/plain", lastModified: 86_400_123 })
    return [
      ["blob", blob],
      ["empty blob", new Blob()],
      ["file", file],
      ["one blob twice", [blob, blob, { file }]],
      ["image data", new ImageData(new Uint8ClampedArray([1, 2, 3, 4, 5, 6, 7, 8]), 2, 1)],
      ["rectangles", [new DOMRect(1, -2, 3.5, -0), new DOMRectReadOnly(1, 2, 3, 4)]],
      ["points", [new DOMPoint(1, 2, 3, 4), new DOMPointReadOnly(NaN, -0)]],
      [
        "matrices",
        [
          new DOMMatrix([1, 2, 3, 4, 5, 6]),
          new DOMMatrixReadOnly([-0, 2, 3, 4, 5, 6]),
          new DOMMatrix().translate(1, 2, 3),
        ],
      ],
      ["quad", new DOMQuad({ x: 1 }, { y: 2 }, { z: 3 }, { w: 4 })],
    ]
  }

  async function keys(): Promise<[string, unknown][]> {
    if (!isSecureContext) return []
    const { subtle } = crypto
    const raw = Uint8Array.from({ length: 32 }, (_, index) => index)
    const ecdsa = { name: "ECDSA", namedCurve: "P-256" }
    const rsa = { name: "RSA-OAEP", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }
    return [
      ["extractable key", await subtle.importKey("raw", raw, "AES-GCM", true, ["encrypt", "decrypt"])],
      ["extractable hmac key", await subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-384" }, true, ["sign"])],
      ["extractable key pair", await subtle.generateKey(ecdsa, true, ["sign", "verify"])],
      ["extractable rsa pair", await subtle.generateKey(rsa, true, ["encrypt", "decrypt"])],
      ["non-extractable key", await subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"])],
      ["non-extractable key pair", await subtle.generateKey(ecdsa, false, ["sign", "verify"])],
      ["file handle", await navigator.storage.getDirectory()],
    ]
  }
}
