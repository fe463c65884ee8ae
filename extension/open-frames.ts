import { browser } from "wxt/browser"
import { isSamePartition } from "../shared/partition.js"
import { permissionPatterns } from "../shared/site.js"
import type { Partition } from "../shared/snapshot.js"
import { lookAtTab, type FrameReading } from "./capture-tabs.js"
import { browserOf, storeOfTab } from "./stores.js"
import type { SyncSetting } from "./sync-settings.js"

/** Documents that are open now and share one storage, those of the tab in view first; none when no page of it is open. */
export type OpenFrames = (origin: string, partition: Partition | null) => Promise<FrameReading[]>

/** Looks through the tabs of a synced session when it is first asked, and once. */
export function createOpenFrames(setting: Pick<SyncSetting, "site" | "scope">): OpenFrames {
  let looked: Promise<FrameReading[]> | null = null
  return async (origin, partition) => {
    looked ??= lookAtAll(setting)
    return (await looked).filter((frame) => frame.page.origin === origin && isSamePartition(frame.partition, partition))
  }
}

async function lookAtAll({ site, scope }: Pick<SyncSetting, "site" | "scope">): Promise<FrameReading[]> {
  const { engine } = browserOf(navigator.userAgent)
  const tabs = await browser.tabs.query({ url: [site, ...scope.alsoSites].flatMap(permissionPatterns) })
  tabs.sort((a, b) => Number(b.active) - Number(a.active))
  const stores = await Promise.all(tabs.map((tab) => storeOfTab(tab)))
  const own = tabs.filter((_, place) => stores[place]?.id === scope.storeId)
  const read = await Promise.all(own.map((tab) => lookAtTab(tab, engine, undefined)))
  return read.flatMap((reading) => ("gap" in reading ? [] : reading.frames))
}
