/**
 * A page function with its argument, as an expression that any tool can evaluate in a page.
 *
 * `esbuild` and `tsx` with `keepNames` wrap inner functions in `__name(…)`, which no page has, hence the parameter. The
 * argument travels as JSON inside of a string: parsing JSON is faster than parsing JavaScript, and lone surrogates stay
 * escaped on the way.
 */
export function pageExpression<Argument>(fn: (argument: Argument) => unknown, argument: Argument): string {
  return `((__name) => (${fn.toString()})(JSON.parse(${JSON.stringify(JSON.stringify(argument ?? null))})))((fn) => fn)`
}
