import { PspError } from "../errors.js"
import { embedBlank } from "../page/embed-blank.js"
import { isBlankAt } from "../page/is-blank-at.js"
import { readContext } from "../page/read-context.js"
import { schemefulSiteOf } from "../partition.js"
import type { BrowserContextState, Partition } from "../snapshot.js"
import { pageExpression } from "./page-expression.js"
import { openCdp, type CdpSession, type DrivenContext, type DrivenFrame, type DrivenPage } from "./driven-context.js"
import { hideFromSeeds } from "./session-seed.js"
import { tidied, type Step } from "./steps.js"

/** A page of ours that can be at any origin without the site hearing of it. */
export interface BlankPage {
  /** Null where the browser is not Chromium. */
  cdp: CdpSession | null
  /** Null when something else than the blank page answered there. */
  visit(origin: string, partition: Partition | null): Promise<BlankPlace | null>
  /**
   * Whether this browser keeps the storage of frames apart, below their top-level site. One that does not (Playwright starts
   * Chromium with `--disable-features=ThirdPartyStoragePartitioning`) would put it into the first party's.
   */
  keepsApart(): Promise<boolean>
  readContext(): Promise<BrowserContextState>
  /** False where the context is known to live on without a tab. */
  mayForget(): Promise<boolean>
  close(): Promise<void>
}

/** A blank document at an origin, until the next visit. */
export interface BlankPlace {
  evaluate(expression: string): Promise<unknown>
  /**
   * Calls a function, given as source text, with a string. A long string travels best this way: within an expression it is
   * escaped once more, parsed as JavaScript, and kept by the engine together with the source text.
   */
  call(fn: string, text: string): Promise<unknown>
}

/** A blank page that is opened when somebody needs it, once. */
export interface LazyBlankPage {
  get(): Promise<BlankPage>
  /** Null when nobody needed it. */
  getIfOpened(): Promise<BlankPage | null>
  /** Also when it was still opening. */
  close(): Promise<void>
}

/** @param gone tells that the context was closed: there is nothing left to close then, and an opening page never opens */
export function lazyBlankPage(
  context: DrivenContext,
  step: Step,
  gone: AbortSignal,
  timeoutMs = 30_000,
): LazyBlankPage {
  let opening: Promise<BlankPage> | null = null
  let closing: Promise<void> | null = null
  const get = () =>
    step("opening a blank page", () => {
      if (closing !== null) throw new PspError("aborted", "Cannot open a blank page: the work it was for has ended")
      return (opening ??= openBlankPage(context, timeoutMs))
    })
  const close = async () => {
    if (opening !== null)
      await tidied(
        opening.then((page) => page.close()),
        gone,
      )
  }
  return {
    get,
    getIfOpened: async () => (opening === null ? null : get()),
    close: () => (closing ??= close()),
  }
}

/**
 * Opens it. Every request it makes is answered here, before the user's own routes are asked; on Chromium its navigations
 * also pass by any service worker, which would answer before interception. Elsewhere a foreign answer is noticed by the
 * mark that is missing.
 */
async function openBlankPage(context: DrivenContext, timeoutMs: number): Promise<BlankPage> {
  const mark = crypto.randomUUID()
  const page = await context.newPage()
  hideFromSeeds(page)
  try {
    const [cdp] = await Promise.all([openBypassingCdp(context, page), answerItself(page, mark)])
    const evaluate = cdp === null ? async (expression: string) => page.evaluate(expression) : evaluateBy(cdp)
    const tidy = cdp === null ? undefined : createTidying(cdp)
    const visit = async (url: string) => {
      const { origin } = new URL(url)
      const isAt = pageExpression(isBlankAt, { mark, origin })
      // Of the two ways the one without Playwright's waiting takes half the time.
      await cdp?.send("Page.navigate", { url })
      if (cdp !== null && (await evaluate(isAt)) === true) return true
      await page.goto(url, { waitUntil: "commit", timeout: timeoutMs })
      return (await evaluate(isAt)) === true
    }
    const embed = async (above: DrivenFrame, url: string) => {
      await above.evaluate(pageExpression(embedBlank, { url }))
      const { origin } = new URL(url)
      const found = page.frames().find((frame) => frame.parentFrame() === above && originOf(frame.url()) === origin)
      const isBlank = (await found?.evaluate(pageExpression(isBlankAt, { mark, origin }))) === true
      return found !== undefined && isBlank ? found : null
    }
    const visitBelow = async (origin: string, partition: Partition | null): Promise<BlankPlace | null> => {
      if (partition === null) return (await visit(origin)) ? placeOf(evaluate, cdp, tidy) : null
      if (!/^https?:/.test(partition.topLevelSite) || !(await visit(partition.topLevelSite))) return null
      // Below its own site only a frame of another one in between makes it a partition.
      const isOwn = schemefulSiteOf(origin) === partition.topLevelSite
      const between = isOwn ? await embed(page.mainFrame(), otherSite) : page.mainFrame()
      const frame = between === null ? null : await embed(between, origin)
      return frame === null ? null : placeOf((expression) => frame.evaluate(expression), null)
    }
    const tryApart = async () => {
      const first = await visitBelow(otherSite, null)
      await first?.evaluate(`localStorage.setItem("${mark}", "")`)
      const below = await visitBelow(otherSite, { topLevelSite: anotherSite, hasCrossSiteAncestor: true })
      // A frame that may not look at all answers nothing here, and says why when it is filled.
      const isSeen = await below?.evaluate(`try { localStorage.getItem("${mark}") !== null } catch { false }`)
      await (await visitBelow(otherSite, null))?.evaluate(`localStorage.removeItem("${mark}")`)
      return isSeen !== true
    }
    let apart: Promise<boolean> | null = null
    // Asked early and answered meanwhile; a browser that does not say may forget.
    const livesOn = cdp === null ? false : livesWithoutTab(context, cdp).catch(() => false)
    return {
      cdp,
      visit: visitBelow,
      keepsApart: () => (apart ??= tryApart()),
      readContext: async () =>
        JSON.parse(String(await evaluate(pageExpression(readContext, undefined)))) as BrowserContextState,
      mayForget: async () => !(await livesOn),
      close: () => page.close(),
    }
  } catch (error) {
    await page.close().catch(() => undefined)
    throw error
  }
}

