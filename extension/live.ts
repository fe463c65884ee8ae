import { browser, type Browser } from "wxt/browser"
import { isPspError } from "../shared/errors.js"
import { withOpenHost, type OpenHost } from "./host.js"
import { readInUse, type InUse } from "./in-use.js"
import { livePort } from "./live-port.js"
import { isOwnPage } from "./own-page.js"
import { lookForOthers } from "./sync-poll.js"
import { readSettings } from "./sync-settings.js"

/** Until the store is tried again after it could not be watched (ms). */
const again = 10_000

const pages = new Set<Browser.runtime.Port>()
let watching: AbortController | null = null
/** What was found last, for a page that comes later. */
let last: InUse[] | null = null

/**
 * While the person looks at the popup or the dashboard and something is kept in sync, the store is watched: what others changed comes
 * in at once, and who uses which session is told. As soon as the last page closes, this computer is let go of.
 */
export function watchForPages(): void {
  browser.runtime.onConnect.addListener((port) => {
    const { name, sender } = port
    if (name !== livePort || !isOwnPage(sender ?? {})) return
    pages.add(port)
    port.onDisconnect.addListener(() => {
      pages.delete(port)
      void settleWatch()
    })
    if (watching !== null && last !== null) tellOne(port, last)
    void settleWatch()
  })
}

/** Begins or ends the watch, after a page or the list of what is kept in sync has changed. */
export async function settleWatch(): Promise<void> {
  const isWanted = pages.size > 0 && (await readSettings()).length > 0
  if (isWanted === (watching !== null)) return
  watching?.abort()
  watching = isWanted ? new AbortController() : null
  last = null
  if (watching === null) tell([])
  else void watch(watching.signal)
}

async function watch(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await withOpenHost((host) => follow(host, signal))
    } catch (error) {
      if (!isPspError(error)) {
        // The next page begins anew.
        if (watching?.signal === signal) watching = null
        throw error
      }
    }
    await pause(again, signal)
  }
}

async function follow(host: OpenHost, signal: AbortSignal): Promise<void> {
  let known: string | null = null
  const isStopped = () => signal.aborted
  while (!isStopped()) {
    const names = await host.watch(known, signal)
    if (names === known) continue
    known = names
    const found = await host.use(readInUse)
    // Called off meanwhile: there is another watch, or nobody to tell.
    if (isStopped()) return
    last = found
    tell(found)
    await lookForOthers()
  }
}

function tell(found: InUse[]): void {
  for (const port of pages) tellOne(port, found)
}

function tellOne(port: Browser.runtime.Port, found: InUse[]): void {
  try {
    port.postMessage(found)
  } catch {
    // It closes just now, and its end is told next.
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener("abort", () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
