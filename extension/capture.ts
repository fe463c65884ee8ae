import { browser, type Browser } from "wxt/browser"
import { createBudget } from "../shared/budget.js"
import { PspError } from "../shared/errors.js"
import { fitStorage } from "../shared/fit-storage.js"
import type { PageReading } from "../shared/page/read-page.js"
import { portabilityGaps } from "../shared/portability.js"
import type { Gap, Kind } from "../shared/report.js"
import { countsOf, noteFrames, oneOfEachStorage, originStatesOf, tabStatesOf } from "../shared/readings.js"
import { siteOf } from "../shared/site.js"
import { parseSnapshot, type OriginState, type Snapshot } from "../shared/snapshot.js"
import { tidyGaps } from "../shared/tidy-gaps.js"
import { noteUncarried, noteUnopened } from "../shared/unsaved.js"
import { version } from "../shared/version.js"
import { captureContext } from "./capture-context.js"
import { captureCookies } from "./capture-cookies.js"
import { captureDatabases, type Reading } from "./capture-databases.js"
import { captureFiles } from "./capture-files.js"
import { lookAtTab, readContents, tabsOfSites, type FrameReading } from "./capture-tabs.js"
import { maySite } from "./permissions.js"
import { defaultLimits, type Limits } from "../shared/limits.js"
import { browserOf, storeOfTab } from "./stores.js"

/** What the person wants saved: everything, less what they unticked. */
export interface Scope {
  /** The tab the click was about. */
  tabId: number
  site: string
  /** Sites that the login leans on, and that the person wants saved with it. */
  alsoSites: string[]
  account: string
  kinds: Kind[]
  /** Origins that were unticked. */
  withoutOrigins: string[]
  /** Origins of the session that were saved before: those that are open nowhere now are named. */
  knownOrigins: string[]
}

export interface CaptureOptions {
  limits?: Limits
  /** Tabs that were opened for this capture only: they show what their origins hold, and are no tabs of the session. */
  openedTabs?: number[]
  /** Calls it off: it ends with `aborted`. */
  signal?: AbortSignal
  /** Bytes of database records that were read so far. */
  onProgress?: (bytes: number) => void
}

/**
 * Captures the session of a site as this browser has it now. What could not be taken is in the report.
 *
 * @throws `nothing-to-capture` for a tab that shows no website or cannot be read (an error page, say: a session without
 *   its page storage must not replace a whole one), `permission-refused` when a site may not be read, `aborted`
 */
export async function capture(scope: Scope, options: CaptureOptions = {}): Promise<Snapshot> {
  const { site, kinds } = scope
  const sites: [string, ...string[]] = [site, ...scope.alsoSites.filter((other) => other !== site)]
  const acted = await tabOf(scope, sites)
  const store = await storeOfTab(acted)
  const source = browserOf(navigator.userAgent)
  const tabs = await tabsOfSites(sites, store.id, acted)
  const gaps: Gap[] = []
  const wanted = {
    local: kinds.includes("localStorage"),
    session: kinds.includes("sessionStorage"),
    counts: kinds.includes("indexedDB") || kinds.includes("localStorage") || kinds.includes("opfs"),
  }
  const wantsPages = wanted.session || wanted.counts
  const [cookies, readings, context] = await Promise.all([
    kinds.includes("cookies") ? cookiesOf(sites, store.id, gaps) : undefined,
    Promise.all(wantsPages ? tabs.map((tab) => lookAtTab(tab, source.engine, options.signal)) : []),
    kinds.includes("context") ? captureContext(acted, gaps) : undefined,
  ])
  refuseWhenCalledOff(options.signal)
  // Taken back meanwhile, the browser answers with less and says nothing: that must not replace a whole session.
  await mustBeAllowed(sites)
  const [first] = readings
  if (first !== undefined && "gap" in first) throw unreadable(site, first.gap)
  const read = readings.flatMap((reading) => ("gap" in reading ? [] : [reading]))
  gaps.push(...readings.flatMap((reading) => ("gap" in reading ? [reading.gap] : [])))
  noteFrames(read, sites, gaps)
  const ticked = { sites, withoutOrigins: scope.withoutOrigins }
  const left: Gap[] = []
  await readContents(read, wanted, ticked, left, options.signal)
  refuseWhenCalledOff(options.signal)
  const [actedReading] = read
  if (left[0] !== undefined && actedReading?.frames.some(isTop) === false) throw unreadable(site, left[0])
  gaps.push(...left)
  const frames = oneOfEachStorage(read, ticked)
  const origins = wanted.counts ? originStatesOf(frames, wanted.local, gaps) : undefined
  const kept = read.filter(({ frames: [top] }) => top === undefined || !options.openedTabs?.includes(top.target.tabId))
  const tabStates = wanted.session ? tabStatesOf(kept, ticked, gaps) : undefined
  const places = frames.map((frame, index) => ({ frame, state: origins?.[index] }))
  const limits = options.limits ?? defaultLimits
  const budget = createBudget(limits.session)
  fitStorage({ cookies, origins, tabs: tabStates }, budget, gaps)
  if (origins !== undefined) {
    const carried = places.flatMap(({ frame, state }) =>
      state !== undefined && origins.includes(state) ? [{ frame, state }] : [],
    )
    await fillOrigins(carried, kinds, { ...options, limits, budget }, gaps)
    noteUncarried(origins, kinds, gaps)
    noteUnopened({ ...scope, sites }, origins, cookies ?? [], gaps)
  }
  refuseWhenCalledOff(options.signal)
  await mustBeAllowed(sites)
  const snapshot: Snapshot = {
    schema: 1,
    sites,
    account: scope.account,
    capturedAt: Date.now(),
    capturedBy: { tool: "extension", version, browser: source, store },
    ...(cookies === undefined ? {} : { cookies }),
    ...(origins === undefined ? {} : { origins }),
    ...(tabStates === undefined ? {} : { tabs: tabStates }),
    ...(context === undefined ? {} : { context }),
    report: { captured: {}, gaps },
  }
  snapshot.report.captured = countsOf(snapshot, kinds)
  snapshot.report.gaps = tidyGaps([...gaps, ...portabilityGaps(snapshot)])
  return parseSnapshot(snapshot)
}

