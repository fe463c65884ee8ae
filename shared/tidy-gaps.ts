import type { Gap } from "./report.js"

/** Most lines of a report: what a person could still read, and what `storage.session` and a popup hold with ease. */
const maxLines = 200
/** Most lines that differ in nothing but the name of the thing. */
const maxAlike = 20
/** Most characters of each text in a line: names of the site are cut before, but where they stand is not. */
const maxText = 300

/**
 * The lines of a report, as they came: equal ones become one line with their sum, of many that are alike the first stay, and
 * a report that is still too long ends with a line that says how much more there is. A site decides how many things
 * go wrong; it must not decide how large the report gets.
 */
export function tidyGaps(gaps: readonly Gap[]): Gap[] {
  const merged = new Map<string, Gap>()
  for (const gap of gaps) {
    const line = shortened(gap)
    const known = merged.get(idOf(line, line.what))
    if (known === undefined) merged.set(idOf(line, line.what), line)
    else known.count += line.count
  }
  return cut(foldAlike([...merged.values()]))
}

function foldAlike(lines: Gap[]): Gap[] {
  const alike = new Map<string, number>()
  for (const line of lines) alike.set(idOf(line, ""), (alike.get(idOf(line, "")) ?? 0) + 1)
  const shown = new Map<string, number>()
  const folded = new Map<string, Gap>()
  return lines.flatMap((line) => {
    const id = idOf(line, "")
    const before = shown.get(id) ?? 0
    shown.set(id, before + 1)
    const total = alike.get(id) ?? 0
    if (total <= maxAlike || before < maxAlike - 1) return [line]
    const last = folded.get(id)
    if (last !== undefined) {
      last.count += line.count
      return []
    }
    const rest = { ...line, what: `and ${total - maxAlike + 1} more like these` }
    folded.set(id, rest)
    return [rest]
  })
}

function cut(lines: Gap[]): Gap[] {
  if (lines.length <= maxLines) return lines
  const rest = lines.slice(maxLines - 1)
  const [first] = rest
  if (first === undefined) return lines
  const why = "more was not saved than can be listed here"
  const count = rest.reduce((sum, line) => sum + line.count, 0)
  return [...lines.slice(0, maxLines - 1), { ...first, what: `and ${rest.length} more`, why, fix: "", count }]
}

function idOf({ kind, where, why, fix }: Gap, what: string): string {
  return JSON.stringify([kind, where, what, why, fix])
}

function shortened({ kind, where, what, why, fix, count }: Gap): Gap {
  return { kind, where: short(where), what: short(what), why: short(why), fix: short(fix), count }
}

function short(text: string): string {
  return text.length > maxText ? `${text.slice(0, maxText - 1)}…` : text
}
