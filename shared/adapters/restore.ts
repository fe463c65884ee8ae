import { isPspError, PspError } from "../errors.js"
import { kinds as allKinds, type Gap, type RestoreReport } from "../report.js"
import type { Snapshot, TabState } from "../snapshot.js"
import { tidyGaps } from "../tidy-gaps.js"
import type { RestoreOptions } from "./adapter.js"
import { lazyBlankPage, type LazyBlankPage } from "./blank-page.js"
import { checkLogin, type CheckOptions } from "./check-login.js"
import { contextGaps } from "./context-options.js"
import { fillOrigin, type Existing } from "./fill-origin.js"
import { restoreCookies } from "./restore-cookies.js"
import { watchClose, type DrivenContext, type DrivenPage, type DrivenTarget } from "./driven-context.js"
import { openTab, seedNextTab } from "./session-seed.js"
import { createSteps, type Step } from "./steps.js"
import { countChangedKeys, uncarriedGaps, visitsOf, type Part, type Visit } from "./storage-report.js"

export interface RestoreWork extends Omit<RestoreOptions, "existing"> {
  existing?: Existing
  /** Called when all state is in its place, and before the site is asked for anything. */
  onSet?: () => Promise<void>
  /** Pages that stay open, which no seed is for: where they are, and captured tabs that they get otherwise. */
  staying?: { origins: string[]; tabs: TabState[] }
}

/**
 * Restores a session into an open context, whatever tool drives it.
 *
 * Cookies, localStorage, IndexedDB and private files are in place when it returns. sessionStorage belongs to a tab: it was
 * tried out, and waits for the next tab that visits its origin; with `openTabs` each captured tab gets a page of its own, at
 * the address where it was. What could not be set stands in the report.
 *
 * @throws `bad-target` when the context is closed meanwhile; `aborted` when called off or too slow; `usage` for a tab that the
 *   snapshot does not have
 */
export async function restoreInto(
  { context, jar }: DrivenTarget,
  snapshot: Snapshot,
  options: RestoreWork = {},
): Promise<RestoreReport> {
  const { kinds = allKinds, existing = "replace", staying = { origins: [], tabs: [] } } = options
  const replace = existing !== "keep"
  const toOpen = tabsToOpen(snapshot, options.openTabs)
  const next = toOpen.length > 0 ? null : without(tabOf(snapshot, options.tab), staying.origins)
  const tabs = kinds.includes("sessionStorage") ? [...staying.tabs, ...(next === null ? toOpen : [next])] : []
  const visits = visitsOf(snapshot.origins, tabs, kinds)
  const cookies = kinds.includes("cookies") ? snapshot.cookies : undefined
  const { gone, stop } = watchClose(context)
  const step = createSteps("restore session", options, gone)
  const openLane = () => lazyBlankPage(context, step, gone, options.timeoutMs)
  const [blank, second] = [openLane(), openLane()]
  try {
    const [ofCookies, ofStorage] = await Promise.all([
      cookies === undefined ? nothing : restoreCookies({ jar, cookies, sites: snapshot.sites, replace, blank, step }),
      visits.length === 0 ? nothing : fillOrigins([blank, second], visits, existing, step, options.onProgress),
    ])
    if (context.browser()?.browserType().name() === "firefox") countChangedKeys(visits, ofStorage)
    const ofContext = kinds.includes("context") ? await checkContext(context, snapshot, blank, step) : nothing
    await options.onSet?.()
    const page = await blank.getIfOpened()
    const withSession = kinds.includes("sessionStorage")
    const checkIn = (opened: CheckOptions["opened"] = []) =>
      checkLogin(context, snapshot, { ...options, replace, doing: "restore session", gone, withSession, opened })
    // While the blank page holds the context open, and before the next tab is armed, which must not be this one.
    const early = options.check === true && toOpen.length === 0 ? await checkIn() : undefined
    const look = () => step("looking after the last tab", () => jar.read(snapshot.sites))
    const mayForget = page !== null && (await step("looking after the last tab", () => page.mayForget()))
    const before = mayForget && (ofCookies.set.cookies ?? 0) > 0 ? await look() : []
    await Promise.all([blank.close(), second.close()])
    if (before.length > 0 && context.pages().length === 0) {
      // connectOverCDP gives Chromium's default context, and the last tab was ours; one with a profile on disk
      // (launchPersistentContext) forgets session cookies alone.
      if ((await look()).length < before.length) throw new PspError("bad-target", forgotten)
    }
    if (next !== null && withSession) {
      await step("arming sessionStorage", () => seedNextTab(context, next, replace))
    }
    const ofTabs: Gap[] = []
    const opened: { tab: TabState; page: DrivenPage }[] = []
    for (const tab of toOpen) {
      const seeds = withSession ? tab : { ...tab, sessionStorage: [] }
      try {
        const page = await step("opening a tab", () => openTab(context, seeds, replace, options.timeoutMs))
        opened.push({ tab, page })
      } catch (error) {
        if (isPspError(error)) throw error
        ofTabs.push(unopenedGap(tab))
      }
    }
    const check = early ?? (options.check === true ? await checkIn(opened) : undefined)
    const gaps = [...ofCookies.gaps, ...ofStorage.gaps, ...ofContext.gaps, ...ofTabs, ...uncarriedGaps(snapshot, kinds)]
    return {
      ok: gaps.every(({ kind }) => kind === "context") && check?.result !== "logged-out",
      set: { ...ofCookies.set, ...ofStorage.set, ...ofContext.set },
      gaps: tidyGaps(gaps),
      ...(check === undefined ? {} : { check }),
    }
  } finally {
    await Promise.all([blank.close(), second.close()])
    stop()
  }
}

