import { browser } from "wxt/browser"

/** How long an opened page may take to load (ms); what is not there by then is a gap of the capture. */
const patience = 15_000

/**
 * Opens pages beside the tab that is saved, in its cookie store and without taking the focus, does the work and closes
 * them again. The person asked for it: it makes requests to the site.
 */
export async function withOpened<T>(
  origins: readonly string[],
  tabId: number,
  work: (opened: number[]) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  if (origins.length === 0) return work([])
  const beside = await browser.tabs.get(tabId)
  const { cookieStoreId } = beside as { cookieStoreId?: string }
  const opened: number[] = []
  const open = async (origin: string) => {
    const tab = await browser.tabs.create({
      url: `${origin}/`,
      active: false,
      windowId: beside.windowId,
      ...(cookieStoreId === undefined ? {} : { cookieStoreId }),
    })
    opened.push(tab.id ?? -1)
    await loaded(tab.id ?? -1, signal)
  }
  try {
    // One that cannot be opened is named by the capture, as one that is not open.
    await Promise.allSettled(origins.map(open))
    return await work(opened)
  } finally {
    await Promise.all(opened.map((id) => browser.tabs.remove(id).catch(() => undefined)))
  }
}

/** Resolves when the tab has loaded, was closed, or took too long; also when it is called off. */
async function loaded(id: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      browser.tabs.onUpdated.removeListener(onUpdated)
      browser.tabs.onRemoved.removeListener(onRemoved)
      signal?.removeEventListener("abort", end)
      clearTimeout(timer)
      resolve()
    }
    const onUpdated = (changed: number, { status }: { status?: string | undefined }) => {
      if (changed === id && status === "complete") end()
    }
    const onRemoved = (removed: number) => {
      if (removed === id) end()
    }
    const timer = setTimeout(end, patience)
    browser.tabs.onUpdated.addListener(onUpdated)
    browser.tabs.onRemoved.addListener(onRemoved)
    signal?.addEventListener("abort", end)
    if (signal?.aborted === true) end()
    // It may have loaded before anybody listened.
    browser.tabs.get(id).then(
      (tab) => {
        if (tab.status === "complete" && tab.url?.startsWith("http") === true) end()
      },
      () => end(),
    )
  })
}
