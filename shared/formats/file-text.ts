import { PspError } from "../errors.js"

/** Most bytes of another tool's file: an archive of a long visit has about a hundred megabytes. */
export const maxFileBytes = 256 * 1024 * 1024

/**
 * The text of a file that some tool, or some editor, wrote: UTF-8, or UTF-16 as Windows writes it, with or without a byte order
 * mark. Nothing is guessed beyond that: what is neither is refused, because a wrong letter in a token is a wrong token.
 *
 * @throws `bad-snapshot` for other encodings, `too-large` beyond `maxFileBytes`
 */
export function fileText(bytes: Uint8Array): string {
  if (bytes.length > maxFileBytes) {
    throw new PspError("too-large", `Cannot read the file: it has more than ${maxFileBytes >> 20} MiB`)
  }
  const encoding = encodingOf(bytes)
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    const why =
      encoding === "utf-8"
        ? "it is neither UTF-8 nor UTF-16 (is it encrypted, or Latin-1?)"
        : `its ${encoding} is broken`
    throw new PspError("bad-snapshot", `Cannot read the file: ${why}; save it as UTF-8`)
  }
}

/** The mark decides, else where the zeros of the first characters are: both formats begin with ASCII. */
function encodingOf([first, second, third, fourth]: Uint8Array): string {
  const isWide = (first === 0xff && second === 0xfe && third === 0 && fourth === 0) || (first === 0 && second === 0)
  if (isWide) throw new PspError("bad-snapshot", "Cannot read the file: it is UTF-32 or binary; save it as UTF-8")
  if ((first === 0xff && second === 0xfe) || (second === 0 && first !== 0)) return "utf-16le"
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return "utf-16be"
  return "utf-8"
}
