import type { Bytes } from "./bytes.js"
import { createCard, parseCard, type Card, type Identity } from "./keys.js"
import type { SessionRecord } from "./members.js"
import type { Since } from "./merge/changes.js"
import type { Register } from "./merge.js"
import type { CallOptions, Provider } from "./provider.js"
import type { Snapshot } from "./snapshot.js"
import { addOwner } from "./vault/add-owner.js"
import { appendEvents } from "./vault/append-event.js"
import { liveGrants } from "./vault/copies.js"
import type { EventSays } from "./vault/event-payload.js"
import { events, type AccessEvent, type EventGap, type EventsOptions } from "./vault/events.js"
import { grant, grants, revoke, type Grant, type GrantOptions, type Revocation } from "./vault/grant.js"
import { compact, type CompactOptions, type CompactReport } from "./vault/compact.js"
import { history, type HistoryEntry } from "./vault/history.js"
import { lease, type HeldLease, type LeaseOptions } from "./vault/lease.js"
import { leases, type Lease } from "./vault/leases.js"
import { list, type ListOptions, type SessionEntry } from "./vault/list.js"
import { loadSession, type LoadedSession, type SessionOptions } from "./vault/load.js"
import { ownsSessions } from "./vault/owns-sessions.js"
import { passOn } from "./vault/pass-on.js"
import { recall, type VaultOptions } from "./vault/recall.js"
import { liveRecords, removedAt, savedAt } from "./vault/records.js"
import { addRecovery, leaveAnchor } from "./vault/recovery.js"
import { refresh } from "./vault/refresh.js"
import { remove } from "./vault/remove.js"
import { removeOwner, type OwnerRemoval, type RemoveOwnerOptions } from "./vault/remove-owner.js"
import { announceMembers, commit, prepare, save, type Prepared, type SaveEntry } from "./vault/save.js"
import { exportTo, importFile, openFile, type ExportOptions } from "./vault/session-file.js"
import { saveAll, type SaveAllOptions } from "./vault/save-all.js"
import { prepareChanges, type PreparedChanges } from "./vault/save-changes.js"
import { createState, type VaultState } from "./vault/state.js"
import { verify, type VerifyOptions, type VerifyReport } from "./vault/verify.js"
import { versions, type SessionVersion } from "./vault/versions.js"

export type { VaultMemory } from "./vault-memory.js"
export type { HistoryEntry } from "./vault/history.js"
export type { HeldLease, LeaseOptions } from "./vault/lease.js"
export type { Lease } from "./vault/leases.js"
export type { SessionEntry } from "./vault/list.js"
export type { LoadedSession, SessionOptions } from "./vault/load.js"
export type { VaultOptions } from "./vault/recall.js"
export type { LetIn } from "./vault/let-in.js"
export type { OwnerRemoval, RemoveOwnerOptions } from "./vault/remove-owner.js"
export type { Prepared, SaveEntry } from "./vault/save.js"
export type { ExportOptions } from "./vault/session-file.js"
export type { Grant, GrantOptions, Revocation } from "./vault/grant.js"
export type { Since } from "./merge/changes.js"
export type { PreparedChanges } from "./vault/save-changes.js"
export type { SaveAllOptions } from "./vault/save-all.js"
export type { CompactOptions, CompactReport } from "./vault/compact.js"
export type { Defect, DefectCode } from "./vault/defect.js"
export type { VerifyOptions, VerifyProgress, VerifyReport } from "./vault/verify.js"
export type { EventKind, EventSays } from "./vault/event-payload.js"
export type { AccessEvent, EventBy, EventGap, EventsOptions } from "./vault/events.js"
export type { SessionVersion } from "./vault/versions.js"

export interface KnownSession {
  site: string
  account: string
  sid: string
  /** Ids under which copies of it lie that bots may read now. */
  copies: string[]
}

