import type { SnapshotDiff } from "../diff.js"
import { PspError } from "../errors.js"
import type { RestoreReport } from "../report.js"
import type { Snapshot } from "../snapshot.js"
import type { CaptureOptions, DiffOptions, RestoreOptions } from "./adapter.js"
import { captureFrom } from "./capture.js"
import { diffFrom } from "./diff.js"
import { hasMethod } from "./has-method.js"
import { publicJar, type PlaywrightContext } from "./playwright-jar.js"
import { refreshIn, type RefreshOptions } from "./refresh.js"
import { restoreInto } from "./restore.js"
import { openSession, type OpenOptions, type Session, type SessionVault } from "./session.js"
import { sessionTool } from "./session-tool.js"
import { describeMistake } from "./wrong-target.js"

export type { CaptureOptions, DiffOptions, RestoreOptions } from "./adapter.js"
export type { RefreshOptions } from "./refresh.js"
export type {
  Autosave,
  AutosaveOptions,
  OpenOptions,
  RefusedChange,
  SavedChange,
  SaveOptions,
  SaveReport,
  Session,
  SessionVault,
} from "./session.js"
export type { Difference, SnapshotDiff } from "../diff.js"
export type { PlaywrightContext } from "./playwright-jar.js"
export { contextOptions, type ContextOptions } from "./context-options.js"

/**
 * Opens a session of the vault for work with Playwright contexts, so that what its visits change can be saved back.
 *
 * @throws `not-found` when nothing is there for this identity, and what loading throws
 */
export async function open(
  vault: SessionVault,
  site: string,
  options: OpenOptions = {},
): Promise<Session<PlaywrightContext>> {
  return openSession(vault, site, options, playwrightTool)
}

/**
 * Restores a session into an open Playwright context. Make the context with `browser.newContext(contextOptions(snapshot))`,
 * so that the site sees the browser that it knows; everything else can be set at any time.
 *
 * Cookies, localStorage, IndexedDB and private files are in place when it returns. sessionStorage belongs to a tab: it was
 * tried out, and waits for the next tab that visits its origin; with `openTabs` each captured tab gets a page of its own, at
 * the address where it was. What could not be set stands in the report.
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
  return restoreInto({ context, jar: publicJar(context) }, snapshot, options)
}

/**
 * Brings a context that is in use to a newer state of its session, beneath its open pages: they stay where they are, and what
 * they ask for next is asked with the new cookies. Of localStorage only what differs is written; a database of the same shape
 * gets its records beside the connections that pages hold, another one is named in the report, within its limit, while a
 * page holds it. sessionStorage of open pages stays as it is, and is named where it is another one: `reload` gives it to them.
 *
 * @throws as `restore` does
 */
export async function refresh(
  context: PlaywrightContext,
  snapshot: Snapshot,
  options: RefreshOptions = {},
): Promise<RestoreReport> {
  requirePlaywrightContext(context, "refresh session")
  return refreshIn(context, publicJar(context), snapshot, options)
}

/**
 * Captures the session of a site from an open Playwright context. The order of its pages is the order of the tabs. Pages are
 * not disturbed and no request is made.
 *
 * @throws `bad-target` for something else than a context, or one that is closed meanwhile; `aborted` when called off or too
 *   slow; `usage` for a site that is none
 */
export async function capture(context: PlaywrightContext, options: CaptureOptions): Promise<Snapshot> {
  requirePlaywrightContext(context, "capture session")
  return captureFrom({ context, jar: publicJar(context) }, options, "playwright")
}

/**
 * What changed in an open context since a snapshot, by kind and name; values are told as short hashes. Nothing did when
 * `(await diff(context, snapshot)).differences` is empty. Pages are not disturbed and no request is made.
 *
 * @throws as `capture` does
 */
export async function diff(
  context: PlaywrightContext,
  snapshot: Snapshot,
  options: DiffOptions = {},
): Promise<SnapshotDiff> {
  requirePlaywrightContext(context, "compare session")
  return diffFrom({ context, jar: publicJar(context) }, snapshot, options, "playwright")
}

/** @internal */
export const playwrightTool = sessionTool<PlaywrightContext>(
  "playwright",
  async (context, doing, _, work) => {
    requirePlaywrightContext(context, doing)
    return work({ context, jar: publicJar(context) })
  },
  (context, listener) => {
    context.on("close", listener)
    return () => void context.off("close", listener)
  },
)

/** @throws `bad-target` when it is something else, saying what it looks like */
function requirePlaywrightContext(target: unknown, doing: string): asserts target is PlaywrightContext {
  const needed = ["addCookies", "cookies", "addInitScript", "newPage", "pages", "newCDPSession", "browser", "on", "off"]
  if (needed.every((name) => hasMethod(target, name))) return
  const got = hasMethod(target, "mainFrame")
    ? "a page (pass page.context())"
    : hasMethod(target, "newContext")
      ? "a browser (pass await browser.newContext())"
      : hasMethod(target, "browserContexts") || hasMethod(target, "createCDPSession")
        ? "an object of Puppeteer"
        : describeMistake(target, `an object without ${needed.find((name) => !hasMethod(target, name)) ?? ""}()`)
  throw new PspError("bad-target", `Cannot ${doing}: expected a Playwright BrowserContext, got ${got}`)
}
