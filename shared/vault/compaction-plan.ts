import { clockMs, type Clock } from "../hlc.js"

/** What is kept of a session's history beside its newest state. */
export interface Keep {
  /** This many of the newest saves, */
  bases: number
  /** and those not older than this (ms). */
  ms: number
}

/** Ten saves, or those of a week, whichever are more. */
export const defaultKeep: Keep = { bases: 10, ms: 7 * 24 * 60 * 60 * 1000 }

/** An envelope that was read. */
export interface Inspected {
  name: string
  clock: Clock
  writer: string
  headerId: string
  seen: Record<string, string>
  /** By writer id: up to which clock everything of that writer is in it; nothing for changes alone. */
  heads: Record<string, Clock>
}

/**
 * What is too old to keep: always the oldest ones without a gap, and never the newest, so that a history broken off at any
 * point is still a history. Those of one stamp stay or go together: a base that repeats another has its stamp.
 *
 * @param stored oldest first
 * @param time ms since epoch
 */
export function tooOld<T extends { clock: Clock }>(stored: T[], keep: Keep, time: number): T[] {
  const latestStart = Math.max(0, stored.length - Math.max(1, keep.bases))
  const latest = stored[latestStart]?.clock ?? ""
  const firstKept = stored.findIndex(({ clock }) => clock >= latest || time - clockMs(clock) <= keep.ms)
  return stored.slice(0, firstKept)
}

/**
 * True when a kept base holds what the envelope says, one of the kept has seen it, or a later one of the same writer, and the kept
 * still name each writer whom it has seen: so that whoever remembers a save finds that it was covered, also by what has been
 * covered since.
 */
export function isCovered(envelope: Inspected, kept: Inspected[], all: Inspected[]): boolean {
  if (!kept.some(({ heads }) => (heads[envelope.writer] ?? "") >= envelope.clock)) return false
  const marks = kept.map(({ seen }) => seen[envelope.writer])
  const named = new Set(kept.flatMap(({ writer, seen }) => [writer, ...Object.keys(seen)]))
  if (!Object.keys(envelope.seen).every((writer) => named.has(writer))) return false
  return all.some(
    ({ headerId, writer, clock }) => writer === envelope.writer && clock >= envelope.clock && marks.includes(headerId),
  )
}

/** The `seen` of a base that covers all of these, and what they covered. */
export function seenAll(all: Inspected[]): Record<string, string> {
  const newest = new Map<string, Inspected>()
  for (const envelope of all) {
    const known = newest.get(envelope.writer)
    if (known === undefined || known.clock < envelope.clock) newest.set(envelope.writer, envelope)
  }
  const covered = [...all].sort((a, b) => (a.clock < b.clock ? -1 : 1)).flatMap(({ seen }) => Object.entries(seen))
  return Object.fromEntries([...covered, ...[...newest].map(([writer, { headerId }]) => [writer, headerId] as const)])
}

/**
 * The time to judge ages by: this device's, but no later than the newest stamp in the store, so that a device whose clock
 * is years ahead takes nothing that was just written for old.
 */
export function timeOf(stamps: Clock[], now: number): number {
  return stamps.reduce((latest, clock) => Math.max(latest, Math.min(now, clockMs(clock))), 0)
}
