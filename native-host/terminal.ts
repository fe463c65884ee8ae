import { printable } from "../shared/printable.js"

export { printable } from "../shared/printable.js"
export { timeText } from "../shared/time-text.js"

/** Text that somebody typed in a wrong place: an address in it is cut where a password may be. */
export function withoutPasswords(text: string): string {
  return text.replace(/:\/\/[^\s'"]*@/g, "://…@")
}

/** A name that a site chose, between quotes so that its end is seen, and cut after so many characters. */
export function quoted(name: string, most = 80): string {
  const characters = Array.from(name.slice(0, most * 2))
  const isCut = characters.length > most || name.length > most * 2
  const shown = characters.slice(0, isCut ? most - 1 : most).join("")
  return `"${printable(shown.replace(/["\\]/g, "\\$&"))}${isCut ? "…" : ""}"`
}

/** Rows under headings, in columns as wide as they need. */
export function table(headings: string[], rows: string[][]): string {
  const all = [headings, ...rows.map((row) => row.map(printable))]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}

export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`
  return `${(bytes / (1024 * 1024)).toFixed(1)} MiB`
}

/** How far away a time is: `in 3 days`, `2 hours ago`. */
export function spanText(ms: number): string {
  const size = Math.abs(ms)
  const [unit, length] = units.find(([, least]) => size >= least) ?? ["second", 1000]
  const text = countText(Math.round(size / length), unit)
  return ms >= 0 ? `in ${text}` : `${text} ago`
}

const units: [string, number][] = [
  ["day", 24 * 60 * 60 * 1000],
  ["hour", 60 * 60 * 1000],
  ["minute", 60 * 1000],
]

/** `1 key`, `2 keys`. */
export function countText(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`
}
