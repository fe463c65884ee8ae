import { countsOf } from "../readings.js"
import type { CaptureReport, Kind } from "../report.js"
import type { Cookie, IndexedDatabase, OriginState, Snapshot, TabState } from "../snapshot.js"
import {
  pathOf,
  schemaTag,
  type Field,
  type FieldId,
  type Fields,
  type Group,
  type PartitionPart,
  type Path,
  type Schema,
} from "./fields.js"

/** What a snapshot says beside its fields. */
export interface Frame extends Pick<Snapshot, "schema" | "sites" | "account" | "capturedAt" | "capturedBy"> {
  /** Kinds that were asked for. */
  kinds: Kind[]
  gaps: CaptureReport["gaps"]
}

export function frameOf({ schema, sites, account, capturedAt, capturedBy, report }: Snapshot): Frame {
  const kinds = Object.keys(report.captured) as Kind[]
  return { schema, sites, account, capturedAt, capturedBy, kinds, gaps: report.gaps }
}

/**
 * Puts a snapshot together again: what `fieldsOf` took apart, whichever writers the fields come from.
 *
 * @returns also the ids of fields that have no place: records that were read from another schema than the one that won, and what
 *   is of a tab or database that is no more
 */
export function composeSnapshot(frame: Frame, fields: Fields): { snapshot: Snapshot; left: FieldId[] } {
  const parts: Parts = { origins: new Map() }
  const left: FieldId[] = []
  const sorted = [...fields].map(([id, field]) => ({ id, path: pathOf(id), field })).sort(inOrder)
  for (const { id, path, field } of sorted) if (!add(parts, path, field.value)) left.push(id)
  const { kinds, gaps, ...rest } = frame
  const { cookies, origins, tabs, context, check } = parts
  const snapshot = {
    ...rest,
    ...(cookies && { cookies: cookies.sort((a, b) => b.path.length - a.path.length) }),
    ...(origins.size > 0 && { origins: [...origins.values()].map(({ state }) => state) }),
    ...(tabs && { tabs: [...tabs.values()] }),
    ...(context && { context }),
    ...(check && { check }),
  }
  return { snapshot: { ...snapshot, report: { captured: countsOf(snapshot, kinds), gaps } }, left }
}

interface Parts {
  cookies?: Cookie[]
  origins: Map<string, { state: OriginState; tags: Map<string, string> }>
  tabs?: Map<string, TabState>
  context?: NonNullable<Snapshot["context"]>
  check?: NonNullable<Snapshot["check"]>
}

/** Origins before what is of them, tabs before their keys, schemas before their records; within these as they stood when captured. */
function inOrder(a: { id: FieldId; path: Path; field: Field }, b: typeof a): number {
  return stage(a.path) - stage(b.path) || a.field.rank - b.field.rank || (a.id < b.id ? -1 : 1)
}

function stage([kind, name]: Path): number {
  if (kind === "record" || kind === "generator" || kind === "sessionStorage") return 4
  if (kind !== "area") return 2
  if (name === "origin") return 0
  return name === "records" || name === "sessionStorage" ? 3 : 1
}

/** False for what has no place. */
function add(parts: Parts, [kind, ...place]: Path, value: unknown): boolean {
  switch (kind) {
    case "area":
      return addArea(parts, place as Path, value)
    case "cookies":
      ;(parts.cookies ??= []).push(...(value as Cookie[]))
      return true
    case "group":
      return addGroup(parts, value as Group)
    case "localStorage": {
      const [origin, partition, key] = place as [string, PartitionPart, string]
      ;(originAt(parts, origin, partition).localStorage ??= []).push([key, value as string])
      return true
    }
    case "file": {
      const [origin, partition, path] = place as [string, PartitionPart, string]
      const opfs = (originAt(parts, origin, partition).opfs ??= { files: 0, bytes: 0 })
      ;(opfs.entries ??= []).push({ path, data: value as string | null })
      return true
    }
    case "database":
      return addDatabase(parts, place as [string, PartitionPart, string], value as Schema)
    case "record": {
      const [origin, partition, database, , key] = place as [...StorePlace, string]
      const [tag, record] = value as [string, string]
      const store = storeAt(parts, place as StorePlace)
      if (store === null || entryAt(parts, origin, partition).tags.get(database) !== tag) return false
      ;(store.records ??= []).push({ key, value: record })
      return true
    }
    case "generator": {
      const store = storeAt(parts, place as StorePlace)
      if (store !== null) store.nextKey = value as number
      return store !== null
    }
    case "tab":
      ;(parts.tabs ??= new Map()).set(String(place[0]), {
        id: String(place[0]),
        url: String(value),
        sessionStorage: [],
      })
      return true
    case "sessionStorage": {
      const items = itemsAt(parts, place as TabPlace)
      items?.push([String(place[3]), value as string])
      return items !== null
    }
    case "context":
      parts.context = value as NonNullable<Snapshot["context"]>
      return true
    case "check":
      parts.check = value as NonNullable<Snapshot["check"]>
      return true
    default:
      return false
  }
}

