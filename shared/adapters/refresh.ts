import { isPspError } from "../errors.js"
import { kinds as allKinds, type Gap, type RestoreReport } from "../report.js"
import { isOriginOfSite } from "../site.js"
import type { Snapshot, StorageItem, TabState } from "../snapshot.js"
import { tidyGaps } from "../tidy-gaps.js"
import type { RestoreOptions } from "./adapter.js"
import { captureFrom } from "./capture.js"
import type { Jar } from "./cookie-jar.js"
import { watchClose } from "./driven-context.js"
import type { PlaywrightContext, PlaywrightPage } from "./playwright-jar.js"
import { restoreInto } from "./restore.js"
import { seedOpenTab, waitingOrigins } from "./session-seed.js"
import { createSteps } from "./steps.js"

export interface RefreshOptions extends Omit<RestoreOptions, "existing"> {
  /**
   * Asks the site again for every open page of the session's sites. Such a page gets its sessionStorage too: that of the
   * captured tab at its address, else of the first one at its origin.
   */
  reload?: boolean
}

/**
 * Brings a context that is in use to a newer state of its session. It is a restore that opens no page at the site, takes nothing
 * away from open pages that is not to be different, and leaves sessionStorage of open pages alone.
 *
 * @throws as `restoreInto` does
 */
export async function refreshIn(
  context: PlaywrightContext,
  jar: Jar,
  snapshot: Snapshot,
  { reload = false, ...options }: RefreshOptions,
): Promise<RestoreReport> {
  const { kinds = allKinds } = options
  const withSession = kinds.includes("sessionStorage")
  const pages = context.pages().filter((page) => snapshot.sites.some((site) => isOriginOfSite(page.url(), site)))
  const getting = reload ? pages.map((page) => ({ page, tab: withSession ? tabFor(snapshot, page) : null })) : []
  const tabs = [...new Set(getting.flatMap(({ tab }) => tab ?? []))]
  const waiting = waitingOrigins(context)
  const origins = openOrigins(pages).filter((origin) => !waiting.includes(origin))
  const report = await restoreInto({ context, jar }, snapshot, {
    ...options,
    existing: "update",
    staying: { origins, tabs },
  })
  const ofTabs = reload
    ? await reloadPages(context, getting, options)
    : withSession && options.openTabs === undefined
      ? await otherSessions(context, jar, snapshot, origins, options)
      : []
  return { ...report, ok: report.ok && ofTabs.length === 0, gaps: tidyGaps([...report.gaps, ...ofTabs]) }
}

function openOrigins(pages: PlaywrightPage[]): string[] {
  const urls = pages.flatMap((page) => page.frames().map((frame) => frame.url()))
  return [...new Set(urls.flatMap((url) => /^https?:\/\/[^/?#]+/.exec(url)?.[0] ?? []))]
}

function tabFor({ tabs = [] }: Snapshot, page: PlaywrightPage): TabState | null {
  const { origin } = new URL(page.url())
  const own = tabs.filter(({ sessionStorage }) => sessionStorage.some((state) => state.origin === origin))
  return own.find(({ url }) => url === page.url()) ?? own[0] ?? null
}

async function reloadPages(
  context: PlaywrightContext,
  getting: { page: PlaywrightPage; tab: TabState | null }[],
  options: RefreshOptions,
): Promise<Gap[]> {
  const { gone, stop } = watchClose(context)
  const step = createSteps("refresh session", options, gone)
  const { timeoutMs = 30_000 } = options
  const gaps: Gap[] = []
  try {
    for (const { page, tab } of getting) {
      try {
        await step("reloading a page", async () => {
          if (tab !== null) await seedOpenTab(context, page, tab)
          await page.reload({ waitUntil: "commit", timeout: timeoutMs })
        })
      } catch (error) {
        if (isPspError(error) && !page.isClosed()) throw error
        if (page.isClosed() && !gone.aborted) continue
        if (isPspError(error)) throw error
        const { origin } = new URL(page.url())
        const why = "the site did not answer at its address"
        gaps.push({ kind: "origin", where: origin, what: "an open page", why, fix: "reload it yourself", count: 1 })
      }
    }
  } finally {
    stop()
  }
  return gaps
}

/**
 * Open pages whose sessionStorage is not that of any captured tab: what a site keeps there is still that of before. A page that
 * has none beside one that has the right one was never given any.
 */
async function otherSessions(
  context: PlaywrightContext,
  jar: Jar,
  snapshot: Snapshot,
  origins: string[],
  { signal, timeoutMs }: RefreshOptions,
): Promise<Gap[]> {
  const wanted = firstPartyIn(snapshot.tabs).filter(({ origin }) => origins.includes(origin))
  if (wanted.length === 0) return []
  const [site, ...alsoSites] = snapshot.sites
  const limits = { ...(signal && { signal }), ...(timeoutMs === undefined ? {} : { timeoutMs }) }
  const now = await captureFrom(
    { context, jar },
    { site, alsoSites, kinds: ["sessionStorage"], ...limits },
    "playwright",
  )
  const found = firstPartyIn(now.tabs)
  const others = found.filter(({ origin, text }) => {
    const known = wanted.filter((state) => state.origin === origin)
    const isWanted = (one: string) => known.some((state) => state.text === one)
    const isGiven = found.some((state) => state.origin === origin && isWanted(state.text))
    return known.length > 0 && !isWanted(text) && !(text === "[]" && isGiven)
  })
  return [...new Set(others.map(({ origin }) => origin))].map((where) => {
    const count = others.filter(({ origin }) => origin === where).length
    const what = `sessionStorage of ${count} open page${count === 1 ? "" : "s"}`
    const fix = "refresh with reload: true, or with openTabs"
    return { kind: "sessionStorage", where, what, why: "it stays as it was, and differs", fix, count }
  })
}

function firstPartyIn(tabs: TabState[] = []): { origin: string; text: string }[] {
  const states = tabs.flatMap(({ sessionStorage }) => sessionStorage).filter(({ partition }) => partition === null)
  return states.map(({ origin, items }) => ({ origin, text: JSON.stringify(items.toSorted(byKey)) }))
}

function byKey([a]: StorageItem, [b]: StorageItem): number {
  return a < b ? -1 : 1
}
