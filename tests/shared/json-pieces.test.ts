import fc from "fast-check"
import { expect, it } from "vitest"
import { jsonPieces } from "../../shared/json-pieces.js"
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
