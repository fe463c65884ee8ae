import { browser, type Browser } from "wxt/browser"
import type { ScriptPublicPath } from "wxt/utils/inject-script"
import { PspError } from "../shared/errors.js"

/**
 * How long one tab may take to answer (ms): a page that is busy or shows a dialog does not answer at all. Well below the 30
 * seconds after which both browsers end a background that makes no call.
 */
const tabTimeout = 10_000

/** One document of a tab, by its own name, so that an answer never comes from the page that took its place. */
export interface FrameTarget {
  tabId: number
  documentId: string
}

export interface FrameAnswer extends FrameTarget {
  answer: unknown
}

/**
 * Runs a page function in a tab and gives what each frame answered, the top one first; frames that the extension may not
 * read are left out by the browser.
 *
 * @throws `aborted` when the page does not answer or the work is called off, the browser's error when the page may not be read
 */
export async function askTab<A extends unknown[]>(
  tab: Browser.tabs.Tab,
  func: (...args: A) => string | Promise<string>,
  args: A,
  { allFrames = false, signal }: { allFrames?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<FrameAnswer[]> {
  const tabId = tab.id ?? -1
  const inject = async (injectImmediately: boolean) => {
    const target = { tabId, allFrames }
    const results = await withTimeout(
      browser.scripting.executeScript({ target, func, args, injectImmediately }),
      signal,
    )
    return results.flatMap(({ result, documentId }) =>
      typeof result === "string" ? [{ tabId, documentId, answer: JSON.parse(result) as unknown }] : [],
    )
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await inject(attempt === 1)
    } catch (error) {
      if (error instanceof PspError || attempt === attempts) throw error
      // A document that is being replaced (a viewer, a redirect) refuses at first: ask again when it is there. Chromium also
      // refuses now and then right after the person allowed the site.
      if (attempt > 1) await new Promise((resolve) => setTimeout(resolve, betweenAttempts))
    }
  }
}

/** How often a page that refuses is asked, and how long (ms) it is left alone before it is asked again. */
const attempts = 5
const betweenAttempts = 200

/**
 * Runs a page function in one document; null when the document is gone or gave no text.
 *
 * @throws `aborted` when it does not answer or the work is called off
 */
export async function askFrame<A extends unknown[]>(
  target: FrameTarget,
  func: (...args: A) => string | null | Promise<string | null>,
  args: A,
  signal?: AbortSignal,
): Promise<string | null> {
  const work = browser.scripting.executeScript({ target: targetOf(target), func, args, injectImmediately: true })
  const results = await withTimeout(
    work.catch(() => []),
    signal,
  )
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

function targetOf({ tabId, documentId }: FrameTarget) {
  return { tabId, documentIds: [documentId] }
}

async function withTimeout<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), tabTimeout)
  const ended = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
  const over = new Promise<never>((_, reject) => {
    const end = () => reject(new PspError("aborted", "Cannot read page: it did not answer in time"))
    if (ended.aborted) end()
    else ended.addEventListener("abort", end)
  })
  try {
    return await Promise.race([work, over])
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
