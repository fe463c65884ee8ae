import { sha256 } from "@noble/hashes/sha2.js"
import { hex, utf8 } from "../bytes.js"
import type { Kind } from "../report.js"
import type { Cookie, IndexedDatabase, OriginState, Partition, Snapshot, StorageItem, TabState } from "../snapshot.js"
import { groupOfCookie, groupOfItem } from "./field-groups.js"

/**
 * A snapshot taken apart into fields, which merge one by one:
 *
 *     ["cookies", stem, domain, hostOnly, path, partition]             the cookies that only work together, mostly one
 *     ["localStorage", origin, partition, key]                         a value
 *     ["group", name, host]                                            what only works together across kinds
 *     ["tab", tab]   ["sessionStorage", tab, origin, partition, key]   an address, a value
 *     ["database", origin, partition, name]                            a schema
 *     ["generator" | "record", origin, partition, database, store, …]  the next key; a record, with the schema it is of
 *     ["file", origin, partition, path]   ["context"]   ["check"]
 *     ["area", kind, …place]                                           that this was captured, empty or not
 *
 * An id is the JSON of such a list: equal ids are one field. Texts may hold lone surrogates, which JSON escapes.
 */
export type FieldId = string

export interface Field {
  /** JSON. */
  value: unknown
  /** Where it stood among its like when it was captured; tells nothing apart. */
  rank: number
}

export type Fields = Map<FieldId, Field>

/** What a capture of a whole place speaks for: what it does not hold of it is not there. The id of an `area` field. */
export type AreaId = FieldId

/** Takes a snapshot apart. What it has not captured has no field, and no area either. */
export function fieldsOf(snapshot: Snapshot): Fields {
  const fields: Fields = new Map()
  const put = (path: Path, value: unknown, rank = 0) => fields.set(idOf(path), { value, rank })
  const groups = createGroups(put)
  const { cookies, origins, tabs, context, check } = snapshot
  if (cookies !== undefined) put(["area", "cookies"], 1)
  cookies?.forEach((cookie, rank) => groups.addCookie(cookie, rank))
  origins?.forEach((state, rank) => putOrigin(state, rank, put, groups))
  if (tabs !== undefined) put(["area", "tabs"], 1)
  tabs?.forEach((tab, rank) => putTab(tab, rank, put))
  if (context !== undefined) put(["context"], context)
  if (check !== undefined) put(["check"], check)
  groups.flush()
  return fields
}

/** The parts of an id. */
export type Path = [kind: string, ...rest: unknown[]]

export function idOf(path: Path): FieldId {
  return JSON.stringify(path)
}

/** @throws SyntaxError for what is no id */
export function pathOf(id: FieldId): Path {
  return JSON.parse(id) as Path
}

/** A partition as a part of an id. */
export type PartitionPart = [topLevelSite: string, hasCrossSiteAncestor: boolean | null] | null

export function partitionPart(partition: Partition | null): PartitionPart {
  return partition === null ? null : [partition.topLevelSite, partition.hasCrossSiteAncestor]
}

/** The area that a field is in; null for what stands alone. */
export function areaOf(path: Path): AreaId | null {
  const [kind, origin, partition] = path
  switch (kind) {
    case "cookies":
      return idOf(["area", "cookies"])
    case "localStorage":
      return idOf(["area", "localStorage", origin, partition])
    case "database":
    case "generator":
    case "record":
      return idOf(["area", "indexedDB", origin, partition])
    case "file":
      return idOf(["area", "opfs", origin, partition])
    case "tab":
    case "sessionStorage":
      return idOf(["area", "tabs"])
    case "area":
      if (path[1] === "sessionStorage") return idOf(["area", "tabs"])
      return path[1] === "records" ? idOf(["area", "indexedDB", path[2], path[3]]) : null
    default:
      return null
  }
}

/** The kinds of state that a field is made of: a grant must cover all of them. Empty for what belongs to none. */
export function kindsOf(path: Path): Kind[] {
  const [kind, name] = path
  switch (kind) {
    case "cookies":
    case "localStorage":
    case "sessionStorage":
    case "context":
      return [kind]
    case "group":
      return ["cookies", "localStorage"]
    case "tab":
      return ["sessionStorage"]
    case "database":
    case "generator":
    case "record":
      return ["indexedDB"]
    case "file":
      return ["opfs"]
    case "area":
      if (name === "tabs") return ["sessionStorage"]
      return name === "cookies" ||
        name === "localStorage" ||
        name === "sessionStorage" ||
        name === "indexedDB" ||
        name === "opfs"
        ? [name]
        : []
    default:
      return []
  }
}

type Put = (path: Path, value: unknown, rank?: number) => void

