import { PspError } from "../errors.js"
import { isBlankAt } from "../page/is-blank-at.js"
import { readContext } from "../page/read-context.js"
import { readStorage } from "../page/read-storage.js"
import { writeStorage } from "../page/write-storage.js"
import type { BrowserContextState, StorageItem } from "../snapshot.js"
import { pageExpression } from "./page-expression.js"
import { openCdp, type CdpSession, type PlaywrightContext, type PlaywrightPage } from "./playwright-target.js"
import { hideFromSeeds } from "./session-seed.js"
import type { Step } from "./steps.js"

/** A page of ours that can be at any origin without the site hearing of it. */
export interface BlankPage {
  /** Null where the browser is not Chromium. */
  cdp: CdpSession | null
  /** Null when something else than the blank page answered at the origin: nothing was written then. */
  write(
    origin: string,
    state: { local: StorageItem[] | null; session: StorageItem[] | null; replace: boolean },
  ): Promise<Written | null>
  /** Null when something else answered, or the browser refused it. */
  readLocalStorage(origin: string): Promise<StorageItem[] | null>
  readContext(): Promise<BrowserContextState>
  close(): Promise<void>
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
  context: PlaywrightContext,
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
    if (gone.aborted) return
    const closed = new Promise<void>((resolve) => gone.addEventListener("abort", () => resolve(), { once: true }))
    // A page that is gone already, with its context or by the user's hand, is as good as closed.
    await Promise.race([closed, opening?.then((page) => page.close()).catch(() => undefined)])
  }
  return {
    get,
    getIfOpened: async () => (opening === null ? null : get()),
    close: () => (closing ??= close()),
  }
}

/** For each area: places of the items that did not stay, or the error that kept all of them out. */
export interface Written {
  local: number[] | string | null
  session: number[] | string | null
}

/**
 * Opens it. Every request it makes is answered here, before the user's own routes are asked; on Chromium its navigations
 * also pass by any service worker, which would answer before interception. Elsewhere a foreign answer is noticed by the
 * mark that is missing.
 */
async function openBlankPage(context: PlaywrightContext, timeoutMs: number): Promise<BlankPage> {
  const mark = crypto.randomUUID()
  const page = await context.newPage()
  hideFromSeeds(page)
  try {
    const [cdp] = await Promise.all([openBypassingCdp(context, page), answerItself(page, mark)])
    const evaluate = cdp === null ? async (expression: string) => page.evaluate(expression) : evaluateBy(cdp)
    const visit = async (origin: string) => {
      // Of the two ways the one without Playwright's waiting takes half the time.
      await cdp?.send("Page.navigate", { url: origin })
      const isAt = pageExpression(isBlankAt, { mark, origin })
      if (cdp !== null && (await evaluate(isAt)) === true) return true
      await page.goto(origin, { waitUntil: "commit", timeout: timeoutMs })
      return (await evaluate(isAt)) === true
    }
    return {
      cdp,
      write: async (origin, state) => {
        if (!(await visit(origin))) return null
        return JSON.parse(String(await evaluate(pageExpression(writeStorage, state)))) as Written
      },
      readLocalStorage: async (origin) => {
        if (!(await visit(origin))) return null
        const answer = await evaluate(pageExpression(readStorage, { local: true, session: false }))
        return (JSON.parse(String(answer)) as { local: StorageItem[] | null }).local
      },
      readContext: async () =>
        JSON.parse(String(await evaluate(pageExpression(readContext, undefined)))) as BrowserContextState,
      close: () => page.close(),
    }
  } catch (error) {
    await page.close().catch(() => undefined)
    throw error
  }
}

function evaluateBy(cdp: CdpSession): (expression: string) => Promise<unknown> {
  return async (expression) => {
    const options = { expression, awaitPromise: true, returnByValue: true }
    const { result } = (await cdp.send("Runtime.evaluate", options)) as { result: { value?: unknown } }
    return result.value
  }
}

async function openBypassingCdp(context: PlaywrightContext, page: PlaywrightPage): Promise<CdpSession | null> {
  const cdp = await openCdp(context, page)
  // The bypass counts only while the session has the domain enabled (Chromium 156).
  await Promise.all([cdp?.send("Network.enable"), cdp?.send("Network.setBypassServiceWorker", { bypass: true })])
  return cdp
}

async function answerItself(page: PlaywrightPage, mark: string): Promise<void> {
  // The icon keeps the browser from asking for /favicon.ico.
  const body = `<!doctype html><html data-psp="${mark}"><link rel="icon" href="data:,"><title></title></html>`
  await page.route("**/*", (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body }))
}
