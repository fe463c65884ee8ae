import { base32 } from "@scure/base"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { base64, base64ToBytes, randomBytes, utf8, utf8ToText, type Bytes } from "./bytes.js"
import {
  defaultLifetime,
  digestOf,
  folderOf,
  nameOf,
  open,
  parseName,
  readHeader,
  seal,
  type EnvelopeType,
  type OpenedEnvelope,
} from "./envelope.js"
import { isPspError, PspError, toPspError, type ErrorCode } from "./errors.js"
import { clockMs, laterClock, nextClock, type Clock } from "./hlc.js"
import { createCard, parseCard, recipientIdOf, writerIdOf, type Card, type Identity } from "./keys.js"
import {
  mergeMembers,
  membersToJson,
  ownersOf,
  parseMembers,
  signOwnerStatement,
  type SessionRecord,
} from "./members.js"
import type { CallOptions, Provider } from "./provider.js"
import { baseToBytes, parseBase } from "./session-payload.js"
import { defaultAccount } from "./site.js"
import type { Snapshot } from "./snapshot.js"
import { parseRemembered, rememberedToJson, type Remembered, type VaultMemory } from "./vault-memory.js"

export type { VaultMemory } from "./vault-memory.js"

export interface VaultOptions {
  identity: Identity
  /** The card of an owner to trust; without it, this identity's own vault. */
  owner?: string
  /** Where to remember between runs; without it, the store is read anew each time and cannot be caught going back. */
  memory?: VaultMemory
  /** ms since epoch. */
  now?: () => number
}

/** Sealed objects that wait to be put, in this order; plain data that survives structured clone. */
export interface Prepared {
  objects: { name: string; bytes: Bytes }[]
  /** What may be removed once all of the above is in the store. */
  superseded: string[]
  /** The session it is about; null when only the members changed. */
  sid: string | null
  mark: { writer: string; clock: Clock; header: string } | null
  /** Members that this writes; null when it writes none. Compared at commit, so that a later change stays unsaved. */
  members: string | null
}

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
}

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

export interface Defect {
  name: string
  code: ErrorCode
  message: string
}

export interface VerifyReport {
  checked: number
  /** Sound, but past their end: nobody opens them any more. */
  expired: number
  /** Signed by an owner, but sealed to others: saved before this device became an owner. Its inside was not checked. */
  forOthers: number
  defects: Defect[]
}

export interface SessionOptions extends CallOptions {
  account?: string
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
  prepare(snapshot: Snapshot, options?: { expiresAt?: number }): Promise<Prepared>
  /** Puts what was prepared, in order; may be repeated after any failure. */
  commit(prepared: Prepared, options?: CallOptions): Promise<void>
  /** `prepare` and `commit`. */
  save(snapshot: Snapshot, options?: CallOptions & { expiresAt?: number }): Promise<Prepared>
  /** The newest state, or the newest not after `at` (ms); null when nothing is there for this identity. */
  load(site: string, options?: SessionOptions & { at?: number }): Promise<Snapshot | null>
  /** As `load`, with who saved it and until when. */
  loadSession(site: string, options?: SessionOptions & { at?: number }): Promise<LoadedSession | null>
  /** `details` opens the newest object of each session to know its end. */
  list(options?: CallOptions & { details?: boolean }): Promise<SessionEntry[]>
  /** What is known of sessions without asking the store. */
  known(): { site: string; account: string; sid: string }[]
  /** Forgets a session: first its entry, then its objects. */
  remove(site: string, options?: SessionOptions): Promise<{ removed: number }>
  /** Makes a device an owner and seals every session to it as well. @throws `not-owner`, `bad-card` */
  addOwner(card: string, options?: CallOptions): Promise<Card>
  /** A fresh envelope of the newest state for one more reader; nothing is stored. @throws `not-found` */
  exportTo(card: string, site: string, options?: SessionOptions & { expiresAt?: number }): Promise<Bytes>
  /** Opens an exported file. */
  openFile(bytes: Uint8Array): Promise<LoadedSession>
  /** Puts an exported file of this very vault back into the store. @throws `not-owner`, `not-trusted` */
  importFile(bytes: Uint8Array, options?: CallOptions): Promise<LoadedSession>
  /** Reads everything and names each defect. */
  verify(options?: CallOptions): Promise<VerifyReport>
}

