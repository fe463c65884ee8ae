import { readHeader } from "../envelope.js"
import { clockMs } from "../hlc.js"
import type { SessionRecord } from "../members.js"
import type { CallOptions } from "../provider.js"
import { botSources } from "./bot-sources.js"
import { skip } from "./compact-session.js"
import type { CompactReport } from "./compact.js"
import { timeOf, tooOld, type Keep } from "./compaction-plan.js"
import { renewCopies } from "./copies.js"
import { fold } from "./fold.js"
import { openNewest } from "./load.js"
import { getWhole } from "./parts.js"
import type { VaultState } from "./state.js"
import { listSession, type StoredEnvelope } from "./stored.js"

/**
 * Removes what bots changed of a session, once it is too old to keep and a base holds it. What waits for the person, or cannot be
 * read, is in no base: it goes when its own time is over.
 *
 * @returns what was removed
 */
export async function compactBots(
  vault: VaultState,
  record: SessionRecord,
  { keep, report, ...call }: CallOptions & { keep: Keep; report: CompactReport },
): Promise<StoredEnvelope[]> {
  const stored = await listSession(vault, record.sid, call)
  const sources = await botSources(vault, record.sid, stored, call)
  const stamps = [...stored, ...sources.flatMap((source) => source.stored)].map(({ clock }) => clock)
  const old = sources.flatMap((source) => tooOld(source.stored, keep, timeOf(stamps, vault.now())))
  if (old.length === 0) return []
  const last = old.at(-1)?.name ?? ""
  const session = await openNewest(vault, record, stored, call).catch((error: unknown) => skip(report, last, error))
  if (session === null) return []
  const isMerged = ({ writer, clock }: StoredEnvelope) =>
    session.heads[writer] !== undefined && clock <= session.heads[writer]
  if (old.some(isMerged)) {
    if (!session.isPlain) {
      await fold(vault, session, call)
      report.written++
    }
    // A bot reads its own changes, and what owners made of all: from now on only the latter. Also where an earlier run broke off here.
    const copies = sources.filter((source) => source.stored.some((item) => old.includes(item))).map(({ sid }) => sid)
    await renewCopies(vault, copies, session, { ...call, isCut: false })
  }
  const removed: StoredEnvelope[] = []
  for (const envelope of old) {
    if (!isMerged(envelope) && !(await hasEnded(vault, envelope, call))) continue
    await vault.provider.remove(envelope.name, call)
    removed.push(envelope)
  }
  return removed
}

async function hasEnded(vault: VaultState, { name, clock }: StoredEnvelope, call: CallOptions): Promise<boolean> {
  if (clockMs(clock) > vault.now()) return false
  const whole = await getWhole(vault.provider, name, call)
  if (whole === null) return false
  return readHeader(whole.bytes).then(
    ({ header: { exp } }) => exp <= vault.now(),
    () => false,
  )
}
