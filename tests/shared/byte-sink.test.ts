import fc from "fast-check"
import { expect, it } from "vitest"
import { createByteSink } from "../../shared/byte-sink.js"

it("what comes in pieces becomes one array, however large each is", () => {
  const pieces = fc.array(fc.uint8Array(), { maxLength: 30 })
  fc.assert(
    fc.property(pieces, fc.integer({ min: 0, max: 64 }), (pieces, most) => {
      const sink = createByteSink(most)
      for (const piece of pieces) sink.room(piece.length).set(piece)
      const expected = Buffer.concat(pieces)
      expect(Buffer.from(sink.bytes()).equals(expected)).toBe(true)
      expect(sink.length).toBe(expected.length)
    }),
  )
})
