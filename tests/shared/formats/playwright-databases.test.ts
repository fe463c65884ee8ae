import { describe, expect, it } from "vitest"
import { databasesToPlaywright } from "../../../shared/formats/playwright-databases.js"
import { toPlaywrightValue } from "../../../shared/formats/playwright-value.js"
import type { IndexedDatabase } from "../../../shared/snapshot.js"

const newest = { minor: 65 }

function said(value: unknown, reader = newest) {
  const result = toPlaywrightValue(value, reader)
  return "lost" in result ? result.lost : (result.said as unknown)
}

function changes(value: unknown): string[] {
  const result = toPlaywrightValue(value, newest)
  return "lost" in result ? [`lost ${result.lost}`] : result.changes
}

function deep(levels: number): unknown {
  let value: unknown = "bottom"
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

describe("Playwright's encoding of a value", () => {
  it("is the plain value where JSON says all, and null", () => {
    for (const plain of [null, "text", 1.5, true, { a: [1, { b: null }] }]) expect(said(plain)).toEqual({ plain })
  })

  it("numbers lists and objects in the order in which they begin, for cycles and shared ones", () => {
    const shared: unknown[] = []
    expect(said({ one: shared, two: shared })).toEqual({
      encoded: {
        o: [
          { k: "one", v: { a: [], id: 2 } },
          { k: "two", v: { ref: 2 } },
        ],
        id: 1,
      },
    })
  })

  it("writes an invalid date as text that is no time, because null would be 1970", () => {
    expect(said(new Date(NaN))).toEqual({ encoded: { d: "invalid" } })
  })

  it("names what older readers do not know, and what none knows", () => {
    const old = { minor: 58 }
    expect(said(new Map(), { minor: 63 })).toBe("Map")
    expect(said(new Set(), { minor: 63 })).toBe("Set")
    expect(said({ in: new ArrayBuffer(1) }, old)).toBe("ArrayBuffer")
    expect(said(new Uint8Array(1), old)).toEqual({ encoded: { ta: { b: "AA==", k: "ui8" } } })
    expect(said(new DOMException("no"))).toBe("DOMException")
    expect(said([new Blob([]), new Map()])).toBe("Blob")
    expect(said([Symbol.iterator])).toBe("symbol")
  })

  it("gives up on data that would overflow the reader, and on lists of nothing", () => {
    expect(said(deep(500))).toHaveProperty("plain")
    expect(said(deep(502))).toBe("data deeper than 500 levels")
    expect(said(new Array(20_000))).toBe("a list of mostly nothing")
  })

  it("names what is not quite the same afterwards", () => {
    const extra = Object.assign([1], { extra: 2 })
    const proto: unknown = JSON.parse('{"__proto__": 1, "b": 2}')
    const buffer = new ArrayBuffer(8)
    expect(changes([1, , 3])).toEqual(["holes in lists become undefined"])
    expect(changes(extra)).toEqual(["lists lose what is not one of their items"])
    expect(changes(proto)).toEqual(["keys named __proto__ are left out"])
    expect(said(proto)).toEqual({ encoded: { o: [{ k: "b", v: 2 }], id: 1 } })
    expect(changes(new Uint8Array(buffer, 4))).toEqual(["views lose the rest of their buffer"])
    expect(changes([new Uint8Array(buffer), new Uint8Array(buffer)])).toEqual([
      "what was one object in two places becomes two",
    ])
  })

  it("never writes the stack of this program", () => {
    expect(JSON.stringify(said(new RangeError("said")))).toBe(
      '{"encoded":{"e":{"n":"RangeError","m":"said","s":"RangeError: said"}}}',
    )
  })
})

function database(store: Partial<IndexedDatabase["stores"][number]>): IndexedDatabase {
  const empty = { name: "kv\u202e", keyPath: null, autoIncrement: false, nextKey: null, indexes: [] }
  return { name: 'd"b', version: 1, stores: [{ ...empty, ...store }] }
}

describe("Playwright's encoding of databases", () => {
  const write = (store: Parameters<typeof database>[0]) =>
    databasesToPlaywright([database(store)], "https://a.test", newest)

  it("writes keys only where they are not in the value", () => {
    const records = [{ key: "1", value: '{"id":1}' }]
    expect(write({ records }).databases).toMatchObject([{ stores: [{ records: [{ key: 1, value: { id: 1 } }] }] }])
    const inline = write({ records, keyPath: ["id"] }).databases
    expect(inline).toMatchObject([{ stores: [{ keyPathArray: ["id"], records: [{ value: { id: 1 } }] }] }])
    expect(JSON.stringify(inline)).not.toContain('"key"')
  })

  it("leaves out records that only a browser can read, damaged ones among them, and names how many", () => {
    const image = '{"$":["ImageData",{"$":["Uint8ClampedArray",{"$":["ArrayBuffer","AAAAAA=="]}]},1,1,"srgb"]}'
    const key = '{"$":["CryptoKey",{"kty":"oct","k":"canary"},{"name":"HMAC"},["sign"]]}'
    const records = [image, key, '{"$":["nonsense"]}'].map((value, at) => ({ key: String(at), value }))
    const { databases, gaps } = write({ records })
    expect(databases).toMatchObject([{ stores: [{ records: [] }] }])
    expect(gaps).toEqual([
      {
        kind: "indexedDB",
        where: "https://a.test",
        what: `3 records of store "kv" of database "d'b"`,
        why: "what only a browser can make (CryptoKey, ImageData, …) has no place in Playwright's storageState",
        fix: "restore with the Playwright adapter",
        count: 3,
      },
    ])
  })

  it("names a key generator that is ahead of the highest key, and none that is not", () => {
    const records = [{ key: "4", value: "1" }]
    expect(write({ records, autoIncrement: true, nextKey: 5 }).gaps).toEqual([])
    expect(write({ records, autoIncrement: true, nextKey: 9 }).gaps).toMatchObject([
      { what: `next number of store "kv" of database "d'b"`, count: 1 },
    ])
  })
})
