import { isClockPlausible, laterClock, type Clock } from "../hlc.js"
import type { SessionRecord } from "../members.js"
import { putRecord } from "./records.js"
import type { VaultState } from "./state.js"
import { newestOf, type StoredEnvelope } from "./stored.js"

/**
 * A later save beats an earlier removal: a device that did not know of the removal saves without asking the store, and
 * must not have saved for nothing. So every device that learns of such a save takes the session for live again, each with
 * the same entry, which goes out with the next one who writes the members.
 */
export function bringBack(vault: VaultState): void {
  const { members, marks } = vault.remembered
  for (const record of members?.sessions ?? []) {
    if (!record.removed) continue
    const clock = Object.values(marks[record.sid] ?? {})
      .filter(({ clock, exp = 0 }) => exp > vault.now() && isClockPlausible(clock, vault.now()))
      .reduce<Clock | null>((latest, mark) => laterClock(latest, mark.clock), null)
    if (clock !== null && clock > record.clock) putRecord(vault, { ...record, clock, removed: false })
  }
}

/** True when an owner saved a removed session later, as far as names tell. */
export function isSavedSince(vault: VaultState, { clock }: SessionRecord, stored: StoredEnvelope[]): boolean {
  const { last } = newestOf(vault, stored)
  return last !== null && last.clock > clock
}
