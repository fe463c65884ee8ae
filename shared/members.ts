import { base64ToBytes } from "./bytes.js"
import { PspError } from "./errors.js"
import { mergeGrants, parseGrantRecord, type GrantRecord } from "./grants.js"
import { isClock, type Clock } from "./hlc.js"
import { mergeStatements, parseStatement, type OwnerStatement } from "./ownership.js"
import { parsePayload } from "./payload.js"

/**
 * What all owner devices of a vault know together: who owns it, its index key and its sessions. It travels in `member`
 * envelopes and merges: any two copies in any order give the same state, so that two owners who add a session at the
 * same moment do not undo each other.
 */
export interface MemberState {
  /** Card of the vault's first owner; every other owner is added by a chain of signed statements that starts there. */
  root: string
  statements: OwnerStatement[]
  /** Writer ids of removed owners of whom nothing counts any more: all that they had saved was sealed anew by others. */
  closed: string[]
  index: IndexKey
  sessions: SessionRecord[]
  /** Which bot may open what; revoked ones stay, so that nobody brings them back. */
  grants: GrantRecord[]
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

/** Commutative, associative and idempotent. The root is the first argument's: it is pinned, never merged. */
export function mergeMembers(a: MemberState, b: MemberState): MemberState {
  const sessions = new Map<string, SessionRecord>()
  for (const record of [...a.sessions, ...b.sessions]) {
    const known = sessions.get(record.sid)
    if (known === undefined || isLater(record, known)) sessions.set(record.sid, record)
  }
  return {
    root: a.root,
    statements: mergeStatements(a.statements, b.statements),
    closed: [...new Set([...a.closed, ...b.closed])].sort(),
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
  const value = parsePayload(json, "owner", "members of the vault")
  // Early versions wrote no grants, and removed no owners.
  const { root, statements, index, sessions, grants = [], closed = [] } = value
  if (typeof root !== "string") throw bad("the first owner")
  if (!isIndexKey(index)) throw bad("the index key")
  const said = Array.isArray(statements) ? statements.map(parseStatement) : [null]
  if (!said.every((statement) => statement !== null)) throw bad("the list of owners")
  if (!isWriterList(closed)) throw bad("the list of removed owners")
  if (!Array.isArray(sessions) || !sessions.every(isSession)) throw bad("the list of sessions")
  const parsedGrants = Array.isArray(grants) ? grants.map(parseGrantRecord) : [null]
  if (!parsedGrants.every((grant) => grant !== null)) throw bad("the list of grants")
  return {
    root,
    statements: said,
    closed,
    index: { clock: index.clock, key: index.key },
    sessions: sessions.map(({ sid, site, account, clock, removed }) => ({ sid, site, account, clock, removed })),
    grants: parsedGrants,
  }
}

function isLater(a: SessionRecord, b: SessionRecord): boolean {
  // At the same clock a removal wins; the text decides what is left, so that the order of merging never does.
  return (compare(a.clock, b.clock) || Number(a.removed) - Number(b.removed) || compare(textOf(a), textOf(b))) > 0
}

function textOf({ site, account }: SessionRecord): string {
  return `${site}\0${account}`
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

/** For what owners and bots are told alike. */
export function isWriterList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((id) => typeof id === "string" && /^[0-9a-f]{32}$/.test(id))
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
