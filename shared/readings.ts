import { jsonSize, raiseLimit, type Budget } from "./budget.js"
import { placeOf } from "./database-pieces.js"
import type { StoredFiles } from "./page/read-files.js"
import type { PageReading } from "./page/read-page.js"
import { isOfSites, isSamePartition } from "./partition.js"
import type { Counts, Gap, GapKind, Kind } from "./report.js"
import { siteOf } from "./site.js"
import type { OriginState, Partition, Snapshot, TabState } from "./snapshot.js"

/** One document as `readPage` saw it, and where its storage lives. */
export interface Reading {
  page: PageReading
  partition: Partition | null
}

export interface TabReading<R extends Reading = Reading> {
  url: string
  frames: R[]
}

/** Which documents count: those of the sites, less the origins that were unticked. */
export interface Wanted {
  sites: readonly string[]
  withoutOrigins: readonly string[]
}

/** One document for each storage (an origin, below one top-level site): it speaks for all that share it. */
export function oneOfEachStorage<R extends Reading>(readings: TabReading<R>[], wanted: Wanted): R[] {
  const found: R[] = []
  for (const frame of readings.flatMap(({ frames }) => frames)) {
    if (isWanted(frame, wanted) && !found.some((other) => isSameStorage(other, frame))) found.push(frame)
  }
  return found
}

/** What the documents tell of their origins; what they only count is named as a gap. */
export function originStatesOf(frames: Reading[], withLocal: boolean, gaps: Gap[]): OriginState[] {
  return frames.map((frame) => {
    const { page, partition } = frame
    const { origin, local, counts } = page
    if (withLocal && !isRead(local)) gaps.push(refusedGap("localStorage", frame))
    const { opfs, cacheStorage, serviceWorkers } = counts ?? {}
    if (opfs === null) gaps.push(untoldGap("opfs", "private files", frame))
    if (cacheStorage === null) gaps.push(untoldGap("cacheStorage", "caches", frame))
    if (serviceWorkers === null) gaps.push(untoldGap("serviceWorker", "service workers", frame))
    return {
      origin,
      partition,
      ...(withLocal && isRead(local) ? { localStorage: local } : {}),
      ...(opfs === null || opfs === undefined || opfs.files === 0 ? {} : { opfs }),
      ...(cacheStorage === null || cacheStorage === undefined || cacheStorage.caches === 0 ? {} : { cacheStorage }),
      ...(serviceWorkers === null || serviceWorkers === undefined || serviceWorkers.scopes === 0
        ? {}
        : { serviceWorkers }),
    }
  })
}

/** sessionStorage of each tab; a tab whose origin is unticked is left out. */
export function tabStatesOf(readings: TabReading[], wanted: Wanted, gaps: Gap[]): TabState[] {
  const ticked = readings.filter(({ url }) => !wanted.withoutOrigins.includes(originOf(url)))
  return ticked.map(({ url, frames }, index) => {
    const sessionStorage: TabState["sessionStorage"] = []
    for (const frame of frames) {
      const { origin, session } = frame.page
      const { partition } = frame
      const isKnown = sessionStorage.some(
        (other) => other.origin === origin && isSamePartition(other.partition, partition),
      )
      if (!isWanted(frame, wanted) || isKnown) continue
      if (!isRead(session)) gaps.push(refusedGap("sessionStorage", frame))
      // Below another site an empty one says nothing.
      else if (partition === null || session.length > 0) sessionStorage.push({ origin, partition, items: session })
    }
    return { id: String(index + 1), url, sessionStorage }
  })
}

