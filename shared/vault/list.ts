import { parseName } from "../envelope.js"
import { isPspError } from "../errors.js"
import { clockMs } from "../hlc.js"
import type { SessionRecord } from "../members.js"
import type { CallOptions } from "../provider.js"
import { bringBack, isSavedSince } from "./bring-back.js"
import { isStoreFault } from "./faults.js"
import { readLeases, type Lease } from "./leases.js"
import { openNewest } from "./load.js"
import { liveRecords } from "./records.js"
import { refresh } from "./refresh.js"
import type { VaultState } from "./state.js"
import { isLeaseName, newestOf, toStored, type StoredEnvelope } from "./stored.js"

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
  /** Who uses it now; none when neither that nor `details` were asked for. */
  leases: Lease[]
}

export type ListOptions = CallOptions & { details?: boolean; leases?: boolean }

/**
 * The sessions of the vault, by site and account. It lists the store once and opens nothing but members, and what was saved
 * after its session was removed; `details` opens the newest object of each session to know its end, and its leases, `leases` these
 * alone.
 */
export async function list(
  vault: VaultState,
  { details = false, leases: areLeasesWanted = details, ...call }: ListOptions = {},
): Promise<SessionEntry[]> {
  await refresh(vault, call)
  const { folders, leaseNames } = await listFolders(vault, call)
  await bringBackListed(vault, folders, call)
  const entries: SessionEntry[] = []
  for (const record of liveRecords(vault)) {
    const { sid, site, account } = record
    const { envelopes = [], bytes = 0, objects = 0 } = folders.get(sid) ?? {}
    const { last, ahead } = newestOf(vault, envelopes)
    const savedAt = last === null && ahead.length === 0 ? null : clockMs((last ?? ahead[0])?.clock ?? "")
    const expiresAt = details && savedAt !== null ? await endOf(vault, record, envelopes, call) : null
    const leases = areLeasesWanted ? await readLeases(vault, sid, leaseNames, call) : []
    entries.push({ site, account, sid, savedAt, expiresAt, bytes, objects, leases })
  }
  await vault.remember()
  return entries.sort((a, b) => (a.site === b.site ? compare(a.account, b.account) : compare(a.site, b.site)))
}

interface SessionFolder {
  envelopes: StoredEnvelope[]
  bytes: number
  objects: number
}

/** What the owners wrote, by session id, and the leases, which are no part of any size. */
async function listFolders(
  vault: VaultState,
  call: CallOptions,
): Promise<{ folders: Map<string, SessionFolder>; leaseNames: string[] }> {
  const folders = new Map<string, SessionFolder>()
  const leaseNames: string[] = []
  for await (const { name, size } of vault.provider.list(`${vault.id}/sessions/`, call)) {
    if (isLeaseName(name)) {
      leaseNames.push(name)
      continue
    }
    const parsed = parseName(name)
    if (parsed === null || vault.authorOf(parsed) === null) continue
    const sid = name.split("/")[2] ?? ""
    const folder = folders.get(sid) ?? { envelopes: [], bytes: 0, objects: 0 }
    folders.set(sid, folder)
    folder.bytes += size
    folder.objects++
    const envelope = toStored(name, size)
    if (envelope !== null) folder.envelopes.push(envelope)
  }
  return { folders, leaseNames }
}

/** Brings those of the removed sessions back whose later save opens. What does not is for `load` to say. */
async function bringBackListed(
  vault: VaultState,
  folders: Map<string, SessionFolder>,
  call: CallOptions,
): Promise<void> {
  for (const record of vault.remembered.members?.sessions ?? []) {
    const { envelopes = [] } = folders.get(record.sid) ?? {}
    if (!record.removed || !isSavedSince(vault, record, envelopes)) continue
    await openNewest(vault, record, envelopes, call).catch((error: unknown) => {
      if (!isPspError(error) || isStoreFault(error.code)) throw error
    })
  }
  bringBack(vault)
}

async function endOf(
  vault: VaultState,
  record: SessionRecord,
  stored: StoredEnvelope[],
  call: CallOptions,
): Promise<number | null> {
  try {
    return (await openNewest(vault, record, stored, call))?.expiresAt ?? null
  } catch (error) {
    // A list still lists what cannot be opened; opening it says why.
    if (isPspError(error) && !isStoreFault(error.code)) return null
    throw error
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
