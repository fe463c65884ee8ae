import { deleteKept, readKept, updateKept, writeKept } from "./db.js"
import { mayNotify } from "./permissions.js"

/** What was told of the access history, so that it is told once. There while the person wants to be told; event names and hashes only. */
export interface AccessTold {
  /** Another vault has another history. */
  vault: string | null
  /** When the person asked to be told (ms since epoch): nothing before it is news. */
  since: number
  /** When the history was last asked for, and when it was last read to its end (ms since epoch). */
  triedAt: number | null
  readAt: number | null
  /** Names of the events that were read, as far back as the next look goes. */
  seen: string[]
  /** Who used what, and who ever used anything. */
  known: string[]
  /** Handoffs whose end was told. */
  ends: string[]
  /** When it was last told that somebody used or tried what they may not (ms since epoch). */
  tried: Record<string, number>
}

const name = "access-told"

/** Null: nobody wants to be told, or the browser lets nobody tell. */
export async function readTold(): Promise<AccessTold | null> {
  if (!(await mayNotify())) return null
  const text = await readKept(name)
  return text === null || text === "" ? null : (JSON.parse(text) as AccessTold)
}

/** From now on. */
export async function beginTelling(now: number): Promise<void> {
  const none = { vault: null, since: now, triedAt: null, readAt: null, seen: [], known: [], ends: [], tried: {} }
  await writeKept(name, JSON.stringify(none satisfies AccessTold))
}

export function endTelling(): Promise<void> {
  return deleteKept(name)
}

/** Unless it was switched off, or off and on again, meanwhile. @returns whether it was written */
export async function noteTold(told: AccessTold): Promise<boolean> {
  let isSame = false
  await updateKept(name, (before) => {
    isSame = before !== null && before !== "" && (JSON.parse(before) as AccessTold).since === told.since
    return isSame ? JSON.stringify(told) : (before ?? "")
  })
  return isSame
}
