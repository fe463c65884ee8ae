import { browser } from "wxt/browser"
import { countsOf } from "../shared/readings.js"
import type { Gap } from "../shared/report.js"
import { permissionPatterns } from "../shared/site.js"
import { parseSnapshot, type Snapshot } from "../shared/snapshot.js"
import { PspError } from "../shared/errors.js"
import { version } from "../shared/version.js"
import { capture } from "./capture.js"
import { captureCookies } from "./capture-cookies.js"
import { takeCheckAlong } from "./login-checks.js"
import { maySites } from "./permissions.js"
import { readLimits } from "./settings.js"
import { browserOf, storeOfTab } from "./stores.js"
import type { SyncSetting } from "./sync-settings.js"

/**
 * A session as it is here now, without anybody's click: of open tabs what the person chose, and the cookies alone when no
 * tab of the site is open. What is not open is not captured, and stays in the vault as it is.
 *
 * @param isWhole for a save that is to stand alone: with the browser context, and how being logged in looks
 * @throws as `capture`
 */
export async function captureForSync(
  { site, account, scope }: SyncSetting,
  { isWhole }: { isWhole: boolean },
): Promise<Snapshot> {
  const { storeId, alsoSites, ...chosen } = scope
  const sites: [string, ...string[]] = [site, ...alsoSites.filter((other) => other !== site)]
  if (!(await maySites(sites))) throw takenBack(site)
  const tabId = await openTab(site, storeId)
  // Each resized window would be a change, and says nothing of being logged in.
  const kinds = chosen.kinds.filter((kind) => isWhole || kind !== "context")
  if (tabId !== null) {
    const limits = await readLimits()
    const captured = await capture({ ...chosen, kinds, tabId, site, alsoSites, account, knownOrigins: [] }, { limits })
    return isWhole ? takeCheckAlong(captured) : captured
  }
  const gaps: Gap[] = []
  const cookies = kinds.includes("cookies")
    ? (await Promise.all(sites.map((one) => captureCookies(one, storeId, gaps)))).flat()
    : undefined
  // Taken back meanwhile, the browser answers with nothing, which would be a logout.
  if (!(await maySites(sites))) throw takenBack(site)
  const snapshot: Snapshot = {
    schema: 1,
    sites,
    account,
    capturedAt: Date.now(),
    capturedBy: { tool: "extension", version, browser: browserOf(navigator.userAgent) },
    ...(cookies === undefined ? {} : { cookies }),
    report: { captured: {}, gaps },
  }
  snapshot.report.captured = countsOf(snapshot, ["cookies"])
  return parseSnapshot(snapshot)
}

function takenBack(site: string): PspError {
  const why = `Cannot sync session of ${site}: the permission to read it was taken back; switch sync on again and allow it`
  return new PspError("permission-refused", why)
}

/** A tab of the site in that cookie store that can be read now; one that still loads has another look coming. */
async function openTab(site: string, storeId: string): Promise<number | null> {
  const tabs = await browser.tabs.query({ url: permissionPatterns(site) })
  for (const tab of tabs) {
    const isReady = !tab.discarded && tab.status === "complete" && tab.id !== undefined
    if (isReady && (await storeOfTab(tab)).id === storeId) return tab.id ?? null
  }
  return null
}
