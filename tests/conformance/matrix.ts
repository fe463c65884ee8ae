import { placeOf } from "../../shared/database-pieces.js"
import { schemefulSiteOf } from "../../shared/partition.js"
import type { Gap, Kind, RestoreReport } from "../../shared/report.js"
import type { Seen } from "./see.js"
import type { ConformanceSite } from "./server.js"
import type { State } from "./tab.js"

/** What a session is made of, as the matrix tells it apart. */
export const columns = [
  "cookies",
  "partitioned cookies",
  "localStorage",
  "sessionStorage",
  "IndexedDB",
  "private files",
  "storage of frames",
  "context",
] as const
export type Column = (typeof columns)[number]

/** One thing that a site sees, by a name that a report would use. */
export interface Thing {
  column: Column
  kind: Kind
  /** As in gaps; the host for cookies. */
  where: string
  name: string
  /** Where the same thing is seen again: in the header of another path. */
  from?: string
  /** For comparing only. */
  value: string
}

export interface Row {
  tool: string
  gaps: Gap[]
}

export interface SameContext {
  /** Whether the tool made its context with the captured options, so that all of it has to be the same. */
  isWhole: boolean
  /** Frames of another engine have other cookies of third parties that are not partitioned. */
  isSameEngine: boolean
}

/** All that is seen at the place of a state, thing by thing. */
export function thingsIn(site: ConformanceSite, state: State, seen: Seen, options: SameContext): Thing[] {
  const isFrame = state.seePath !== "/see"
  const top = schemefulSiteOf(site.origin(state.host, state)) ?? ""
  const where = placeOf(seen.origin, isFrame ? { topLevelSite: top, hasCrossSiteAncestor: true } : null)
  const stored = (kind: Kind, column: Column, items: [name: string, value: unknown][]): Thing[] =>
    items.map(([name, value]) => {
      return { column: isFrame ? "storage of frames" : column, kind, where, name, value: JSON.stringify(value) }
    })
  const databases = seen.databases.flatMap(({ name, version, stores }): [string, unknown][] => [
    [`database ${quoted(name)}`, version],
    ...stores.map((store): [string, unknown] => [
      `store ${quoted(store.name)} of database ${quoted(name)}`,
      {
        ...store,
        // The keys of an index follow from its records. Chromium tells -0 in one on a disk, and 0 in one in memory.
        indexes: store.indexes.map((index) => ({ ...index, entries: withoutNegativeZero(index.entries) })),
        records: store.records.filter(({ key }) => typeof key !== "string" || !staysBehind.has(key)),
      },
    ]),
  ])
  return [
    ...cookiesIn(seen, isFrame, options),
    ...stored("localStorage", "localStorage", seen.localStorage),
    ...stored("sessionStorage", "sessionStorage", seen.sessionStorage),
    ...stored("indexedDB", "IndexedDB", databases),
    ...stored(
      "opfs",
      "private files",
      (seen.files ?? []).map(({ path, bytes }) => [path, bytes]),
    ),
    ...(isFrame ? [] : contextIn(seen, options)),
  ]
}

/** What is there on one side only, or is not the same, and stands in no gap. */
export function unnamed(before: Thing[], after: Thing[], gaps: Gap[]): Thing[] {
  const [then, now] = [byId(before), byId(after)]
  const gone = [...then].filter(([id, { value }]) => now.get(id)?.value !== value).map(([, thing]) => thing)
  const more = [...now].filter(([id]) => !then.has(id)).map(([, thing]) => thing)
  // A key that a gap says was changed is there under another name.
  const renamed = gone.filter((thing) => thing.kind === "localStorage" && isNamed(thing, gaps)).length
  return [
    ...gone.filter((thing) => !isNamed(thing, gaps)),
    ...more.filter((thing) => !isNamed(thing, gaps)).slice(renamed),
  ]
}

/** A restore that says it did all of a kind where it did not is the worst that can happen. */
export function isHonest(report: RestoreReport): boolean {
  return report.ok === report.gaps.every(({ kind }) => kind === "context")
}

