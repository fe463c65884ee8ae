import { PspError } from "../errors.js"
import { kinds as allKinds, type RestoreReport } from "../report.js"
import type { Snapshot, TabState } from "../snapshot.js"
import type { RestoreOptions } from "./adapter.js"
import { lazyBlankPage, type LazyBlankPage } from "./blank-page.js"
import { contextGaps } from "./context-options.js"
import { restoreCookies } from "./playwright-cookies.js"
import { requirePlaywrightContext, watchClose, type PlaywrightContext } from "./playwright-target.js"
import { seedNextTab } from "./session-seed.js"
import { createSteps, type Step } from "./steps.js"
import { countWritten, uncarriedGaps, visitsOf, type Visits } from "./storage-report.js"

export type { CaptureOptions, RestoreOptions } from "./adapter.js"
export { contextOptions, type ContextOptions } from "./context-options.js"
export { capture } from "./playwright-capture.js"
export type { PlaywrightContext } from "./playwright-target.js"

/**
 * Restores a session into an open Playwright context. Make the context with `browser.newContext(contextOptions(snapshot))`,
 * so that the site sees the browser that it knows; everything else can be set at any time.
 *
 * Cookies and localStorage are in place when it returns. sessionStorage belongs to a tab: it was tried out, and waits for the
 * next tab that visits its origin. What could not be set stands in the report.
 *
 * @throws `bad-target` for something else than a context, or one that is closed meanwhile; `aborted` when called off or too
 *   slow; `usage` for a tab that the snapshot does not have
 */
export async function restore(
  context: PlaywrightContext,
  snapshot: Snapshot,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  requirePlaywrightContext(context, "restore session")
  const { kinds = allKinds, existing = "replace" } = options
  const replace = existing === "replace"
  const tab = kinds.includes("sessionStorage") ? tabOf(snapshot, options.tab) : null
  const visits = visitsOf(kinds.includes("localStorage") ? snapshot.origins : undefined, tab)
  const cookies = kinds.includes("cookies") ? snapshot.cookies : undefined
  const { gone, stop } = watchClose(context)
  const step = createSteps("restore session", options, gone)
  const blank = lazyBlankPage(context, step, gone, options.timeoutMs)
  try {
    const [ofCookies, ofStorage] = await Promise.all([
      cookies === undefined
        ? nothing
        : restoreCookies({ context, cookies, sites: snapshot.sites, replace, blank, step }),
      visits.size === 0 ? nothing : fillOrigins(blank, visits, replace, step),
    ])
    const ofContext = kinds.includes("context") ? await checkContext(context, snapshot, blank, step) : nothing
    const wasOpened = (await blank.getIfOpened()) !== null
    await blank.close()
    if (wasOpened && ofCookies.set.cookies !== undefined && ofCookies.set.cookies > 0 && context.pages().length === 0) {
      // Chromium's default context (connectOverCDP) forgets all state when its last tab closes, and that was ours.
      const kept = await step("looking after the last tab", () => context.cookies())
      if (kept.length === 0) throw new PspError("bad-target", forgotten)
    }
    if (tab !== null) await step("arming sessionStorage", () => seedNextTab(context, tab, replace))
    const gaps = [...ofCookies.gaps, ...ofStorage.gaps, ...ofContext.gaps, ...uncarriedGaps(snapshot, kinds)]
    return {
      ok: gaps.every(({ kind }) => kind === "context"),
      set: { ...ofCookies.set, ...ofStorage.set, ...ofContext.set },
      gaps,
    }
  } finally {
    await blank.close()
    stop()
  }
}

const forgotten =
  "Cannot restore session: the browser forgot it, for no tab was open. Open one in the context, and restore again"

type Part = Pick<RestoreReport, "set" | "gaps">

const nothing: Part = { set: {}, gaps: [] }

async function fillOrigins(blank: LazyBlankPage, visits: Visits, replace: boolean, step: Step): Promise<Part> {
  const page = await blank.get()
  const part: Part = { set: {}, gaps: [] }
  for (const [origin, state] of visits) {
    const written = await step(`filling ${origin}`, () => page.write(origin, { ...state, replace }))
    countWritten(origin, state, written, part)
  }
  return part
}

async function checkContext(
  context: PlaywrightContext,
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
