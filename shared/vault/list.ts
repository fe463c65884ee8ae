import { parseName } from "../envelope.js"
import { isPspError } from "../errors.js"
import { clockMs } from "../hlc.js"
import type { SessionRecord } from "../members.js"
import type { CallOptions } from "../provider.js"
import { isStoreFault } from "./faults.js"
import { newest } from "./load.js"
import { liveRecords } from "./records.js"
import { refresh } from "./refresh.js"
import type { VaultState } from "./state.js"

export interface SessionEntry {
  site: string
  account: string
  sid: string
  /** ms since epoch; null when the store holds nothing for it (yet). */
  savedAt: number | null
  /** ms since epoch; null when not asked for or not known. */
  expiresAt: number | null
  /** Of all objects of the session in the store. */
  bytes: number
  objects: number
}

/** The sessions of the vault, by site and account; `details` opens the newest object of each to know its end. */
export async function list(
  vault: VaultState,
  { details = false, ...call }: CallOptions & { details?: boolean } = {},
): Promise<SessionEntry[]> {
  await refresh(vault, call)
  const bySid = new Map<string, { savedAt: number; bytes: number; objects: number }>()
  for await (const { name, size } of vault.provider.list(`${vault.id}/sessions/`, call)) {
    const parsed = parseName(name)
    if (parsed === null || !vault.owners().has(parsed.writer)) continue
    const sid = parsed.folder.split("/").at(-1) ?? ""
    const known = bySid.get(sid) ?? { savedAt: 0, bytes: 0, objects: 0 }
    bySid.set(sid, {
      savedAt: Math.max(known.savedAt, clockMs(parsed.clock)),
      bytes: known.bytes + size,
      objects: known.objects + 1,
    })
  }
  const entries: SessionEntry[] = []
  for (const record of liveRecords(vault)) {
    const { sid, site, account } = record
    const stored = bySid.get(sid)
    const expiresAt = details && stored !== undefined ? await endOf(vault, record, call) : null
    entries.push({
      site,
      account,
      sid,
      savedAt: stored?.savedAt ?? null,
      expiresAt,
      bytes: stored?.bytes ?? 0,
      objects: stored?.objects ?? 0,
    })
  }
  return entries.sort((a, b) => (a.site === b.site ? compare(a.account, b.account) : compare(a.site, b.site)))
}

async function endOf(vault: VaultState, record: SessionRecord, call: CallOptions): Promise<number | null> {
  try {
    return (await newest(vault, record, undefined, call))?.expiresAt ?? null
  } catch (error) {
    // A list still lists what cannot be opened; opening it says why.
    if (isPspError(error) && !isStoreFault(error.code)) return null
    throw error
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
