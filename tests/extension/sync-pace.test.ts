import { expect, it } from "vitest"
import { afterSave, untilNextSave } from "../../extension/sync-pace.js"

const minute = 60_000
const now = 1_800_000_000_000

it("the first thirty saves of an hour are free, and those after them come every five minutes", () => {
  let saves: number[] = []
  let at = now
  for (; untilNextSave(saves, at) === 0; at += 1_000) saves = afterSave(saves, at)
  expect(at - now).toBe(30_000)
  const until = untilNextSave(saves, at)
  expect(until).toBe(at - 1_000 + 5 * minute)
  expect(untilNextSave(saves, until)).toBe(0)
  expect(untilNextSave(afterSave(saves, until), until + minute)).toBe(until + 5 * minute)
})

it("an hour later it is as if nothing had been", () => {
  const saves = Array.from({ length: 30 }, () => now)
  expect(untilNextSave(saves, now + 61 * minute)).toBe(0)
})

it("a clock that goes back puts nothing off", () => {
  expect(
    untilNextSave(
      Array.from({ length: 30 }, () => now),
      now - minute,
    ),
  ).toBe(0)
})