function isTop({ page }: FrameReading): boolean {
  return page.ancestors?.length === 0
}

async function tabOf({ tabId, site }: Scope, sites: [string, ...string[]]): Promise<Browser.tabs.Tab> {
  const acted = await browser.tabs.get(tabId).catch(() => null)
  if (acted === null) throw new PspError("nothing-to-capture", "Cannot save session: the tab was closed")
  await mustBeAllowed(sites)
  if (acted.url === undefined || siteOf(acted.url) !== site) {
    throw new PspError("nothing-to-capture", `Cannot save session of ${site}: the tab shows another page by now`)
  }
  return acted
}

async function cookiesOf(sites: string[], storeId: string, gaps: Gap[]) {
  return (await Promise.all(sites.map((site) => captureCookies(site, storeId, gaps)))).flat()
}

/** Databases of all origins at once, then files: they get what is left. */
async function fillOrigins(
  places: { frame: FrameReading; state: OriginState }[],
  kinds: Kind[],
  { limits, budget, signal, onProgress }: Omit<Reading, "onBytes"> & CaptureOptions,
  gaps: Gap[],
): Promise<void> {
  let bytes = 0
  const onBytes = (more: number) => {
    bytes += more
    onProgress?.(bytes)
  }
  const reading: Reading = { limits, budget, signal, onBytes }
  if (kinds.includes("indexedDB")) {
    await Promise.all(places.map(({ frame, state }) => fillDatabases(frame, state, reading, gaps)))
  }
  if (!kinds.includes("opfs")) return
  for (const { frame, state } of places) {
    if (state.opfs !== undefined) await captureFiles(frame, state, reading, gaps)
  }
}

async function fillDatabases(frame: FrameReading, state: OriginState, reading: Reading, gaps: Gap[]): Promise<void> {
  if (frame.page.counts === undefined) return
  const { databases } = frame.page.counts
  if (databases === null) gaps.push(untoldGap(frame.page))
  else if (databases.length === 0) state.indexedDB = []
  else {
    const collector = await captureDatabases(frame, reading)
    state.indexedDB = collector.databases
    gaps.push(...collector.gaps)
  }
}

function untoldGap({ origin }: PageReading): Gap {
  const why = "the browser does not say whether there is any"
  return { kind: "indexedDB", where: origin, what: "IndexedDB", why, fix: "", count: 1 }
}

async function mustBeAllowed(sites: [string, ...string[]]): Promise<void> {
  const [site] = sites
  for (const one of sites) {
    if (await maySite(one)) continue
    throw new PspError(
      "permission-refused",
      `Cannot save session of ${site}: the browser does not let this extension read ${one === site ? "it" : one}; click Save session again and allow it`,
    )
  }
}

function unreadable(site: string, { why, fix }: Gap): PspError {
  return new PspError("nothing-to-capture", `Cannot save session of ${site}: ${why}; ${fix}`)
}

function refuseWhenCalledOff(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new PspError("aborted", "Cannot save session: you called it off")
}
