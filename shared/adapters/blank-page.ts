import { PspError } from "../errors.js"
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
  write(
    origin: string,
    state: { local: StorageItem[] | null; session: StorageItem[] | null; replace: boolean },
  ): Promise<Written>
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

export function lazyBlankPage(context: PlaywrightContext, step: Step, timeoutMs = 30_000): LazyBlankPage {
  let opening: Promise<BlankPage> | null = null
  let closing: Promise<void> | null = null
  const get = () =>
    step("opening a blank page", () => {
      if (closing !== null) throw new PspError("aborted", "Cannot open a blank page: the work it was for has ended")
      return (opening ??= openBlankPage(context, timeoutMs))
    })
  const close = async () => {
    const page = await opening?.catch(() => null)
    // A page that is gone already, with its context or by the user's hand, is as good as closed.
    await page?.close().catch(() => undefined)
  }
  return {
    get,
    getIfOpened: async () => (opening === null ? null : get()),
    close: () => (closing ??= close()),
  }
}

/** For each area: places of the items that did not stay, or the error that kept all of them out. */
export interface Written {
  isBlank: boolean
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
    const visit = (origin: string) => page.goto(origin, { waitUntil: "commit", timeout: timeoutMs })
    return {
      cdp,
      write: async (origin, state) => {
        await visit(origin)
        const answer = await page.evaluate(pageExpression(writeStorage, { mark, ...state }))
        const { origin: reached, ...written } = JSON.parse(String(answer)) as Written & { origin: string }
        return { ...written, isBlank: written.isBlank && reached === origin }
      },
      readLocalStorage: async (origin) => {
        await visit(origin)
        const isBlank = await page.evaluate(
          `document.documentElement.getAttribute("data-psp") === ${JSON.stringify(mark)}`,
        )
        if (isBlank !== true) return null
        const answer = await page.evaluate(pageExpression(readStorage, { local: true, session: false }))
        return (JSON.parse(String(answer)) as { local: StorageItem[] | null }).local
      },
      readContext: async () =>
        JSON.parse(String(await page.evaluate(pageExpression(readContext, undefined)))) as BrowserContextState,
      close: () => page.close(),
    }
  } catch (error) {
    await page.close().catch(() => undefined)
    throw error
  }
}

async function openBypassingCdp(context: PlaywrightContext, page: PlaywrightPage): Promise<CdpSession | null> {
  const cdp = await openCdp(context, page)
  await cdp?.send("Network.setBypassServiceWorker", { bypass: true })
  return cdp
}

async function answerItself(page: PlaywrightPage, mark: string): Promise<void> {
  // The icon keeps the browser from asking for /favicon.ico.
  const body = `<!doctype html><html data-psp="${mark}"><link rel="icon" href="data:,"><title></title></html>`
  await page.route("**/*", (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body }))
}
