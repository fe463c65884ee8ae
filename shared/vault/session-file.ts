import type { Bytes } from "../bytes.js"
import { digestOf, nameOf, readHeader } from "../envelope.js"
import { PspError } from "../errors.js"
import { scopeBase, scopeSnapshot } from "../grant-scope.js"
import { parseCard } from "../keys.js"
import type { CallOptions } from "../provider.js"
import { defaultAccount } from "../site.js"
import { chosenOf, refuseChoice, type GrantChoice } from "./grant-names.js"
import { loadSession, sessionOf, type LoadedSession, type SessionOptions } from "./load.js"
import { seenOf } from "./marks.js"
import { upsertRecord } from "./records.js"
import { refresh } from "./refresh.js"
import { commit, prepareMembers } from "./save.js"
import { sealBase } from "./seal-base.js"
import type { VaultState } from "./state.js"

export interface ExportOptions extends SessionOptions, GrantChoice {
  /** ms since epoch; the session's own end when left out. No cookie in the file ends later. */
  expiresAt?: number
  /** Of the session's sites those that the person agreed to; all when left out. */
  sites?: readonly string[]
}

/**
 * A fresh envelope of the newest state for one more reader; nothing is stored. With an end, kinds, names or sites of its own it is sealed to
 * that reader alone, and nothing else is in it: what an owner could put back into the vault is always the whole.
 *
 * @throws `not-found`, `usage` for no kinds or names, or unknown ones
 */
export async function exportTo(
  vault: VaultState,
  text: string,
  site: string,
  { account = defaultAccount, expiresAt, kinds, names, sites, ...call }: ExportOptions = {},
): Promise<Bytes> {
  vault.ownMembers()
  const reader = await parseCard(text)
  const choice = { ...(kinds && { kinds }), ...(names && { names }) }
  refuseChoice(choice)
  const session = await loadSession(vault, site, { account, ...call })
  if (session === null) throw new PspError("not-found", `Cannot export ${site}: no session is saved for it`)
  const header = {
    sid: session.sid,
    clock: vault.tick(),
    exp: Math.min(expiresAt ?? Infinity, session.expiresAt),
    seen: seenOf(vault.remembered, session.sid),
  }
  const isWhole = [kinds, names, expiresAt, sites].every((term) => term === undefined)
  const covered = sites === undefined ? {} : { sites: [...sites] }
  const there = scopeSnapshot(session.snapshot, { kinds: "all", ...covered })
  const terms = { ...chosenOf(choice, there), ...covered, expiresAt: expiresAt ?? null }
  const base = isWhole ? session.base() : scopeBase(session.base(), terms)
  const sealed = await sealBase(vault, base, header, [reader.recipient], isWhole)
  await vault.remember()
  return sealed.bytes
}

/** Opens an exported file. */
export async function openFile(vault: VaultState, bytes: Uint8Array): Promise<LoadedSession> {
  return sessionOf(vault, await vault.openAs(bytes, ["base"], {}))
}

/** Puts an exported file of this very vault back into the store. @throws `not-owner`, `not-trusted` */
export async function importFile(vault: VaultState, bytes: Uint8Array, call: CallOptions = {}): Promise<LoadedSession> {
  await refresh(vault, call)
  vault.ownMembers()
  const session = await openFile(vault, bytes)
  const { header, headerId } = await readHeader(bytes)
  const record = upsertRecord(vault, session.site, session.account, false)
  if (record.sid !== session.sid) {
    throw new PspError("damaged", "Cannot import session: its id is not the one this vault gives to that site")
  }
  const members = vault.remembered.isUnsaved
    ? await prepareMembers(vault)
    : { objects: [], superseded: [], members: null }
  const object = { name: nameOf(header, await digestOf(bytes)), bytes: bytes.slice() }
  const mark = { writer: header.writer, clock: header.clock, header: headerId, exp: header.exp }
  await commit(vault, { ...members, objects: [...members.objects, object], sid: record.sid, mark }, call)
  return session
}
