import type { Browser } from "wxt/browser"
import { readContext } from "../shared/page/read-context.js"
import type { Gap } from "../shared/report.js"
import type { BrowserContextState } from "../shared/snapshot.js"
import { askTab, originOf } from "./ask-tab.js"

/** What the site sees of the browser; undefined, and a gap, when the tab cannot be asked. */
export async function captureContext(tab: Browser.tabs.Tab, gaps: Gap[]): Promise<BrowserContextState | undefined> {
  try {
    const [context] = await askTab(tab, readContext, [])
    if (context !== undefined) return context.answer as BrowserContextState
  } catch {
    // Told below: the page may not be read, or does not answer.
  }
  gaps.push({
    kind: "context",
    where: originOf(tab.url) ?? "this tab",
    what: "browser context",
    why: "the page could not be asked",
    fix: "reload the page and save again",
    count: 1,
  })
  return undefined
}
