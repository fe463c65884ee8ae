import { printable } from "./printable.js"

/** One word of a command line: double quotes are understood by every shell, as long as nothing in them means anything to one. */
export function shellWord(text: string): string {
  const word = printable(text)
  if (/^[\w:/.@,+-][\w:/.@=,+-]*$/.test(word)) return word
  if (/^[^"$`\\!%]+$/.test(word)) return `"${word}"`
  return `'${word.replaceAll("'", `'\\''`)}'`
}
