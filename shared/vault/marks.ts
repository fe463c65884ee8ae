import { PspError } from "../errors.js"
import { clockMs, laterClock, type Clock } from "../hlc.js"
import type { SessionRecord } from "../members.js"
import type { Mark, Remembered } from "../vault-memory.js"

/** Remembers the newest envelope of a writer that this device wrote to, or read from, the store. */
export function note({ marks }: Remembered, sid: string, writer: string, mark: Mark): void {
  const known = (marks[sid] ??= {})[writer]
  if (known === undefined || known.clock < mark.clock) marks[sid][writer] = mark
}

/** The `seen` of this device's next envelope of that session. */
export function seenOf({ marks }: Remembered, sid: string): Record<string, string> {
  return Object.fromEntries(Object.entries(marks[sid] ?? {}).map(([writer, mark]) => [writer, mark.header]))
}

/**
 * The latest stamp of the session that the store should still show; null when this device knows of none.
 *
 * @param shown the latest that it does show. A store may let go of what has ended, but not bring back what came before it
 */
export function missingMark({ marks }: Remembered, sid: string, shown: Clock | null, now: number): Clock | null {
  const owed = Object.values(marks[sid] ?? {}).filter(({ exp = Infinity }) => shown !== null || exp > now)
  const known = owed.reduce<Clock | null>((latest, { clock }) => laterClock(latest, clock), null)
  return known === null || (shown !== null && shown >= known) ? null : known
}

/** An envelope that the store shows. */
export interface Shown {
  writer: string
  clock: Clock
  /** Id and `seen` of its header; null when it was not opened. */
  opened: { id: string; seen: Record<string, string> } | null
}

/**
 * Writers of whom this device has seen a save that the store does not show, and that nothing shown has seen: so no
 * compaction removed it. Silent where that is not certain: an envelope that was not opened may have seen it, and one that
 * names an envelope of that writer which is not shown may name a later one, of which the same is true.
 *
 * @param marks of one session
 * @param since when the session was first listed, or again after a removal: what came before may have been removed
 */
export function withheld(marks: Record<string, Mark>, since: Clock, shown: Shown[], now: number): string[] {
  const ids = new Set(shown.map(({ opened }) => opened?.id))
  return Object.entries(marks)
    .filter(([writer, { clock, header, exp = Infinity }]) => {
      if (exp <= now || clock < since) return false
      // Nothing has seen what is later than itself.
      const later = shown.filter((other) => other.clock >= clock)
      return later.every(({ writer: by, opened }) => {
        const seen = opened?.seen[writer]
        return by !== writer && opened !== null && (seen === undefined || (seen !== header && ids.has(seen)))
      })
    })
    .map(([writer]) => writer)
}

/** @throws `rolled-back` when the store shows less than this device has seen */
export function refuseRollback(
  remembered: Remembered,
  { sid, site }: SessionRecord,
  shown: Clock | null,
  now: number,
): void {
  const known = missingMark(remembered, sid, shown, now)
  if (known === null) return
  const what = shown === null ? "nothing any more" : `a state of ${new Date(clockMs(shown)).toISOString()}`
  throw new PspError(
    "rolled-back",
    `Cannot open session of ${site}: the store shows ${what}, but this device has seen one of ` +
      `${new Date(clockMs(known)).toISOString()}; ask for an earlier time to open an older state on purpose`,
  )
}
