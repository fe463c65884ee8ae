/**
 * Where two graphs differ, or null: by type, prototype, identity (what is shared on one side is shared on the other), order,
 * holes, property attributes, −0 and bytes. Self-contained, because it is also sent into pages; works without recursion.
 * The file systems of two Blobs are not looked at, their bytes are.
 */
export async function differenceBetween(left: unknown, right: unknown): Promise<string | null> {
  const there = new Map<unknown, unknown>()
  const back = new Map<unknown, unknown>()
  const work: [unknown, unknown, string][] = [[left, right, ""]]
  const tagOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1)
  const bytesOf = (buffer: ArrayBuffer) => Array.from(new Uint8Array(buffer)).join()
  const read = (value: object, names: string[]): unknown[] =>
    names.map((name) => (value as Record<string, unknown>)[name])
  const fields: Record<string, string[]> = {
    Error: ["name", "message", "stack"],
    DOMException: ["name", "message", "code"],
    RegExp: ["source", "flags", "lastIndex"],
    Blob: ["type", "size"],
    File: ["type", "size", "name", "lastModified"],
    ImageData: ["width", "height", "colorSpace", "data"],
    DOMRect: ["x", "y", "width", "height"],
    DOMRectReadOnly: ["x", "y", "width", "height"],
    DOMPoint: ["x", "y", "z", "w"],
    DOMPointReadOnly: ["x", "y", "z", "w"],
    DOMQuad: ["p1", "p2", "p3", "p4"],
    CryptoKey: ["type", "extractable", "usages"],
  }
  fields["DOMMatrix"] = fields["DOMMatrixReadOnly"] = ["is2D", "is2D"].concat(
    Array.from({ length: 16 }, (_, i) => `m${1 + (i >> 2)}${1 + (i & 3)}`),
  )
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    const [a, b, path] = next
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
      if (!Object.is(a, b)) return `${path}: another value`
      continue
    }
    if (there.has(a) || back.has(b)) {
      if (there.get(a) !== b || back.get(b) !== a) return `${path}: shared in another way`
      continue
    }
    there.set(a, b)
    back.set(b, a)
    const tag = tagOf(a)
    if (tag !== tagOf(b)) return `${path}: ${tag} became ${tagOf(b)}`
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: another prototype of ${tag}`
    const also = (x: unknown, y: unknown, step: string) => work.push([x, y, path + step])
    for (const name of fields[tag] ?? []) also(read(a, [name])[0], read(b, [name])[0], `<${name}>`)

    if (a instanceof Map && b instanceof Map) also([...a].flat(), [...b].flat(), "<entries>")
    else if (a instanceof Set && b instanceof Set) also([...a], [...b], "<items>")
    else if (a instanceof Date && b instanceof Date) also(a.getTime(), b.getTime(), "<time>")
    else if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) {
      if (bytesOf(a) !== bytesOf(b)) return `${path}: other bytes`
      also(read(a, ["resizable", "maxByteLength"]), read(b, ["resizable", "maxByteLength"]), "<maximum>")
    } else if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
      also(a.byteOffset, b.byteOffset, "<offset>")
      also(a.byteLength, b.byteLength, "<length>")
      also(a.buffer, b.buffer, "<buffer>")
    } else if (typeof Blob === "function" && a instanceof Blob && b instanceof Blob) {
      if (bytesOf(await a.arrayBuffer()) !== bytesOf(await b.arrayBuffer())) return `${path}: other bytes`
    } else if (typeof FileList === "function" && a instanceof FileList && b instanceof FileList) {
      also(Array.from(a), Array.from(b), "<files>")
    } else if (tag === "CryptoKey") {
      // Engines put the parts of an algorithm into another order when they import.
      const partsOf = (key: object) => JSON.stringify(Object.entries({ ...(key as CryptoKey).algorithm }).sort())
      also(partsOf(a), partsOf(b), "<algorithm>")
      if (!(a as CryptoKey).extractable) continue
      const jwkOf = (key: object) => crypto.subtle.exportKey("jwk", key as CryptoKey)
      also(await jwkOf(a), await jwkOf(b), "<jwk>")
    } else if (["Boolean", "Number", "String", "BigInt"].includes(tag)) {
      also((a as { valueOf(): unknown }).valueOf(), (b as { valueOf(): unknown }).valueOf(), "<inside>")
    }

    // The engine keeps something of its own on errors (line numbers), and so does Node on its platform objects.
    const isPlain = tag === "Object" || tag === "Array"
    const keysOf = (value: object) => (isPlain ? Reflect.ownKeys(value) : tag === "Error" ? [] : Object.keys(value))
    const [keys, others] = [keysOf(a), keysOf(b)]
    if (keys.length !== others.length) return `${path}: ${keys.length} keys became ${others.length}`
    if (tag === "Error" && "cause" in a !== "cause" in b) return `${path}: a cause came or went`
    if (tag === "Error") also((a as Error).cause, (b as Error).cause, "<cause>")
    if (!isPlain) continue
    for (const [place, key] of keys.entries()) {
      if (key !== others[place]) return `${path}: another key at ${place}`
      const one = Object.getOwnPropertyDescriptor(a, key)
      const other = Object.getOwnPropertyDescriptor(b, key)
      const flagsOf = (found?: PropertyDescriptor) => [found?.enumerable, found?.writable, found?.configurable].join()
      if (flagsOf(one) !== flagsOf(other)) return `${path}.${String(key)}: another kind of property`
      also(one?.value, other?.value, `.${String(key)}`)
    }
  }
  return null
}
