import { PspError } from "../errors.js"
import { clockMs, laterClock, type Clock } from "../hlc.js"
import type { SessionRecord } from "../members.js"
import type { Mark, Remembered } from "../vault-memory.js"

/** Remembers the newest envelope of a writer that this device wrote to, or read from, the store. */
export function note({ marks }: Remembered, sid: string, writer: string, { clock, header }: Mark): void {
  const known = (marks[sid] ??= {})[writer]
  if (known === undefined || known.clock < clock) marks[sid][writer] = { clock, header }
}

/** The `seen` of this device's next envelope of that session. */
export function seenOf({ marks }: Remembered, sid: string): Record<string, string> {
  return Object.fromEntries(Object.entries(marks[sid] ?? {}).map(([writer, mark]) => [writer, mark.header]))
}

/** The latest stamp of the session that this device knows to be in the store; null when it knows of none. */
export function latestMark({ marks }: Remembered, sid: string): Clock | null {
  return Object.values(marks[sid] ?? {}).reduce<Clock | null>((latest, { clock }) => laterClock(latest, clock), null)
}

/** @throws `rolled-back` when the store shows less than this device has seen */
export function refuseRollback(remembered: Remembered, { sid, site }: SessionRecord, shown: Clock | null): void {
  const known = latestMark(remembered, sid)
  if (known === null || (shown !== null && shown >= known)) return
  const what = shown === null ? "nothing any more" : `a state of ${new Date(clockMs(shown)).toISOString()}`
  throw new PspError(
    "rolled-back",
    `Cannot open session of ${site}: the store shows ${what}, but this device has seen one of ` +
      `${new Date(clockMs(known)).toISOString()}; ask for an earlier time to open an older state on purpose`,
  )
}
