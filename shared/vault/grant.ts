import { isPspError, PspError } from "../errors.js"
import { isGranted, isLive, revokedBy, type GrantRecord } from "../grants.js"
import { clockMs } from "../hlc.js"
import { parseCard, type Card } from "../keys.js"
import type { CallOptions } from "../provider.js"
import type { Kind } from "../report.js"
import { defaultAccount } from "../site.js"
import { scopeSnapshot } from "../grant-scope.js"
import { oneMeant } from "../whom.js"
import { copyIdOf, renewCopies } from "./copies.js"
import { isStoreFault } from "./faults.js"
import { chosenOf, refuseChoice, type GrantChoice } from "./grant-names.js"
import { loadSession, type LoadedSession } from "./load.js"
import { refresh } from "./refresh.js"
import { saveMembers } from "./save.js"
import type { VaultState } from "./state.js"

export interface GrantOptions extends GrantChoice {
  site: string
  account?: string
  /** Those of the session's sites that whoever grants has agreed to; all that it holds now when left out. */
  sites?: readonly string[]
  /** Whether the bot may save what its visit changed; no when left out. */
  saveBack?: boolean
  /** ms since epoch; until it is revoked when left out. */
  expiresAt?: number
}

/** A grant, as people look at it. */
export interface Grant {
  card: Card
  site: string
  account: string
  /** All sites of the session that it covers; where an earlier version granted it, only `site` is known. */
  sites: string[]
  kinds: "all" | Kind[]
  /** Of these kinds only what is called so; null for all of them. */
  names: string[] | null
  saveBack: boolean
  /** ms since epoch. */
  expiresAt: number | null
  /** When it was granted, or last changed, by the clock of who did (ms since epoch). */
  grantedAt: number
  /** It has come to its end, and nobody revoked it. */
  hasEnded: boolean
}

/**
 * Makes a bot a member for one session, or changes what it may: first the list, then a copy of the newest state for it, which
 * every later save renews.
 *
 * @throws `not-owner`, `bad-card`, `not-found` when there is nothing to hand over, `expired`, `usage` for terms that make no
 *   sense, and what loading the session throws
 */
export async function grant(
  vault: VaultState,
  text: string,
  { site, account = defaultAccount, sites, saveBack = false, expiresAt, ...choice }: GrantOptions,
  call: CallOptions = {},
): Promise<Grant> {
  const bot = await parseCard(text)
  refuseChoice(choice)
  if (expiresAt !== undefined && !(Number.isSafeInteger(expiresAt) && expiresAt > vault.now())) {
    throw new PspError("usage", "Cannot grant: its end is in the past")
  }
  await refresh(vault, call)
  vault.ownMembers()
  if ([...vault.owners().values()].some(({ recipientId }) => recipientId === bot.recipientId)) {
    throw new PspError("usage", `Cannot grant to "${bot.name}": it is an owner device and opens everything already`)
  }
  const session = await loadSession(vault, site, { account, ...call })
  if (session === null) throw new PspError("not-found", `Cannot grant ${site}: no session is saved for it`)
  const members = vault.ownMembers()
  const known = members.grants.find((other) => other.bot === bot.recipientId && other.sid === session.sid)
  const { sid } = session
  const granted = session.snapshot.sites.filter((one) => one === site || (sites?.includes(one) ?? true))
  const there = scopeSnapshot(session.snapshot, { kinds: "all", sites: granted })
  const before = members.grants.filter((other) => other.sid === sid && isGranted(other))
  const chosen = chosenOf(
    choice,
    there,
    before.flatMap(({ names = [] }) => names),
  )
  const terms = { sid, sites: granted, ...chosen, expiresAt: expiresAt ?? null }
  const copy = copyIdOf(members.index.key, terms)
  const former = known === undefined ? [] : [known.copy, ...known.old].filter((id) => id !== copy)
  const clock = vault.tick()
  // What was granted by a clock that ran ahead is taken back first: else its old terms would come back.
  const mark = known !== undefined && known.clock >= clock ? [`${clock}-${vault.writerId}`] : []
  const revoked = [...(known?.revoked ?? []), ...mark].sort()
  const record: GrantRecord = {
    bot: bot.recipientId,
    card: bot.text,
    site,
    account,
    mayWrite: saveBack,
    clock,
    knew: revoked,
    revoked,
    ...terms,
    copy,
    old: former,
    by: vault.writerId,
  }
  members.grants = [...members.grants.filter((other) => other !== known), record]
  vault.remembered.isUnsaved = true
  await saveMembers(vault, call)
  await renewCopies(vault, [copy], session, { ...call, isCut: false })
  await renewCopies(vault, former, session, { ...call, isCut: true })
  await vault.remember()
  return grantOf(record, vault.now())
}

