import { base64, base64ToBytes, concat, utf8 } from "./bytes.js"
import { PspError } from "./errors.js"
import { mergeGrants, parseGrantRecord, type GrantRecord } from "./grants.js"
import { isClock, type Clock } from "./hlc.js"
import { isSignedBy, parseCard, sign, writerIdOf, type Card, type Identity } from "./keys.js"

/**
 * What all owner devices of a vault know together: who owns it, its index key and its sessions. It travels in `member`
 * envelopes and merges: any two copies in any order give the same state, so that two owners who add a session at the
 * same moment do not undo each other.
 */
export interface MemberState {
  /** Card of the vault's first owner; every other owner is added by a chain of signed statements that starts there. */
  root: string
  statements: OwnerStatement[]
  index: IndexKey
  sessions: SessionRecord[]
  /** Which bot may open what; revoked ones stay, so that nobody brings them back. */
  grants: GrantRecord[]
}

/** "This card is (no longer) an owner", signed by an owner. */
export interface OwnerStatement {
  action: "add" | "remove"
  card: string
  clock: Clock
  /** Writer id of the owner who says so. */
  by: string
  /** Base64 of Ed25519 over "psp/1 owner" || 0x00 || vault || action || clock || card. */
  sig: string
}

/** Turns site and account into a session id that tells nothing; only owner devices hold it. */
export interface IndexKey {
  clock: Clock
  /** Base64 of 32 bytes. */
  key: string
}

export interface SessionRecord {
  sid: string
  site: string
  account: string
  /** When the record last changed; the later one counts. */
  clock: Clock
  removed: boolean
}

export async function signOwnerStatement(
  identity: Identity,
  vault: string,
  statement: Pick<OwnerStatement, "action" | "card" | "clock">,
): Promise<OwnerStatement> {
  const sig = base64(sign(identity, statementBytes(vault, statement)))
  const { action, card, clock } = statement
  return { action, card, clock, by: await writerIdOf(identity), sig }
}

/**
 * The vault's owners now, by writer id: starting from the root, each statement counts when its signer was an owner at
 * that point of the order (clock, then signature).
 */
export async function ownersOf(
  vault: string,
  state: Pick<MemberState, "root" | "statements">,
): Promise<Map<string, Card>> {
  const root = await parseCard(state.root)
  const owners = new Map([[root.writerId, root]])
  for (const statement of [...state.statements].sort(byClock)) {
    const signer = owners.get(statement.by)
    const sig = base64ToBytes(statement.sig)
    if (signer === undefined || sig === null) continue
    if (!isSignedOnce(signer, vault, statement, sig)) continue
    const card = await parseCard(statement.card)
    if (statement.action === "add") owners.set(card.writerId, card)
    // The last owner stays: a vault that nobody owns could never be opened again.
    else if (owners.size > 1) owners.delete(card.writerId)
  }
  return owners
}

/** Statements that were checked before, with everything their signature depends on. */
const checked = new Map<string, boolean>()
const maxChecked = 1024

function isSignedOnce({ writer, writerId }: Card, vault: string, statement: OwnerStatement, sig: Uint8Array): boolean {
  const { action, card, clock } = statement
  const key = JSON.stringify([writerId, vault, action, card, clock, statement.sig])
  const known = checked.get(key)
  if (known !== undefined) return known
  const isSigned = isSignedBy(writer, statementBytes(vault, statement), sig)
  if (checked.size >= maxChecked) checked.clear()
  checked.set(key, isSigned)
  return isSigned
}

