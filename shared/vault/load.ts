import type { OpenedEnvelope } from "../envelope.js"
import { isPspError, PspError } from "../errors.js"
import { clockMs, laterClock, type Clock } from "../hlc.js"
import type { Card } from "../keys.js"
import type { SessionRecord } from "../members.js"
import type { CallOptions } from "../provider.js"
import { parseBase } from "../session-payload.js"
import { defaultAccount } from "../site.js"
import { bringBack, isSavedSince } from "./bring-back.js"
import { botSources } from "./bot-sources.js"
import { collect, VanishedError, type Collected } from "./collect.js"
import { isBot, maySaveBack, refuseEnded } from "./granted.js"
import { note, refuseRollback, withheld, type Shown } from "./marks.js"
import { mergedOf, type Merged } from "./merged.js"
import { recordOf } from "./records.js"
import { refresh } from "./refresh.js"
import type { VaultState } from "./state.js"
import { listSession, newestOf, type StoredEnvelope } from "./stored.js"

export interface LoadedSession extends Merged {
  site: string
  account: string
  sid: string
  /** Its stamp; of several objects with one stamp, all but one repeat it for more readers. */
  clock: Clock
  /** ms since epoch. */
  savedAt: number
  expiresAt: number
  /** Who wrote it. */
  writer: Card
  /** Recipient ids that can open it. */
  recipients: string[]
  /** Of a bot: the names that it was granted of it, and nothing else of what it finds counts; null for whole kinds. */
  names: readonly string[] | null
  /** Names of saves that were left aside, because their writer's clock is ahead of this device's. */
  ahead: string[]
  /** Ids of writers of whom this device knows a save that the store withholds, behind this later one that has not seen it. */
  withheld: string[]
}

export interface SessionOptions extends CallOptions {
  account?: string
}

/**
 * The newest state of a session, or the newest not after `at` (ms); null when nothing is there for this identity. For a
 * device that remembers nothing it takes four requests: two lists, the newest member envelope and the newest save. One that
 * was removed is looked for as well: another device may have saved it since.
 *
 * @throws `rolled-back`, `bad-clock` when all of it is stamped ahead of this device's clock, and the codes of `open`
 */
export async function loadSession(
  vault: VaultState,
  site: string,
  { account = defaultAccount, at, ...call }: SessionOptions & { at?: number } = {},
): Promise<LoadedSession | null> {
  const isFirst = vault.remembered.merged.length === 0
  const isFound = () => recordOf(vault, site, account)?.removed === false
  // Who saves back seals to the owners of now: the newest word that it believes may be by one who was removed.
  const isEnough = () => isFound() && !(isBot(vault.remembered) && maySaveBack(vault, site, account))
  const { damaged, ahead } = await refresh(vault, call, isFirst ? isEnough : undefined)
  if (!isFound() && damaged[0] !== undefined) throw unknownMembers("damaged", site, damaged[0])
  if (!isFound() && ahead[0] !== undefined && vault.remembered.merged.length === 0) {
    throw unknownMembers("bad-clock", site, ahead[0])
  }
  refuseEnded(vault, site, account)
  if (vault.former().has(vault.writerId)) {
    throw new PspError("not-owner", `Cannot open session of ${site}: this device was removed from the vault's owners`)
  }
  if (recordOf(vault, site, account) === undefined) return null
  const find = async (): Promise<[SessionRecord | undefined, StoredEnvelope[]]> => {
    const record = recordOf(vault, site, account)
    return [record, record === undefined ? [] : await listSession(vault, record.sid, call)]
  }
  let [record, stored] = await find()
  const isStrange = stored.some((envelope) => vault.authorOf(envelope) === null)
  if (isFirst && (isStrange || (stored.length === 0 && isBot(vault.remembered)))) {
    // Perhaps by an owner whom another member envelope introduces; perhaps another one takes a grant back.
    await refresh(vault, call)
    refuseEnded(vault, site, account)
    ;[record, stored] = await find()
  }
  if (record === undefined || (record.removed && !isSavedSince(vault, record, stored))) return null
  const opening = openNewest(vault, record, stored, { ...call, ...(at === undefined ? {} : { at }) })
  const session = await opening.catch(async (error: unknown) => {
    if (isFirst && isBot(vault.remembered) && isPspError(error, "not-for-me")) {
      await refresh(vault, call)
      refuseEnded(vault, site, account)
    }
    throw error
  })
  bringBack(vault)
  await vault.remember()
  return session
}