/** Names the sites whose frames the permission does not reach, in one line: most of them are of no login. */
export function noteFrames(readings: TabReading[], sites: readonly string[], gaps: Gap[]): void {
  const frames = readings.flatMap((reading) => reading.frames.map(({ page }) => page))
  const embedded = frames
    .flatMap((frame) => frame.frames)
    .map((origin) => (/^https?:/.test(origin) ? siteOf(origin) : null))
    .filter((site) => site !== null && !sites.includes(site)) as string[]
  const others = [...new Set(embedded)].sort()
  if (others.length === 0) return
  const shown = `${others.slice(0, 5).join(", ")}${others.length > 5 ? ", …" : ""}`
  gaps.push({
    kind: "site",
    where: shown,
    what: others.length === 1 ? "frames of another site" : `frames of ${others.length} other sites`,
    why: `you allowed to read ${sites.join(" and ")} only`,
    fix: "if this login leans on one of them, save that site too",
    count: embedded.length,
  })
}

/** Puts what was read of the private files into the origin's state, and names the rest. */
export function noteFiles(
  found: StoredFiles | null,
  where: string,
  state: OriginState,
  budget: Budget,
  gaps: Gap[],
): void {
  if (found === null) {
    const why = "the page did not give them"
    gaps.push({ kind: "opfs", where, what: "private files", why, fix: "save again", count: 1 })
    return
  }
  const entries = found.entries.filter((entry) => budget.take(jsonSize(entry)))
  state.opfs = { files: found.files, bytes: found.bytes, entries }
  const left = found.left + found.entries.length - entries.length
  if (left === 0) return
  const what = left === 1 ? "1 private file" : `${left} private files`
  const why = "over the size limits, or in use by the site"
  const fix = `${raiseLimit}, or save again`
  gaps.push({ kind: "opfs", where, what, why, fix, count: left })
}

/** How much of each kind a snapshot carries; a kind that was not asked for is missing. */
export function countsOf(
  { cookies, origins = [], tabs, context }: Omit<Snapshot, "report">,
  kinds: readonly Kind[],
): Counts {
  const records = origins.flatMap(({ indexedDB = [] }) =>
    indexedDB.flatMap(({ stores }) => stores.map((store) => store.records?.length ?? 0)),
  )
  const items = (tabs ?? []).flatMap(({ sessionStorage }) => sessionStorage.map((state) => state.items.length))
  const files = origins.map(({ opfs }) => opfs?.entries?.filter(({ data }) => data !== null).length ?? 0)
  const local = origins.map(({ localStorage }) => localStorage?.length ?? 0)
  return {
    ...(cookies === undefined ? {} : { cookies: cookies.length }),
    ...(kinds.includes("localStorage") ? { localStorage: sum(local) } : {}),
    ...(tabs === undefined ? {} : { sessionStorage: sum(items) }),
    ...(kinds.includes("indexedDB") ? { indexedDB: sum(records) } : {}),
    ...(context === undefined ? {} : { context: 1 }),
    ...(kinds.includes("opfs") ? { opfs: sum(files) } : {}),
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function originOf(url: string): string {
  try {
    return new URL(url).origin
  } catch {
    return ""
  }
}

function isWanted({ page: { origin } }: Reading, { sites, withoutOrigins }: Wanted): boolean {
  return isOfSites(origin, sites) && !withoutOrigins.includes(origin)
}

function isSameStorage(one: Reading, other: Reading): boolean {
  return one.page.origin === other.page.origin && isSamePartition(one.partition, other.partition)
}

function isRead(items: [string, string][] | null | undefined): items is [string, string][] {
  return items !== null && items !== undefined
}

function untoldGap(kind: GapKind, what: string, { page, partition }: Reading): Gap {
  const why = "the browser does not say whether there is any"
  return { kind, where: placeOf(page.origin, partition), what, why, fix: "", count: 1 }
}

function refusedGap(kind: "localStorage" | "sessionStorage", { page, partition }: Reading): Gap {
  return {
    kind,
    where: placeOf(page.origin, partition),
    what: kind,
    why: `the browser refused it to the page (${page.errors[kind] ?? "unknown"})`,
    fix: "allow cookies and site data for this site",
    count: 1,
  }
}
