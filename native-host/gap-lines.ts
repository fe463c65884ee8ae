import type { Gap } from "../shared/report.js"
import { printable } from "./terminal.js"

/**
 * What was left out, for people: the same lines wherever a command tells of gaps. What was carried and may not work elsewhere
 * stands apart. Nothing for no gaps.
 *
 *     Left out (1):
 *       indexedDB at https://app.example.com: 3 records of store "kv" of database "db": they are too large (raise the limit)
 */
export function gapLines(gaps: readonly Gap[]): string[] {
  const carried = gaps.filter(({ kind }) => kind === "portability")
  const lost = gaps.filter(({ kind }) => kind !== "portability")
  return [...section("Left out", lost), ...section("May not work elsewhere", carried)]
}

function section(title: string, gaps: readonly Gap[]): string[] {
  return gaps.length === 0 ? [] : [`${title} (${gaps.length}):`, ...gaps.map((gap) => `  ${gapLine(gap)}`)]
}

function gapLine({ kind, where, what, why, fix }: Gap): string {
  const place = kind === "portability" ? where : `${kind} at ${where}`
  return printable(`${place}: ${what}: ${why}${fix === "" ? "" : ` (${fix})`}`)
}
