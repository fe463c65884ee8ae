/**
 * Text that came from a site or a stranger, safe to print: control characters (which move the cursor or start escape
 * sequences), line separators, bidi controls and what cannot be seen (which make one name look like another) become visible
 * escapes, one for each UTF-16 unit: inside of JSON they mean what they stand for.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu, (char) =>
    Array.from({ length: char.length }, (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  )
}
