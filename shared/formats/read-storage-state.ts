import { base64ToBytes } from "../bytes.js"
import type { Gap } from "../report.js"
import { siteOf } from "../site.js"
import type { OriginState, StorageItem, StoredFile, TabState } from "../snapshot.js"
import { leftOut } from "./export.js"
import { joinOrigins, theFile, type Found } from "./found.js"
import { readCookies, sameSiteByName } from "./read-cookie.js"
import { isObject, listAt, notThis, own, parseJsonFile, textAt, type JsonObject } from "./read-json.js"
import { readPlaywrightDatabases } from "./read-playwright-databases.js"

/**
 * A storageState of Playwright (all versions) or of one of the tools that write the like of it: browser-use and agent-browser
 * have sessionStorage in it, and cookies as CDP names them.
 *
 * @throws `bad-snapshot` for what is none
 */
export function readStorageState(text: string, format: string): Found {
  const state = parseJsonFile(text, format)
  const [rawCookies, rawOrigins] = isObject(state) ? [listAt(state, "cookies"), listAt(state, "origins")] : [null, null]
  if (!isObject(state) || (rawCookies === null && rawOrigins === null)) {
    throw notThis(format, "expected an object with a list of cookies or of origins")
  }
  const cookies = rawCookies && readCookies(rawCookies, { expiryKey: "expires", sameSite: sameSiteByName })
  const origins = rawOrigins?.map(readOrigin)
  const session = origins?.flatMap(({ items }) => (items ? [items] : []))
  const credentials = listAt(state, "credentials")?.length ?? 0
  return {
    ...(cookies && { cookies: cookies.cookies }),
    ...(origins && { origins: joinOrigins(origins.flatMap(({ state: read }) => (read ? [read] : []))) }),
    // A file says nothing of tabs: it is as if all of it was in one.
    ...(session && session.length > 0 && { tabs: [{ id: "1", url: "", sessionStorage: session }] }),
    gaps: [
      ...(cookies?.gaps ?? []),
      ...(origins?.flatMap(({ gaps }) => gaps) ?? []),
      ...leftOut("portability", theFile, credentials, "passkey", "passkeys are no part of a session", "log in again"),
    ],
  }
}

type SessionArea = TabState["sessionStorage"][number]

function readOrigin(raw: unknown): { state: OriginState | null; items: SessionArea | null; gaps: Gap[] } {
  const origin = isObject(raw) ? originOf(textAt(raw, "origin") ?? "") : null
  if (!isObject(raw) || origin === null) {
    return {
      state: null,
      items: null,
      gaps: leftOut("origin", theFile, 1, "origin", "it is no http(s) origin of a site"),
    }
  }
  const local = readItems(raw, "localStorage", origin)
  const session = readItems(raw, "sessionStorage", origin)
  const databases = listAt(raw, "indexedDB")
  const read = databases && readPlaywrightDatabases(databases, origin)
  const files = listAt(raw, "opfs")
  const opfs = files && readFiles(files, origin)
  return {
    state: {
      origin,
      partition: null,
      ...(local.items && { localStorage: local.items }),
      ...(read && { indexedDB: read.databases }),
      ...(opfs && { opfs: opfs.opfs }),
    },
    items: session.items && session.items.length > 0 ? { origin, partition: null, items: session.items } : null,
    gaps: [...local.gaps, ...session.gaps, ...(read?.gaps ?? []), ...(opfs?.gaps ?? [])],
  }
}

function originOf(text: string): string | null {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return null
  const { origin } = new URL(text)
  return siteOf(origin) === null ? null : origin
}

function readItems(
  raw: JsonObject,
  kind: "localStorage" | "sessionStorage",
  origin: string,
): { items: StorageItem[] | null; gaps: Gap[] } {
  const list = listAt(raw, kind)
  if (list === null) return { items: null, gaps: [] }
  const items = new Map<string, string>()
  let [malformed, twice] = [0, 0]
  for (const item of list) {
    const [name, value] = isObject(item) ? [textAt(item, "name"), textAt(item, "value")] : [null, null]
    if (name === null || value === null) malformed++
    else {
      if (items.has(name)) twice++
      items.set(name, value)
    }
  }
  return {
    items: [...items],
    gaps: [
      ...leftOut(kind, origin, malformed, "item", "its name or value is no text"),
      ...leftOut(kind, origin, twice, "item", "the same key stands in the file again, and the later one is taken"),
    ],
  }
}

function readFiles(list: unknown[], origin: string): { opfs: NonNullable<OriginState["opfs"]>; gaps: Gap[] } {
  let [files, bytes, outside] = [0, 0, 0]
  const entries = list.flatMap((raw): StoredFile[] => {
    const path = isObject(raw) ? textAt(raw, "path") : null
    if (!isObject(raw) || path === null) return []
    if (!isWithin(path)) {
      outside++
      return []
    }
    if (own(raw, "type") === "directory") return [{ path, data: null }]
    const data = textAt(raw, "base64") ?? ""
    const content = base64ToBytes(data)
    if (content === null) return []
    files++
    bytes += content.length
    return [{ path, data }]
  })
  const malformed = list.length - entries.length - outside
  const gaps = [
    ...leftOut("opfs", origin, malformed, "private file", "it is malformed"),
    ...leftOut("opfs", origin, outside, "private file", "its path leads to no place within the origin"),
  ]
  return { opfs: { files, bytes, entries }, gaps }
}

/** Of names only, as the browser takes them (https://fs.spec.whatwg.org/#valid-file-name). */
function isWithin(path: string): boolean {
  return !path.includes("\0") && path.split(/[/\\]/).every((name) => !["", ".", ".."].includes(name))
}
