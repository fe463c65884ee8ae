import { PspError } from "../errors.js"

/** An object of a file; nothing is known of what is in it. */
export type JsonObject = Record<string, unknown>

/**
 * The JSON of a file. Of a key that stands twice in an object the later one counts, as for every reader of JSON.
 *
 * @throws `bad-snapshot`; the message holds nothing of the file
 */
export function parseJsonFile(text: string, format: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw notThis(format, "it is not JSON, or its end is missing")
  }
}

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
