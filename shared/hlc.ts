import { PspError } from "./errors.js"

/**
 * Hybrid logical clock: wall time, and a counter for what happens within one millisecond or while the wall clock stands
 * or goes back. Written as 16 lower-case hex digits (12 of ms since epoch, 4 of counter), so that stamps sort as text.
 *
 * @see Kulkarni et al., "Logical Physical Clocks", 2014
 */
export type Clock = string

/** How far ahead of our own wall clock another writer's stamp may be (ms). */
export const maxClockAhead = 300_000

const counterMax = 0xffff

export function isClock(value: unknown): value is Clock {
  return typeof value === "string" && /^[0-9a-f]{16}$/.test(value)
}

/** The stamp of a wall time, with counter 0. */
export function clockAt(ms: number): Clock {
  return format(ms, 0)
}

/** ms since epoch of a stamp. */
export function clockMs(clock: Clock): number {
  return Number.parseInt(clock.slice(0, 12), 16)
}

/** A stamp later than `last` (the latest we have seen or made) and not before the wall time `now` (ms). */
export function nextClock(now: number, last: Clock | null): Clock {
  if (last === null || clockMs(last) < now) return format(now, 0)
  const counter = Number.parseInt(last.slice(12), 16) + 1
  return counter > counterMax ? format(clockMs(last) + 1, 0) : format(clockMs(last), counter)
}

/** True when the stamp is not further ahead of `now` (ms) than clocks may differ. */
export function isClockPlausible(clock: Clock, now: number): boolean {
  return clockMs(clock) <= now + maxClockAhead
}

export function laterClock(a: Clock | null, b: Clock | null): Clock | null {
  if (a === null || b === null) return a ?? b
  return a > b ? a : b
}

function format(ms: number, counter: number): Clock {
  if (!Number.isSafeInteger(ms) || ms < 0 || ms > 0xffffffffffff) {
    throw new PspError("internal", `Cannot make a clock stamp: ${ms} is not a time in ms`)
  }
  return ms.toString(16).padStart(12, "0") + counter.toString(16).padStart(4, "0")
}
