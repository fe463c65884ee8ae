import { browser, type Browser } from "wxt/browser"
import type { ScriptPublicPath } from "wxt/utils/inject-script"
import { PspError } from "../shared/errors.js"

/**
 * How long one tab may take to answer (ms): a page that is busy or shows a dialog does not answer at all. Well below the 30
 * seconds after which both browsers end a background that makes no call.
 */
const tabTimeout = 10_000

/** One document of a tab. Chrome names documents, so that an answer never comes from the page that took its place. */
export interface FrameTarget {
  tabId: number
  frameId: number
  documentId: string | null
}

export interface FrameAnswer extends FrameTarget {
  answer: unknown
}

/**
 * Runs a page function in a tab and gives what each frame answered, the top one first; frames that the extension may not
 * read are left out by the browser.
 *
 * @throws `aborted` when the page does not answer, the browser's error when the page may not be read
 */
export async function askTab<A extends unknown[]>(
  tab: Browser.tabs.Tab,
  func: (...args: A) => string | Promise<string>,
  args: A,
  { allFrames = false } = {},
): Promise<FrameAnswer[]> {
  const tabId = tab.id ?? -1
  const inject = async (injectImmediately: boolean) => {
    const target = { tabId, allFrames }
    const results = await withTimeout(browser.scripting.executeScript({ target, func, args, injectImmediately }))
    return results.flatMap(({ result, frameId, documentId }) =>
      typeof result === "string"
        ? [{ tabId, frameId, documentId: documentIn({ documentId }), answer: JSON.parse(result) as unknown }]
        : [],
    )
  }
  try {
    return await inject(true)
  } catch (error) {
    if (error instanceof PspError) throw error
    // A document that is being replaced (a viewer, a redirect) refuses at first: ask again when it is there.
    return inject(false)
  }
}

/**
 * Runs a page function in one document; null when the document is gone or gave no text.
 *
 * @throws `aborted` when it does not answer
 */
export async function askFrame<A extends unknown[]>(
  target: FrameTarget,
  func: (...args: A) => string | null | Promise<string | null>,
  args: A,
): Promise<string | null> {
  const work = browser.scripting.executeScript({ target: targetOf(target), func, args, injectImmediately: true })
  const results = await withTimeout(work.catch(() => []))
  const result: unknown = results[0]?.result
  return typeof result === "string" ? result : null
}

/** Loads a script of the extension into one document, beside the page's own; false when the document is gone. */
export async function loadIntoFrame(target: FrameTarget, file: ScriptPublicPath): Promise<boolean> {
  const work = browser.scripting.executeScript({ target: targetOf(target), files: [file], injectImmediately: true })
  const loaded = work.then(
    (results) => results.length > 0,
    () => false,
  )
  return withTimeout(loaded)
}

/** Firefox before 150 does not name documents, whatever Chrome's types say. */
function documentIn({ documentId }: { documentId?: string }): string | null {
  return documentId ?? null
}

function targetOf({ tabId, frameId, documentId }: FrameTarget) {
  return documentId === null ? { tabId, frameIds: [frameId] } : { tabId, documentIds: [documentId] }
}

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new PspError("aborted", "Cannot read page: it did not answer in time")), tabTimeout)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

export function originOf(url: string | undefined): string | null {
  try {
    return url === undefined ? null : new URL(url).origin
  } catch {
    return null
  }
}
