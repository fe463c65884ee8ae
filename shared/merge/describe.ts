import { sha256 } from "@noble/hashes/sha2.js"
import { hex, utf8 } from "../bytes.js"
import { plainName } from "../plain-name.js"
import { placeOf } from "../database-pieces.js"
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
    const shown = placeOf(
      String(origin),
      partition === null ? null : { topLevelSite: partition[0], hasCrossSiteAncestor: partition[1] },
    )
    return plainName(shown, 255)
  }
  const named = (what: string, name: unknown) => `${what} "${distinctName(String(name))}"`
  switch (kind) {
    case "cookies":
      return { kind: "cookies", where: hostAt(place[1]), what: named("cookie", place[0]) + reachOf(place) }
    case "group":
      return { kind: "cookies", where: hostAt(place[1]), what: named("group", place[0]) }
    case "localStorage":
      return { kind: "localStorage", where: at(place[0], place[1]), what: named("key", place[2]) }
    case "sessionStorage":
      return { kind: "sessionStorage", where: at(place[1], place[2]), what: named("key", place[3]) }
    case "database":
      return { kind: "indexedDB", where: at(place[0], place[1]), what: named("database", place[2]) }
    case "generator":
    case "record": {
      const what = `a record of ${named("store", place[3])} in ${named("database", place[2])}`
      return { kind: "indexedDB", where: at(place[0], place[1]), what }
    }
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

/** What makes a cookie another one than its namesake: who gets it. */
function reachOf([, domain, hostOnly, path, partition]: unknown[]): string {
  const parts = [
    ...(hostOnly === true ? [] : [`for all of ${hostAt(domain)}`]),
    ...(path === "/" ? [] : [`below "${plainName(String(path), 40)}"`]),
    ...(partition === null ? [] : [`inside ${hostAt((partition as [string])[0])}`]),
  ]
  return parts.map((part) => `, ${part}`).join("")
}

/** A bot may have written anything there. */
function hostAt(place: unknown): string {
  return plainName(String(place), 255)
}

/** One that is not shown as it is, is told from others that look the same by a few digits. */
export function distinctName(name: string): string {
  const shown = plainName(name)
  return shown === name && /^[ -~]*$/.test(name) ? shown : `${shown} #${hex(sha256(utf8(name)).subarray(0, 2))}`
}
