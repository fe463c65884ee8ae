import { browser } from "wxt/browser"
import { askFrame } from "./ask-tab.js"
import type { SessionName } from "./forget.js"
import { dropStale, readSettings, settingOf, type StalePage } from "./sync-settings.js"

/** Each tab once, as it was written last. */
export function withPages(known: readonly StalePage[], more: readonly StalePage[]): StalePage[] {
  return [...new Map([...known, ...more].map((page) => [page.tabId, page])).values()]
}

/** Notices pages that were loaded anew or closed. */
export function watchStalePages(): void {
  browser.tabs.onUpdated.addListener((id, { status }) => {
    if (status === "complete") void dropLeft(id)
  })
  browser.tabs.onRemoved.addListener((id) => void dropStale(({ tabId }) => tabId === id))
}

/** A page that only changes its address is the same document, and knows as little as before. */
async function dropLeft(id: number): Promise<void> {
  const pages = (await readSettings()).flatMap(({ reload }) => reload).filter(({ tabId }) => tabId === id)
  for (const { tabId, documentId } of pages) {
    const answer = await askFrame({ tabId, documentId }, isThere, []).catch(() => null)
    if (answer === null) await dropStale((other) => other.documentId === documentId)
  }
}

function isThere(): string {
  return "yes"
}

/** The one reload that the person agreed to, of pages that do not know yet what their storage holds now. */
export async function reloadStalePages(session: SessionName): Promise<void> {
  for (const { tabId } of (await settingOf(session))?.reload ?? []) {
    await browser.tabs.reload(tabId).catch(() => undefined)
    await dropStale((other) => other.tabId === tabId)
  }
}
