import type { SnapshotDiff } from "../diff.js"
import { PspError } from "../errors.js"
import type { RestoreReport } from "../report.js"
import type { Snapshot } from "../snapshot.js"
import type { CaptureOptions, DiffOptions, RestoreOptions } from "./adapter.js"
import { captureFrom } from "./capture.js"
import { openBidiContext } from "./bidi/context.js"
import { openCdpContext } from "./cdp/context.js"
import { diffFrom } from "./diff.js"
import type { DrivenTarget } from "./driven-context.js"
import { hasMethod } from "./has-method.js"
import { withLentContext } from "./lent-context.js"
import { lendPuppeteerBidi } from "./puppeteer-bidi.js"
import { lendPuppeteerCdp, type PuppeteerBrowser } from "./puppeteer-cdp.js"
import { restoreInto } from "./restore.js"
import { openSession, type OpenOptions, type Session, type SessionVault } from "./session.js"
import { sessionTool } from "./session-tool.js"
import { closedTarget } from "./steps.js"
import { describeMistake } from "./wrong-target.js"

export type { CaptureOptions, DiffOptions, RestoreOptions } from "./adapter.js"
export type { Difference, SnapshotDiff } from "../diff.js"
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

/** A `BrowserContext` of Puppeteer, described by what is used of it; that of `@cloudflare/puppeteer` fits too. */
export interface PuppeteerContext {
  /** None for the default context. */
  readonly id?: string | undefined
  browser(): PuppeteerBrowser
}

/** A context, or a browser: then its default context is meant. */
export type PuppeteerTarget = PuppeteerContext | PuppeteerBrowser

/**
 * Opens a session of the vault for work with Puppeteer, so that what its visits change can be saved back.
 *
 * @throws `not-found` when nothing is there for this identity, and what loading throws
 */
export async function open(
  vault: SessionVault,
  site: string,
  options: OpenOptions = {},
): Promise<Session<PuppeteerTarget>> {
  return openSession(vault, site, options, puppeteerTool)
}

/**
 * Restores a session into a context of Puppeteer: Chromium over CDP, Firefox (and whatever else it drives by WebDriver BiDi)
 * over BiDi.
 *
 * Cookies, localStorage, IndexedDB and private files are in place when it returns. sessionStorage belongs to a tab: it was
 * tried out, and waits for the next tab that visits its origin; with `openTabs` each captured tab gets a page of its own, at
 * the address where it was. What could not be set stands in the report.
 *
 * @throws `bad-target` for something else than a context or browser, or one that is closed meanwhile; `aborted` when called
 *   off or too slow; `usage` for a tab that the snapshot does not have
 */
export async function restore(
  target: PuppeteerTarget,
  snapshot: Snapshot,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  return withTarget(target, "restore session", options, (driven) => restoreInto(driven, snapshot, options))
}

/**
 * Captures the session of a site from a context of Puppeteer. Pages are not disturbed and no request is made.
 *
 * @throws `bad-target` for something else than a context or browser, or one that is closed meanwhile; `aborted` when called
 *   off or too slow; `usage` for a site that is none
 */
export async function capture(target: PuppeteerTarget, options: CaptureOptions): Promise<Snapshot> {
  return withTarget(target, "capture session", options, (driven) => captureFrom(driven, options, "puppeteer"))
}

/**
 * What changed in a context since a snapshot, by kind and name; values are told as short hashes. Nothing did when
 * `(await diff(context, snapshot)).differences` is empty. Pages are not disturbed and no request is made.
 *
 * @throws as `capture` does
 */
export async function diff(
  target: PuppeteerTarget,
  snapshot: Snapshot,
  options: DiffOptions = {},
): Promise<SnapshotDiff> {
  return withTarget(target, "compare session", options, (driven) => diffFrom(driven, snapshot, options, "puppeteer"))
}

/** @internal */
export const puppeteerTool = sessionTool<PuppeteerTarget>("puppeteer", withTarget)

async function withTarget<Result>(
  target: PuppeteerTarget,
  doing: string,
  { timeoutMs }: { timeoutMs?: number },
  work: (driven: DrivenTarget) => Promise<Result>,
): Promise<Result> {
  const context = contextOf(target, doing)
  const browser = context.browser()
  const id = context.id ?? null
  const open = async () =>
    browser.protocol === "webDriverBiDi"
      ? openBidiContext(await lendPuppeteerBidi(browser, doing), id, timeoutMs)
      : openCdpContext(await lendPuppeteerCdp(browser, doing), id, timeoutMs)
  try {
    return await withLentContext(context, open, work)
  } catch (error) {
    throw closedTarget(error, doing)
  }
}

function contextOf(target: unknown, doing: string): PuppeteerContext {
  if (hasMethod(target, "defaultBrowserContext")) return target.defaultBrowserContext() as PuppeteerContext
  // Both tools have a context with browser(): Playwright's is told by what Puppeteer's has not.
  if (hasMethod(target, "browser") && hasMethod(target, "overridePermissions")) {
    return target as unknown as PuppeteerContext
  }
  const got = hasMethod(target, "mainFrame")
    ? "a page (pass page.browserContext())"
    : hasMethod(target, "addCookies") || hasMethod(target, "newContext")
      ? "an object of Playwright"
      : hasMethod(target, "fetch")
        ? "a binding (pass await puppeteer.launch(env.BROWSER))"
        : describeMistake(target, "an object that is neither")
  throw new PspError("bad-target", `Cannot ${doing}: expected a Puppeteer BrowserContext or Browser, got ${got}`)
}
