import type { Snapshot } from "../snapshot.js"
import { ofContext, type Export } from "./export.js"
import type { Found } from "./found.js"
import { readStorageState } from "./read-storage-state.js"
import { webStorageOf, type WebStorage } from "./web-storage.js"
import { crossSiteAncestorOf, fitCookies, toCdpCookie } from "./write-cookies.js"

/**
 * The session as browser-use reads it (`BrowserProfile(storage_state=…)`): a storageState with the cookies of CDP, and with
 * sessionStorage. Either storage is left out of an origin that has none.
 *
 *     { "cookies": [{ …, "partitionKey"?: { topLevelSite, hasCrossSiteAncestor } }],
 *       "origins": [{ "origin", "localStorage"?: [{ name, value }], "sessionStorage"?: [{ name, value }] }] }
 *
 * It writes both storages again before every page of the origin: a logout does not last there.
 *
 * @see https://github.com/browser-use/browser-use browser_use/browser/watchdogs/storage_state_watchdog.py
 */
export function snapshotToBrowserUse(snapshot: Snapshot, { now = Date.now() } = {}): Export {
  const { kept, gaps } = fitCookies(snapshot.cookies, now)
  const { origins, gaps: lost } = webStorageOf(snapshot, "browser-use's state file")
  const cookies = kept.map((cookie) => {
    const { partition, domain } = cookie
    if (partition === null) return toCdpCookie(cookie)
    const { topLevelSite } = partition
    const partitionKey = { topLevelSite, hasCrossSiteAncestor: crossSiteAncestorOf(partition, domain) }
    return { ...toCdpCookie(cookie), partitionKey }
  })
  return {
    text: `${JSON.stringify({ cookies, origins: origins.map(withoutEmpty) }, null, 2)}\n`,
    gaps: [...gaps, ...lost, ...ofContext(snapshot, "browser-use's state file has no place for it")],
  }
}

/** What a state file of browser-use holds. @throws `bad-snapshot` for what is none */
export function fromBrowserUse(text: string): Found {
  return readStorageState(text, "browser-use's state file")
}

function withoutEmpty({ origin, localStorage, sessionStorage }: WebStorage) {
  return {
    origin,
    ...(localStorage.length > 0 ? { localStorage } : {}),
    ...(sessionStorage.length > 0 ? { sessionStorage } : {}),
  }
}
