import { placeOf } from "../database-pieces.js"
import type { Gap } from "../report.js"
import type { OriginState, StorageItem, TabState } from "../snapshot.js"
import { idOf, partitionPart, pathOf, type Fields } from "./fields.js"

/** sessionStorage of one origin (below one top-level site) in one tab. */
type TabStorage = TabState["sessionStorage"][number]

/** One that the session knows. */
interface KnownStorage {
  tab: string
  place: string
  items: Map<string, unknown>
}

/**
 * Puts the storages of captured tabs under the tabs of the session. Ids of tabs mean nothing, and a bot opens others than the
 * person did: what has the most in common goes together. A storage at an origin for which the session has no tab is a new one;
 * any other one that is left over is a further tab of the bot's own and no part of the session, which `gaps` says.
 */
export function alignTabs(known: Fields, captured: TabState[]): { tabs: TabState[]; gaps: Gap[] } {
  const { urls, storages } = knownTabs(known)
  const states = captured.flatMap(({ url, sessionStorage }) => sessionStorage.map((state) => ({ url, state })))
  const pairs = storages.flatMap((storage) =>
    states
      .filter(({ state }) => placeId(state) === storage.place)
      .map((found) => ({ storage, found, score: likeness(storage, found.state.items) })),
  )
  const left = new Set(states)
  const taken = new Map<KnownStorage, TabStorage>()
  for (const { storage, found } of pairs.sort((a, b) => b.score - a.score)) {
    if (taken.has(storage) || !left.delete(found)) continue
    taken.set(storage, found.state)
  }
  const tabs = [...urls].flatMap(([id, url]): TabState[] => {
    const own = [...taken].filter(([{ tab }]) => tab === id).map(([, state]) => state)
    return own.length === 0 ? [] : [{ id, url, sessionStorage: own }]
  })
  const gaps: Gap[] = []
  const places = new Set(storages.map(({ place }) => place))
  for (const { url, state } of left) {
    const place = placeId(state)
    if (state.items.length === 0) continue
    if (!places.has(place)) {
      places.add(place)
      // The same from whoever finds it: two bots add one tab.
      tabs.push({ id: place, url, sessionStorage: [state] })
    } else if (!storages.some((storage) => storage.place === place && isEqual(storage, state.items))) {
      gaps.push(furtherTab(state))
    }
  }
  return { tabs, gaps }
}

function knownTabs(known: Fields): { urls: Map<string, string>; storages: KnownStorage[] } {
  const urls = new Map<string, string>()
  const storages = new Map<string, KnownStorage>()
  const storageAt = (tab: string, place: unknown[]) => {
    const id = idOf(["", tab, ...place])
    const storage = storages.get(id) ?? { tab, place: JSON.stringify(place), items: new Map<string, unknown>() }
    storages.set(id, storage)
    return storage
  }
  for (const [id, { value }] of known) {
    const [kind, first, ...rest] = pathOf(id)
    if (kind === "tab") urls.set(String(first), String(value))
    else if (kind === "sessionStorage") storageAt(String(first), rest.slice(0, 2)).items.set(String(rest[2]), value)
    else if (kind === "area" && first === "sessionStorage") storageAt(String(rest[0]), rest.slice(1))
  }
  return { urls, storages: [...storages.values()].filter(({ tab }) => urls.has(tab)) }
}

function placeId({ origin, partition }: Pick<OriginState, "origin" | "partition">): string {
  return JSON.stringify([origin, partitionPart(partition)])
}

/** Equal keys count, and equal values too. */
function likeness({ items }: KnownStorage, others: StorageItem[]): number {
  return others.reduce((sum, [key, value]) => sum + (items.has(key) ? 1 : 0) + (items.get(key) === value ? 1 : 0), 0)
}

function isEqual({ items }: KnownStorage, others: StorageItem[]): boolean {
  return items.size === others.length && others.every(([key, value]) => items.get(key) === value)
}

function furtherTab({ origin, partition }: TabStorage): Gap {
  const why = "the session has no such tab"
  return { kind: "sessionStorage", where: placeOf(origin, partition), what: "a further tab", why, fix: "", count: 1 }
}
