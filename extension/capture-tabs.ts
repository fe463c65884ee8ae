import { browser, type Browser } from "wxt/browser"
import { PspError } from "../shared/errors.js"
import { readPage, type PageReading, type ReadPage } from "../shared/page/read-page.js"
import { partitionOf } from "../shared/partition.js"
import { oneOfEachStorage, type Reading, type TabReading, type Wanted } from "../shared/readings.js"
import type { Gap } from "../shared/report.js"
import { permissionPatterns } from "../shared/site.js"
import { askFrame, askTab, originOf, type FrameTarget } from "./ask-tab.js"
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

/** Which documents a tab has, or why they cannot be asked. None is asked yet what it holds. */
export async function lookAtTab(
  tab: Browser.tabs.Tab,
  engine: string,
  signal: AbortSignal | undefined,
): Promise<TabReading<FrameReading> | { gap: Gap }> {
  const where = originOf(tab.url) ?? "a tab"
  if (tab.discarded) {
    return {
      gap: tabGap(where, "the browser unloaded this tab to save memory", "open the tab once, then save again"),
    }
  }
  try {
    const answers = await askTab(tab, readPage, [nothing], { allFrames: true, signal })
    const frames = answers.map(({ answer, ...target }) => {
      const page = answer as PageReading
      return { target, page, partition: partitionOf(page.origin, page.ancestors ?? ["null"], engine) }
    })
    if (frames.length > 0) return { url: tab.url ?? "", frames }
    return { gap: tabGap(where, "the page gave no answer", "reload the tab, then save again") }
  } catch (error) {
    return { gap: gapOfUnread(where, error) }
  }
}

const nothing: ReadPage = { local: false, session: false, counts: false }

/**
 * Asks the documents what they hold: one for each storage, because the others would only say the same again, and a page may
 * embed hundreds. A document that is gone is named, left out, and another one of its storage is asked in its place.
 */
export async function readContents(
  tabs: TabReading<FrameReading>[],
  kinds: ReadPage,
  wanted: Wanted,
  gaps: Gap[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const asked = new Map<FrameReading, { speaks: boolean }>()
  for (;;) {
    const speakers = oneOfEachStorage(tabs, wanted)
    const frames = tabs.flatMap((tab) => oneOfEachStorage([tab], wanted))
    const next = frames.filter((frame) => !asked.has(frame) || (speakers.includes(frame) && !asked.get(frame)?.speaks))
    if (next.length === 0) return
    await Promise.all(
      next.map(async (frame) => {
        const speaks = speakers.includes(frame)
        asked.set(frame, { speaks })
        const { local, session, counts } = kinds
        const gap = await readFrame(frame, { local: local && speaks, session, counts: counts && speaks }, signal)
        if (gap === null) return
        gaps.push(gap)
        for (const tab of tabs) tab.frames = tab.frames.filter((other) => other !== frame)
      }),
    )
  }
}

/** Reads it, or tells why it cannot be. */
async function readFrame(frame: FrameReading, wanted: ReadPage, signal: AbortSignal | undefined): Promise<Gap | null> {
  const { origin } = frame.page
  try {
    const text = await askFrame(frame.target, readPage, [wanted], signal)
    const page = text === null ? null : (JSON.parse(text) as PageReading)
    if (page?.origin !== origin) return tabGap(origin, "the page was closed or left while it was read", "save again")
    frame.page = page
    return null
  } catch (error) {
    return gapOfUnread(origin, error)
  }
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
