import { hasMethod } from "./has-method.js"

/**
 * What people pass to an adapter by mistake, whatever its tool: in words, never with what is in it.
 *
 * @param otherwise words for an object that nothing else is known of
 */
export function describeMistake(target: unknown, otherwise: string): string {
  if (target === null || target === undefined) return String(target)
  if (typeof target !== "object" && typeof target !== "function") return `a ${typeof target}`
  if (hasMethod(target, "then")) return "a promise (await it)"
  if (hasMethod(target, "getCapabilities")) return "a WebDriver of Selenium"
  return typeof target === "object" ? otherwise : "a function"
}