/** All envelopes under one provider for one owner. Every method may throw the provider's codes. */
export interface Vault {
  /** 32 hex digits. */
  readonly id: string
  /** This identity's own card, naming this vault. */
  readonly card: Card
  readonly isOwner: boolean
  owners(): Card[]
  /** Reads what other owners wrote about members. */
  refresh(options?: CallOptions): Promise<void>
  /** Seals a save without touching the store. @throws `not-owner`, `too-large` */
  prepare(snapshot: Snapshot, options?: Omit<SaveEntry, "snapshot" | "repeats">): Promise<Prepared>
  /** Puts what was prepared, in order; may be repeated after any failure. */
  commit(prepared: Prepared, options?: CallOptions): Promise<void>
  /** `prepare` and `commit`. */
  save(snapshot: Snapshot, options?: CallOptions & Pick<SaveEntry, "expiresAt" | "since" | "endOf">): Promise<Prepared>
  /**
   * Seals what a capture says that was not known before, and nothing else; a bot that may save back can, too.
   *
   * @throws `not-granted`
   */
  prepareChanges(snapshot: Snapshot, since: Omit<Since, "heads"> & { expiresAt?: number }): Promise<PreparedChanges>
  /**
   * Hands on to the bots of a session what others did in it since they got theirs, in small envelopes; how many those were.
   *
   * @throws `not-owner`
   */
  passOn(session: LoadedSession, registers: readonly Register[], options?: CallOptions): Promise<number>
  /** Many at once: each is one put, and what all of them need is put once for a batch. */
  saveAll(entries: Iterable<SaveEntry> | AsyncIterable<SaveEntry>, options?: SaveAllOptions): Promise<void>
  /** The newest state, or the newest not after `at` (ms); null when nothing is there for this identity. */
  load(site: string, options?: SessionOptions & { at?: number }): Promise<Snapshot | null>
  /** As `load`, with who saved it and until when. */
  loadSession(site: string, options?: SessionOptions & { at?: number }): Promise<LoadedSession | null>
  /** Its kept states, oldest first, each opened when it is asked for. */
  history(site: string, options?: SessionOptions): AsyncIterable<HistoryEntry>
  /** `details` opens the newest object of each session to know its end, and who uses it; `leases` only asks for the latter. */
  list(options?: ListOptions): Promise<SessionEntry[]>
  /** Which sessions others wrote to since somebody looked, for the price of one list however many there are. */
  versions(options?: CallOptions): Promise<SessionVersion[]>
  /** Says that a session is in use, which is advice and no lock. @throws `not-granted`, `not-found`, `usage` */
  lease(site: string, options: LeaseOptions): Promise<HeldLease>
  /** Who uses a session now. */
  leases(site: string, options?: SessionOptions): Promise<Lease[]>
  /**
   * Leaves in the access history what was done, for the owners to read. Nothing but the tools that use a vault calls this: `load` alone
   * leaves nothing.
   *
   * @throws `not-granted` for an identity that was never granted anything, and the provider's codes
   */
  record(events: EventSays | readonly EventSays[], options?: CallOptions): Promise<void>
  /** The access history of all writers, oldest first, with what is wrong with it. @throws `not-owner` */
  events(options?: EventsOptions): AsyncIterable<AccessEvent | EventGap>
  /** As the store says that something in this vault changed: a hint, no more. Null for a store that cannot say. */
  watch(options?: CallOptions): AsyncIterable<"watching" | "changed"> | null
  /** When a session was removed (ms since epoch), as far as it is known without asking the store; null for one that was not. */
  removedAt(site: string, account: string): number | null
  /** When this device itself saved a session last (ms since epoch), as it remembers; null for never. */
  savedAt(site: string, account: string): number | null
  /** What is known of sessions without asking the store. */
  known(): KnownSession[]
  /** Forgets a session: first its entry, then its objects. */
  remove(site: string, options?: SessionOptions): Promise<{ removed: number }>
  /** Puts what owners know together into a store that may be another one than before. @throws `not-owner` */
  announce(options?: CallOptions): Promise<void>
  /** Makes a device an owner and seals every session to it as well. @throws `not-owner`, `bad-card` */
  addOwner(card: string, options?: CallOptions): Promise<Card>
  /** Makes an identity an owner that is kept on paper. @throws as `addOwner` */
  addRecovery(recovery: Identity, options?: CallOptions): Promise<Card>
  /** Has a recovery identity, after it was used, say anew what it will believe the next time. @throws `not-owner` */
  renewRecovery(recovery: Identity, options?: CallOptions): Promise<void>
  /** True where somebody keeps sessions in this very store under the vault that a card names. */
  ownsSessions(card: Pick<Card, "vault">, options?: CallOptions): Promise<boolean>
  /** Takes an owner device out and seals every session without it; run again, it goes on. @throws `not-owner`, `not-found`, `usage` */
  removeOwner(who: string, options?: RemoveOwnerOptions): Promise<OwnerRemoval>
  /** Lets a bot open one session from now on, within a scope, until an end. @throws `not-owner`, `bad-card`, `not-found`, `usage` */
  grant(card: string, options: GrantOptions, call?: CallOptions): Promise<Grant>
  /** Takes it back, at one site or everywhere; `who` is a card, its six words, or its name. @throws `not-owner`, `not-found`, `usage` */
  revoke(who: string, options?: CallOptions & { site?: string; account?: string }): Promise<Revocation>
  /** What bots were granted, as far as it is known without asking the store. @throws `not-owner` */
  grants(): Promise<Grant[]>
  /**
   * A fresh envelope of the newest state for one more reader; nothing is stored. With an end or kinds of its own only that reader
   * opens it.
   *
   * @throws `not-found`, `usage`
   */
  exportTo(card: string, site: string, options?: ExportOptions): Promise<Bytes>
  /** Opens an exported file. */
  openFile(bytes: Uint8Array): Promise<LoadedSession>
  /** Puts an exported file of this very vault back into the store. @throws `not-owner`, `not-trusted` */
  importFile(bytes: Uint8Array, options?: CallOptions): Promise<LoadedSession>
  /** Removes what nobody needs any more; may break off anywhere, and run twice at once. @throws `not-owner` */
  compact(options?: CompactOptions): Promise<CompactReport>
  /** Reads everything and names each defect. */
  verify(options?: VerifyOptions): Promise<VerifyReport>
}

