import { chunkStem } from "./merge/field-groups.js"
import { fieldsOf, pathOf, type Path } from "./merge/fields.js"
import { kinds as allKinds, type Kind } from "./report.js"
import type { Snapshot } from "./snapshot.js"

/**
 * Single things of a session by name, for a grant of just these. A name is `kind:name`, and stands for all fields that are called so,
 * wherever at the granted sites they lie:
 *
 *     cookies:sid            a cookie with its chunks (`sid.0`, `sid.1`): half of them is none
 *     localStorage:token     a key; sessionStorage too
 *     indexedDB:app          a database, with all that is in it
 *     opfs:folder/file       a private file
 *     group:msal             what only works together across kinds (`merge/field-groups.ts`)
 */
export const nameKinds = ["cookies", "localStorage", "sessionStorage", "indexedDB", "opfs", "group"] as const
export type NameKind = (typeof nameKinds)[number]

/** What a person calls one of that kind. */
export const nameWords: Record<NameKind, string> = {
  cookies: "cookie",
  localStorage: "localStorage",
  sessionStorage: "sessionStorage",
  indexedDB: "database",
  opfs: "file",
  group: "group",
}

/** Null for a field that has none: places, tabs, the browser context. */
export function nameOfField([kind, ...place]: Path): string | null {
  switch (kind) {
    case "cookies":
    case "group":
      return `${kind}:${String(place[0])}`
    case "localStorage":
      return `localStorage:${String(place[2])}`
    case "sessionStorage":
      return `sessionStorage:${String(place[3])}`
    case "database":
    case "generator":
    case "record":
      return `indexedDB:${String(place[2])}`
    case "file":
      return `opfs:${String(place[2])}`
    case "area":
      return place[0] === "records" ? `indexedDB:${String(place[3])}` : null
    default:
      return null
  }
}

/** Null for what is no name. */
export function partsOfName(text: string): { kind: NameKind; name: string } | null {
  const end = text.indexOf(":")
  const kind = nameKinds.find((one) => one === text.slice(0, end))
  return kind === undefined ? null : { kind, name: text.slice(end + 1) }
}

/** A chunk of a cookie goes by the name of the whole. */
export function wholeName(text: string): string {
  const { kind, name } = partsOfName(text) ?? {}
  return kind === "cookies" && name !== undefined ? `cookies:${chunkStem(name)}` : text
}

/** What must be chosen in place of something that only works together with others; null where it stands alone. */
export function groupedAs(text: string): string | null {
  const { kind, name = "" } = partsOfName(text) ?? {}
  const isMsal = kind === "localStorage" ? name.startsWith("msal.") : text === "cookies:msal.cache.encryption"
  return isMsal ? "group:msal" : null
}

/** All kinds that these names are made of: whoever looks at kinds alone must find them granted. */
export function kindsOfNames(names: readonly string[]): Kind[] {
  const own = names.map((text) => partsOfName(text)?.kind)
  const isOwn = (kind: Kind) => own.some((one) => one === kind)
  const isOfGroup = (kind: Kind) => own.includes("group") && (kind === "cookies" || kind === "localStorage")
  return allKinds.filter((kind) => isOwn(kind) || isOfGroup(kind))
}

/** The names that a session holds, by kind: nothing of what they hold. */
export function namesIn(snapshot: Snapshot): string[] {
  const names = new Set<string>()
  for (const [id, { value }] of fieldsOf(snapshot)) {
    const path = pathOf(id)
    const name = nameOfField(path)
    // A folder holds nothing, and comes with its files.
    if (name !== null && !(path[0] === "file" && value === null)) names.add(name)
  }
  const rank = (name: string) => nameKinds.findIndex((kind) => kind === partsOfName(name)?.kind)
  return [...names].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}
