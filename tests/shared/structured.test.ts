import { openAsBlob } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { describe, expect, it, vi } from "vitest"
import { createStructuredCodec, type Encoded } from "../../shared/structured.js"
import { differenceBetween } from "./same-graph.js"
import { runStructuredCases, structuredCases } from "./structured-cases.js"

const codec = createStructuredCodec()
const encode = (value: unknown) => codec.encode(value) as Encoded

describe("structured", () => {
  for (const structuredCase of structuredCases) {
    const { name, needs } = structuredCase
    it.skipIf(needs !== undefined && !(needs in globalThis))(`carries ${name}`, async () => {
      expect(await runStructuredCases(createStructuredCodec, differenceBetween, [structuredCase])).toEqual([])
    })
  }

  it("writes plain data as its own JSON, in ASCII", () => {
    expect(encode({ a: [1, "x", null, { b: true }], c: 1e21 })).toEqual({
      text: '{"a":[1,"x",null,{"b":true}],"c":1e+21}',
      gaps: [],
    })
    expect(encode(["é\u007f😀"]).text).toBe('["\\u00e9\\u007f\\ud83d\\ude00"]')
  })

  it("writes what is drawn at the top of its file", () => {
    const shared = { a: undefined }
    const value = { shared, again: shared, date: new Date(5), $: -0 }
    expect(encode(value).text).toBe(
      '{"$":["Object",["shared",{"a":{"$":["undefined"]}},"again",{"$":["ref",1]},"date",{"$":["Date",5]},"$",{"$":["-0"]}]]}',
    )
  })

  it("needs time only for what can be read only later", () => {
    expect(codec.encode(new Map([[1, new Uint8Array(3)]]))).not.toBeInstanceOf(Promise)
    expect(codec.encode({ blob: new Blob() })).toBeInstanceOf(Promise)
    expect(codec.decode('{"$":["Blob","",""]}')).toBeInstanceOf(Blob)
  })

  it("carries 50 MB, in one buffer and in one text", () => {
    const bytes = new Uint8Array(50_000_000).map((_, i) => i)
    const back = codec.decode(encode({ bytes }).text) as { bytes: Uint8Array }
    expect(Buffer.compare(back.bytes, bytes)).toBe(0)
    const text = "é".repeat(1000) + "x".repeat(50_000_000)
    expect(codec.decode(encode([new Date(0), text]).text)).toEqual([new Date(0), text])
  })

  it("reports a file that is no longer what it was as a gap, with an object in its place", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "psp-codec-"))
    const file = path.join(folder, "file")
    await writeFile(file, "before")
    const blob = await openAsBlob(file)
    await writeFile(file, "after, and longer")
    const shared = {}
    const encoded = await codec.encode({ list: [1, blob], blob, shared, again: shared })
    await rm(folder, { recursive: true })
    expect(encoded.gaps).toEqual([{ path: ".*[1]", what: "Blob", why: "it cannot be read" }])
    const back = codec.decode(encoded.text) as Record<string, unknown>
    expect(back["list"]).toEqual([1, { placeholder: "Blob" }])
    expect(back["again"]).toBe(back["shared"])
  })

  it("says how large a value with files gets, and reads none of them before it is told to", async () => {
    const readBytes = vi.spyOn(Blob.prototype, "arrayBuffer")
    for (const size of [0, 1, 2, 3, 1000]) {
      const value = {
        "quoted\u{1f36a}": [new Blob([new Uint8Array(size)], { type: "a/b" }), new File(["12"], 'f"')],
        more: 1n,
      }
      const prepared = createStructuredCodec().prepare(value)
      if (!("read" in prepared)) throw new Error("It was read at once")
      expect(readBytes).not.toHaveBeenCalled()
      expect((await prepared.read()).text).toHaveLength(prepared.size)
      expect(readBytes).toHaveBeenCalledTimes(2)
      readBytes.mockClear()
    }
    vi.restoreAllMocks()
  })

  it("says that a key is non-extractable", async () => {
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt"])
    expect(encode(key).gaps).toEqual([
      { path: "", what: "CryptoKey", why: expect.stringContaining("non-extractable") as string },
    ])
  })

  it("names places by positions, never by a value or a key, in less than 200 characters", () => {
    const keys = new Map([["secret", { "ann@x.com": [new Set([() => 1])] }]])
    const sparse: unknown[] = []
    sparse[436_641_234] = () => 1
    const paths = encode({ plain: [{ 4711: keys }], "a b\ud800": () => 1, sparse }).gaps.map(({ path }) => path)
    expect(paths).toEqual([".*[0].* Map value 0.*[0] Set item 0", ".*", ".*.*"])
    let deep: unknown = () => 1
    for (let i = 0; i < 1000; i++) deep = { level: deep }
    expect(encode(deep).gaps[0]?.path).toMatch(/^…(?:\.\*)+$/)
    expect(encode(deep).gaps[0]?.path.length).toBeLessThan(200)
  })

  it.each([
    ["nothing", "", "it is not JSON"],
    ["half of a text", '{"a":["secret', "it is not JSON"],
    [
      "a kind that it does not know",
      '{"a":[1,{"$":["Temporal","secret"]}]}',
      "at .*[1]: its kind is not known to this version",
    ],
    ["a kind in disguise", '{"a":{"\\u0024":["Temporal"]}}', "at .*: its kind is not known to this version"],
    ["a kind with space around it", '{ "$" : [ "Temporal" ] }', "its kind is not known to this version"],
    ["a kind of no kind", '[{"$":"secret"}]', "at [0]: an object with $ is malformed"],
    ["a kind with more beside it", '[{"$":["Date",1],"b":1}]', "at [0]: an object with $ is malformed"],
    ["a reference to what comes later", '[{"$":["ref",2]},{}]', "at [0]: it refers to nothing before it"],
    ["a reference to what inherits", '[{"$":["ref","length"]}]', "at [0]: it refers to nothing before it"],
    ["a view of no buffer", '{"$":["Uint8Array",{}]}', "a part of it is malformed"],
    ["a view beyond its buffer", '{"$":["Uint8Array",{"$":["ArrayBuffer","AAAA"]},2,9]}', "it is malformed"],
    ["a date of text", '{"$":["Date","secret"]}', "a number was expected"],
    ["a Map of no list", '{"x":{"$":["Map",{"0":1}]}}', "at .*: a list was expected"],
    ["bytes that are no Base64", '{"x":{"$":["ArrayBuffer","****"]}}', "at .*: its Base64 is malformed"],
    ["bytes that are cut", '{"x":{"$":["ArrayBuffer","AAA"]}}', "at .*: its Base64 is malformed"],
    ["an error of another class", '{"$":["Error","Function","secret",null,[]]}', "it is malformed"],
    ["what only a page has", '{"list":[{"$":["DOMRect",1,2,3,4]}]}', "at .*[0]: there is no DOMRect in this world"],
  ])("refuses %s", (_, text, message) => {
    expect(() => codec.decode(text)).toThrow(expect.objectContaining({ name: "DecodeError" }) as Error)
    expect(() => codec.decode(text)).toThrow(message)
    expect(() => codec.decode(text)).not.toThrow("secret")
  })
})
