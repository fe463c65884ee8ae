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

/**
 * The same page function for `BlankPlace.call`: its argument comes as JSON, in a string that is no part of any source text.
 */
export function pageFunction(fn: (argument: never) => unknown): string {
  // The name of the argument would not be seen from within.
  return `(json) => (() => { with (${helpers}) return (${fn.toString()}) })()(JSON.parse(json))`
}

/**
 * Makes something in a page, under a name of ours: `make` gets what `makePart` gives. The expression is true when that worked.
 *
 * Names that are not there cost time wherever they are looked up, so the helper of a bundler is only stood in for when it is
 * missed (`withHelpers`).
 */
export function installExpression<Part>(
  name: string,
  make: (part: Part) => unknown,
  makePart: () => Part,
  withHelpers: boolean,
): string {
  const call = `(${make.toString()})((${makePart.toString()})())`
  return withHelpers
    ? `(() => { with (${helpers}) globalThis.${name} = ${call}; return true })()`
    : `(() => { try { globalThis.${name} = ${call}; return true } catch { return false } })()`
}

const helpers = `new Proxy({}, {
  has: (_, name) => typeof name === "string" && !(name in globalThis),
  get: (_, name) => typeof name === "string" ? (fn) => fn : undefined,
})`
