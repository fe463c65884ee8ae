import { isPspError } from "../errors.js"
import { countDatabases } from "../page/count-databases.js"
import { readContext } from "../page/read-context.js"
import { readStorage } from "../page/read-storage.js"
import { kinds as allKinds, type Counts, type Gap, type Kind } from "../report.js"
import { belongsToSite, defaultAccount, isOriginOfSite, parseSite } from "../site.js"
import {
  parseSnapshot,
  type BrowserContextState,
  type Cookie,
  type OriginState,
  type Snapshot,
  type StorageItem,
  type TabState,
} from "../snapshot.js"
import { version } from "../version.js"
import type { CaptureOptions } from "./adapter.js"
import { lazyBlankPage, type LazyBlankPage } from "./blank-page.js"
import { openFrames, type ReadableFrame } from "./frame-reader.js"
import { pageExpression } from "./page-expression.js"
import { cdpJar, publicJar } from "./playwright-jar.js"
import {
  openCdp,
  requirePlaywrightContext,
  watchClose,
  type PlaywrightContext,
  type PlaywrightPage,
} from "./playwright-target.js"
import { createSteps, type Step } from "./steps.js"

/**
 * Captures the session of a site from an open Playwright context: its cookies, localStorage and sessionStorage of the pages
 * that are open (read beside the page's own scripts on Chromium), and what the site sees of the browser. The order of the
 * context's pages is the order of the tabs. Pages are not disturbed and no request is made.
 *
 * @throws `bad-target` for something else than a context, or one that is closed meanwhile; `aborted` when called off or too
 *   slow; `usage` for a site that is none
 */
export async function capture(context: PlaywrightContext, options: CaptureOptions): Promise<Snapshot> {
  requirePlaywrightContext(context, "capture session")
  const site = parseSite(options.site)
  const { kinds = allKinds, account = defaultAccount, signal } = options
  const { gone, stop } = watchClose(context)
  const step = createSteps("capture session", options, gone)
  const gaps: Gap[] = []
  const work: Work = { context, site, kinds, gaps, step, ...(signal === undefined ? {} : { signal }) }
  const blank = lazyBlankPage(context, step, gone, options.timeoutMs)
  try {
    const pages = context
      .pages()
      .filter((page) => page.frames().some((frame) => isOriginOfSite(originOf(frame.url()), site)))
    const [cookies, readings] = await Promise.all([
      kinds.includes("cookies") ? readCookies(work, blank) : undefined,
      Promise.all(pages.map((page, index) => readPage(work, page, String(index + 1)))),
    ])
    const read = readings.filter((reading) => reading !== null)
    const open = originsOf(read)
    const isLocalWanted = kinds.includes("localStorage")
    const origins = isLocalWanted
      ? [...open, ...(await readClosedOrigins(work, options.origins ?? [], open, blank))]
      : undefined
    const tabs = kinds.includes("sessionStorage") ? read.map(tabOf) : undefined
    const shown = read.find((reading) => reading.context !== null)?.context ?? undefined
    if (kinds.includes("context") && shown === undefined) {
      const [why, fix] = ["no page of the site is open", "open one and capture again"]
      gaps.push({ kind: "context", where: site, what: "browser context", why, fix, count: 1 })
    }
    return parseSnapshot({
      schema: 1,
      sites: [site],
      account,
      capturedAt: Date.now(),
      capturedBy: { tool: "playwright", version, browser: engineOf(context) },
      ...(cookies === undefined ? {} : { cookies }),
      ...(origins === undefined ? {} : { origins }),
      ...(tabs === undefined ? {} : { tabs }),
      ...(shown === undefined ? {} : { context: shown }),
      report: { captured: countsOf(cookies, origins, tabs, shown), gaps },
    } satisfies Snapshot)
  } finally {
    await blank.close()
    stop()
  }
}

interface Work {
  context: PlaywrightContext
  site: string
  kinds: readonly Kind[]
  gaps: Gap[]
  step: Step
  signal?: AbortSignal
}

function engineOf(context: PlaywrightContext): Snapshot["capturedBy"]["browser"] {
  const browser = context.browser()
  if (browser === null) return { engine: "chromium", major: null }
  const major = Number.parseInt(browser.version(), 10)
  return { engine: browser.browserType().name(), major: Number.isNaN(major) ? null : major }
}

function countsOf(
  cookies: Cookie[] | undefined,
  origins: OriginState[] | undefined,
  tabs: TabState[] | undefined,
  context: BrowserContextState | undefined,
): Counts {
  const items = (tabs ?? []).flatMap(({ sessionStorage }) => sessionStorage.map((state) => state.items.length))
  return {
    ...(cookies === undefined ? {} : { cookies: cookies.length }),
    ...(origins === undefined
      ? {}
      : { localStorage: sum(origins.map(({ localStorage = [] }) => localStorage.length)) }),
    ...(tabs === undefined ? {} : { sessionStorage: sum(items) }),
    ...(context === undefined ? {} : { context: 1 }),
  }
}

interface PageReading {
  id: string
  url: string
  frames: { origin: string; local: StorageItem[] | null; session: StorageItem[] | null }[]
  context: BrowserContextState | null
}

/** Exact where a page of the context lends a CDP session; elsewhere an unspecified SameSite reads as Lax. */
async function readCookies({ context, site, step }: Work, blank: LazyBlankPage): Promise<Cookie[]> {
  const [open] = context.pages()
  const cdp = await step("opening a session", async () =>
    open === undefined ? (await blank.get()).cdp : openCdp(context, open),
  )
  const jar = cdp === null ? publicJar(context) : cdpJar(cdp)
  const cookies = await step("reading cookies", () => jar.read())
  if (open !== undefined) await cdp?.detach().catch(() => undefined)
  // The browser gives them oldest first among equals, and a stable sort keeps that.
  return cookies.filter(({ domain }) => belongsToSite(domain, site)).sort((a, b) => b.path.length - a.path.length)
}

