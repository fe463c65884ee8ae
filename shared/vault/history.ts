import { isPspError, type ErrorCode } from "../errors.js"
import { clockMs, isClockPlausible } from "../hlc.js"
import { parseCard } from "../keys.js"
import { defaultAccount } from "../site.js"
import { botSources } from "./bot-sources.js"
import { isStoreFault } from "./faults.js"
import { isBot, refuseEnded } from "./granted.js"
import { openNewest, type LoadedSession, type SessionOptions } from "./load.js"
import { recordOf } from "./records.js"
import { refresh } from "./refresh.js"
import type { VaultState } from "./state.js"
import { listSession } from "./stored.js"

/** A session as it was at a time that the store still holds. */
export interface HistoryEntry {
  /** ms since epoch; to load the session as of this time gives just this state. */
  at: number
  /** Who wrote then. */
  by: { name: string; isBot: boolean }[]
  /** Null where it cannot be opened. */
  session: LoadedSession | null
  /** Why not. */
  fault: ErrorCode | null
}

/** The kept states, oldest first; each is opened when it is asked for. Compaction takes the oldest away. */
export async function* history(
  vault: VaultState,
  site: string,
  { account = defaultAccount, ...call }: SessionOptions = {},
): AsyncGenerator<HistoryEntry, void, undefined> {
  await refresh(vault, call)
  refuseEnded(vault, site, account)
  const record = recordOf(vault, site, account)
  if (record === undefined || record.removed) return
  const stored = await listSession(vault, record.sid, call)
  const bots = await botSources(vault, record.sid, stored, call)
  const names = await botNames(vault)
  const byTime = new Map<number, Map<string, HistoryEntry["by"][number]>>()
  for (const { writer, clock } of [...stored, ...bots.flatMap((source) => source.stored)]) {
    const owner = vault.authorOf({ writer, clock })
    const by = owner === null ? names.get(writer) : owner.name
    if (by === undefined || !isClockPlausible(clock, vault.now())) continue
    const known = byTime.get(clockMs(clock)) ?? new Map<string, HistoryEntry["by"][number]>()
    byTime.set(clockMs(clock), known.set(writer, { name: by, isBot: owner === null }))
  }
  for (const [at, by] of [...byTime].sort(([a], [b]) => a - b)) {
    call.signal?.throwIfAborted()
    const entry = { at, by: [...by.values()] }
    try {
      const session = await openNewest(vault, record, stored, { ...call, at })
      yield { ...entry, session, fault: session === null ? "not-found" : null }
    } catch (error) {
      if (!isPspError(error) || isStoreFault(error.code)) throw error
      yield { ...entry, session: null, fault: error.code }
    }
  }
}

/** Of bots whose changes may count, by writer id. */
async function botNames({ remembered, identity, writerId }: VaultState): Promise<Map<string, string>> {
  if (isBot(remembered)) return new Map([[writerId, identity.name]])
  const cards = await Promise.all((remembered.members?.grants ?? []).map(({ card }) => parseCard(card)))
  return new Map(cards.map((card) => [card.writerId, card.name]))
}