const forgotten =
  "Cannot restore session: the browser forgot it, for no tab was open. Open one in the context, and restore again"

const nothing: Part = { set: {}, gaps: [] }

/** Two pages share the origins: while the browser stores what one has written, the other writes. */
async function fillOrigins(
  lanes: LazyBlankPage[],
  visits: Visit[],
  existing: Existing,
  step: Step,
  onProgress: RestoreOptions["onProgress"],
): Promise<Part> {
  let done = 0
  const parts = visits.map((visit) => ({ visit, part: { set: {}, gaps: [] } }))
  const waiting = parts.values()
  const fill = async (lane: LazyBlankPage) => {
    const page = await lane.get()
    for (const { visit, part } of waiting) {
      await fillOrigin(page, visit, existing, step, part)
      onProgress?.(++done, visits.length)
    }
    // The first one is still asked about the context, and holds it open.
    if (lane !== lanes[0]) await lane.close()
  }
  await Promise.all(lanes.slice(0, visits.length).map(fill))
  return joined(parts.map(({ part }) => part))
}

function joined(parts: Part[]): Part {
  const set: Part["set"] = {}
  for (const part of parts)
    for (const kind of allKinds) if (part.set[kind] !== undefined) set[kind] = (set[kind] ?? 0) + part.set[kind]
  return { set, gaps: parts.flatMap(({ gaps }) => gaps) }
}

async function checkContext(
  context: DrivenContext,
  { context: captured }: Snapshot,
  blank: LazyBlankPage,
  step: Step,
): Promise<Part> {
  if (captured === undefined) return nothing
  const page = await blank.getIfOpened()
  const shown = page === null ? null : await step("reading the browser context", () => page.readContext())
  const browser = context.browser()
  const engine = browser === null ? null : { name: browser.browserType().name(), version: browser.version() }
  const gaps = contextGaps(captured, shown, engine)
  return { set: shown !== null && gaps.length === 0 ? { context: 1 } : {}, gaps }
}

function without(tab: TabState | null, origins: string[]): TabState | null {
  if (tab === null) return null
  return { ...tab, sessionStorage: tab.sessionStorage.filter(({ origin }) => !origins.includes(origin)) }
}

function tabsToOpen(snapshot: Snapshot, wanted: RestoreOptions["openTabs"]): TabState[] {
  if (wanted === undefined) return []
  if (wanted === "all") return snapshot.tabs ?? []
  return wanted.flatMap((id) => tabOf(snapshot, id) ?? [])
}

function unopenedGap({ url }: TabState): Gap {
  const where = /^https?:\/\/[^/?#]*/.exec(url)?.[0] ?? "a tab"
  const why = "the site did not answer at its address"
  return { kind: "origin", where, what: "a tab", why, fix: "open it yourself: its storage waits there", count: 1 }
}

function tabOf({ tabs }: Snapshot, id: string | undefined): TabState | null {
  if (id === undefined) return tabs?.[0] ?? null
  const tab = tabs?.find((other) => other.id === id)
  if (tab !== undefined) return tab
  const known = (tabs ?? []).map((other) => JSON.stringify(other.id)).join(", ")
  throw new PspError(
    "usage",
    `Cannot restore tab ${JSON.stringify(id)}: the session has ${known === "" ? "no tabs" : known}`,
  )
}
