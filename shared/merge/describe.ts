import { placeOf } from "../database-pieces.js"
import { describeCookies } from "../cookies.js"
import type { GapKind } from "../report.js"
import type { FieldId, PartitionPart } from "./fields.js"
import { readPath } from "./rules.js"

/** A field by name, for people: never what it holds, and no keys of records, which are values too. */
export function describeField(id: FieldId): { kind: GapKind; where: string; what: string } {
  const path = readPath(id)
  if (path === null) return { kind: "site", where: "", what: "something that this version does not know" }
  const [kind, ...place] = path
  const at = (origin: unknown, part: unknown) => {
    const partition = part as PartitionPart
    return placeOf(
      String(origin),
      partition === null ? null : { topLevelSite: partition[0], hasCrossSiteAncestor: partition[1] },
    )
  }
  const named = (what: string, name: unknown) =>
    `${what} ${JSON.stringify(String(name).slice(0, 60)).replace(/[^ -~]/g, "?")}`
  switch (kind) {
    case "cookies":
      return { kind: "cookies", where: String(place[1]), what: describeCookies([String(place[0])]) }
    case "group":
      return { kind: "cookies", where: String(place[1]), what: named("group", place[0]) }
    case "localStorage":
      return { kind: "localStorage", where: at(place[0], place[1]), what: named("key", place[2]) }
    case "sessionStorage":
      return { kind: "sessionStorage", where: at(place[1], place[2]), what: named("key", place[3]) }
    case "database":
      return { kind: "indexedDB", where: at(place[0], place[1]), what: named("database", place[2]) }
    case "generator":
    case "record":
      return { kind: "indexedDB", where: at(place[0], place[1]), what: `a record of ${named("store", place[3])}` }
    case "file":
      return { kind: "opfs", where: at(place[0], place[1]), what: named("file", place[2]) }
    case "tab":
      return { kind: "sessionStorage", where: "", what: "a tab" }
    case "area":
      return { kind: "origin", where: typeof place[1] === "string" ? place[1] : "", what: named("all", place[0]) }
    default:
      return { kind: "context", where: "", what: kind }
  }
}
