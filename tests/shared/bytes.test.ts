import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  base64,
  base64ByTable,
  base64Into,
  base64Length,
  base64ToBytes,
  equalBytes,
  hex,
  hexToBytes,
  utf8Length,
} from "../../shared/bytes.js"
import { sha256 } from "../../shared/hash.js"

describe("Base64", () => {
  it("is what Node writes, and comes back, natively and by table", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = Buffer.from(bytes).toString("base64")
        expect(base64(bytes)).toBe(text)
        for (const write of [base64Into, base64ByTable]) {
          const chars = Buffer.alloc(base64Length(bytes.length))
          write(bytes, chars)
          expect(chars.toString("latin1")).toBe(text)
        }
        expect(base64ToBytes(text)).toEqual(bytes)
      }),
    )
  })

  it("has one text for one sequence of bytes: everything else is refused", () => {
    for (const text of [
      "A",
      "AA",
      "AAA",
      "AB==",
      "AAB=",
      "A===",
      "====",
      "AA=A",
      "AA==AAAA",
      " AAA",
      "AA\n=",
      "AA-_",
      "AAAÿ",
      "ĀAAA",
      "😀AA",
      "ĀĀ",
      "AAA",
      "AAAA\n",
      "A-A=",
    ]) {
      expect(base64ToBytes(text), text).toBeNull()
    }
    expect(base64ToBytes("")).toEqual(new Uint8Array())
  })

  it("of megabytes does not run out of stack or time", () => {
    const bytes = new Uint8Array(5 * 1024 * 1024).fill(200)
    expect(base64ToBytes(base64(bytes))?.length).toBe(bytes.length)
  })
})

describe("SHA-256", () => {
  it.each([0, 1, 16 * 1024 * 1024, 16 * 1024 * 1024 + 1])("of %i bytes is what Node says", async (length) => {
    const bytes = new Uint8Array(length).fill(7)
    expect(Buffer.from(await sha256(bytes)).equals(createHash("sha256").update(bytes).digest())).toBe(true)
  })
})

it("the length of UTF-8 is what an encoder writes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), (one, other) => {
      for (const text of [one, other, one + "\ud800" + other + "\udc00"]) {
        expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length)
      }
    }),
  )
})

describe("bytes", () => {
  it("are compared whole", () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true)
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false)
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false)
  })

  it("are read from lower-case hex only", () => {
    expect(hexToBytes(hex(Uint8Array.of(0, 255)))).toEqual(Uint8Array.of(0, 255))
    for (const bad of ["0", "0G", "AB", " 00"]) expect(hexToBytes(bad)).toBeNull()
  })
})