/** Commutative, associative and idempotent. The root is the first argument's: it is pinned, never merged. */
export function mergeMembers(a: MemberState, b: MemberState): MemberState {
  const statements = new Map([...a.statements, ...b.statements].map((statement) => [statement.sig, statement]))
  const sessions = new Map<string, SessionRecord>()
  for (const record of [...a.sessions, ...b.sessions]) {
    const known = sessions.get(record.sid)
    if (known === undefined || isLater(record, known)) sessions.set(record.sid, record)
  }
  return {
    root: a.root,
    statements: [...statements.values()].sort(byClock),
    index: [a.index, b.index].sort((x, y) => compare(x.clock, y.clock) || compare(x.key, y.key))[0] ?? a.index,
    sessions: [...sessions.values()].sort((x, y) => compare(x.sid, y.sid)),
    grants: mergeGrants(a.grants, b.grants),
  }
}

/** The state as the plaintext of a `member` envelope to an owner device. */
export function membersToJson(state: MemberState): string {
  return JSON.stringify({ kind: "owner", v: 1, ...state })
}

/**
 * Reads what `membersToJson` wrote; keys it does not know are left aside, so that later versions can add some.
 *
 * @throws `damaged`, `too-new`
 */
export function parseMembers(json: string): MemberState {
  const bad = (what: string) => new PspError("damaged", `Cannot read members of the vault: ${what} is not as expected`)
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw bad("the JSON")
  }
  if (!isRecord(value)) throw bad("the whole")
  if (typeof value["v"] === "number" && value["v"] > 1) {
    throw new PspError("too-new", "Cannot read members of the vault: a newer version wrote them; update this one")
  }
  // Early versions wrote no grants.
  const { kind, root, statements, index, sessions, grants = [] } = value
  if (kind !== "owner" || typeof root !== "string") throw bad("the kind")
  if (!isIndexKey(index)) throw bad("the index key")
  if (!Array.isArray(statements) || !statements.every(isStatement)) throw bad("the list of owners")
  if (!Array.isArray(sessions) || !sessions.every(isSession)) throw bad("the list of sessions")
  const parsedGrants = Array.isArray(grants) ? grants.map(parseGrantRecord) : [null]
  if (!parsedGrants.every((grant) => grant !== null)) throw bad("the list of grants")
  return {
    root,
    statements: statements.map(({ action, card, clock, by, sig }) => ({ action, card, clock, by, sig })),
    index: { clock: index.clock, key: index.key },
    sessions: sessions.map(({ sid, site, account, clock, removed }) => ({ sid, site, account, clock, removed })),
    grants: parsedGrants,
  }
}

function statementBytes(vault: string, { action, card, clock }: Pick<OwnerStatement, "action" | "card" | "clock">) {
  return concat(utf8("psp/1 owner\0"), utf8(`${vault}\0${action}\0${clock}\0${card}`))
}

function isLater(a: SessionRecord, b: SessionRecord): boolean {
  // At the same clock a removal wins; the text decides what is left, so that the order of merging never does.
  return (compare(a.clock, b.clock) || Number(a.removed) - Number(b.removed) || compare(textOf(a), textOf(b))) > 0
}

function textOf({ site, account }: SessionRecord): string {
  return `${site}\0${account}`
}

function byClock(a: OwnerStatement, b: OwnerStatement): number {
  return compare(a.clock, b.clock) || compare(a.sig, b.sig)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isIndexKey(value: unknown): value is IndexKey {
  return isRecord(value) && isClock(value["clock"]) && typeof value["key"] === "string" && isKeyText(value["key"])
}

function isKeyText(text: string): boolean {
  return base64ToBytes(text)?.length === 32
}

export function isStatement(value: unknown): value is OwnerStatement {
  if (!isRecord(value)) return false
  const { action, card, clock, by, sig } = value
  return (
    (action === "add" || action === "remove") &&
    [card, by, sig].every((text) => typeof text === "string") &&
    isClock(clock)
  )
}

function isSession(value: unknown): value is SessionRecord {
  if (!isRecord(value)) return false
  const { sid, site, account, clock, removed } = value
  return (
    typeof sid === "string" &&
    /^[a-z2-7]{26}$/.test(sid) &&
    typeof site === "string" &&
    typeof account === "string" &&
    isClock(clock) &&
    typeof removed === "boolean"
  )
}