function addArea(parts: Parts, [kind, ...place]: Path, value: unknown): boolean {
  if (kind === "cookies") parts.cookies ??= []
  else if (kind === "tabs") parts.tabs ??= new Map()
  else if (kind === "sessionStorage") return itemsAt(parts, place as TabPlace) !== null
  else if (kind === "records") {
    const store = storeAt(parts, place as StorePlace)
    if (store !== null) store.records ??= []
    return store !== null
  } else {
    const [origin, partition] = place as [string, PartitionPart]
    const state = originAt(parts, origin, partition)
    if (kind === "origin") Object.assign(state, value)
    else if (kind === "localStorage") state.localStorage ??= []
    else if (kind === "indexedDB") state.indexedDB ??= []
    else if (kind === "opfs") addFiles(state, value as { files: number; bytes: number; isListed: boolean })
    else return false
  }
  return true
}

function addFiles(
  state: OriginState,
  { files, bytes, isListed }: { files: number; bytes: number; isListed: boolean },
): void {
  state.opfs = { files, bytes, ...(isListed && { entries: [] }) }
}

function addGroup(parts: Parts, { cookies, items }: Group): boolean {
  if (cookies.length > 0) (parts.cookies ??= []).push(...cookies)
  for (const { origin, item } of items) (originAt(parts, origin, null).localStorage ??= []).push(item)
  return true
}

function addDatabase(
  parts: Parts,
  [origin, partition, name]: [string, PartitionPart, string],
  schema: Schema,
): boolean {
  const { state, tags } = entryAt(parts, origin, partition)
  const stores = schema.stores.map((store) => ({ ...store, nextKey: null }))
  ;(state.indexedDB ??= []).push({ name, version: schema.version, stores })
  tags.set(name, schemaTag(schema))
  return true
}

type StorePlace = [origin: string, partition: PartitionPart, database: string, store: string]
type TabPlace = [tab: string, origin: string, partition: PartitionPart, ...key: string[]]

function storeAt(
  parts: Parts,
  [origin, partition, database, store]: StorePlace,
): IndexedDatabase["stores"][number] | null {
  const { state } = entryAt(parts, origin, partition)
  return state.indexedDB?.find(({ name }) => name === database)?.stores.find(({ name }) => name === store) ?? null
}

function itemsAt({ tabs }: Parts, [tab, origin, part]: TabPlace): [string, string][] | null {
  const states = tabs?.get(tab)?.sessionStorage
  if (states === undefined) return null
  const partition = partitionOf(part)
  const known = states.find(
    (state) => state.origin === origin && JSON.stringify(state.partition) === JSON.stringify(partition),
  )
  if (known !== undefined) return known.items
  const items: [string, string][] = []
  states.push({ origin, partition, items })
  return items
}

function originAt(parts: Parts, origin: string, partition: PartitionPart): OriginState {
  return entryAt(parts, origin, partition).state
}

function entryAt(
  { origins }: Parts,
  origin: string,
  part: PartitionPart,
): { state: OriginState; tags: Map<string, string> } {
  const key = JSON.stringify([origin, part])
  const known = origins.get(key)
  if (known !== undefined) return known
  const entry = { state: { origin, partition: partitionOf(part) }, tags: new Map<string, string>() }
  origins.set(key, entry)
  return entry
}

function partitionOf(part: PartitionPart): OriginState["partition"] {
  return part === null ? null : { topLevelSite: part[0], hasCrossSiteAncestor: part[1] }
}