/**
 * Opens the vault that `owner` names, or the identity's own.
 *
 * @throws `bad-card`, `card-changed` when another owner was pinned before, `bad-identity` for an identity that owns no
 *   vault and was given no owner
 */
export async function openVault(provider: Provider, options: VaultOptions): Promise<Vault> {
  const { identity, memory, now = Date.now } = options
  const remembered = await recall(options)
  const state = await createState(provider, remembered, { identity, now, ...(memory === undefined ? {} : { memory }) })
  const card = await parseCard(await createCard({ ...identity, vault: state.id }))
  return {
    id: state.id,
    card,
    get isOwner() {
      return remembered.members !== null && state.owners().has(state.writerId)
    },
    owners: () => [...state.owners().values()],
    refresh: async (call) => {
      await refresh(state, call)
    },
    prepare: (snapshot, call) => prepare(state, snapshot, call),
    commit: (prepared, call) => commit(state, prepared, call),
    save: (snapshot, call) => save(state, snapshot, call),
    prepareChanges: (snapshot, since) => prepareChanges(state, snapshot, since),
    passOn: (session, registers, call) => passOn(state, session, registers, call),
    saveAll: (entries, call) => saveAll(state, entries, call),
    load: async (site, call) => (await loadSession(state, site, call))?.snapshot ?? null,
    loadSession: (site, call) => loadSession(state, site, call),
    history: (site, call) => history(state, site, call),
    list: (call) => list(state, call),
    versions: (call) => versions(state, call),
    lease: (site, options) => lease(state, site, options),
    leases: (site, call) => leases(state, site, call),
    record: (told, call) => appendEvents(state, "kind" in told ? [told] : told, call),
    events: (options) => events(state, options),
    watch: (call) => provider.watch?.(`${state.id}/`, call) ?? null,
    known: () => liveRecords(state).map((record) => knownOf(state, record)),
    removedAt: (site, account) => removedAt(state, site, account),
    savedAt: (site, account) => savedAt(state, site, account),
    remove: (site, call) => remove(state, site, call),
    announce: (call) => announceMembers(state, call),
    addOwner: (text, call) => addOwner(state, text, call),
    addRecovery: (recovery, call) => addRecovery(state, recovery, call),
    renewRecovery: (recovery, call) => leaveAnchor(state, recovery, call),
    ownsSessions: (other, call) => ownsSessions(provider, other, call),
    removeOwner: (who, options) => removeOwner(state, who, options),
    grant: (text, options, call) => grant(state, text, options, call),
    revoke: (who, call) => revoke(state, who, call),
    grants: () => grants(state),
    exportTo: (text, site, call) => exportTo(state, text, site, call),
    openFile: (bytes) => openFile(state, bytes),
    importFile: (bytes, call) => importFile(state, bytes, call),
    compact: (call) => compact(state, call),
    verify: (call) => verify(state, call),
  }
}

function knownOf(state: VaultState, { site, account, sid }: SessionRecord): KnownSession {
  return { site, account, sid, copies: [...new Set(liveGrants(state, sid).map(({ copy }) => copy))] }
}
