import { PspError } from "../errors.js"
import { isNetscapeHeader } from "./netscape.js"
import { isObject, listAt, own, requireModest, type JsonObject } from "./read-json.js"

/** What another tool's session can be read from. */
export const readableFormats = [
  "playwright",
  "puppeteer",
  "cookie-editor",
  "netscape",
  "curl-jar",
  "har",
  "browser-use",
  "agent-browser",
] as const
export type ReadableFormat = (typeof readableFormats)[number]

/**
 * The format of a file by what stands in it; its name says nothing. Formats that are told from each other by details only are
 * read the same way, so that a wrong word here costs nothing.
 *
 * @throws `bad-snapshot` for a file that is none of them, `too-large`
 */
export function detectFormat(text: string): ReadableFormat {
  const [first = ""] = /\S/.exec(text) ?? []
  const found = first === "{" || first === "[" ? ofJson(text) : ofLines(text)
  if (found !== null) return found
  throw new PspError(
    "bad-snapshot",
    `Cannot tell the format of the file: it is none of ${readableFormats.join(", ")}; name it with --format`,
  )
}

function ofLines(text: string): ReadableFormat | null {
  if (/^\s*(?:set-)?cookie:/i.test(text.slice(0, 200))) {
    const why = "a header does not say whose cookies they are"
    throw new PspError("bad-snapshot", `Cannot read the file: it is a Cookie header, and ${why}`)
  }
  if (text.startsWith("# ") && /^#.*curl/m.test(text.slice(0, 400)) && isNetscapeHeader(text)) return "curl-jar"
  return isNetscapeHeader(text) || /^[^\t\n]*(?:\t[^\t\n]*){5,6}\r?$/m.test(text.slice(0, 20_000)) ? "netscape" : null
}

function ofJson(text: string): ReadableFormat | null {
  requireModest(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new PspError("bad-snapshot", "Cannot read the file: it is JSON that is broken, or its end is missing")
  }
  if (Array.isArray(value)) return ofList(value)
  if (!isObject(value)) return null
  const log = own(value, "log")
  if (isObject(log) && listAt(log, "entries") !== null) return "har"
  return ofState(value)
}

function ofList(list: unknown[]): ReadableFormat | null {
  const [first] = list
  if (first === undefined) return "puppeteer"
  if (!isObject(first)) return null
  const chrome = ["expirationDate", "hostOnly", "storeId"]
  if (list.some((item) => isObject(item) && chrome.some((key) => Object.hasOwn(item, key)))) return "cookie-editor"
  return Object.hasOwn(first, "name") ? "puppeteer" : null
}

function ofState(state: JsonObject): ReadableFormat | null {
  const [cookies, origins] = [listAt(state, "cookies"), listAt(state, "origins")]
  if (cookies === null && origins === null) return null
  const has = (list: unknown[] | null, ...keys: string[]) =>
    list?.some((item) => isObject(item) && keys.some((key) => Object.hasOwn(item, key))) === true
  const lacks = (list: unknown[] | null, key: string) =>
    list?.some((item) => isObject(item) && !Object.hasOwn(item, key)) === true
  if (has(origins, "indexedDB", "opfs") || has(cookies, "_crHasCrossSiteAncestor")) return "playwright"
  // Both keep what CDP says of a cookie; only browser-use keeps all of it, and leaves empty storages out.
  if (has(cookies, "priority", "sourceScheme", "sourcePort")) return "browser-use"
  if (has(cookies, "size", "session")) return "agent-browser"
  const isPartitionObject = cookies?.some((item) => isObject(item) && isObject(own(item, "partitionKey"))) === true
  const isPlain = !has(origins, "sessionStorage") && !lacks(origins, "localStorage") && !isPartitionObject
  if (isPlain) return "playwright"
  const isAgents = !lacks(origins, "sessionStorage") && !lacks(origins, "localStorage") && (cookies ?? []).length === 0
  return isAgents ? "agent-browser" : "browser-use"
}
