import { PspError } from "../errors.js"

/** An object of a file; nothing is known of what is in it. */
export type JsonObject = Record<string, unknown>

/**
 * The JSON of a file. Of a key that stands twice in an object the later one counts, as for every reader of JSON.
 *
 * @throws `bad-snapshot`, and as `requireModest`; the message holds nothing of the file
 */
export function parseJsonFile(text: string, format: string): unknown {
  requireModest(text)
  try {
    return JSON.parse(text)
  } catch {
    throw notThis(format, "it is not JSON, or its end is missing")
  }
}

/**
 * Looks before JSON is parsed: a parsed bracket takes forty times its room in memory, and a deep one ever more time. A file of
 * the largest size that some tool really wrote has a tenth of these.
 *
 * @throws `too-large`
 */
export function requireModest(text: string): void {
  let [depth, values, isText] = [0, 0, false]
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === quote) isText = !isText
    else if (isText) at += char === backslash ? 1 : 0
    else if (char === comma) values++
    else if (char === openBracket || char === openBrace) {
      depth++
      values++
    } else if (char === closeBracket || char === closeBrace) depth--
    if (depth > maxDepth || values > maxValues) {
      const why = depth > maxDepth ? `deeper than ${maxDepth} levels` : `of more than ${maxValues} values`
      throw new PspError("too-large", `Cannot read the file: it is JSON ${why}`)
    }
  }
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

const maxDepth = 10_000
const maxValues = 16_000_000

export function notThis(format: string, why: string): PspError {
  return new PspError("bad-snapshot", `Cannot read the file as ${format}: ${why}`)
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** What is this object's own: a file may be named like what every object inherits. */
export function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

export function listAt(object: JsonObject, key: string): unknown[] | null {
  const value = own(object, key)
  return Array.isArray(value) ? (value as unknown[]) : null
}

export function textAt(object: JsonObject, key: string): string | null {
  const value = own(object, key)
  return typeof value === "string" ? value : null
}
