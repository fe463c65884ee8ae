import { readItems, swapItems, type ReadItems, type Swap, type SwapItems } from "../shared/page/swap-items.js"
import type { Partition } from "../shared/snapshot.js"
import { askFrame } from "./ask-tab.js"
import type { OpenFrames } from "./open-frames.js"
import type { StalePage } from "./sync-settings.js"

/** Where a key of localStorage is. */
export interface StoragePlace {
  origin: string
  partition: Partition | null
}

/** Null when no page of the place is open, or the browser keeps its storage from it. */
export async function itemsAt(
  frames: OpenFrames,
  place: StoragePlace,
  wanted: Omit<ReadItems, "origin">,
): Promise<[string, string][] | null> {
  const request: ReadItems = { origin: place.origin, ...wanted }
  for (const { target } of await frames(place.origin, place.partition)) {
    const answer = await askFrame(target, readItems, [JSON.stringify(request)]).catch(() => null)
    if (answer !== null && answer !== "null") return JSON.parse(answer) as [string, string][]
  }
  return null
}

/** All of them or none, and only where each is `from` still. @returns whether they are `to` now */
export async function swapItemsAt(frames: OpenFrames, place: StoragePlace, swaps: Swap[]): Promise<boolean> {
  const request: SwapItems = { origin: place.origin, swaps }
  for (const { target } of await frames(place.origin, place.partition)) {
    const answer = await askFrame(target, swapItems, [JSON.stringify(request)]).catch(() => null)
    // A document that is gone says nothing; one that says no speaks for all of its storage.
    if (answer !== null) return answer === "true"
  }
  return false
}

/** Pages whose scripts may hold what was there before. */
export async function pagesAt(frames: OpenFrames, { origin, partition }: StoragePlace): Promise<StalePage[]> {
  const { host } = new URL(origin)
  return (await frames(origin, partition)).map(({ target }) => ({ ...target, host }))
}
