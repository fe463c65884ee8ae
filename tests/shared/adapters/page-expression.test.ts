import { expect, it } from "vitest"
import { pageExpression } from "../../../shared/adapters/page-expression.js"

/** As a browser evaluates it: in a world that knows nothing of this file. */
function evaluate(expression: string): unknown {
  return (0, eval)(expression)
}

it("a page function runs without anything around it", () => {
  const expression = pageExpression(
    ({ a, b }: { a: number; b: number }) => {
      const add = (x: number, y: number) => x + y
      return add(a, b)
    },
    { a: 2, b: 3 },
  )
  expect(evaluate(expression)).toBe(5)
})

it("an argument arrives as it was, lone surrogates and odd line breaks included", () => {
  const odd = ["\ud800", "\udc00\ud800", "\u2028", "'\"`\\", "</script>", "\0", "${x}"]
  const expression = pageExpression((list: string[]) => list, odd)
  expect(evaluate(expression)).toEqual(odd)
  expect(new TextDecoder().decode(new TextEncoder().encode(expression))).toBe(expression)
})

it("a function that takes nothing is called with nothing that matters", () => {
  expect(evaluate(pageExpression(() => "here", undefined))).toBe("here")
})

it.each(["__name", "s", "$$1"])("a helper that a bundler wraps inner functions in is not missed: %s", (helper) => {
  const source = `() => { const inner = ${helper}(() => 7, "inner"); return inner() }`
  const bundled = Object.assign(() => 0, { toString: () => source })
  expect(evaluate(pageExpression(bundled, undefined))).toBe(7)
})