/** What was taken back from whom. */
export interface Revocation {
  card: Card
  /** `sites`: all that the bot could act at, and whose login it may have read. */
  sessions: { site: string; account: string; sites: string[] }[]
}

/**
 * Takes back what a bot was granted, at one site or everywhere: its grants become tombstones, and the copies that it could open
 * go; other bots get new ones. What the bot has read it keeps until the site ends that login. May be repeated after a failure.
 *
 * @param who a card, its six words, or the name of a bot where only one is called so
 * @throws `not-owner`, `not-found` when there is no such grant, `usage` for a name of several
 */
export async function revoke(
  vault: VaultState,
  who: string,
  { site, account, ...call }: CallOptions & { site?: string; account?: string } = {},
): Promise<Revocation> {
  await refresh(vault, call)
  const members = vault.ownMembers()
  const card = await botNamed(vault, who)
  const own = members.grants.filter(
    (grant) =>
      grant.bot === card?.recipientId &&
      (site === undefined || grant.site === site) &&
      (account === undefined || grant.account === account),
  )
  if (card === null || own.length === 0) {
    const where = site === undefined ? "" : ` for ${site}`
    throw new PspError("not-found", `Cannot revoke: there is no such grant${where}`)
  }
  // What the bot saved back so far counts, and is read as long as its grant lets it.
  const states = new Map<GrantRecord, LoadedSession | null>()
  for (const record of own) states.set(record, await stateOf(vault, record.site, record.account, call))
  await revokeRecords(vault, own, call)
  const sessions: Revocation["sessions"] = []
  for (const record of own) {
    const { copy, old, site, account, sites } = record
    const session = states.get(record) ?? null
    await renewCopies(vault, [copy, ...old], session, { ...call, isCut: true })
    sessions.push({ site, account, sites: sites ?? session?.snapshot.sites ?? [site] })
  }
  await vault.remember()
  return { card, sessions }
}

/** Notes among the members that these grants are taken back. */
export async function revokeRecords(vault: VaultState, own: GrantRecord[], call: CallOptions): Promise<void> {
  const members = vault.ownMembers()
  const mark = `${vault.tick()}-${vault.writerId}`
  const going = new Set(own.filter(isGranted))
  if (going.size > 0) {
    members.grants = members.grants.map((grant) => (going.has(grant) ? revokedBy(grant, mark) : grant))
    vault.remembered.isUnsaved = true
  }
  await saveMembers(vault, call)
}

/** Grants that were not taken back, ended ones included; what is known without asking the store. */
export async function grants(vault: VaultState): Promise<Grant[]> {
  const all = await Promise.all(
    vault
      .ownMembers()
      .grants.filter(isGranted)
      .map((record) => grantOf(record, vault.now())),
  )
  const key = ({ card, site, account }: Grant) => JSON.stringify([card.name, site, account])
  return all.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** A grant as people look at it. @param now ms since epoch */
export async function grantOf(record: GrantRecord, now: number): Promise<Grant> {
  const { card, site, account, sites = [site], kinds, names = null, mayWrite, expiresAt, clock } = record
  return {
    card: await parseCard(card),
    site,
    account,
    sites,
    kinds,
    names,
    saveBack: mayWrite,
    expiresAt,
    grantedAt: clockMs(clock),
    hasEnded: !isLive(record, now),
  }
}

/** The bot that is meant, among those that were ever granted something: to revoke once more finishes what broke off. */
async function botNamed(vault: VaultState, who: string): Promise<Card | null> {
  const { grants } = vault.ownMembers()
  const cardsOf = (records: GrantRecord[]) => Promise.all(records.map(({ card }) => parseCard(card)))
  const now = await cardsOf(grants.filter(isGranted))
  const before = await cardsOf(grants.filter((grant) => !isGranted(grant)))
  return oneMeant(who, [now, before], { key: "recipientId", what: "bot" })
}

/** Null where it cannot be opened: that is no reason to leave a copy to whom it must not be. */
async function stateOf(
  vault: VaultState,
  site: string,
  account: string,
  call: CallOptions,
): Promise<LoadedSession | null> {
  try {
    return await loadSession(vault, site, { account, ...call })
  } catch (error) {
    // What is only locked can be read after all: nothing is taken from other bots for that.
    if (isPspError(error) && error.code !== "locked" && !isStoreFault(error.code)) return null
    throw error
  }
}
