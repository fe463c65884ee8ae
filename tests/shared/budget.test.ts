import fc from "fast-check"
import { expect, it } from "vitest"
import { createBudget, jsonSize, recordSize } from "../../shared/budget.js"

it("a record is measured as JSON writes it", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom('"\\\n', "\u007f", "\ud800", "é", "日", "🍪"),
  )
  fc.assert(
    fc.property(text, text, (key, value) => {
      expect(recordSize({ key, value })).toBe(jsonSize({ key, value }))
      expect(jsonSize({ key, value })).toBe(Buffer.byteLength(JSON.stringify({ key, value })) + 1)
    }),
  )
})

it("a budget gives what is left, and nothing of what does not fit", () => {
  const budget = createBudget(10)
  expect(budget.take(8)).toBe(true)
  expect(budget.take(3)).toBe(false)
  expect(budget.left).toBe(2)
  expect(budget.take(2)).toBe(true)
})
