import { browser, type Browser } from "wxt/browser"
import type { CaptureSource } from "../shared/snapshot.js"
import { containerName } from "./containers.js"

export interface CookieStore {
  id: string
  /** The person's name for a container; null where the store is none. */
  name: string | null
  isPrivate: boolean
}

/**
 * The cookie store of a tab: Firefox says it on the tab (a container is a store), Chrome only lists stores with their tabs.
 * The wrong store would be the wrong account.
 */
export async function storeOfTab(tab: Browser.tabs.Tab): Promise<CookieStore> {
  const isPrivate = tab.incognito
  const { cookieStoreId } = tab as { cookieStoreId?: string }
  if (cookieStoreId !== undefined) {
    return { id: cookieStoreId, name: await containerName(cookieStoreId), isPrivate }
  }
  const stores = await browser.cookies.getAllCookieStores()
  const store = stores.find(({ tabIds }) => tab.id !== undefined && tabIds.includes(tab.id))
  return { id: store?.id ?? (isPrivate ? "1" : "0"), name: null, isPrivate }
}

/** Engine and major version from a user agent string. */
export function browserOf(userAgent: string): CaptureSource["browser"] {
  const firefox = /Firefox\/(\d+)/.exec(userAgent)
  if (firefox !== null) return { engine: "firefox", major: Number(firefox[1]) }
  const chromium = /Chrom(?:e|ium)\/(\d+)/.exec(userAgent)
  return { engine: "chromium", major: chromium === null ? null : Number(chromium[1]) }
}