/** What stands in a group field: parts of several kinds. */
export interface Group {
  cookies: Cookie[]
  items: { origin: string; item: StorageItem }[]
}

function createGroups(put: Put) {
  const chunks = new Map<FieldId, { path: Path; cookies: Cookie[]; rank: number }>()
  const groups = new Map<FieldId, { path: Path; group: Group; rank: number }>()
  const groupAt = (path: Path, rank: number) => {
    const known = groups.get(idOf(path)) ?? { path, group: { cookies: [], items: [] }, rank }
    groups.set(idOf(path), known)
    return known.group
  }
  return {
    addCookie(cookie: Cookie, rank: number) {
      const path = groupOfCookie(cookie)
      if (path[0] === "group") groupAt(path, rank).cookies.push(cookie)
      else {
        const known = chunks.get(idOf(path)) ?? { path, cookies: [], rank }
        known.cookies.push(cookie)
        chunks.set(idOf(path), known)
      }
    },
    addItem(origin: string, partition: Partition | null, item: StorageItem, rank: number) {
      const path = groupOfItem(origin, partition, item[0])
      if (path[0] === "group") groupAt(path, rank).items.push({ origin, item })
      else put(path, item[1], rank)
    },
    flush() {
      const byName = (a: Cookie, b: Cookie) => (a.name < b.name ? -1 : 1)
      for (const { path, cookies, rank } of chunks.values()) put(path, cookies.sort(byName), rank)
      const byPlace = (a: Group["items"][number], b: Group["items"][number]) =>
        JSON.stringify([a.origin, a.item[0]]) < JSON.stringify([b.origin, b.item[0]]) ? -1 : 1
      for (const { path, group, rank } of groups.values()) {
        put(path, { cookies: group.cookies.sort(byName), items: group.items.sort(byPlace) }, rank)
      }
    },
  }
}

function putOrigin(state: OriginState, rank: number, put: Put, groups: ReturnType<typeof createGroups>): void {
  const { origin, partition, localStorage, indexedDB, opfs, cacheStorage, serviceWorkers } = state
  const place = [origin, partitionPart(partition)]
  const named = {
    ...(cacheStorage !== undefined && { cacheStorage }),
    ...(serviceWorkers !== undefined && { serviceWorkers }),
  }
  put(["area", "origin", ...place], named, rank)
  if (localStorage !== undefined) put(["area", "localStorage", ...place], 1)
  localStorage?.forEach((item, rank) => groups.addItem(origin, partition, item, rank))
  if (indexedDB !== undefined) put(["area", "indexedDB", ...place], 1)
  indexedDB?.forEach((database, rank) => putDatabase(database, place, rank, put))
  if (opfs === undefined) return
  const { entries, ...counts } = opfs
  put(["area", "opfs", ...place], { ...counts, isListed: entries !== undefined })
  entries?.forEach(({ path, data }, rank) => put(["file", ...place, path], data, rank))
}

/** A database without its records. */
export type Schema = Pick<IndexedDatabase, "version"> & {
  stores: Omit<IndexedDatabase["stores"][number], "records" | "nextKey">[]
}

/** Tells schemas apart: a record goes into a database of the very schema that it was read from, and into no other. */
export function schemaTag(schema: Schema): string {
  return hex(sha256(utf8(JSON.stringify(schema))).subarray(0, 6))
}

function putDatabase({ name, version, stores }: IndexedDatabase, place: unknown[], rank: number, put: Put): void {
  const schema: Schema = {
    version,
    // Written out: who captures and who parses put the keys in different orders, and the tag must not tell.
    stores: stores.map(({ name, keyPath, autoIncrement, indexes }) => ({
      name,
      keyPath,
      autoIncrement,
      indexes: indexes.map(({ name, keyPath, unique, multiEntry }) => ({ name, keyPath, unique, multiEntry })),
    })),
  }
  const tag = schemaTag(schema)
  put(["database", ...place, name], schema, rank)
  for (const { name: store, nextKey, records } of stores) {
    if (nextKey !== null) put(["generator", ...place, name, store], nextKey)
    if (records !== undefined) put(["area", "records", ...place, name, store], 1)
    records?.forEach(({ key, value }, rank) => put(["record", ...place, name, store, key], [tag, value], rank))
  }
}

function putTab({ id, url, sessionStorage }: TabState, rank: number, put: Put): void {
  put(["tab", id], url, rank)
  sessionStorage.forEach(({ origin, partition, items }, rank) => {
    const place = [id, origin, partitionPart(partition)]
    put(["area", "sessionStorage", ...place], 1, rank)
    items.forEach(([key, value], rank) => put(["sessionStorage", ...place, key], value, rank))
  })
}
