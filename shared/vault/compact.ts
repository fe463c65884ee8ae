import { parseName } from "../envelope.js"
import type { ErrorCode } from "../errors.js"
import { clockMs, isClockPlausible, type Clock } from "../hlc.js"
import type { CallOptions, StoredObject } from "../provider.js"
import { compactBots } from "./compact-bots.js"
import { compactMembers } from "./compact-members.js"
import { compactSession, skip } from "./compact-session.js"
import { copyIds, renewCopies } from "./copies.js"
import { openNewest } from "./load.js"
import { hasEventEnded } from "./event-chain.js"
import { removeEndedEvents } from "./events.js"
import { defaultKeep, timeOf, type Keep } from "./compaction-plan.js"
import { removeEndedLeases } from "./leases.js"
import { isPartName, removeUnnamed } from "./parts.js"
import { refresh } from "./refresh.js"
import type { VaultState } from "./state.js"
import { isEventName, isLeaseName, listSession, type StoredEnvelope } from "./stored.js"

export interface CompactOptions extends CallOptions {
  /** How much history stays; ten saves, or those of a week, when left out. */
  keep?: Partial<Keep>
  /** Told before each folder, and at the end. */
  onProgress?: (progress: { done: number; total: number }) => void
}

export interface CompactReport {
  removed: {
    /** Saves that are older than what is kept. */
    bases: number
    /** Member envelopes that later ones replace. */
    members: number
    /** Of envelopes that are gone, or were never finished. */
    parts: number
    /** What was left over of sessions that were removed. */
    ofRemoved: number
    /** That have ended, of owners and bots. */
    leases: number
    /** Of the access history, whose time is over. */
    events: number
    /** By bots, which a base of the session holds, or whose time is over. */
    changes: number
  }
  /** That all this took in the store. */
  bytes: number
  /** Envelopes that had to be written, so that nothing is lost. */
  written: number
  /** Objects that were there before and stay. */
  kept: number
  /** What could not be judged, and stays. */
  skipped: { name: string; code: ErrorCode; message: string }[]
}

/** A part that no list names may belong to a save that is under way, for this long (ms). */
const partGrace = 24 * 60 * 60 * 1000

/**
 * Removes what nobody needs any more. What replaces something is in the store before that goes, the oldest goes first,
 * and the newest state of a session always stays, expired or not: so a compaction that breaks off loses nothing and the
 * next one finishes it, and two at once do no harm. What others than owners and bots wrote is left for `verify` to name.
 *
 * @throws `not-owner`, the provider's codes
 */
export async function compact(
  vault: VaultState,
  { keep = {}, onProgress, ...call }: CompactOptions = {},
): Promise<CompactReport> {
  await refresh(vault, call)
  vault.ownMembers()
  const report: CompactReport = {
    removed: { bases: 0, members: 0, parts: 0, ofRemoved: 0, leases: 0, events: 0, changes: 0 },
    bytes: 0,
    written: 0,
    kept: 0,
    skipped: [],
  }
  const { folders, leases, events, stamps, total } = await listFolders(vault, call)
  const time = timeOf(stamps, vault.now())
  let done = 0
  for (const [folder, { envelopes, parts }] of folders) {
    call.signal?.throwIfAborted()
    onProgress?.({ done: done++, total: folders.size })
    const removed = await compactFolder(vault, folder, envelopes, {
      ...call,
      keep: { ...defaultKeep, ...keep },
      time,
      report,
    })
    const gone = new Set(removed)
    const staying = new Set(envelopes.filter((envelope) => !gone.has(envelope)).map(keyOf))
    for (const part of parts) {
      // A part has the stamp and writer of its envelope.
      if (staying.has(keyOf(part)) || !isPartDone(part, removed, time)) continue
      if (!(await removeUnnamed(vault.provider, part.name, call))) continue
      report.removed.parts++
      report.bytes += part.size
    }
    report.bytes += removed.reduce((sum, { size }) => sum + size, 0)
  }
  onProgress?.({ done, total: folders.size })
  const ended = await removeEndedLeases(vault, leases, call)
  report.removed.leases = ended.count
  report.bytes += ended.bytes
  const old = await removeEndedEvents(vault, events, call)
  report.removed.events = old.count
  report.bytes += old.bytes
  report.kept = Object.values(report.removed).reduce((left, count) => left - count, total)
  await vault.remember()
  return report
}

