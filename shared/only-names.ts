import { nameOfField, nameWords, partsOfName, kindsOfNames } from "./field-names.js"
import { chunkStem, groupOfCookie, groupOfItem } from "./merge/field-groups.js"
import { plainName } from "./plain-name.js"
import { countsOf } from "./readings.js"
import type { Gap, Kind } from "./report.js"
import type { OriginState, Snapshot, StoredFile, TabState } from "./snapshot.js"
import { originOfTab } from "./tab-origin.js"

/**
 * The chosen names of a snapshot, and nothing else: what was not chosen is missing as if it had not been captured, and neither
 * named nor counted. Origins and tabs are there as far as they hold something chosen, tabs by their origin alone.
 */
export function onlyNames(snapshot: Snapshot, names: readonly string[]): Snapshot {
  const { schema, sites, account, capturedAt, capturedBy, report } = snapshot
  const chosen = new Set(names)
  const kinds = kindsOfNames(names)
  const cookies = snapshot.cookies?.filter((cookie) => chosen.has(nameOfField(groupOfCookie(cookie)) ?? ""))
  const origins = snapshot.origins?.flatMap((origin) => onlyNamesOfOrigin(origin, chosen)) ?? []
  const tabs = snapshot.tabs?.flatMap((tab) => onlyNamesOfTab(tab, chosen)) ?? []
  const scoped = {
    ...{ schema, sites, account, capturedAt, capturedBy },
    ...(cookies !== undefined && kinds.includes("cookies") ? { cookies } : {}),
    ...(origins.length > 0 ? { origins } : {}),
    ...(tabs.length > 0 ? { tabs } : {}),
  }
  const captured = kinds.filter((kind) => report.captured[kind] !== undefined)
  const gaps = report.gaps.filter((gap) => isAboutSite(gap, sites) || names.some((name) => isAbout(gap, name)))
  return { ...scoped, report: { captured: countsOf(scoped, captured), gaps } }
}

function onlyNamesOfOrigin(state: OriginState, chosen: ReadonlySet<string>): OriginState[] {
  const { origin, partition } = state
  const localStorage = state.localStorage?.filter(([key]) =>
    chosen.has(nameOfField(groupOfItem(origin, partition, key)) ?? ""),
  )
  const indexedDB = state.indexedDB?.filter(({ name }) => chosen.has(`indexedDB:${name}`))
  const entries = state.opfs?.entries?.filter(({ path }) => chosen.has(`opfs:${path}`))
  const scoped = {
    ...(hasSome(localStorage) ? { localStorage } : {}),
    ...(hasSome(indexedDB) ? { indexedDB } : {}),
    ...(hasSome(entries) ? { opfs: { ...sizeOf(entries), entries } } : {}),
  }
  return Object.keys(scoped).length === 0 ? [] : [{ origin, partition, ...scoped }]
}

function onlyNamesOfTab({ id, url, sessionStorage }: TabState, chosen: ReadonlySet<string>): TabState[] {
  const states = sessionStorage
    .map((state) => ({ ...state, items: state.items.filter(([key]) => chosen.has(`sessionStorage:${key}`)) }))
    .filter(({ items }) => items.length > 0)
  return states.length === 0 ? [] : [{ id, url: originOfTab(url), sessionStorage: states }]
}

function hasSome<T>(list: T[] | undefined): list is T[] {
  return list !== undefined && list.length > 0
}

/** Counted anew: how much else lies there is not told. */
function sizeOf(entries: StoredFile[]): { files: number; bytes: number } {
  const bytes = entries.reduce((sum, { data }) => sum + bytesInBase64(data ?? ""), 0)
  return { files: entries.filter(({ data }) => data !== null).length, bytes }
}

function bytesInBase64(data: string): number {
  return Math.floor((data.replace(/=+$/, "").length * 3) / 4)
}

function isAboutSite({ kind, where }: Gap, sites: readonly string[]): boolean {
  return kind === "site" && sites.includes(where)
}

/**
 * Gaps say what they are about with the name between quotes, which no name that is shown has itself. One that is not shown as it is
 * could be another's.
 */
function isAbout({ kind, what }: Gap, text: string): boolean {
  const parts = partsOfName(text)
  const isShownAsIs = parts !== null && plainName(parts.name) === parts.name
  if (!isShownAsIs || !kindsOfNames([text]).some((own: Kind) => own === kind)) return false
  const quoted = `"${parts.name}"`
  switch (parts.kind) {
    case "cookies":
      return chunkStem(/^cookie "([^"]*)"/.exec(what)?.[1] ?? "") === parts.name
    case "indexedDB":
      return what.startsWith(`database ${quoted}`) || what.endsWith(` database ${quoted}`)
    case "localStorage":
    case "sessionStorage":
      return what.startsWith(`key ${quoted}`)
    default:
      return what.startsWith(`${nameWords[parts.kind]} ${quoted}`)
  }
}
