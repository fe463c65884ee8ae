import { browser, type Browser } from "wxt/browser"
import { PspError } from "../shared/errors.js"
import { readPage, type PageReading, type ReadPage } from "../shared/page/read-page.js"
import { partitionOf } from "../shared/partition.js"
import type { Reading, TabReading } from "../shared/readings.js"
import type { Gap } from "../shared/report.js"
import { permissionPatterns } from "../shared/site.js"
import type { Partition } from "../shared/snapshot.js"
import { askTab, originOf, type FrameTarget } from "./ask-tab.js"
import { storeOfTab } from "./stores.js"

/** One document of a tab, and how to ask it again. */
export interface FrameReading extends Reading {
  target: FrameTarget
}

/** Tabs of the sites in the same cookie store, the acted one first. */
export async function tabsOfSites(
  sites: readonly string[],
  storeId: string,
  acted: Browser.tabs.Tab,
): Promise<Browser.tabs.Tab[]> {
  const found = await browser.tabs.query({ url: sites.flatMap(permissionPatterns) })
  const stores = await Promise.all(found.map((tab) => storeOfTab(tab)))
  const others = found.filter((tab, index) => stores[index]?.id === storeId && tab.id !== acted.id)
  return [acted, ...others]
}

/** What the documents of a tab hold, or why they cannot be asked. */
export async function readTab(
  tab: Browser.tabs.Tab,
  wanted: ReadPage,
  engine: string,
): Promise<TabReading<FrameReading> | { gap: Gap }> {
  const where = originOf(tab.url) ?? "a tab"
  if (tab.discarded) {
    return {
      gap: tabGap(where, "the browser unloaded this tab to save memory", "open the tab once, then save again"),
    }
  }
  try {
    const answers = await askTab(tab, readPage, [wanted], { allFrames: true })
    const frames = answers.map(({ answer, ...target }) => {
      const page = answer as PageReading
      return { target, page, partition: partitionOfFrame(page, tab, engine) }
    })
    if (frames.length > 0) return { url: tab.url ?? "", frames }
    return { gap: tabGap(where, "the page gave no answer", "reload the tab, then save again") }
  } catch (error) {
    return { gap: gapOfUnread(where, error) }
  }
}

/** A browser that does not tell what is around a frame tells at least the tab's own address: the top. */
function partitionOfFrame({ origin, ancestors }: PageReading, tab: Browser.tabs.Tab, engine: string): Partition | null {
  return partitionOf(origin, ancestors ?? [originOf(tab.url) ?? "null"], engine)
}

function gapOfUnread(where: string, error: unknown): Gap {
  if (error instanceof PspError) {
    return tabGap(where, "the page did not answer within 10 seconds", "close its dialogs or reload it, then save again")
  }
  // Chrome: "Frame with ID 0 is showing error page".
  if (error instanceof Error && /error page/i.test(error.message)) {
    return tabGap(where, "the tab shows an error page", "reload it until the site is there, then save again")
  }
  return tabGap(
    where,
    "the browser does not let extensions read this page",
    "open another page of the site, then save again",
  )
}

function tabGap(where: string, why: string, fix: string): Gap {
  return { kind: "origin", where, what: "page storage of a tab", why, fix, count: 1 }
}