/** A member envelope to an owner device lives this long (ms), and is written anew when it is a month old. */
const membersLifetime = 400 * 24 * 60 * 60 * 1000
const membersRenewal = 30 * 24 * 60 * 60 * 1000

/**
 * Opens the vault that `owner` names, or the identity's own.
 *
 * @throws `bad-card`, `card-changed` when another owner was pinned before, `bad-identity` for an identity that owns no
 *   vault and was given no owner
 */
export async function openVault(provider: Provider, options: VaultOptions): Promise<Vault> {
  const { identity, memory, now = Date.now } = options
  const [writerId, recipientId] = await Promise.all([writerIdOf(identity), recipientIdOf(identity)])
  const remembered = await recall(options)
  const card = await parseCard(await createCard({ ...identity, vault: remembered.vault }))
  const vault = remembered.vault
  let owners = await currentOwners()

  async function currentOwners(): Promise<Map<string, Card>> {
    if (remembered.members !== null) return ownersOf(vault, remembered.members)
    const pinned = await parseCard(remembered.pinned)
    return new Map([[pinned.writerId, pinned]])
  }

  async function remember(): Promise<void> {
    await memory?.write(rememberedToJson(remembered))
  }

  function tick(): Clock {
    const clock = nextClock(now(), remembered.clock)
    remembered.clock = clock
    return clock
  }

  function ownMembers() {
    if (remembered.members === null || !owners.has(writerId)) {
      throw new PspError("not-owner", `Cannot change this vault: "${identity.name}" is not one of its owner devices`)
    }
    return remembered.members
  }

  function openAs(
    bytes: Uint8Array,
    typ: EnvelopeType[],
    where: { sid?: string; name?: string },
  ): Promise<OpenedEnvelope> {
    const { sid, name } = where
    return open(bytes, {
      reader: identity,
      writerKey: ({ writer }) => owners.get(writer)?.writer ?? null,
      expected: { vault, typ, ...(sid === undefined ? {} : { sid }) },
      ...(name === undefined ? {} : { name }),
      now: now(),
    })
  }

  async function refresh(call: CallOptions = {}): Promise<void> {
    const names: string[] = []
    for await (const { name } of provider.list(`${vault}/members/${recipientId}/`, call)) names.push(name)
    let pending = names.filter((name) => !remembered.merged.includes(name))
    // An envelope may be by an owner whom a later one introduces: go round until nothing more can be read.
    for (let before = -1; pending.length !== before && pending.length > 0;) {
      before = pending.length
      const left: string[] = []
      for (const name of pending) if (!(await mergeMemberObject(name, call))) left.push(name)
      pending = left
    }
    remembered.merged = remembered.merged.filter((name) => names.includes(name))
    await remember()
  }

  async function mergeMemberObject(name: string, call: CallOptions): Promise<boolean> {
    const writer = parseName(name)?.writer
    if (writer === undefined || !owners.has(writer)) return false
    const bytes = await provider.get(name, call)
    if (bytes === null) return true
    const opened = await openAs(bytes, ["member"], { sid: recipientId, name }).catch((error: unknown) => {
      // An expired one says nothing any more; a damaged or forged one is named by `verify`.
      if (isPspError(error) && error.code !== "too-new") return null
      throw error
    })
    if (opened === null) return true
    const theirs = parseMembers(utf8ToText(opened.plaintext))
    if (remembered.members === null) {
      const theirOwners = await ownersOf(vault, theirs)
      if (!theirOwners.has(writer)) return true
      remembered.members = theirs
    } else {
      remembered.members = mergeMembers(remembered.members, theirs)
      const before = owners
      owners = await currentOwners()
      // A new owner's folder holds nothing of what this device wrote before it knew of it.
      if ([...owners.keys()].some((id) => !before.has(id))) remembered.isUnsaved = true
    }
    owners = await currentOwners()
    remembered.clock = laterClock(remembered.clock, opened.header.clock)
    remembered.merged.push(name)
    return true
  }

  /** One member envelope for each owner device, each in its own folder. */
  async function prepareMembers(): Promise<Pick<Prepared, "objects" | "superseded" | "members">> {
    const members = membersToJson(ownMembers())
    const everyone = [...owners.values()]
    const clock = tick()
    const sealed = await Promise.all(
      everyone.map((owner) =>
        seal({
          header: { typ: "member", vault, sid: owner.recipientId, clock, exp: now() + membersLifetime },
          plaintext: utf8(members),
          recipients: [owner.recipient, ...everyone.map(({ recipient }) => recipient)],
          writer: identity,
        }),
      ),
    )
    const superseded = remembered.written
    remembered.written = sealed.map(({ name }) => name)
    remembered.merged.push(...remembered.written.filter((name) => name.startsWith(`${vault}/members/${recipientId}/`)))
    return { objects: sealed.map(({ name, bytes }) => ({ name, bytes })), superseded, members }
  }

  function recordOf(site: string, account: string): SessionRecord | undefined {
    return remembered.members?.sessions.find((record) => record.site === site && record.account === account)
  }

  function upsertRecord(site: string, account: string, removed: boolean): SessionRecord {
    const members = ownMembers()
    const known = recordOf(site, account)
    if (known?.removed === removed) return known
    const sid = known?.sid ?? sidOf(members.index.key, site, account)
    const record = { sid, site, account, clock: tick(), removed }
    members.sessions = [...members.sessions.filter((other) => other.sid !== sid), record]
    remembered.isUnsaved = true
    return record
  }

  async function prepare(snapshot: Snapshot, { expiresAt }: { expiresAt?: number } = {}): Promise<Prepared> {
    const { sid } = upsertRecord(snapshot.sites[0], snapshot.account, false)
    const isStale = now() - remembered.membersWrittenAt > membersRenewal
    const members = remembered.isUnsaved || isStale ? await prepareMembers() : null
    const sealed = await seal({
      header: { typ: "base", vault, sid, clock: tick(), exp: expiresAt ?? now() + defaultLifetime, seen: seenOf(sid) },
      plaintext: baseToBytes(snapshot),
      recipients: [...owners.values()].map(({ recipient }) => recipient),
      writer: identity,
    })
    await remember()
    return {
      objects: [...(members?.objects ?? []), { name: sealed.name, bytes: sealed.bytes }],
      superseded: members?.superseded ?? [],
      sid,
      mark: { writer: writerId, clock: sealed.header.clock, header: sealed.headerId },
      members: members?.members ?? null,
    }
  }

  async function commit(prepared: Prepared, call: CallOptions = {}): Promise<void> {
    for (const { name, bytes } of prepared.objects) await provider.put(name, bytes, call)
    if (prepared.members !== null) {
      remembered.membersWrittenAt = now()
      if (remembered.members !== null && membersToJson(remembered.members) === prepared.members)
        remembered.isUnsaved = false
    }
    if (prepared.sid !== null && prepared.mark !== null) note(prepared.sid, prepared.mark.writer, prepared.mark)
    await remember()
    // Leftovers are harmless and the next save's concern: what was asked for is already in the store.
    for (const name of prepared.superseded) await provider.remove(name, call).catch(() => undefined)
  }

  async function save(snapshot: Snapshot, call: CallOptions & { expiresAt?: number } = {}): Promise<Prepared> {
    const prepared = await prepare(snapshot, call)
    await commit(prepared, call)
    return prepared
  }

  function note(sid: string, writer: string, mark: { clock: Clock; header: string }): void {
    const marks = (remembered.marks[sid] ??= {})
    const known = marks[writer]
    if (known === undefined || known.clock < mark.clock) marks[writer] = { clock: mark.clock, header: mark.header }
  }

  function seenOf(sid: string): Record<string, string> {
    return Object.fromEntries(
      Object.entries(remembered.marks[sid] ?? {}).map(([writer, mark]) => [writer, mark.header]),
    )
  }

  async function loadSession(
    site: string,
    { account = defaultAccount, at, ...call }: SessionOptions & { at?: number } = {},
  ): Promise<LoadedSession | null> {
    await refresh(call)
    const record = recordOf(site, account)
    if (record === undefined || record.removed) return null
    return newest(record, at, call)
  }

  async function newest(
    record: SessionRecord,
    at: number | undefined,
    call: CallOptions,
  ): Promise<LoadedSession | null> {
    const found: { name: string; clock: Clock; writer: string }[] = []
    for await (const { name } of provider.list(`${folderOf({ typ: "base", vault, sid: record.sid })}/`, call)) {
      const parsed = parseName(name)
      if (parsed !== null && owners.has(parsed.writer)) found.push({ name, ...parsed })
    }
    const last = found.filter(({ clock }) => at === undefined || clockMs(clock) <= at).at(-1)
    if (at === undefined) refuseRollback(record, last?.clock ?? null)
    if (last === undefined) return null
    const bytes = await provider.get(last.name, call)
    if (bytes === null) throw damagedStore(last.name, "it was listed, but cannot be read")
    const opened = await openAs(bytes, ["base"], { sid: record.sid, name: last.name })
    const session = sessionOf(opened)
    if (session.site !== record.site || session.account !== record.account) {
      throw new PspError("damaged", "Cannot open session: the envelope holds another session than the vault says")
    }
    note(record.sid, opened.header.writer, { clock: opened.header.clock, header: opened.headerId })
    remembered.clock = laterClock(remembered.clock, opened.header.clock)
    await remember()
    return session
  }

  function refuseRollback({ sid, site }: SessionRecord, shown: Clock | null): void {
    const marks = Object.values(remembered.marks[sid] ?? {})
    const known = marks.reduce<Clock | null>((latest, { clock }) => laterClock(latest, clock), null)
    if (known === null || (shown !== null && shown >= known)) return
    const what = shown === null ? "nothing any more" : `a state of ${new Date(clockMs(shown)).toISOString()}`
    throw new PspError(
      "rolled-back",
      `Cannot open session of ${site}: the store shows ${what}, but this device has seen one of ` +
        `${new Date(clockMs(known)).toISOString()}; ask for an earlier time to open an older state on purpose`,
    )
  }

  function sessionOf(opened: OpenedEnvelope): LoadedSession {
    const snapshot = parseBase(opened.plaintext)
    const { clock, exp, sid, writer } = opened.header
    const author = owners.get(writer)
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

  async function list({ details = false, ...call }: CallOptions & { details?: boolean } = {}): Promise<SessionEntry[]> {
    await refresh(call)
    const bySid = new Map<string, { savedAt: number; bytes: number; objects: number }>()
    for await (const { name, size } of provider.list(`${vault}/sessions/`, call)) {
      const parsed = parseName(name)
      if (parsed === null || !owners.has(parsed.writer)) continue
      const sid = parsed.folder.split("/").at(-1) ?? ""
      const known = bySid.get(sid) ?? { savedAt: 0, bytes: 0, objects: 0 }
      bySid.set(sid, {
        savedAt: Math.max(known.savedAt, clockMs(parsed.clock)),
        bytes: known.bytes + size,
        objects: known.objects + 1,
      })
    }
    const entries: SessionEntry[] = []
    for (const record of remembered.members?.sessions ?? []) {
      if (record.removed) continue
      const { sid, site, account } = record
      const stored = bySid.get(sid)
      const expiresAt = details && stored !== undefined ? await endOf(record, call) : null
      entries.push({
        site,
        account,
        sid,
        savedAt: stored?.savedAt ?? null,
        expiresAt,
        bytes: stored?.bytes ?? 0,
        objects: stored?.objects ?? 0,
      })
    }
    return entries.sort((a, b) => (a.site === b.site ? compare(a.account, b.account) : compare(a.site, b.site)))
  }

  async function endOf(record: SessionRecord, call: CallOptions): Promise<number | null> {
    try {
      return (await newest(record, undefined, call))?.expiresAt ?? null
    } catch (error) {
      // A list still lists what cannot be opened; opening it says why.
      if (isPspError(error) && !isStoreFault(error.code)) return null
      throw error
    }
  }

  async function remove(
    site: string,
    { account = defaultAccount, ...call }: SessionOptions = {},
  ): Promise<{ removed: number }> {
    await refresh(call)
    const known = recordOf(site, account)
    if (known === undefined) return { removed: 0 }
    const { sid } = upsertRecord(site, account, true)
    if (remembered.isUnsaved) await commit({ ...(await prepareMembers()), sid: null, mark: null }, call)
    let removed = 0
    for await (const { name } of provider.list(`${folderOf({ typ: "base", vault, sid })}/`, call)) {
      await provider.remove(name, call)
      removed++
    }
    remembered.marks = Object.fromEntries(Object.entries(remembered.marks).filter(([other]) => other !== sid))
    await remember()
    return { removed }
  }

  async function addOwner(text: string, call: CallOptions = {}): Promise<Card> {
    await refresh(call)
    const members = ownMembers()
    const added = await parseCard(text)
    if (!owners.has(added.writerId)) {
      const statement = await signOwnerStatement(identity, vault, { action: "add", card: added.text, clock: tick() })
      members.statements = [...members.statements, statement]
      remembered.isUnsaved = true
      owners = await currentOwners()
    }
    if (remembered.isUnsaved) await commit({ ...(await prepareMembers()), sid: null, mark: null }, call)
    await sealToAllOwners(call)
    return added
  }

  /** A session saved before an owner was added is not sealed to it: save it again as it is. */
  async function sealToAllOwners(call: CallOptions): Promise<void> {
    const everyone = [...owners.values()].map((owner) => owner.recipientId)
    for (const record of remembered.members?.sessions ?? []) {
      if (record.removed) continue
      const session = await newest(record, undefined, call).catch((error: unknown) => {
        // What nobody can open any more cannot be sealed anew; it stays as it is and `verify` names it.
        if (isPspError(error) && !isStoreFault(error.code)) return null
        throw error
      })
      if (session === null || everyone.every((id) => session.recipients.includes(id))) continue
      await save(session.snapshot, { ...call, expiresAt: session.expiresAt })
    }
  }

  async function exportTo(
    text: string,
    site: string,
    { account = defaultAccount, expiresAt, ...call }: SessionOptions & { expiresAt?: number } = {},
  ): Promise<Bytes> {
    ownMembers()
    const reader = await parseCard(text)
    const session = await loadSession(site, { account, ...call })
    if (session === null) throw new PspError("not-found", `Cannot export ${site}: no session is saved for it`)
    const sealed = await seal({
      header: {
        typ: "base",
        vault,
        sid: session.sid,
        clock: tick(),
        exp: expiresAt ?? session.expiresAt,
        seen: seenOf(session.sid),
      },
      plaintext: baseToBytes(session.snapshot),
      recipients: [reader.recipient, ...[...owners.values()].map(({ recipient }) => recipient)],
      writer: identity,
    })
    await remember()
    return sealed.bytes
  }

  async function openFile(bytes: Uint8Array): Promise<LoadedSession> {
    return sessionOf(await openAs(bytes, ["base"], {}))
  }

  async function importFile(bytes: Uint8Array, call: CallOptions = {}): Promise<LoadedSession> {
    await refresh(call)
    ownMembers()
    const session = await openFile(bytes)
    const { header, headerId } = await readHeader(bytes)
    const record = upsertRecord(session.site, session.account, false)
    if (record.sid !== session.sid) {
      throw new PspError("damaged", "Cannot import session: its id is not the one this vault gives to that site")
    }
    const members = remembered.isUnsaved ? await prepareMembers() : { objects: [], superseded: [], members: null }
    const object = { name: nameOf(header, await digestOf(bytes)), bytes: bytes.slice() }
    const mark = { writer: header.writer, clock: header.clock, header: headerId }
    await commit({ ...members, objects: [...members.objects, object], sid: record.sid, mark }, call)
    return session
  }

  async function verify(call: CallOptions = {}): Promise<VerifyReport> {
    await refresh(call)
    const report: VerifyReport = { checked: 0, expired: 0, forOthers: 0, defects: [] }
    for await (const { name } of provider.list(`${vault}/`, call)) {
      report.checked++
      try {
        await verifyObject(name, call)
      } catch (error) {
        const fault = toPspError(error, "Checking an object")
        if (isStoreFault(fault.code)) throw fault
        if (fault.code === "expired") report.expired++
        else if (fault.code === "not-for-me") report.forOthers++
        else report.defects.push({ name, code: fault.code, message: fault.message })
      }
    }
    for (const record of remembered.members?.sessions ?? []) {
      if (record.removed) continue
      try {
        if ((await newest(record, undefined, call)) === null) continue
      } catch (error) {
        const fault = toPspError(error, "Checking a session")
        if (fault.code !== "rolled-back") continue
        report.defects.push({ name: `${vault}/sessions/${record.sid}`, code: fault.code, message: fault.message })
      }
    }
    return report
  }

  async function verifyObject(name: string, call: CallOptions): Promise<void> {
    const parsed = parseName(name)
    if (parsed === null) throw damagedStore(name, "its name is none of this project's")
    const bytes = await provider.get(name, call)
    if (bytes === null) throw damagedStore(name, "it was listed, but cannot be read")
    const room = parsed.folder.split("/")[1]
    const opened = await openAs(bytes, room === "members" ? ["member"] : ["base", "delta", "lease", "part"], { name })
    if (opened.header.typ === "base") parseBase(opened.plaintext)
    if (opened.header.typ === "member") parseMembers(utf8ToText(opened.plaintext))
  }

  return {
    id: vault,
    card,
    get isOwner() {
      return remembered.members !== null && owners.has(writerId)
    },
    owners: () => [...owners.values()],
    refresh,
    prepare,
    commit,
    save,
    load: async (site, call) => (await loadSession(site, call))?.snapshot ?? null,
    loadSession,
    list,
    known: () =>
      (remembered.members?.sessions ?? [])
        .filter(({ removed }) => !removed)
        .map(({ site, account, sid }) => ({ site, account, sid })),
    remove,
    addOwner,
    exportTo,
    openFile,
    importFile,
    verify,
  }
}

async function recall({ identity, owner, memory, now = Date.now }: VaultOptions): Promise<Remembered> {
  const text = (await memory?.read()) ?? null
  const remembered = text === null ? null : parseRemembered(text)
  if (remembered !== null) {
    if (owner !== undefined) await refuseChangedOwner(remembered, owner)
    return remembered
  }
  const blank = { membersWrittenAt: 0, merged: [], written: [], clock: null, marks: {} }
  const mine = await createCard(identity)
  if (owner !== undefined) {
    const pinned = await parseCard(owner)
    if (pinned.vault === null) throw new PspError("bad-card", `Cannot open vault: "${pinned.name}" owns none`)
    if (pinned.writerId !== (await writerIdOf(identity))) {
      return { ...blank, vault: pinned.vault, pinned: pinned.text, members: null, isUnsaved: false }
    }
  }
  if (identity.vault === null) {
    throw new PspError(
      "bad-identity",
      `Cannot open vault: "${identity.name}" owns none and trusts no owner; run psp trust`,
    )
  }
  const clock = nextClock(now(), null)
  const index = { clock, key: base64(randomBytes(32)) }
  const members = { root: mine, statements: [], index, sessions: [] }
  return { ...blank, vault: identity.vault, pinned: mine, members, isUnsaved: true, clock }
}

async function refuseChangedOwner(remembered: Remembered, owner: string): Promise<void> {
  const [asked, pinned] = await Promise.all([parseCard(owner), parseCard(remembered.pinned)])
  if (asked.writerId === pinned.writerId) return
  const known = remembered.members === null ? null : await ownersOf(remembered.vault, remembered.members)
  if (known?.has(asked.writerId) === true) return
  throw new PspError(
    "card-changed",
    `Cannot trust "${asked.name}" (${asked.fingerprint}): this device already trusts "${pinned.name}" (${pinned.fingerprint}); ` +
      "if the owner really changed, forget the old one first",
  )
}

/** base32 of the first 16 bytes of HMAC-SHA-256(index key, site || 0x00 || account): only owners can test guesses. */
function sidOf(key: string, site: string, account: string): string {
  const tag = hmac(sha256, base64ToBytes(key) ?? new Uint8Array(32), utf8(`${site}\0${account}`))
  return base32.encode(tag.subarray(0, 16)).replaceAll("=", "").toLowerCase()
}

function isStoreFault(code: ErrorCode): boolean {
  return ["unreachable", "denied", "full", "rate-limited", "aborted", "internal"].includes(code)
}

function damagedStore(name: string, what: string): PspError {
  return new PspError("corrupt", `Cannot read object ${name.slice(-100)} of the store: ${what}`)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
