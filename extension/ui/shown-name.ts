import { printable } from "../../shared/printable.js"

/** A name that somebody chose, inside of a sentence: what cannot be seen shows, and its direction stays its own (Unicode isolates). */
export function shownName(name: string): string {
  return `\u2068${printable(name)}\u2069`
}
