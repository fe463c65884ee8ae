/**
 * A page function with its argument, as an expression that any tool can evaluate in a page.
 *
 * Bundlers wrap inner functions in a helper of their own (esbuild's and tsx's `keepNames`: `__name(fn, "name")`, or any other
 * name when they minify), which no page has: names that are not there stand for a helper that gives back what it gets. The
 * argument travels as JSON inside of a string: parsing JSON is faster than parsing JavaScript, and lone surrogates stay
 * escaped on the way.
 */
export function pageExpression<Argument>(fn: (argument: Argument) => unknown, argument: Argument): string {
  const json = JSON.stringify(JSON.stringify(argument ?? null))
  return `(() => { with (${helpers}) return (${fn.toString()})(JSON.parse(${json})) })()`
}

const helpers = `new Proxy({}, {
  has: (_, name) => typeof name === "string" && !(name in globalThis),
  get: (_, name) => typeof name === "string" ? (fn) => fn : undefined,
})`
