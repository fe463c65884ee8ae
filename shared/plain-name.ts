/**
 * A name that a website chose, fit to stand inside a sentence of ours: no control characters, no line breaks, nothing
 * invisible, no mark that turns the direction of the text (with them one name looks like another, or swallows the words
 * after it), no lone surrogates, no double quotes, and at most `limit` characters.
 */
export function plainName(name: string, limit = 60): string {
  // Cut first: a name may have megabytes, and what is past the limit is not shown anyway.
  const start = name.slice(0, limit * 4)
  const characters = Array.from(start.replace(unshowable, "").replaceAll('"', "'"))
  if (characters.length <= limit && start === name) return characters.join("")
  return `${characters.slice(0, limit - 1).join("")}…`
}

/** Control, format (bidi marks are among them), separator, surrogate and private-use characters. */
const unshowable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu
