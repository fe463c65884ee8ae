import { createBudget } from "../budget.js"
import { describeCookies } from "../cookies.js"
import { isPspError } from "../errors.js"
import { fitStorage } from "../fit-storage.js"
import { defaultLimits } from "../limits.js"
import { readContext } from "../page/read-context.js"
import { readPage } from "../page/read-page.js"
import { isOfSites, partitionOf } from "../partition.js"
import { portabilityGaps } from "../portability.js"
import {
  countsOf,
  noteFrames,
  oneOfEachStorage,
  originStatesOf,
  tabStatesOf,
  type Reading,
  type TabReading,
} from "../readings.js"
import { defaultKinds, type Gap, type Kind } from "../report.js"
import { belongsToSite, defaultAccount, parseSite } from "../site.js"
import { parseSnapshot, type BrowserContextState, type Cookie, type OriginState, type Snapshot } from "../snapshot.js"
import { tidyGaps } from "../tidy-gaps.js"
import { noteUncarried, noteUnopened } from "../unsaved.js"
import { version } from "../version.js"
import type { CaptureOptions } from "./adapter.js"
import { lazyBlankPage, type LazyBlankPage } from "./blank-page.js"
import { openFrames, type ReadableFrame } from "./frame-reader.js"
import { pageExpression } from "./page-expression.js"
import { cdpJar, type Jar } from "./cookie-jar.js"
import { openCdp, watchClose, type DrivenContext, type DrivenPage, type DrivenTarget } from "./driven-context.js"
import { readOriginDatabases, readOriginFiles, type ContentWork } from "./read-contents.js"
import { createSteps, tidied } from "./steps.js"

/**
 * Captures the session of a site from an open context, whatever tool drives it: its cookies; localStorage, sessionStorage and IndexedDB of
 * the pages that are open and of their frames (read beside the page's own scripts on Chromium), and what the site sees of
 * the browser. The order of the context's pages is the order of the tabs. Pages are not disturbed and no request is made.
 *
 * @param tool that drives it, for the report
 * @throws `bad-target` when the context is closed meanwhile; `aborted` when called off or too slow; `usage` for a site that is
 *   none
 */
export async function captureFrom(
  { context, jar }: DrivenTarget,
  options: CaptureOptions,
  tool: string,
): Promise<Snapshot> {
  const sites: [string, ...string[]] = [parseSite(options.site), ...(options.alsoSites ?? []).map(parseSite)]
  const { kinds = defaultKinds, account = defaultAccount, signal } = options
  const { gone, stop } = watchClose(context)
  const step = createSteps("capture session", options, gone)
  const gaps: Gap[] = []
  const limits = { ...defaultLimits, ...options.max }
  const browser = engineOf(context)
  const budget = createBudget(limits.session)
  const work: Work = {
    context,
    jar,
    sites,
    kinds,
    gaps,
    step,
    limits,
    budget,
    engine: browser.engine,
    ...(signal && { signal }),
  }
  const blank = lazyBlankPage(context, step, gone, options.timeoutMs)
  const closers: (() => Promise<void>)[] = []
  try {
    const pages = context
      .pages()
      .filter((page) => page.frames().some((frame) => isOfSites(originOf(frame.url()), sites)))
    const [cookies, readings] = await Promise.all([
      kinds.includes("cookies") ? readCookies(work, blank) : undefined,
      Promise.all(pages.map((page) => readTab(work, page, closers))),
    ])
    const read = readings.filter((reading) => reading !== null)
    await joinPartitions(work, read, blank)
    const wanted = { sites, withoutOrigins: [] }
    const wantsOrigins = kinds.some((kind) => kind === "localStorage" || kind === "indexedDB" || kind === "opfs")
    const places = wantsOrigins
      ? await readOrigins(work, oneOfEachStorage(read, wanted), options.origins, blank)
      : undefined
    const origins = places?.map(({ state }) => state)
    noteFrames(read, sites, gaps)
    if (origins !== undefined) {
      const scope = { sites, kinds, withoutOrigins: [], knownOrigins: [] }
      noteUnopened(scope, origins, cookies ?? [], gaps, "open a page of it, or name it in `origins`, and capture again")
    }
    const tabs = kinds.includes("sessionStorage") ? tabStatesOf(read, wanted, gaps) : undefined
    fitStorage({ cookies, origins, tabs }, work.budget, gaps)
    if (places !== undefined && origins !== undefined) {
      await readContents(
        work,
        places.filter(({ state }) => origins.includes(state)),
      )
      noteUncarried(origins, kinds, gaps)
    }
    const shown = await readContextOf(work, read)
    const snapshot: Snapshot = {
      schema: 1,
      sites,
      account,
      capturedAt: Date.now(),
      capturedBy: { tool, version, browser },
      ...(cookies === undefined ? {} : { cookies }),
      ...(origins === undefined ? {} : { origins }),
      ...(tabs === undefined ? {} : { tabs }),
      ...(shown === undefined ? {} : { context: shown }),
      report: { captured: {}, gaps },
    }
    snapshot.report.captured = countsOf(snapshot, kinds)
    snapshot.report.gaps = tidyGaps([...gaps, ...portabilityGaps(snapshot)])
    return parseSnapshot(snapshot)
  } finally {
    await tidied(Promise.all(closers.map((close) => close())), gone)
    await blank.close()
    stop()
  }
}

interface Work extends ContentWork {
  context: DrivenContext
  jar: Jar
  sites: readonly string[]
  kinds: readonly Kind[]
  engine: string
  signal?: AbortSignal
}

/** A document, and where to ask it more. */
interface FrameReading extends Reading {
  place: Pick<ReadableFrame, "evaluate">
}

function engineOf(context: DrivenContext): Snapshot["capturedBy"]["browser"] {
  const browser = context.browser()
  if (browser === null) return { engine: "chromium", major: null }
  const major = Number.parseInt(browser.version(), 10)
  return { engine: browser.browserType().name(), major: Number.isNaN(major) ? null : major }
}

/** Exact where a page of the context lends a CDP session; elsewhere an unspecified SameSite reads as Lax. */
async function readCookies(work: Work, blank: LazyBlankPage): Promise<Cookie[]> {
  const { context, sites, gaps, step } = work
  const [open] = context.pages()
  const openSession = async () => (open === undefined ? (await blank.get()).cdp : openCdp(context, open))
  const cdp = work.jar.isExact ? null : await step("opening a session", openSession)
  const jar = cdp === null ? work.jar : cdpJar(cdp)
  const cookies = await step("reading cookies", () => jar.read(sites))
  if (open !== undefined) await tidied(cdp?.detach() ?? Promise.resolve())
  // The browser gives them oldest first among equals, and a stable sort keeps that.
  const ofSites = cookies.filter(({ domain }) => sites.some((site) => belongsToSite(domain, site)))
  const lost = ofSites.filter(isOfUnknownPartition)
  for (const where of new Set(lost.map(({ domain }) => domain))) {
    const names = lost.filter(({ domain }) => domain === where).map(({ name }) => name)
    const why = "it belongs below another site, and this browser does not tell which"
    const fix = "open a page of that site with this one in a frame, and capture again"
    gaps.push({ kind: "cookies", where, what: describeCookies(names), why, fix, count: names.length })
  }
  return ofSites.filter((cookie) => !isOfUnknownPartition(cookie)).sort((a, b) => b.path.length - a.path.length)
}

function isOfUnknownPartition({ partition }: Cookie): boolean {
  return partition?.topLevelSite === ""
}

async function readTab(
  work: Work,
  page: DrivenPage,
  closers: (() => Promise<void>)[],
): Promise<TabReading<FrameReading> | null> {
  const { context, sites, gaps, step } = work
  const where = originOf(page.url())
  try {
    return await step(`reading a page at ${where}`, async () => {
      const reader = await openFrames(context, page)
      closers.push(() => reader.close())
      const ofSites = reader.frames.filter(({ url }) => isOfSites(originOf(url), sites))
      return { url: page.url(), frames: await Promise.all(ofSites.map((frame) => readFrame(frame, work))) }
    })
  } catch (error) {
    if (work.signal?.aborted === true) throw error
    const why = page.isClosed() ? "the page was closed meanwhile" : "the page did not answer"
    const fix = isPspError(error, "aborted") ? "close its dialogs or reload it" : ""
    gaps.push({ kind: "origin", where, what: "page storage of a tab", why, fix, count: 1 })
    return null
  }
}

async function readFrame(frame: ReadableFrame, { kinds, engine }: Work): Promise<FrameReading> {
  const wanted = {
    local: kinds.includes("localStorage"),
    session: kinds.includes("sessionStorage"),
    counts: kinds.includes("indexedDB") || kinds.includes("opfs"),
  }
  const page = JSON.parse(await frame.evaluate(pageExpression(readPage, wanted))) as Reading["page"]
  const above = frame.above.map((url) => originOf(url) || "null")
  return { page, partition: partitionOf(page.origin, above, engine), place: frame }
}

