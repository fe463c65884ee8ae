import { open, type EnvelopeType, type Header, type OpenedEnvelope } from "../envelope.js"
import { PspError } from "../errors.js"
import { clockMs, nextClock, type Clock } from "../hlc.js"
import { parseCard, recipientIdOf, writerIdOf, type Card, type Identity } from "../keys.js"
import type { MemberState } from "../members.js"
import { ownershipOf, type FormerOwner, type Ownership } from "../ownership.js"
import type { Provider } from "../provider.js"
import { rememberedToJson, type Remembered, type VaultMemory } from "../vault-memory.js"

/** What the operations of one open vault share. */
export interface VaultState {
  readonly provider: Provider
  readonly identity: Identity
  readonly writerId: string
  readonly recipientId: string
  /** Vault id. */
  readonly id: string
  readonly remembered: Remembered
  /** By writer id. */
  owners(): ReadonlyMap<string, Card>
  /** Removed ones, by writer id. */
  former(): ReadonlyMap<string, FormerOwner>
  /** Whose a session's envelope is, as its name or header tells; null for one that no owner wrote, or not while it was one. */
  authorOf(envelope: { writer: string; clock: Clock }): Card | null
  /** Follows the chain of statements again, after one was added. */
  reloadOwners(): Promise<void>
  /** ms since epoch. */
  now(): number
  /** A stamp later than every one made or accepted before. */
  tick(): Clock
  /** Writes `remembered` to where it outlives this run. */
  remember(): Promise<void>
  /** The members, to be changed. @throws `not-owner` */
  ownMembers(): MemberState
  /** Opens an envelope of this vault that one of its owners wrote. @throws as `open` */
  openAs(bytes: Uint8Array, typ: EnvelopeType[], where: OpenWhere): Promise<OpenedEnvelope>
}

export interface OpenWhere {
  sid?: string
  name?: string
  /** Instead of this device's own time (ms since epoch). */
  now?: number
  /** A bot whose changes are looked at there, and nobody else's. */
  bot?: Pick<Card, "writerId" | "writer">
}

export interface StateOptions {
  identity: Identity
  memory?: VaultMemory
  now: () => number
}

export async function createState(
  provider: Provider,
  remembered: Remembered,
  { identity, memory, now }: StateOptions,
): Promise<VaultState> {
  const [writerId, recipientId] = await Promise.all([writerIdOf(identity), recipientIdOf(identity)])
  const id = remembered.vault
  let ownership = await currentOwnership()
  let kept: Look | null = null

  async function currentOwnership(): Promise<Ownership> {
    const told = remembered.members ?? remembered.granted
    if (told !== null) return ownershipOf(id, told)
    const pinned = await parseCard(remembered.pinned)
    return { owners: new Map([[pinned.writerId, pinned]]), former: new Map() }
  }

  function authorOf({ writer, clock }: { writer: string; clock: Clock }): Card | null {
    const owner = ownership.owners.get(writer)
    if (owner !== undefined) return owner
    const before = ownership.former.get(writer)
    const told = remembered.members ?? remembered.granted
    if (before === undefined || told?.closed.includes(writer) === true) return null
    return clock <= before.until ? before.card : null
  }

  function writerKey(header: Header, bot: OpenWhere["bot"]): Uint8Array | null {
    if (bot !== undefined) return bot.writerId === header.writer ? bot.writer : null
    // Of a removed device, sessions: what it told of members is told by others.
    const isSession = header.typ === "base" || header.typ === "delta"
    return (isSession ? authorOf(header) : ownership.owners.get(header.writer))?.writer ?? null
  }

  return {
    provider,
    identity,
    writerId,
    recipientId,
    id,
    remembered,
    owners: () => ownership.owners,
    former: () => ownership.former,
    authorOf,
    reloadOwners: async () => {
      ownership = await currentOwnership()
    },
    now,
    tick() {
      const clock = nextClock(now(), believable(remembered.clock, now()))
      remembered.clock = clock
      return clock
    },
    remember: async () => {
      if (memory === undefined) return
      const now = lookOf(remembered)
      if (kept !== null && isSameLook(kept, now)) return
      await memory.write(rememberedToJson(remembered))
      kept = now
    },
    ownMembers() {
      if (remembered.members === null || !ownership.owners.has(writerId)) {
        const why = ownership.former.has(writerId) ? "was removed from" : "is not one of"
        throw new PspError("not-owner", `Cannot change this vault: "${identity.name}" ${why} its owner devices`)
      }
      return remembered.members
    },
    openAs: (bytes, typ, { sid, name, now: at = now(), bot }) =>
      open(bytes, {
        reader: identity,
        writerKey: (header) => writerKey(header, bot),
        expected: { vault: id, typ, ...(sid === undefined ? {} : { sid }) },
        ...(name === undefined ? {} : { name }),
        now: at,
      }),
  }
}

/** What is remembered, so far as it takes to see whether it changed: ten thousand sessions are long to write down. */
interface Look {
  rest: string
  /** The parts of `members`, which are replaced and never changed in place. */
  members: unknown[]
}

function lookOf({ members, ...rest }: Remembered): Look {
  const parts =
    members === null
      ? []
      : [members.root, members.statements, members.closed, members.index, members.sessions, members.grants]
  return { rest: JSON.stringify(rest), members: parts }
}

function isSameLook(a: Look, b: Look): boolean {
  return (
    a.rest === b.rest && a.members.length === b.members.length && a.members.every((part, i) => part === b.members[i])
  )
}

/** A stamp this far ahead (ms) comes from a time when this device's own clock was wrong: others would drop all that follows it. */
const forgetAhead = 24 * 60 * 60 * 1000

function believable(clock: Clock | null, now: number): Clock | null {
  return clock === null || clockMs(clock) > now + forgetAhead ? null : clock
}
