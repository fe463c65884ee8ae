import { jsonSize, sessionIsFull, type Budget } from "./budget.js"
import { placeOf } from "./database-pieces.js"
import type { Gap, GapKind } from "./report.js"
import type { Cookie, OriginState, StorageItem, TabState } from "./snapshot.js"

/** What is in memory as a whole before the first database is opened. */
export interface Storage {
  cookies: Cookie[] | undefined
  origins: OriginState[] | undefined
  tabs: TabState[] | undefined
}

/**
 * Takes cookies, localStorage and sessionStorage out of the session's budget, in this order: a login lives in them, and what
 * comes later (databases, files) gets what they leave. What does not fit is taken out, and named.
 */
export function fitStorage({ cookies, origins = [], tabs = [] }: Storage, budget: Budget, gaps: Gap[]): void {
  for (const [site, count] of cookies === undefined ? [] : fitCookies(cookies, budget)) {
    gaps.push(largeGap("cookies", site, plural(count, "cookie"), count))
  }
  fitList(
    origins,
    (state) => jsonSize({ ...state, localStorage: [] }),
    budget,
    ({ origin, partition }) => gaps.push(largeGap("origin", placeOf(origin, partition), "page storage", 1)),
  )
  for (const { origin, partition, localStorage } of origins) {
    const lost = localStorage === undefined ? 0 : fitItems(localStorage, budget)
    if (lost > 0) gaps.push(largeGap("localStorage", placeOf(origin, partition), plural(lost, "item"), lost))
  }
  fitList(
    tabs,
    (tab) => jsonSize({ ...tab, sessionStorage: [] }),
    budget,
    () => gaps.push(largeGap("sessionStorage", "a tab", "sessionStorage of a tab", 1)),
  )
  for (const { sessionStorage } of tabs) {
    const note = ({ origin, partition }: SessionArea, lost: number) => {
      if (lost > 0) gaps.push(largeGap("sessionStorage", placeOf(origin, partition), plural(lost, "item"), lost))
    }
    const sizeOf = (area: SessionArea) => jsonSize({ ...area, items: [] })
    fitList(sessionStorage, sizeOf, budget, (area) => note(area, area.items.length))
    for (const area of sessionStorage) note(area, fitItems(area.items, budget))
  }
}

type SessionArea = TabState["sessionStorage"][number]

/** What does not fit the session: its kind, and how much of it. */
export function largeGap(kind: GapKind, where: string, what: string, count: number): Gap {
  return { kind, where, what, ...sessionIsFull, count }
}

function fitCookies(cookies: Cookie[], budget: Budget): Map<string, number> {
  const lost = new Map<string, number>()
  fitList(cookies, jsonSize, budget, ({ domain }) => lost.set(domain, (lost.get(domain) ?? 0) + 1))
  return lost
}

/** How many did not fit. */
function fitItems(items: StorageItem[], budget: Budget): number {
  if (budget.take(items.reduce((size, item) => size + jsonSize(item), 0))) return 0
  let lost = 0
  fitList(items, jsonSize, budget, () => lost++)
  return lost
}

/** Takes out of the list what does not fit; what is smaller and comes behind it may. */
function fitList<T>(list: T[], sizeOf: (item: T) => number, budget: Budget, onLost: (item: T) => void): void {
  const fitting = list.filter((item) => {
    const fits = budget.take(sizeOf(item))
    if (!fits) onLost(item)
    return fits
  })
  if (fitting.length < list.length) list.splice(0, list.length, ...fitting)
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`
}
