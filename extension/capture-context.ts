import type { Browser } from "wxt/browser"
import { countDatabases } from "../shared/page/count-databases.js"
import { readContext } from "../shared/page/read-context.js"
import type { Gap } from "../shared/report.js"
import type { BrowserContextState } from "../shared/snapshot.js"
import { askTab, originOf } from "./ask-tab.js"

/** What the site sees of the browser; undefined, and a gap, when the tab cannot be asked. */
export async function captureContext(tab: Browser.tabs.Tab, gaps: Gap[]): Promise<BrowserContextState | undefined> {
  try {
    const [context] = await askTab(tab, readContext, [])
    if (context !== undefined) return context as BrowserContextState
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

/** Databases of a tab's origin; null in `databases` when the browser does not tell, null when the tab cannot be asked. */
export interface DatabaseCount {
  origin: string
  databases: number | null
}

export async function countTabDatabases(tab: Browser.tabs.Tab): Promise<DatabaseCount | null> {
  const origin = originOf(tab.url)
  if (origin === null || tab.discarded) return null
  try {
    const [count] = await askTab(tab, countDatabases, [])
    return count === undefined ? null : { origin, ...(count as { databases: number | null }) }
  } catch {
    // The tab is already reported by whoever read its storage.
    return null
  }
}

export function noteDatabases(counts: (DatabaseCount | null)[], gaps: Gap[]): void {
  const seen = new Set<string>()
  for (const count of counts) {
    if (count === null || seen.has(count.origin) || count.databases === 0) continue
    seen.add(count.origin)
    gaps.push({
      kind: "indexedDB",
      where: count.origin,
      what:
        count.databases === null ? "IndexedDB" : count.databases === 1 ? "1 database" : `${count.databases} databases`,
      why:
        count.databases === null
          ? "the browser does not say whether there is any"
          : "IndexedDB is counted, but not saved",
      fix: "",
      count: count.databases ?? 1,
    })
  }
}