async function compactFolder(
  vault: VaultState,
  folder: string,
  envelopes: StoredEnvelope[],
  options: CallOptions & { keep: Keep; time: number; report: CompactReport },
): Promise<StoredEnvelope[]> {
  const { report, keep, time, ...call } = options
  const [, room, id] = folder.split("/")
  if (room === "members") {
    const removed = await compactMembers(vault, envelopes, { ...call, report })
    report.removed.members += removed.length
    return removed
  }
  const record = vault.remembered.members?.sessions.find(({ sid }) => sid === id)
  const copies = copyIds(vault, vault.now())
  if (room === "sessions" && copies.live.has(id ?? "")) {
    const left = await renewCopy(vault, id ?? "", envelopes, { ...call, report })
    report.removed.bases += left.length
    return left
  }
  if (room === "sessions" && copies.dead.has(id ?? "")) {
    const left = await removeAll(vault, envelopes, call)
    report.removed.ofRemoved += left.length
    return left
  }
  // A session that no member envelope lists (yet) is not this device's to judge.
  if (room !== "sessions" || record === undefined) return []
  if (!record.removed) {
    const removed = await compactSession(vault, record, envelopes, { ...call, keep, time, report })
    report.removed.bases += removed.length
    const merged = await compactBots(vault, record, { ...call, keep, report })
    report.removed.changes += merged.length
    report.bytes += merged.reduce((sum, { size }) => sum + size, 0)
    return removed
  }
  const left = await removeAll(
    vault,
    envelopes.filter(({ clock }) => clock < record.clock),
    call,
  )
  report.removed.ofRemoved += left.length
  return left
}

async function removeAll(
  { provider }: VaultState,
  envelopes: StoredEnvelope[],
  call: CallOptions,
): Promise<StoredEnvelope[]> {
  for (const { name } of envelopes) await provider.remove(name, call)
  return envelopes
}

/**
 * Copies for bots have no history: the newest state takes the place of all that made it up. Some of that may be a base that speaks
 * for a part only, so it is written once more, as a whole, before anything goes.
 */
async function renewCopy(
  vault: VaultState,
  copy: string,
  envelopes: StoredEnvelope[],
  { report, ...call }: CallOptions & { report: CompactReport },
): Promise<StoredEnvelope[]> {
  const settled = envelopes.filter(({ clock }) => isClockPlausible(clock, vault.now()))
  const newest = settled.at(-1)
  if (newest === undefined || settled.every(({ clock }) => clock === newest.clock)) return []
  const sid = vault.remembered.members?.grants.find((grant) => grant.copy === copy)?.sid
  const record = vault.remembered.members?.sessions.find((other) => other.sid === sid)
  if (record === undefined) return []
  const opening = listSession(vault, record.sid, call).then((stored) => openNewest(vault, record, stored, call))
  const session = await opening.catch((error: unknown) => skip(report, newest.name, error))
  if (session === null || session.unread > 0) return []
  await renewCopies(vault, [copy], session, { ...call, isCut: false })
  const left = new Set((await listSession(vault, copy, call)).map(({ name }) => name))
  return envelopes.filter(({ name }) => !left.has(name))
}

interface Folder {
  envelopes: StoredEnvelope[]
  parts: StoredEnvelope[]
}

/** What the owners wrote, by folder, oldest first; leases of all, and events whose time is over. */
async function listFolders(
  vault: VaultState,
  call: CallOptions,
): Promise<{
  folders: Map<string, Folder>
  leases: StoredObject[]
  events: StoredObject[]
  stamps: Clock[]
  total: number
}> {
  const folders = new Map<string, Folder>()
  const leases: StoredObject[] = []
  const events: StoredObject[] = []
  const stamps: Clock[] = []
  let total = 0
  for await (const { name, size } of vault.provider.list(`${vault.id}/`, call)) {
    total++
    const parsed = parseName(name)
    if (isLeaseName(name)) {
      leases.push({ name, size })
      continue
    }
    if (isEventName(name)) {
      if (parsed !== null && hasEventEnded(parsed.clock, vault.now())) events.push({ name, size })
      continue
    }
    if (parsed === null || vault.authorOf(parsed) === null) continue
    const key = name.split("/").slice(0, 3).join("/")
    const folder = folders.get(key) ?? { envelopes: [], parts: [] }
    folders.set(key, folder)
    const stored = { name, size, clock: parsed.clock, writer: parsed.writer }
    ;(isPartName(name) ? folder.parts : folder.envelopes).push(stored)
    stamps.push(parsed.clock)
  }
  return { folders, leases, events, stamps, total }
}

function isPartDone(part: StoredEnvelope, removed: StoredEnvelope[], time: number): boolean {
  return removed.some((envelope) => keyOf(envelope) === keyOf(part)) || time - clockMs(part.clock) > partGrace
}

function keyOf({ clock, writer }: StoredEnvelope): string {
  return `${clock}-${writer}`
}
