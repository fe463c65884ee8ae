import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { clockAt, clockMs, isClock, isClockPlausible, maxClockAhead, nextClock } from "../../shared/hlc.js"

const now = 1_800_000_000_000

describe("clock", () => {
  it("always goes forward, whatever the wall clock does, and sorts as text", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 47 }), { minLength: 2, maxLength: 50 }), (times) => {
        let last: string | null = null
        for (const time of times) {
          const next = nextClock(time, last)
          expect(isClock(next)).toBe(true)
          if (last !== null) expect(next > last).toBe(true)
          last = next
        }
      }),
    )
  })

  it("counts within a millisecond and borrows the next one when the counter is full", () => {
    expect(nextClock(now, clockAt(now))).toBe(`${clockAt(now).slice(0, 12)}0001`)
    expect(clockMs(nextClock(now, `${clockAt(now).slice(0, 12)}ffff`))).toBe(now + 1)
  })

  it("may be five minutes ahead and no more", () => {
    expect(isClockPlausible(clockAt(now + maxClockAhead), now)).toBe(true)
    expect(isClockPlausible(clockAt(now + maxClockAhead + 1), now)).toBe(false)
  })

  it("is never made of what is no time", () => {
    for (const bad of [-1, 1.5, Number.NaN, 2 ** 48]) expect(() => clockAt(bad)).toThrow("not a time")
    for (const bad of ["", "x".repeat(16), "0".repeat(15), 7]) expect(isClock(bad)).toBe(false)
  })
})