async function readPage(work: Work, page: PlaywrightPage, id: string): Promise<PageReading | null> {
  const { context, site, gaps, step } = work
  const where = originOf(page.url())
  try {
    return await step(`reading a page at ${where}`, async () => {
      const reader = await openFrames(context, page)
      try {
        const ofSite = reader.frames.filter(({ url }) => isOriginOfSite(originOf(url), site))
        const firstParty = ofSite.filter(({ above }) => above.every((url) => isOriginOfSite(originOf(url), site)))
        if (firstParty.length < ofSite.length) gaps.push(partitionedGap(where, ofSite.length - firstParty.length))
        const frames = await Promise.all(firstParty.map((frame) => readFrame(frame, work)))
        const [top] = firstParty
        const context = top === undefined || !work.kinds.includes("context") ? null : await readContextOf(top)
        return { id, url: page.url(), frames, context }
      } finally {
        await reader.close()
      }
    })
  } catch (error) {
    if (work.signal?.aborted === true) throw error
    const why = page.isClosed() ? "the page was closed meanwhile" : "the page did not answer"
    const fix = isPspError(error, "aborted") ? "close its dialogs or reload it" : ""
    gaps.push({ kind: "origin", where, what: "page storage of a tab", why, fix, count: 1 })
    return null
  }
}

async function readFrame(frame: ReadableFrame, { kinds, gaps }: Work): Promise<PageReading["frames"][number]> {
  const wanted = { local: kinds.includes("localStorage"), session: kinds.includes("sessionStorage") }
  const [text, count] = await Promise.all([
    frame.evaluate(pageExpression(readStorage, wanted)),
    kinds.includes("indexedDB") ? frame.evaluate(pageExpression(countDatabases, undefined)) : '{"databases":0}',
  ])
  const { origin, local = null, session = null, errors } = JSON.parse(text) as StorageReading
  for (const [kind, name] of Object.entries(errors)) {
    const why = `the browser refused it to the page (${name})`
    const fix = "allow cookies and site data for this site"
    gaps.push({ kind: kind as "localStorage" | "sessionStorage", where: origin, what: kind, why, fix, count: 1 })
  }
  const { databases } = JSON.parse(count) as { databases: number | null }
  if (databases !== 0 && !gaps.some(({ kind, where }) => kind === "indexedDB" && where === origin)) {
    gaps.push(databasesGap(origin, databases))
  }
  return { origin, local, session }
}

interface StorageReading {
  origin: string
  local?: StorageItem[] | null
  session?: StorageItem[] | null
  errors: Record<string, string>
}

async function readContextOf(frame: ReadableFrame): Promise<BrowserContextState> {
  return JSON.parse(await frame.evaluate(pageExpression(readContext, undefined))) as BrowserContextState
}

/** The first document of an origin speaks for it: all of them share one localStorage. */
function originsOf(readings: PageReading[]): OriginState[] {
  const byOrigin = new Map<string, OriginState>()
  for (const { origin, local } of readings.flatMap(({ frames }) => frames)) {
    if (local !== null && !byOrigin.has(origin)) byOrigin.set(origin, { origin, partition: null, localStorage: local })
  }
  return [...byOrigin.values()]
}

function tabOf({ id, url, frames }: PageReading): TabState {
  const byOrigin = new Map<string, StorageItem[]>()
  for (const { origin, session } of frames) if (session !== null && !byOrigin.has(origin)) byOrigin.set(origin, session)
  return { id, url, sessionStorage: [...byOrigin].map(([origin, items]) => ({ origin, partition: null, items })) }
}

/** Origins that no page shows: from a blank page of ours. */
async function readClosedOrigins(work: Work, wanted: readonly string[], known: OriginState[], blank: LazyBlankPage) {
  const { site, gaps, step } = work
  const read: OriginState[] = []
  for (const origin of wanted) {
    if (known.some((other) => other.origin === origin)) continue
    const items = isOriginOfSite(origin, site)
      ? await step(`reading ${origin}`, async () => (await blank.get()).readLocalStorage(origin))
      : null
    if (items !== null) read.push({ origin, partition: null, localStorage: items })
    else gaps.push(unreadGap(origin, isOriginOfSite(origin, site)))
  }
  return read
}

function unreadGap(origin: string, isOfSite: boolean): Gap {
  const why = isOfSite ? "something else than a blank page answered there" : "it is not an origin of the site"
  return { kind: "localStorage", where: origin, what: "localStorage", why, fix: "open a page of it", count: 1 }
}

function partitionedGap(where: string, count: number): Gap {
  const why = "frames below another site have storage of their own, which is not captured yet"
  return { kind: "origin", where, what: `${count} frame${count === 1 ? "" : "s"}`, why, fix: "", count }
}

function databasesGap(where: string, databases: number | null): Gap {
  const what = databases === null ? "IndexedDB" : `${databases} database${databases === 1 ? "" : "s"}`
  const why =
    databases === null ? "the browser does not say whether there is any" : "IndexedDB is counted, but not saved"
  return { kind: "indexedDB", where, what, why, fix: "", count: databases ?? 1 }
}

function originOf(url: string): string {
  try {
    return new URL(url).origin
  } catch {
    return ""
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
