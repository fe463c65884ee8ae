import { isPspError, type ErrorCode } from "./errors.js"
import type { EventSays, Vault } from "./vault.js"

/** A store that does not answer keeps nobody for longer from what they came for (ms). */
const patience = 10_000

/**
 * Leaves in the access history what is done now. That it could not is no reason not to do it.
 *
 * @returns one sentence where the history does not tell of it; null where it does, and where nobody would read it
 */
export async function recordAccess(
  vault: Pick<Vault, "record">,
  events: EventSays | readonly EventSays[],
): Promise<string | null> {
  try {
    await vault.record(events, { signal: AbortSignal.timeout(patience) })
    return null
  } catch (error) {
    if (isPspError(error, "not-granted")) return null
    const why = isPspError(error) ? (reasons[error.code] ?? `the store did not take it (${error.code})`) : "it failed"
    return `The access history does not tell of this: ${why}`
  }
}

/** Leaves there that an owner's word kept a bot from opening something, where that is what this error says. */
export async function recordRefusal(
  vault: Pick<Vault, "record" | "isOwner">,
  { site, account, tool }: Pick<EventSays, "site" | "account" | "tool">,
  error: unknown,
): Promise<void> {
  if (vault.isOwner || !isPspError(error) || !refusals.has(error.code)) return
  const reason = error.code === "not-found" ? "not-granted" : error.code
  await recordAccess(vault, { kind: "refused", site, account, tool, reason })
}

/** To a bot, what was never granted is not there. */
const refusals: ReadonlySet<ErrorCode> = new Set(["not-granted", "expired", "not-for-me", "not-found"])

const reasons: Partial<Record<ErrorCode, string>> = {
  denied: "the store lets this identity write nothing",
  full: "the store is full",
  unreachable: "the store did not answer in time",
  aborted: "the store did not answer in time",
  "bad-clock": "this device's clock is not set",
}