/** Sites that nobody has (RFC 2606 §2); the blank page answers there as everywhere. */
const otherSite = "https://psp.invalid"
const anotherSite = "https://psp-top.invalid"

function evaluateBy(cdp: CdpSession): (expression: string) => Promise<unknown> {
  return async (expression) => {
    const options = { expression, awaitPromise: true, returnByValue: true }
    const { result } = (await cdp.send("Runtime.evaluate", options)) as { result: { value?: unknown } }
    return result.value
  }
}

/**
 * Makes a page let go of what it was given, which by itself it does at some hundred megabytes; to be called with the length
 * of each text before it goes. Less than that is not worth the time.
 */
function createTidying(cdp: CdpSession): (length: number) => Promise<void> {
  const [enough, step] = [10 * 1024 * 1024, 4 * 1024 * 1024]
  let [given, kept] = [0, 0]
  return async (length) => {
    given += length
    kept += length
    if (given < enough || kept < step) return
    kept = 0
    await cdp.send("HeapProfiler.collectGarbage")
  }
}

/** The document that is there now; when another one takes its place, `call` fails and reaches nobody. */
function placeOf(
  evaluate: BlankPlace["evaluate"],
  cdp: CdpSession | null,
  tidy: (length: number) => Promise<void> = () => Promise.resolve(),
): BlankPlace {
  if (cdp === null) return { evaluate, call: (fn, text) => evaluate(`(${fn})(${JSON.stringify(text)})`) }
  let globals: Promise<unknown> | null = null
  const call: BlankPlace["call"] = async (fn, text) => {
    await tidy(text.length)
    globals ??= cdp.send("Runtime.evaluate", { expression: "globalThis" })
    const { objectId } = ((await globals) as { result: { objectId?: string } }).result
    const options = { functionDeclaration: fn, arguments: [{ value: text }], awaitPromise: true, returnByValue: true }
    const { result } = (await cdp.send("Runtime.callFunctionOn", { objectId, ...options })) as {
      result: { value?: unknown }
    }
    return result.value
  }
  return { evaluate, call }
}

async function openBypassingCdp(context: DrivenContext, page: DrivenPage): Promise<CdpSession | null> {
  const cdp = await openCdp(context, page)
  // The bypass counts only while the session has the domain enabled (Chromium 156).
  await Promise.all([cdp?.send("Network.enable"), cdp?.send("Network.setBypassServiceWorker", { bypass: true })])
  return cdp
}

/** True for a context that the tool made: Chromium does not list its default one, which forgets all with its last tab. */
async function livesWithoutTab(context: DrivenContext, cdp: CdpSession): Promise<boolean> {
  const browser = await context.browser()?.newBrowserCDPSession?.()
  if (browser === undefined) return false
  try {
    const [info, contexts] = await Promise.all([
      cdp.send("Target.getTargetInfo") as Promise<{ targetInfo: { browserContextId?: string } }>,
      browser.send("Target.getBrowserContexts") as Promise<{ browserContextIds: string[] }>,
    ])
    const id = info.targetInfo.browserContextId
    return id !== undefined && contexts.browserContextIds.includes(id)
  } finally {
    await browser.detach()
  }
}

async function answerItself(page: DrivenPage, mark: string): Promise<void> {
  // The icon keeps the browser from asking for /favicon.ico.
  const body = `<!doctype html><html data-psp="${mark}"><link rel="icon" href="data:,"><title></title></html>`
  await page.route("**/*", (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body }))
}

function originOf(url: string): string | null {
  try {
    return new URL(url).origin
  } catch {
    return null
  }
}
