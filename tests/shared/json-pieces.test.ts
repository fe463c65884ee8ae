import fc from "fast-check"
import { expect, it } from "vitest"
import { jsonPieces } from "../../shared/json-pieces.js"
import { basePlaintext } from "../../shared/session-payload.js"
import { exampleSnapshot } from "./example-snapshot.js"

it("are together what JSON.stringify writes", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      expect([...jsonPieces(value)].join("")).toBe(JSON.stringify(value))
    }),
  )
  for (const value of [
    exampleSnapshot(),
    [],
    {},
    [[]],
    { a: {} },
    [{ a: undefined, b: [1] }],
    { a: undefined, b: [] },
    null,
    "\ud800",
  ]) {
    expect([...jsonPieces(value)].join("")).toBe(JSON.stringify(value))
  }
})

it("a large session is sealed as the bytes that a small one would be", () => {
  const big = Array.from({ length: 900 }, (_, i): [string, string] => [`key ${i}`, "ü\ud800".repeat(5000)])
  const origins = [{ origin: "https://app.example.com", partition: null, localStorage: big }]
  const snapshot = { ...exampleSnapshot(), origins }
  const plaintext = basePlaintext(snapshot)
  const bytes = Buffer.alloc(plaintext.length)
  plaintext.writeTo(bytes)
  expect(bytes.equals(Buffer.from(JSON.stringify({ kind: "base", v: 1, snapshot })))).toBe(true)
})

it("a session that changes while it is sealed is not sealed", () => {
  for (const [value, later] of [
    ["x".repeat(9e6), "shorter"],
    ["x".repeat(9e6), "x".repeat(9e6 + 1)],
  ] as const) {
    const items: [string, string][] = [["key", value]]
    const origins = [{ origin: "https://app.example.com", partition: null, localStorage: items }]
    const plaintext = basePlaintext({ ...exampleSnapshot(), origins })
    items[0] = ["key", later]
    expect(() => plaintext.writeTo(new Uint8Array(plaintext.length))).toThrow(
      expect.objectContaining({ code: "internal" }) as Error,
    )
  }
})
