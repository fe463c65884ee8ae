/** A value as plain JSON in which types, identity, holes and -0 are visible: equal descriptions mean equal values. */
export type Description = null | boolean | number | string | Description[] | { [key: string]: Description }

/**
 * Page function. Objects have a number each, in the order in which they are met, and a second meeting is only
 * `{ same: number }`; properties are pairs in their own order. Shares nothing with the product's codec, which it judges.
 */
export async function describeValue(value: unknown): Promise<Description> {
  const numbers = new Map<object, number>()
  return describe(value)

  async function describe(one: unknown): Promise<Description> {
    if (one === null || typeof one === "boolean" || typeof one === "string") return one
    if (typeof one === "number") {
      if (Object.is(one, -0)) return { number: "-0" }
      return Number.isFinite(one) ? one : { number: String(one) }
    }
    if (typeof one === "bigint") return { bigint: String(one) }
    if (typeof one !== "object") return { type: typeof one }
    const known = numbers.get(one)
    if (known !== undefined) return { same: known }
    numbers.set(one, numbers.size)
    return { type: typeOf(one), id: numbers.size - 1, ...(await contentOf(one)) }
  }

  async function contentOf(one: object): Promise<Record<string, Description>> {
    if (Array.isArray(one)) return { length: one.length, properties: await propertiesOf(one) }
    if (one instanceof Boolean || one instanceof Number || one instanceof String || one instanceof BigInt) {
      return { boxed: await describe(one.valueOf()) }
    }
    if (one instanceof Date) return { time: Number.isNaN(one.getTime()) ? "invalid" : one.getTime() }
    if (one instanceof RegExp) return { source: one.source, flags: one.flags, lastIndex: one.lastIndex }
    if (one instanceof Map) return { entries: await inTurn([...one].flat()) }
    if (one instanceof Set) return { members: await inTurn([...one]) }
    if (one instanceof Error) {
      const cause = Object.hasOwn(one, "cause") ? { cause: await describe(one.cause) } : {}
      const message = Object.hasOwn(one, "message") ? { message: one.message } : {}
      return { name: one.name, ...message, ...cause }
    }
    if (one instanceof ArrayBuffer) {
      const limit = Reflect.get(one, "resizable") === true ? { limit: Number(Reflect.get(one, "maxByteLength")) } : {}
      return { bytes: hex(new Uint8Array(one)), ...limit }
    }
    if (ArrayBuffer.isView(one)) {
      const length = "length" in one ? { length: Number(one.length) } : {}
      return { offset: one.byteOffset, byteLength: one.byteLength, ...length, buffer: await describe(one.buffer) }
    }
    return (await platformObject(one)) ?? { properties: await propertiesOf(one) }
  }

  async function platformObject(one: object): Promise<Record<string, Description> | null> {
    if (one instanceof Blob) {
      const file = one instanceof File ? { name: one.name, lastModified: one.lastModified } : {}
      return { mime: one.type, ...file, bytes: hex(new Uint8Array(await one.arrayBuffer())) }
    }
    if (one instanceof ImageData) {
      // Firefox has no colorSpace here: its images are what others call srgb.
      const colorSpace = "colorSpace" in one ? one.colorSpace : "srgb"
      return { width: one.width, height: one.height, colorSpace, data: await describe(one.data) }
    }
    if (one instanceof DOMRectReadOnly) return { numbers: await inTurn([one.x, one.y, one.width, one.height]) }
    if (one instanceof DOMPointReadOnly) return { numbers: await inTurn([one.x, one.y, one.z, one.w]) }
    if (one instanceof DOMQuad) return { points: await inTurn([one.p1, one.p2, one.p3, one.p4]) }
    if (one instanceof DOMMatrixReadOnly) return { is2D: one.is2D, numbers: await inTurn([...one.toFloat64Array()]) }
    if ("CryptoKey" in globalThis && one instanceof CryptoKey) {
      // Firefox alone writes the algorithm of an ECDSA key into it; the algorithm stands beside it anyway.
      const jwk = one.extractable
        ? await describe(sorted({ ...(await crypto.subtle.exportKey("jwk", one)), alg: null }))
        : null
      const { type: kind, extractable } = one
      return {
        kind,
        extractable,
        algorithm: await describe(sorted(one.algorithm)),
        usages: [...one.usages].sort(),
        jwk,
      }
    }
    if ("FileSystemHandle" in globalThis && one instanceof FileSystemHandle) return { kind: one.kind, name: one.name }
    return null
  }

  /** Holes have no property; keys that are not strings do not survive a structured clone. */
  async function propertiesOf(one: object): Promise<Description> {
    const pairs: Description[] = []
    for (const key of Object.keys(one)) pairs.push([key, await describe(Reflect.get(one, key))])
    return pairs
  }

  /** One after the other: the numbers of objects depend on it. */
  async function inTurn(values: unknown[]): Promise<Description[]> {
    const described: Description[] = []
    for (const one of values) described.push(await describe(one))
    return described
  }

  function typeOf(one: object): string {
    const prototype: unknown = Object.getPrototypeOf(one)
    if (typeof prototype !== "object" || prototype === null) return "no prototype"
    const make: unknown = Reflect.get(prototype, "constructor")
    return typeof make === "function" ? make.name : "no constructor"
  }

  /** Browsers order the members of keys in their own way. */
  function sorted(one: object): object {
    const pairs = Object.entries(one).map(([key, inner]: [string, unknown]) => [
      key,
      Array.isArray(inner)
        ? [...(inner as unknown[])].sort()
        : inner instanceof Object && !ArrayBuffer.isView(inner)
          ? sorted(inner)
          : inner,
    ])
    return Object.fromEntries(pairs.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))) as object
  }

  function hex(bytes: Uint8Array): string {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
  }
}
