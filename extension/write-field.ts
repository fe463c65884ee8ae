import type { KnownFields } from "../shared/merge/changes.js"
import { pathOf, type FieldId, type Group, type PartitionPart, type Path } from "../shared/merge/fields.js"
import type { Cookie, Partition } from "../shared/snapshot.js"
import { createOpenFrames } from "./open-frames.js"
import type { StalePage, SyncSetting } from "./sync-settings.js"
import { cookiesOf, hostnameOfCookies, swapCookies } from "./write-cookies.js"
import { groupOf, originsOfGroup, swapGroup } from "./write-group.js"
import { recordAt, swapRecordAt, type RecordValue } from "./write-record.js"
import { itemsAt, swapItemsAt, pagesAt, type StoragePlace } from "./write-storage.js"

/**
 * What a field is in this browser now: its value, null where it is not there; or the host of the page that must be open to
 * tell; or why it cannot be written.
 */
export type Here = { value: unknown } | { awayAt: string } | { why: string }

export interface FieldWriter {
  /** @param wanted what is to be there; null for nothing */
  here(field: FieldId, wanted: unknown): Promise<Here>
  /** All of the field or nothing. @returns whether it is `to` now; else it is as it was */
  swap(field: FieldId, from: unknown, to: unknown): Promise<boolean>
  /** Pages whose scripts may not know yet what was written. */
  pagesOf(field: FieldId): Promise<StalePage[]>
}

/** Null for fields that this browser can put into the place of others; else why it never does. */
export function whyNeverWritten([kind]: Path): string | null {
  switch (kind) {
    case "cookies":
    case "localStorage":
    case "group":
    case "record":
      return null
    case "sessionStorage":
    case "tab":
      return "it belongs to one tab"
    case "database":
      return "the schema of a database is the site's to change"
    case "generator":
      return "it follows from the records"
    case "file":
      return "files are not written here"
    default:
      return "it is nothing that keeps anybody logged in"
  }
}

/** True for what lies in pages: written through an open one, and read by its scripts when they please. */
export function isPageStorage([kind]: Path): boolean {
  return kind === "localStorage" || kind === "group" || kind === "record"
}

/** Looks at the tabs that are open at its first question, and no more. */
export function createFieldWriter(setting: SyncSetting, known: KnownFields): FieldWriter {
  const frames = createOpenFrames(setting)
  const { storeId } = setting.scope
  const originsOf = (field: FieldId, wanted: unknown) => originsOfGroup(field, known, wanted as Group | null)
  const hereOfKey = async (path: Path): Promise<Here> => {
    const items = await itemsAt(frames, placeOf(path), { keys: [String(path[3])], prefix: "" })
    return items === null ? { awayAt: hostOf(path[1]) } : { value: items[0]?.[1] ?? null }
  }
  const hereOfGroup = async (field: FieldId, wanted: unknown): Promise<Here> => {
    const found = await groupOf(field, originsOf(field, wanted), frames, storeId)
    return "unread" in found ? { awayAt: hostOf(found.unread) } : { value: found.group }
  }
  const hereOfRecord = async (path: Path, wanted: unknown): Promise<Here> => {
    const found = await recordAt(frames, placeOf(path), path)
    if (found === null) return { awayAt: hostOf(path[1]) }
    if ("why" in found) return found
    const isOther = wanted !== null && (wanted as RecordValue)[0] !== found.tag
    return isOther ? { why: "it is of another schema than the database here" } : { value: found.record }
  }
  return {
    async here(field, wanted) {
      const path = pathOf(field)
      const why = whyNeverWritten(path)
      if (why !== null) return { why }
      if (path[0] === "localStorage") return hereOfKey(path)
      if (path[0] === "group") return hereOfGroup(field, wanted)
      if (path[0] === "record") return hereOfRecord(path, wanted)
      const cookies = await cookiesOf(field, hostnameOfCookies(field), storeId)
      return { value: cookies.length === 0 ? null : cookies }
    },
    async swap(field, from, to) {
      const path = pathOf(field)
      switch (path[0]) {
        case "localStorage": {
          const [was, is] = [from, to] as [string | null, string | null]
          return swapItemsAt(frames, placeOf(path), [[String(path[3]), was, is]])
        }
        case "group":
          return swapGroup(from as Group | null, to as Group | null, frames, storeId)
        case "record":
          return swapRecordAt(frames, placeOf(path), path, from as RecordValue | null, to as RecordValue | null)
        default:
          return swapCookies((from ?? []) as Cookie[], (to ?? []) as Cookie[], storeId)
      }
    },
    async pagesOf(field) {
      const path = pathOf(field)
      if (!isPageStorage(path)) return []
      const places = path[0] === "group" ? originsOf(field, null).map(firstPartyAt) : [placeOf(path)]
      return (await Promise.all(places.map((place) => pagesAt(frames, place)))).flat()
    },
  }
}

function placeOf([, origin, part]: Path): StoragePlace {
  return { origin: String(origin), partition: partitionOf(part as PartitionPart) }
}

function partitionOf(part: PartitionPart): Partition | null {
  return part === null ? null : { topLevelSite: part[0], hasCrossSiteAncestor: part[1] }
}

function firstPartyAt(origin: string): StoragePlace {
  return { origin, partition: null }
}

function hostOf(origin: unknown): string {
  return new URL(String(origin)).host
}