/** Opens the newest of what a session's folder holds; what it learns is not yet remembered beyond this run. */
export async function openNewest(
  vault: VaultState,
  record: SessionRecord,
  stored: StoredEnvelope[],
  { at, isListedAnew = false, ...call }: CallOptions & { at?: number; isListedAnew?: boolean } = {},
): Promise<LoadedSession | null> {
  const { remembered } = vault
  const { last, ahead } = newestOf(vault, stored, at)
  const own = stored.findLast(({ writer }) => writer === vault.writerId)
  const shown = laterClock((ahead.at(-1) ?? last)?.clock ?? null, own?.clock ?? null)
  if (at === undefined) refuseRollback(remembered, record, shown, vault.now())
  if (last === null && ahead.length > 0) throw allAhead(vault, record, ahead)
  if (last === null) return null
  const byOwners = stored.filter((envelope) => vault.authorOf(envelope) !== null && envelope.clock <= last.clock)
  const sources = [
    { sid: record.sid, stored: byOwners },
    ...(await botSources(vault, record.sid, stored, { at, ...call })),
  ]
  let collected: Collected | null
  try {
    collected = await collect(vault, sources, { ...call, mayVanish: isListedAnew })
  } catch (error) {
    if (!(error instanceof VanishedError) || isListedAnew) throw error
    const anew = await listSession(vault, record.sid, call)
    return openNewest(vault, record, anew, { ...call, ...(at !== undefined && { at }), isListedAnew: true })
  }
  if (collected === null) return null
  const session = {
    ...sessionOf(vault, collected.newest.opened, collected),
    ahead: ahead.map(({ name }) => name),
    withheld: at === undefined ? withheldBehind(vault, record, stored, collected) : [],
  }
  if (session.site !== record.site || session.account !== record.account) {
    throw new PspError("damaged", "Cannot open session: the envelope holds another session than the vault says")
  }
  for (const { sid, opened } of collected.pieces) {
    const { writer, clock, exp } = opened.header
    note(remembered, sid, writer, { clock, header: opened.headerId, exp })
    remembered.clock = laterClock(remembered.clock, clock)
  }
  return session
}

/** What was opened tells of it. */
function withheldBehind(
  vault: VaultState,
  { sid, clock: since }: SessionRecord,
  stored: StoredEnvelope[],
  { pieces }: Collected,
): string[] {
  const opened = new Map(pieces.map(({ name, opened }) => [name, { id: opened.headerId, seen: opened.header.seen }]))
  const shown = stored
    .filter((envelope) => vault.authorOf(envelope) !== null)
    .map(({ name, writer, clock }): Shown => ({ writer, clock, opened: opened.get(name) ?? null }))
  return withheld(vault.remembered.marks[sid] ?? {}, since, shown, vault.now())
}

/**
 * A base as a session, with what was merged into it.
 *
 * @throws `damaged`, `too-new`, `bad-snapshot`, `not-trusted`
 */
export function sessionOf(vault: VaultState, opened: OpenedEnvelope, collected?: Collected): LoadedSession {
  const base = collected?.newest.content.base ?? parseBase(opened.plaintext)
  const { clock, exp, sid, writer } = opened.header
  const author = vault.authorOf({ writer, clock })
  if (author === null) throw new PspError("not-trusted", "Cannot open session: its writer is not an owner")
  const merged = mergedOf(vault, base, { clock, writer }, collected)
  // Names sort by time: the first piece is the newest.
  const newest = collected?.pieces[0]?.opened.header.clock ?? clock
  return {
    ...merged,
    site: merged.snapshot.sites[0],
    account: merged.snapshot.account,
    sid,
    clock: newest,
    savedAt: clockMs(newest),
    expiresAt: exp,
    writer: author,
    recipients: opened.recipients,
    names: vault.remembered.granted?.grants.find((grant) => grant.sid === sid)?.names ?? null,
    ahead: [],
    withheld: [],
  }
}

/** What could have told of the session cannot be read: that is not the same as no session. */
function unknownMembers(code: "damaged" | "bad-clock", site: string, name: string): PspError {
  const what = code === "damaged" ? "is damaged; run psp verify" : "is stamped later than this device's clock; set it"
  return new PspError(code, `Cannot tell whether there is a session of ${site}: ${name.slice(-100)} ${what}`)
}

function allAhead(vault: VaultState, { site }: SessionRecord, ahead: StoredEnvelope[]): PspError {
  const [stamp, now] = [clockMs(ahead[0]?.clock ?? ""), vault.now()].map((ms) => new Date(ms).toISOString())
  return new PspError(
    "bad-clock",
    `Cannot open session of ${site}: it was saved at ${stamp} by its writer's clock, and this device's says ${now}; ` +
      "set whichever is wrong",
  )
}
