import { folderOf, parseName, type OpenedEnvelope } from "../envelope.js"
import { PspError } from "../errors.js"
import { clockMs, laterClock, type Clock } from "../hlc.js"
import type { Card } from "../keys.js"
import type { SessionRecord } from "../members.js"
import type { CallOptions } from "../provider.js"
import { parseBase } from "../session-payload.js"
import { defaultAccount } from "../site.js"
import type { Snapshot } from "../snapshot.js"
import { damagedStore } from "./faults.js"
import { note, refuseRollback } from "./marks.js"
import { recordOf } from "./records.js"
import { refresh } from "./refresh.js"
import type { VaultState } from "./state.js"

export interface LoadedSession {
  snapshot: Snapshot
  site: string
  account: string
  sid: string
  /** ms since epoch. */
  savedAt: number
  expiresAt: number
  /** Who wrote it. */
  writer: Card
  /** Recipient ids that can open it. */
  recipients: string[]
}

export interface SessionOptions extends CallOptions {
  account?: string
}

/** The newest state of a session, or the newest not after `at` (ms); null when nothing is there for this identity. */
export async function loadSession(
  vault: VaultState,
  site: string,
  { account = defaultAccount, at, ...call }: SessionOptions & { at?: number } = {},
): Promise<LoadedSession | null> {
  await refresh(vault, call)
  const record = recordOf(vault, site, account)
  if (record === undefined || record.removed) return null
  return newest(vault, record, at, call)
}

export async function newest(
  vault: VaultState,
  record: SessionRecord,
  at: number | undefined,
  call: CallOptions,
): Promise<LoadedSession | null> {
  const { remembered } = vault
  const found: { name: string; clock: Clock; writer: string }[] = []
  const folder = folderOf({ typ: "base", vault: vault.id, sid: record.sid })
  for await (const { name } of vault.provider.list(`${folder}/`, call)) {
    const parsed = parseName(name)
    if (parsed !== null && vault.owners().has(parsed.writer)) found.push({ name, ...parsed })
  }
  const last = found.filter(({ clock }) => at === undefined || clockMs(clock) <= at).at(-1)
  if (at === undefined) refuseRollback(remembered, record, last?.clock ?? null)
  if (last === undefined) return null
  const bytes = await vault.provider.get(last.name, call)
  if (bytes === null) throw damagedStore(last.name, "it was listed, but cannot be read")
  const opened = await vault.openAs(bytes, ["base"], { sid: record.sid, name: last.name })
  const session = sessionOf(vault, opened)
  if (session.site !== record.site || session.account !== record.account) {
    throw new PspError("damaged", "Cannot open session: the envelope holds another session than the vault says")
  }
  note(remembered, record.sid, opened.header.writer, { clock: opened.header.clock, header: opened.headerId })
  remembered.clock = laterClock(remembered.clock, opened.header.clock)
  await vault.remember()
  return session
}

/** @throws `damaged`, `too-new`, `bad-snapshot`, `not-trusted` */
export function sessionOf(vault: VaultState, opened: OpenedEnvelope): LoadedSession {
  const snapshot = parseBase(opened.plaintext)
  const { clock, exp, sid, writer } = opened.header
  const author = vault.owners().get(writer)
  if (author === undefined) throw new PspError("not-trusted", "Cannot open session: its writer is not an owner")
  return {
    snapshot,
    site: snapshot.sites[0],
    account: snapshot.account,
    sid,
    savedAt: clockMs(clock),
    expiresAt: exp,
    writer: author,
    recipients: opened.recipients,
  }
}
