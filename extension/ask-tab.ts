import { browser, type Browser } from "wxt/browser"
import { PspError } from "../shared/errors.js"

/** How long one tab may take to answer (ms): a page that is busy or shows a dialog does not answer at all. */
const tabTimeout = 10_000

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
): Promise<unknown[]> {
  const inject = async (injectImmediately: boolean) => {
    const target = { tabId: tab.id ?? -1, allFrames }
    const results = await withTimeout(browser.scripting.executeScript({ target, func, args, injectImmediately }))
    return results.flatMap(({ result }) => (typeof result === "string" ? [JSON.parse(result) as unknown] : []))
  }
  try {
    return await inject(true)
  } catch (error) {
    if (error instanceof PspError) throw error
    // A document that is being replaced (a viewer, a redirect) refuses at first: ask again when it is there.
    return inject(false)
  }
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
