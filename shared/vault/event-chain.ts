import { clockMs, type Clock } from "../hlc.js"
import { clockOfKey, type EventKey, type EventPlace } from "./event-payload.js"

/** An event lives this long (ms): three sessions' lives, and a quarter, which is as far back as people look. */
export const eventLifetime = 90 * 24 * 60 * 60 * 1000
/** Whoever removes what has ended may have another clock (ms). */
const endGrace = 24 * 60 * 60 * 1000

/** From then on nobody misses it. */
export function mayBeGone(clock: Clock, now: number): boolean {
  return clockMs(clock) + eventLifetime <= now + endGrace
}

/** It is shown no more, and `compact` removes it. */
export function hasEventEnded(clock: Clock, now: number): boolean {
  return clockMs(clock) + eventLifetime <= now
}

/** What the events of one writer say against each other. */
export interface ChainFault {
  /**
   * `missing`: one that a later one names is not there, or numbers are left out. `forked`: it follows an event that another one
   * follows, too. `reordered`: its number is that of an earlier place.
   */
  code: "missing" | "forked" | "reordered"
  /** How many events are missing, as far as it is known; 1 otherwise. */
  count: number
}

/** Of the keys that were met, so many are remembered: what is named is among the last few that were written. */
const mostMet = 1024

/**
 * Follows the events of one writer, oldest first.
 *
 * @param from the first ones that are looked at come after this (ms since epoch); what is named of before is not missed
 */
export function createChain(now: number, from = -Infinity) {
  const met = new Map<EventKey, number | null>()
  let last = 0
  let unread = 0
  let before: EventKey | null = null
  /** The latest key that is forgotten: of those up to it nothing is known. */
  let forgotten = ""

  function meet(key: EventKey, n: number | null): void {
    met.set(key, n)
    const [oldest] = met.keys()
    if (met.size <= mostMet || oldest === undefined) return
    met.delete(oldest)
    if (oldest > forgotten) forgotten = oldest
  }

  return {
    /** The highest number until now. */
    last: () => last,
    /** One that is there and cannot be read. */
    skip(key: EventKey): void {
      meet(key, null)
      unread++
    },
    next(key: EventKey, place: EventPlace): ChainFault[] {
      const { n } = place
      const isOwed = (other: EventKey) =>
        !met.has(other) && other > forgotten && clockMs(clockOfKey(other)) >= from && !mayBeGone(clockOfKey(other), now)
      const absent = place.before.filter(isOwed)
      const faults: ChainFault[] = []
      const left = before === null || mayBeGone(clockOfKey(before), now) ? 0 : n - last - 1 - unread
      const parent = met.get(place.before[0] ?? "")
      if (absent.length > 0 || left > 0) faults.push({ code: "missing", count: Math.max(absent.length, left) })
      else if (before !== null && n <= last)
        faults.push({ code: n === 1 || parent === n - 1 ? "forked" : "reordered", count: 1 })
      // What is missing is told once.
      for (const other of absent) meet(other, null)
      meet(key, n)
      before = key
      if (n > last) unread = 0
      last = Math.max(last, n)
      return faults
    },
  }
}
