import { folderOf, parseName } from "../envelope.js"
import { clockMs, isClockPlausible, type Clock } from "../hlc.js"
import type { CallOptions } from "../provider.js"
import { isPartName } from "./parts.js"
import type { VaultState } from "./state.js"

/** An envelope of a session in the store, as its name tells. */
export interface StoredEnvelope {
  name: string
  clock: Clock
  writer: string
  /** Bytes of the object under that name. */
  size: number
}

/** The folder of a session's objects, with a slash at its end. */
export function sessionFolder({ id }: VaultState, sid: string): string {
  return `${folderOf({ typ: "base", vault: id, sid })}/`
}

/** What lies in a session's folder, oldest first, whoever wrote it. */
export async function listSession(vault: VaultState, sid: string, call: CallOptions): Promise<StoredEnvelope[]> {
  const stored: StoredEnvelope[] = []
  for await (const { name, size } of vault.provider.list(sessionFolder(vault, sid), call)) {
    const envelope = toStored(name, size)
    if (envelope !== null) stored.push(envelope)
  }
  return stored
}

/** True for the name of a lease: it lies apart, so that it is never taken for a state of its session. */
export function isLeaseName(name: string): boolean {
  return name.includes("/leases/")
}

/** True for the name of an event: none of a session's objects. */
export function isEventName(name: string): boolean {
  return name.split("/")[1] === "events"
}

/** Null for a part, for a lease and for what is none of ours. */
export function toStored(name: string, size: number): StoredEnvelope | null {
  const parsed = isPartName(name) || isLeaseName(name) ? null : parseName(name)
  return parsed === null ? null : { name, size, clock: parsed.clock, writer: parsed.writer }
}

/**
 * The newest of an owner, and what is left aside: stamped further ahead of this device's clock than clocks may differ.
 * One whose clock runs ahead would otherwise hide everybody else's saves until that time comes.
 */
export function newestOf(
  vault: VaultState,
  stored: StoredEnvelope[],
  at = Infinity,
): { last: StoredEnvelope | null; ahead: StoredEnvelope[] } {
  const byOwners = stored.filter((envelope) => vault.authorOf(envelope) !== null && clockMs(envelope.clock) <= at)
  const ahead = byOwners.filter(({ clock }) => !isClockPlausible(clock, vault.now()))
  return { last: byOwners[byOwners.length - ahead.length - 1] ?? null, ahead }
}

/** An envelope, and behind it all others of owners with the same stamp. */
export function sameStamp(
  vault: VaultState,
  stored: StoredEnvelope[],
  envelope: StoredEnvelope,
): [StoredEnvelope, ...StoredEnvelope[]] {
  const others = stored.filter(
    (other) => other.name !== envelope.name && other.clock === envelope.clock && vault.authorOf(other) !== null,
  )
  return [envelope, ...others.reverse()]
}
