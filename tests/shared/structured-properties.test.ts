import * as devalue from "devalue"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createStructuredCodec, type Encoded } from "../../shared/structured.js"
import { differenceBetween } from "./same-graph.js"

const codec = createStructuredCodec()
const encode = (value: unknown) => codec.encode(value) as Encoded
const throughCodec = (value: unknown) => codec.decode(encode(value).text)

/** Any UTF-16, lone surrogates too. */
const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7f0, max: 0xe010 }), fc.constant(0x24)), {
    maxLength: 6,
  })
  .map((codes) => String.fromCharCode(...codes))
const key = fc.oneof(anyText, fc.constantFrom("$", "__proto__", "constructor", "toJSON", "length", "0", "7", "-1", "a"))

const primitive = fc.oneof(
  anyText,
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.constantFrom(-0, NaN, Infinity, -Infinity, undefined, null, true, false),
)

/** Trees of everything that fast-check can think of. */
const tree = fc.anything({
  key,
  values: [primitive],
  maxDepth: 4,
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
})

/** Nodes that refer to each other by number: every shape of sharing and cycles. */
const child = fc.oneof(primitive, fc.record({ node: fc.nat({ max: 11 }) }))
const graph = fc
  .array(
    fc.record({
      kind: fc.constantFrom(
        "object",
        "array",
        "holes",
        "map",
        "set",
        "error",
        "date",
        "boxed",
        "view",
        "data",
        "buffer",
      ),
      keys: fc.array(key, { maxLength: 5 }),
      children: fc.array(child, { maxLength: 5 }),
      number: fc.nat({ max: 8 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map(buildGraph)

interface Node {
  kind: string
  keys: string[]
  children: unknown[]
  number: number
}

function buildGraph(nodes: Node[]): unknown {
  const buffer = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer
  const made = nodes.map(({ kind, number }): object => {
    if (kind === "array" || kind === "holes") return []
    if (kind === "map") return new Map()
    if (kind === "set") return new Set()
    if (kind === "error") return new RangeError(`error ${number}`)
    if (kind === "date") return new Date(number * 1e11)
    if (kind === "boxed") return Object(number % 2 === 0 ? number : `${number}`) as object
    if (kind === "view") return new Uint8Array(buffer, number)
    if (kind === "data") return new DataView(buffer, 8 - number)
    return kind === "buffer" ? buffer : {}
  })
  const put = (target: object, name: PropertyKey, value: unknown) =>
    Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
  nodes.forEach(({ kind, keys, children, number }, place) => {
    const target = made[place] ?? {}
    const values = children.map((one) => {
      const isReference = typeof one === "object" && one !== null && "node" in one
      return isReference ? made[(one.node as number) % made.length] : one
    })
    if (kind === "array") values.forEach((value, index) => put(target, index, value))
    if (kind === "holes") values.forEach((value, index) => put(target, index * 3 + number, value))
    if (kind === "object" || kind === "holes") {
      keys.forEach((name, index) => name !== "length" && put(target, name, values[index % Math.max(1, values.length)]))
    }
    if (target instanceof Map) values.forEach((value, index) => target.set(value, values[values.length - 1 - index]))
    if (target instanceof Set) values.forEach((value) => target.add(value))
    if (kind === "error" && values.length > 0) (target as Error).cause = values[0]
  })
  return made[0]
}

describe("structured, for all graphs", () => {
  it("gives back a tree as it was", async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (value) => {
        // An object without a prototype comes back as any other, as from a structured clone.
        expect(await differenceBetween(structuredClone(value), throughCodec(value))).toBeNull()
      }),
      { numRuns: 2000 },
    )
  })

  it("gives back a graph as it was, with what is shared in it and its cycles", async () => {
    await fc.assert(
      fc.asyncProperty(graph, async (value) => {
        expect(await differenceBetween(value, throughCodec(value))).toBeNull()
      }),
      { numRuns: 2000 },
    )
  })

  it("writes one line of ASCII without gaps, and the same line again from what it read", () => {
    fc.assert(
      fc.property(fc.oneof(tree, graph), (value) => {
        const { text, gaps } = encode(value)
        expect(text).toMatch(/^[ -~]*$/)
        expect(gaps).toEqual([])
        expect(encode(codec.decode(text)).text).toBe(text)
      }),
      { numRuns: 1000 },
    )
  })

  it("is JSON for what is JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value)
        fc.pre(!json.includes('"$"'))
        // −0 is nothing that JSON.stringify writes, at any depth.
        const plain: unknown = JSON.parse(json)
        expect(JSON.parse(encode(plain).text)).toEqual(plain)
      }),
    )
  })

  it("agrees with devalue where that can carry a value", async () => {
    let carried = 0
    await fc.assert(
      fc.asyncProperty(fc.oneof(tree, graph), async (value) => {
        let theirs: unknown
        try {
          theirs = devalue.parse(devalue.stringify(value))
        } catch {
          return
        }
        // It loses boxes, errors and extra properties, and says nothing: then there is nothing to agree on.
        if ((await differenceBetween(structuredClone(value), theirs)) !== null) return
        carried++
        expect(await differenceBetween(theirs, throughCodec(value))).toBeNull()
      }),
      { numRuns: 1000 },
    )
    expect(carried).toBeGreaterThan(200)
  })

  it("never throws on anything it is given, and says what it left out", () => {
    const odd = fc.constantFrom<unknown>(
      () => 1,
      Symbol("s"),
      Promise.resolve(),
      new WeakMap(),
      new Proxy({}, { ownKeys: () => fail() }),
      new Proxy([], { get: () => fail() }),
      Object.defineProperty({}, "a", { get: () => fail(), enumerable: true }),
      globalThis,
    )
    fc.assert(
      fc.property(fc.array(odd, { minLength: 1 }), key, (values, name) => {
        const value = Object.defineProperty({}, name, { value: values, enumerable: true })
        const { text, gaps } = encode(value)
        expect(gaps.length).toBeGreaterThanOrEqual(1)
        for (const { path } of gaps) {
          expect(path.length).toBeLessThan(200)
          expect(path).toMatch(/^…?(?:\.\*|\[\d+\]| Set item \d+| Map (?:key|value) \d+)*$/)
        }
        codec.decode(text)
      }),
      { numRuns: 200 },
    )
  })

  it("reads a damaged text, or refuses it by name", () => {
    fc.assert(
      fc.property(
        graph,
        fc.nat(),
        fc.nat(),
        fc.constantFrom("", '"', "0", "9", "[", "}", '"x"', "null", "-1"),
        (value, from, length, patch) => {
          const { text } = encode(value)
          const at = from % text.length
          try {
            codec.decode(text.slice(0, at) + patch + text.slice(at + (length % 4)))
          } catch (error) {
            expect((error as Error).name).toBe("DecodeError")
          }
        },
      ),
      { numRuns: 3000 },
    )
  })
})

function fail(): never {
  throw new Error("not to be looked at")
}
