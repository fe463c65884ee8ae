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
