import type { SnapshotDiff } from "../diff.js"
import { PspError } from "../errors.js"
import type { RestoreReport } from "../report.js"
import type { Snapshot } from "../snapshot.js"
import type { CaptureOptions, DiffOptions, RestoreOptions } from "./adapter.js"
import { captureFrom } from "./capture.js"
import { connectBidiAddress } from "./bidi/address.js"
import { openBidiContext } from "./bidi/context.js"
import { connectCdpAddress } from "./cdp/address.js"
import { openCdpContext } from "./cdp/context.js"
import { diffFrom } from "./diff.js"
import type { DrivenTarget } from "./driven-context.js"
import { hasMethod } from "./has-method.js"
import { withLentContext } from "./lent-context.js"
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

/** A `WebDriver` of `selenium-webdriver` 4, described by what is used of it. */
export interface SeleniumDriver {
  getCapabilities(): Promise<{ get(name: string): unknown }>
  getWindowHandle(): Promise<string>
}

/**
 * Opens a session of the vault for work with drivers, so that what its visits change can be saved back.
 *
 * @throws `not-found` when nothing is there for this identity, and what loading throws
 */
export async function open(
  vault: SessionVault,
  site: string,
  options: OpenOptions = {},
): Promise<Session<SeleniumDriver>> {
  return openSession(vault, site, options, tool)
}

/**
 * Restores a session into the browser of a driver. Chromium and its kin are reached over CDP, beside the driver, so that what
 * WebDriver cannot set (HttpOnly and partitioned cookies of sites that are not open, storage) is in place before the first
 * `driver.get`. Others are reached over WebDriver BiDi, by a second connection to the driver's own session, when the driver was
 * built with the capability `webSocketUrl: true`. That way is unverified with geckodriver; the same code restores over a raw
 * connection to Firefox.
 *
 * Cookies, localStorage, IndexedDB and private files are in place when it returns. sessionStorage belongs to a tab: it was
 * tried out, and waits for the next visit to its origin. What could not be set stands in the report.
 *
 * @throws `bad-target` for something else than a driver, one whose browser cannot be reached, or is closed meanwhile;
 *   `aborted` when called off or too slow; `usage` for a tab that the snapshot does not have
 */
export async function restore(
  driver: SeleniumDriver,
  snapshot: Snapshot,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  return withDriver(driver, "restore session", options, (target) => restoreInto(target, snapshot, options))
}

/**
 * Captures the session of a site from the browser of a driver. Its pages are not disturbed and no request is made.
 *
 * @throws `bad-target` for something else than a driver, one whose browser cannot be reached, or is closed meanwhile;
 *   `aborted` when called off or too slow; `usage` for a site that is none
 */
export async function capture(driver: SeleniumDriver, options: CaptureOptions): Promise<Snapshot> {
  return withDriver(driver, "capture session", options, (target) => captureFrom(target, options, "selenium"))
}

/**
 * What changed in the browser of a driver since a snapshot, by kind and name; values are told as short hashes. Nothing did when
 * `(await diff(driver, snapshot)).differences` is empty. Pages are not disturbed and no request is made.
 *
 * @throws as `capture` does
 */
export async function diff(
  driver: SeleniumDriver,
  snapshot: Snapshot,
  options: DiffOptions = {},
): Promise<SnapshotDiff> {
  return withDriver(driver, "compare session", options, (target) => diffFrom(target, snapshot, options, "selenium"))
}

const tool = sessionTool<SeleniumDriver>("selenium", withDriver)

async function withDriver<Result>(
  driver: unknown,
  doing: string,
  options: { signal?: AbortSignal; timeoutMs?: number },
  work: (target: DrivenTarget) => Promise<Result>,
): Promise<Result> {
  requireDriver(driver, doing)
  const open = async () => {
    const { protocol, address } = await addressOf(driver, doing)
    return protocol === "cdp"
      ? openCdpContext(await connectCdpAddress(address, options), null, options.timeoutMs)
      : openBidiContext(await connectBidiAddress(address, options), null, options.timeoutMs)
  }
  try {
    return await withLentContext(driver, open, work)
  } catch (error) {
    throw closedTarget(error, doing)
  }
}

/** Where the driver's browser listens: beside a local chromedriver, or through a Selenium Grid. */
async function addressOf(
  driver: SeleniumDriver,
  doing: string,
): Promise<{ protocol: "cdp" | "bidi"; address: string }> {
  const capabilities = await driver.getCapabilities().catch((cause: unknown) => {
    throw new PspError("bad-target", `Cannot ${doing}: the driver has quit, or has no browser`, { cause })
  })
  const tell = (name: string) => (hasMethod(capabilities, "get") ? capabilities.get(name) : undefined)
  const throughGrid = tell("se:cdp")
  if (isAddress(throughGrid)) return { protocol: "cdp", address: throughGrid }
  for (const name of ["goog:chromeOptions", "ms:edgeOptions"]) {
    const found = tell(name) as { debuggerAddress?: unknown } | null | undefined
    if (isAddress(found?.debuggerAddress)) return { protocol: "cdp", address: found.debuggerAddress }
  }
  const bidi = tell("webSocketUrl")
  if (isAddress(bidi)) return { protocol: "bidi", address: bidi }
  const browser = tell("browserName")
  const got = typeof browser === "string" ? browser : "something else"
  throw new PspError(
    "bad-target",
    `Cannot ${doing}: expected a browser that speaks CDP (Chrome, Edge), or a driver built with the capability webSocketUrl (Firefox), got ${got}`,
  )
}

/** A driver that does not know where its browser listens may say "". */
function isAddress(told: unknown): told is string {
  return typeof told === "string" && told !== ""
}

function requireDriver(driver: unknown, doing: string): asserts driver is SeleniumDriver {
  if (hasMethod(driver, "getCapabilities") && hasMethod(driver, "getWindowHandle")) return
  const got = hasMethod(driver, "newPage")
    ? "an object of Playwright or Puppeteer"
    : hasMethod(driver, "forBrowser")
      ? "a Builder (pass await builder.build())"
      : describeMistake(driver, "an object that is none")
  throw new PspError("bad-target", `Cannot ${doing}: expected a WebDriver of selenium-webdriver, got ${got}`)
}
