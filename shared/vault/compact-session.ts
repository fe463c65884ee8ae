import { readHeader } from "../envelope.js"
import { isPspError, PspError, toPspError } from "../errors.js"
import { isClockPlausible } from "../hlc.js"
import type { SessionRecord } from "../members.js"
import { livesOf } from "../merge.js"
import { createWriterDoc } from "../merge/registers.js"
import { hasEnded } from "../merge/stamps.js"
import type { CallOptions } from "../provider.js"
import { parseBase, parseDelta } from "../session-payload.js"
import { isCovered, seenAll, tooOld, type Inspected, type Keep } from "./compaction-plan.js"
import type { CompactReport } from "./compact.js"
import { isStoreFault } from "./faults.js"
import { openNewest } from "./load.js"
import { holdsEnded } from "./merged.js"
import { note } from "./marks.js"
import { getWhole, putWhole } from "./parts.js"
import { sealBase } from "./seal-base.js"
import type { VaultState } from "./state.js"
import type { StoredEnvelope } from "./stored.js"

/**
 * Removes what is too old of a live session. Each object that goes was seen by a base that stays; where none has seen it,
 * such a base is written first.
 *
 * @param stored what owners wrote, oldest first
 * @returns what was removed
 */
export async function compactSession(
  vault: VaultState,
  record: SessionRecord,
  stored: StoredEnvelope[],
  { keep, time, report, ...call }: CallOptions & { keep: Keep; time: number; report: CompactReport },
): Promise<StoredEnvelope[]> {
  const settled = stored.filter(({ clock }) => isClockPlausible(clock, vault.now()))
  const tooOldOnes = tooOld(settled, keep, time)
  if (tooOldOnes.length === 0 && !(await isToForget(vault, record, settled, { ...call, report }))) return []
  const all: (Inspected & { holdsEnded: boolean })[] = []
  for (const { name } of settled) {
    const inspected = await inspect(vault, name, call).catch((error: unknown) => skip(report, name, error))
    if (inspected !== null) all.push(inspected)
  }
  const ended = new Set(all.filter(({ holdsEnded }) => holdsEnded).map(({ name }) => name))
  const old = settled.filter((envelope) => tooOldOnes.includes(envelope) || ended.has(envelope.name))
  const oldNames = new Set(old.map(({ name }) => name))
  const kept = all.filter(({ name }) => !oldNames.has(name))
  const going = all.filter(({ name }) => oldNames.has(name))
  if (going.some((envelope) => !isCovered(envelope, kept, all))) {
    try {
      await writeCover(vault, record, settled, all, call)
      report.written++
    } catch (error) {
      const name = settled.at(-1)?.name ?? ""
      skip(report, name, error)
      return []
    }
  }
  const names = new Set(going.map(({ name }) => name))
  const removed: StoredEnvelope[] = []
  for (const envelope of old.filter(({ name }) => names.has(name))) {
    await vault.provider.remove(envelope.name, call)
    removed.push(envelope)
  }
  return removed
}

/**
 * The newest state once more, in a base that has seen everything. It takes the stamp of what it repeats, not a later one:
 * a save that another device makes meanwhile stays the newest.
 */
async function writeCover(
  vault: VaultState,
  record: SessionRecord,
  stored: StoredEnvelope[],
  all: Inspected[],
  call: CallOptions,
): Promise<void> {
  const session = await openNewest(vault, record, stored, call)
  const newest = all.find(({ name }) => name === stored.at(-1)?.name)
  if (session === null || newest === undefined) {
    throw new PspError("not-found", "Cannot compact a session: its newest state cannot be read")
  }
  const sealed = await sealBase(vault, session.base(), {
    sid: record.sid,
    clock: newest.clock,
    exp: session.expiresAt,
    seen: seenAll(all),
  })
  await putWhole(vault.provider, sealed, call)
  note(vault.remembered, record.sid, vault.writerId, {
    clock: sealed.header.clock,
    header: sealed.headerId,
    exp: sealed.header.exp,
  })
}

function holdsEndedChange(writer: string, update: Uint8Array, now: number): boolean {
  const { registers } = createWriterDoc(writer).apply(update)
  return registers.some(
    (register) => !("deleted" in register) && register.value !== undefined && hasEnded(register, now),
  )
}

/**
 * True when the newest state holds values whose time is over. Earlier ones that held them go with it; what a later save replaced
 * stays as long as history is kept.
 */
async function isToForget(
  vault: VaultState,
  record: SessionRecord,
  stored: StoredEnvelope[],
  { report, ...call }: CallOptions & { report: CompactReport },
): Promise<boolean> {
  const name = stored.at(-1)?.name ?? ""
  const session = await openNewest(vault, record, stored, call).catch((error: unknown) => skip(report, name, error))
  if (session === null) return false
  return [...livesOf(session.state()).values()].some((live) => live.value !== undefined && hasEnded(live, vault.now()))
}

/** Null for one that is no longer there. @throws `damaged` and the like for one that nobody of this vault wrote so */
async function inspect(
  vault: VaultState,
  name: string,
  call: CallOptions,
): Promise<(Inspected & { holdsEnded: boolean }) | null> {
  const whole = await getWhole(vault.provider, name, call)
  if (whole === null) return null
  const { header, headerId } = await readHeader(whole.bytes)
  let heads: Inspected["heads"] = header.typ === "base" ? { [header.writer]: header.clock } : {}
  let isEnded = false
  try {
    const opened = await vault.openAs(whole.bytes, ["base", "delta"], { name: whole.name })
    if (header.typ === "base") {
      const base = parseBase(opened.plaintext)
      heads = base.heads ?? heads
      isEnded = holdsEnded(base, vault.now())
    } else isEnded = holdsEndedChange(header.writer, parseDelta(opened.plaintext), vault.now())
  } catch (error) {
    // Both are found out after its signature was checked.
    if (!isPspError(error, "expired") && !isPspError(error, "not-for-me")) throw error
  }
  return { name, clock: header.clock, writer: header.writer, headerId, seen: header.seen, heads, holdsEnded: isEnded }
}

/** Notes what could not be compacted. @throws a fault of the store as it is */
export function skip(report: CompactReport, name: string, error: unknown): null {
  const { code, message } = toPspError(error, "Compacting")
  if (isStoreFault(code)) throw error
  report.skipped.push({ name, code, message })
  return null
}
