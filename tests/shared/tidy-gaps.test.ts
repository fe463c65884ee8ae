import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { gapKinds, type Gap } from "../../shared/report.js"
import { tidyGaps } from "../../shared/tidy-gaps.js"

const line = (over: Partial<Gap> = {}): Gap => ({
  kind: "indexedDB",
  where: "https://app.example.com",
  what: 'database "a"',
  why: "it is broken",
  fix: "",
  count: 1,
  ...over,
})
const many = (count: number, over: (index: number) => Partial<Gap>) =>
  Array.from({ length: count }, (_, index) => line(over(index)))
const total = (gaps: readonly Gap[]) => gaps.reduce((sum, { count }) => sum + count, 0)

describe("the lines of a report", () => {
  it("are one for what is equal, with the sum of the counts", () => {
    expect(tidyGaps([line({ count: 2 }), line({ where: "https://other.test" }), line({ count: 3 })])).toEqual([
      line({ count: 5 }),
      line({ where: "https://other.test" }),
    ])
  })

  it("say how many more are alike, instead of naming each", () => {
    const tidy = tidyGaps([...many(50, (index) => ({ what: `database "${index}"` })), line({ why: "it is late" })])
    expect(tidy).toHaveLength(21)
    expect(tidy[19]).toEqual(line({ what: "and 31 more like these", count: 31 }))
    expect(tidy[20]).toEqual(line({ why: "it is late" }))
  })

  it("are 200 at most, and the last one says what is missing", () => {
    const tidy = tidyGaps(many(40_000, (index) => ({ where: `https://${index}.test`, count: 2 })))
    expect(tidy).toHaveLength(200)
    expect(tidy[199]).toMatchObject({ what: "and 39801 more", count: 79_602 })
  })

  it("are bounded, and lose no count, whatever they are", () => {
    const few = fc.constantFrom("", "a", "b", "c")
    const anyLine = fc.record<Gap>({
      kind: fc.constantFrom(...gapKinds),
      where: fc.oneof(few, fc.webUrl()),
      what: fc.oneof(few, fc.string({ maxLength: 1000 })),
      why: fc.oneof(few, fc.string({ maxLength: 1000 })),
      fix: few,
      count: fc.nat({ max: 1000 }),
    })
    fc.assert(
      fc.property(fc.array(anyLine, { maxLength: 400, size: "max" }), (gaps) => {
        const tidy = tidyGaps(gaps)
        expect(tidy.length).toBeLessThanOrEqual(200)
        expect(total(tidy)).toBe(total(gaps))
        expect(JSON.stringify(tidy).length).toBeLessThan(200 * 8000)
        expect(total(tidyGaps(tidy))).toBe(total(tidy))
      }),
      { numRuns: 50 },
    )
  })
})
