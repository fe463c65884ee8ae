import type { SnapshotDiff } from "../diff.js"
import { isPspError, PspError } from "../errors.js"
import type { RestoreReport } from "../report.js"
import type { Snapshot } from "../snapshot.js"
import type { CaptureOptions, DiffOptions, RestoreOptions } from "./adapter.js"
import { hasMethod } from "./has-method.js"
import * as playwright from "./playwright.js"
import * as puppeteer from "./puppeteer.js"
import { openSession, type OpenOptions, type Session, type SessionVault } from "./session.js"
import type { SessionTool } from "./session-tool.js"
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

/** What is connected to the remote browser: a browser or context of Puppeteer, or a context of Playwright. */
export type RemoteTarget = puppeteer.PuppeteerTarget | playwright.PlaywrightContext

/**
 * Opens a session of the vault for work with remote browsers, so that what its visits change can be saved back.
 *
 * @throws `not-found` when nothing is there for this identity, and what loading throws
 */
export async function open(
  vault: SessionVault,
  site: string,
  options: OpenOptions = {},
): Promise<Session<RemoteTarget>> {
  return openSession(vault, site, options, tool)
}

/**
 * Restores a session into a remote browser (Browserless, or any other that Puppeteer or Playwright is connected to), over the
 * connection that the tool has. What it promises is what the adapters of these tools promise.
 *
 * @throws `bad-target` for something else, or when the remote drops; `aborted` when called off or too slow; `usage` for a tab
 *   that the snapshot does not have
 */
export async function restore(
  target: RemoteTarget,
  snapshot: Snapshot,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  return isPlaywright(target, "restore session")
    ? playwright.restore(target, snapshot, options)
    : puppeteer.restore(target, snapshot, options)
}

/** Captures the session of a site from a remote browser. @throws as the adapters of the tools do */
export async function capture(target: RemoteTarget, options: CaptureOptions): Promise<Snapshot> {
  return isPlaywright(target, "capture session")
    ? playwright.capture(target, options)
    : puppeteer.capture(target, options)
}

/** What changed in a remote browser since a snapshot, by kind and name. @throws as the adapters of the tools do */
export async function diff(target: RemoteTarget, snapshot: Snapshot, options: DiffOptions = {}): Promise<SnapshotDiff> {
  return isPlaywright(target, "compare session")
    ? playwright.diff(target, snapshot, options)
    : puppeteer.diff(target, snapshot, options)
}

export interface ConnectOptions extends RestoreOptions {
  /** How often to connect at most; 4 unless told. */
  tries?: number
}

/**
 * Connects to a remote browser and restores into it. A service that is busy or drops the line gets another try, in a new
 * browser, after a wait that grows from half a second; whoever refuses the token is asked only once.
 *
 * @param connect such as `() => puppeteer.connect({ browserWSEndpoint })`; its errors may hold the address with the token, and
 *   are never repeated
 * @throws `bad-target` when no connection lasted; else as `restore`
 */
export async function connectAndRestore<Target extends RemoteTarget>(
  connect: () => Promise<Target>,
  snapshot: Snapshot,
  { tries = 4, ...options }: ConnectOptions = {},
): Promise<{ target: Target; report: RestoreReport }> {
  for (let attempt = 1; ; attempt++) {
    const target = await connect().catch((error: unknown) => {
      if (attempt >= tries || isRefusal(error)) throw unreachable(attempt, isRefusal(error))
      return null
    })
    try {
      if (target !== null) return { target, report: await restore(target, snapshot, options) }
    } catch (error) {
      if (attempt >= tries || !isPspError(error, "bad-target") || !isDropped(error)) throw error
    }
    await pause(250 * 2 ** attempt * (0.5 + Math.random() / 2), options.signal)
  }
}

const tool: SessionTool<RemoteTarget> = {
  name: "browserless",
  restore: (target, snapshot, options, onSet) =>
    isPlaywright(target, "restore session")
      ? playwright.playwrightTool.restore(target, snapshot, options, onSet)
      : puppeteer.puppeteerTool.restore(target, snapshot, options, onSet),
  capture: (target, options) =>
    isPlaywright(target, "save session")
      ? playwright.playwrightTool.capture(target, options)
      : puppeteer.puppeteerTool.capture(target, options),
  look: (target, snapshot, options) =>
    isPlaywright(target, "save session")
      ? playwright.playwrightTool.look(target, snapshot, options)
      : puppeteer.puppeteerTool.look(target, snapshot, options),
  onClose: (target, listener) =>
    isPlaywright(target, "save session")
      ? playwright.playwrightTool.onClose(target, listener)
      : puppeteer.puppeteerTool.onClose(target, listener),
}

/** Whose adapter takes it, or says what else to pass of its tool. @throws `bad-target` for what is of neither tool */
function isPlaywright(target: unknown, doing: string): target is playwright.PlaywrightContext {
  const ofPlaywright = ["addCookies", "newContext", "context"]
  const ofPuppeteer = ["defaultBrowserContext", "browser", "browserContext"]
  if (ofPlaywright.some((name) => hasMethod(target, name))) return true
  if (ofPuppeteer.some((name) => hasMethod(target, name))) return false
  const expected = "a browser or context of Puppeteer, or a context of Playwright"
  const got = describeMistake(target, "an object that is none")
  throw new PspError("bad-target", `Cannot ${doing}: expected ${expected}, got ${got}`)
}

/** 401 and 403 stand in the message only, whatever the tool. */
function isRefusal(error: unknown): boolean {
  // Puppeteer hands on the ErrorEvent of its websocket, which is no Error.
  const { message } = (typeof error === "object" && error !== null ? error : {}) as { message?: unknown }
  return typeof message === "string" && /\b40[13]\b|unauthori[sz]ed|forbidden/i.test(message)
}

/** A target that is something else stays so; one that was closed has a cause, or says so. */
function isDropped(error: PspError): boolean {
  return error.message.includes("closed")
}

function unreachable(attempts: number, isRefused: boolean): PspError {
  const why = isRefused ? "it refused the token" : `no connection in ${attempts} ${attempts === 1 ? "try" : "tries"}`
  return new PspError("bad-target", `Cannot reach the remote browser: ${why}`)
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(new PspError("aborted", "Cannot reach the remote browser: called off between two tries"))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort)
      resolve()
    }, ms)
    if (signal?.aborted === true) onAbort()
    else signal?.addEventListener("abort", onAbort, { once: true })
  })
}
