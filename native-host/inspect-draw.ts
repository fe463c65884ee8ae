import type { ItemFacts } from "./inspect-facts.js"
import { printable, quoted, sizeText } from "./terminal.js"

/** How the parts of the tree of `psp inspect` are drawn. Each gives lines without the indentation of what is around them. */
export interface Draw {
  now: number
  /** A name that a site or a stranger chose. */
  name: (text: string) => string
  value: (text: string) => string
  /** Things of one or more lines each, cut where they are many. */
  list: (lines: string[][]) => string[]
}

export function createDraw({ now, all }: { now: number; all: boolean }): Draw {
  return {
    now,
    name: (text) => quoted(text, all ? Infinity : 80),
    value: (text) =>
      `= ${printable(all || text.length <= 2000 ? text : `${text.slice(0, 2000)}… (${text.length} characters)`)}`,
    list: (lines) =>
      all || lines.length <= 20 ? lines.flat() : [...lines.slice(0, 15).flat(), `… and ${lines.length - 15} more`],
  }
}

export function indent(lines: string[]): string[] {
  return lines.map((line) => `  ${line}`)
}

export function itemLines(items: ItemFacts[], draw: Draw): string[] {
  return draw.list(
    items.map(({ key, bytes, value }) => [
      `${draw.name(key)}  ${sizeText(bytes)}`,
      ...(value === undefined ? [] : indent([draw.value(value)])),
    ]),
  )
}