/** Where the browser does not keep the storage of frames apart, a frame's storage is the first party's. */
async function joinPartitions({ step }: Work, read: TabReading<FrameReading>[], blank: LazyBlankPage): Promise<void> {
  const apart = read.flatMap(({ frames }) => frames).filter(({ partition }) => partition !== null)
  if (apart.length === 0 || (await step("looking at frames", async () => (await blank.get()).keepsApart()))) return
  for (const frame of apart) frame.partition = null
}

/** Where an origin is read, and what was read so far. */
interface Place {
  state: OriginState
  /** A document of it, for the next that is asked; the blank page of ours has to go there once more by then. */
  frame: () => FrameReading
}

/** What the documents themselves tell; databases and files come later, when it is known how much room is left. */
async function readOrigins(
  work: Work,
  frames: FrameReading[],
  closed: readonly string[] = [],
  blank: LazyBlankPage,
): Promise<Place[]> {
  const { kinds, gaps } = work
  const states = originStatesOf(frames, kinds.includes("localStorage"), gaps)
  const places = states.flatMap((state, index): Place[] => {
    const frame = frames[index]
    return frame === undefined ? [] : [{ state, frame: () => frame }]
  })
  for (const origin of closed) {
    if (places.some(({ state }) => state.origin === origin && state.partition === null)) continue
    const found = await readClosedOrigin(work, origin, blank)
    if (found === null) continue
    const [state] = originStatesOf([found], kinds.includes("localStorage"), gaps)
    if (state === undefined) continue
    places.push({ state, frame: () => ({ ...found, place: visitLater(work, origin, blank) }) })
  }
  return places
}

/** Databases of all origins come before the files of any. */
async function readContents(work: Work, places: Place[]): Promise<void> {
  for (const { state, frame } of places) {
    await readOriginDatabases(work, frame(), state)
  }
  for (const { state, frame } of places) await readOriginFiles(work, frame(), state)
}

/** An origin that no page shows: from a blank page of ours. */
async function readClosedOrigin(work: Work, origin: string, blank: LazyBlankPage): Promise<FrameReading | null> {
  const { sites, gaps, step } = work
  const place = isOfSites(origin, sites) ? await visitOrigin(work, origin, blank) : null
  if (place === null) {
    gaps.push(unreadGap(origin, isOfSites(origin, sites)))
    return null
  }
  return step(`reading ${origin}`, () => readFrame({ url: origin, above: [], ...place }, work))
}

async function visitOrigin(
  { step }: Work,
  origin: string,
  blank: LazyBlankPage,
): Promise<FrameReading["place"] | null> {
  const place = await step(`visiting ${origin}`, async () => (await blank.get()).visit(origin, null))
  return place === null ? null : { evaluate: async (expression) => String(await place.evaluate(expression)) }
}

/** Goes there when something is asked at last: most origins have neither databases nor files. */
function visitLater(work: Work, origin: string, blank: LazyBlankPage): FrameReading["place"] {
  let visit: ReturnType<typeof visitOrigin> | null = null
  return {
    async evaluate(expression) {
      const place = await (visit ??= visitOrigin(work, origin, blank))
      if (place === null) throw new TypeError("Something else than a blank page answered")
      return place.evaluate(expression)
    },
  }
}

async function readContextOf(work: Work, read: TabReading<FrameReading>[]): Promise<BrowserContextState | undefined> {
  const { kinds, gaps, sites, step } = work
  if (!kinds.includes("context")) return undefined
  const top = read.flatMap(({ frames }) => frames).find(({ page }) => page.ancestors?.length === 0)
  const text = await step("reading the browser context", async () =>
    top?.place.evaluate(pageExpression(readContext, undefined)).catch(() => undefined),
  )
  if (text !== undefined) return JSON.parse(text) as BrowserContextState
  const [why, fix] = ["no page of the site is open", "open one and capture again"]
  gaps.push({ kind: "context", where: sites[0] ?? "", what: "browser context", why, fix, count: 1 })
  return undefined
}

function unreadGap(origin: string, isOfSite: boolean): Gap {
  const why = isOfSite ? "something else than a blank page answered there" : "it is not an origin of the site"
  return { kind: "origin", where: origin, what: "page storage", why, fix: "open a page of it", count: 1 }
}

function originOf(url: string): string {
  try {
    return new URL(url).origin
  } catch {
    return ""
  }
}
