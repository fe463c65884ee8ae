import { browser } from "wxt/browser"
import { readPage, type PageCounts, type PageReading } from "../shared/page/read-page.js"

/** What a page that is kept in sync tells the background. */
export interface Leaving {
  type: "leaving"
  /** What `readPage` answered in a page that is being left; null for one that only went from view, and can still be asked. */
  page: string | null
  /** Counted when the page had loaded: in the last moment there is no time for it. */
  counts: PageCounts | null
}

/** How often a page in view looks whether its localStorage changed (ms): no browser tells the page that wrote. */
const every = 15_000

declare global {
  /** In the isolated world of a page, where its own scripts see nothing of it. */
  var pspTellsLeaving: true | undefined
}

/**
 * Tells when this page goes from view, and what its localStorage holds when it is left: after that nobody can ask it any more. Only
 * pages that are kept in sync are given this, and once the background does not want to hear of them any more, it stops.
 */
export async function tellLeaving(): Promise<void> {
  if (globalThis.pspTellsLeaving !== undefined) return
  globalThis.pspTellsLeaving = true
  const listening = new AbortController()
  const { signal } = listening
  const stop = () => {
    listening.abort()
    globalThis.pspTellsLeaving = undefined
  }
  let counts: PageCounts | null = null
  const tell = async (page: string | null) => {
    const isWanted: unknown = await browser.runtime.sendMessage({ type: "leaving", page, counts } satisfies Leaving)
    if (isWanted === false) stop()
  }
  // Without counts nothing is waited for: it is read before the page is gone.
  const read = () => readPage({ local: true, session: false, counts: false })
  let said: string | null = null
  const tellLast = async () => {
    const page = await read()
    if (page !== said) await tell((said = page))
  }
  let seen = await read()
  const lookForChanges = async () => {
    const page = document.visibilityState === "hidden" ? seen : await read()
    if (page === seen) return
    seen = page
    // What it holds is asked, while it is there.
    await tell(null)
  }
  const timer = setInterval(() => void lookForChanges().catch(stop), every)
  signal.addEventListener("abort", () => clearInterval(timer))
  let isLeft = false
  const hear = ({ type, isTrusted }: Event) => {
    if (!isTrusted) return
    if (type !== "visibilitychange") isLeft = type === "pagehide"
    // It is hidden behind its last word, which the page's own listeners may have had after this one.
    if (isLeft) void tellLast().catch(stop)
    else if (document.visibilityState === "hidden") void tell(null).catch(stop)
  }
  addEventListener("pagehide", hear, { signal })
  addEventListener("pageshow", hear, { signal })
  document.addEventListener("visibilitychange", hear, { signal })
  const counted = JSON.parse(await readPage({ local: false, session: false, counts: true })) as PageReading
  counts = counted.counts ?? null
}