/** As Markdown: a cell is "yes", or the numbers of the reasons that stand below. */
export function matrixText(rows: Row[]): string {
  const reasons: string[] = []
  const numberOf = (reason: string) => (reasons.includes(reason) ? reasons.indexOf(reason) + 1 : reasons.push(reason))
  const lines = rows.map(({ tool, gaps }) => {
    const cells = columns.map((column) => {
      const found = gaps.filter((gap) => columnOf(gap) === column).map((gap) => numberOf(reasonOf(gap)))
      return found.length === 0 ? "yes" : [...new Set(found)].sort((a, b) => a - b).join(", ")
    })
    return `| ${[tool, ...cells].join(" | ")} |`
  })
  return [
    `| restored by | ${columns.join(" | ")} |`,
    `|---|${columns.map(() => "---|").join("")}`,
    ...lines,
    ...(reasons.length === 0 ? [] : [""]),
    ...reasons.map((reason, index) => `${index + 1}. ${reason}`),
  ].join("\n")
}

/** Without places and numbers of versions: they are of the machine that ran it. */
function reasonOf({ what, why }: Gap): string {
  const because = why.replace(/it says (\w+) \d+, this is (\w+) \d+/, "it says $1, this is $2")
  return `${what.replaceAll("<", "&lt;")}: ${because}`
}

function columnOf({ kind, where, what }: Gap): Column | null {
  if (kind === "cookies") return what.includes("chips") ? "partitioned cookies" : "cookies"
  if (kind === "context") return "context"
  if (where.includes(" below ")) return "storage of frames"
  if (kind === "indexedDB") return "IndexedDB"
  if (kind === "opfs") return "private files"
  return kind === "localStorage" || kind === "sessionStorage" ? kind : null
}

function byId(things: Thing[]): Map<string, Thing> {
  return new Map(
    things.map((thing) => [JSON.stringify([thing.kind, thing.where, thing.name, thing.from ?? ""]), thing]),
  )
}

/** Whether a report says that this is not as it was. */
function isNamed({ kind, where, name }: Thing, gaps: Gap[]): boolean {
  return gaps.some((gap) => {
    if (gap.kind !== kind) return false
    if (kind === "context") return true
    if (kind === "cookies" ? !isWithin(where, gap.where) : gap.where !== where) return false
    const isAll = /^(?:\d+ (?:items?|databases?|private files?)|the storage)$/.test(gap.what)
    return isAll || gap.what.endsWith("…") || gap.what.includes(kind === "indexedDB" ? databaseOf(name) : quoted(name))
  })
}

function cookiesIn(seen: Seen, isFrame: boolean, { isSameEngine }: SameContext): Thing[] {
  const where = new URL(seen.origin).hostname
  const headers: [string, string][] = [["document.cookie", seen.cookie], ...Object.entries(seen.sent)]
  return headers.flatMap(([from, header]) => {
    const pairs = header === "" ? [] : header.split("; ")
    const names = pairs.map((pair) => (pair.includes("=") ? pair.slice(0, pair.indexOf("=")) : ""))
    return [...new Set(names)]
      .map((name): Thing => {
        const column = name.includes("chips") ? "partitioned cookies" : "cookies"
        const value = JSON.stringify(pairs.filter((_, index) => names[index] === name))
        return { column, kind: "cookies", where, name, from, value }
      })
      .filter(({ column }) => !isFrame || isSameEngine || column === "partitioned cookies")
  })
}

function contextIn({ context }: Seen, { isWhole }: SameContext): Thing[] {
  const { userAgent, timezone, languages } = context
  const value = isWhole ? context : { userAgent, timezone, language: languages[0] }
  return [{ column: "context", kind: "context", where: "", name: "context", value: JSON.stringify(value) }]
}

function databaseOf(name: string): string {
  return /database .*$/.exec(name)?.[0] ?? name
}

function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 60)).replace(/[^ -~]/g, "?")
}

function withoutNegativeZero<T>(entries: T): T {
  return JSON.parse(JSON.stringify(entries).replaceAll('{"number":"-0"}', "0")) as T
}

/** Keys of records whose values cannot leave the browser. */
const staysBehind = new Set(["file handle", "non-extractable key", "non-extractable key pair"])
