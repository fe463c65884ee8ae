import { parseName, readHeader, type OpenedEnvelope } from "../envelope.js"
import { isPspError, PspError, type ErrorCode } from "../errors.js"
import type { Clock } from "../hlc.js"
import { merge, stateOf, type SessionState } from "../merge.js"
import { createWriterDoc, type WriterDoc } from "../merge/registers.js"
import { admit, type Refusal } from "../merge/rules.js"
import { baseToState } from "../merge/stamps.js"
import type { Card } from "../keys.js"
import type { CallOptions } from "../provider.js"
import type { Kind } from "../report.js"
import { parseBase, parseDelta, type Base } from "../session-payload.js"
import { isStoreFault } from "./faults.js"
import { isBot } from "./granted.js"
import { getWhole } from "./parts.js"
import type { VaultState } from "./state.js"
import type { StoredEnvelope } from "./stored.js"

/** An envelope of a session, opened. */
export interface Piece {
  name: string
  /** Of the session, or of a copy of it. */
  sid: string
  opened: OpenedEnvelope
  content: { base: Base } | { update: Uint8Array }
}

/** What a writer may change, where it is not an owner. */
export interface BotTerms {
  card: Pick<Card, "writerId" | "writer" | "name">
  kinds: "all" | readonly Kind[]
  /** As in `GrantTerms`. */
  names: readonly string[] | undefined
  /** As in `GrantTerms`. */
  sites: readonly string[] | undefined
  /** True for what came after its grant's end. */
  isHeld: (clock: Clock) => boolean
}

/** One folder to look into, and whose envelopes count there. */
export interface Source {
  sid: string
  /** Oldest first. */
  stored: StoredEnvelope[]
  /** Its changes only; owners' envelopes when left out. */
  bot?: BotTerms
}

/** Something that could not be read, and is left aside. */
export interface Unread {
  name: string
  code: ErrorCode
}

/** All that makes up the newest state of a session. */
export interface Collected {
  /** The newest base. */
  newest: Piece & { content: { base: Base } }
  pieces: Piece[]
  /** True when nothing but the newest base counts. */
  isPlain: boolean
  /** By writer id: up to which clock everything of that writer is in it. */
  heads: Record<string, Clock>
  unread: Unread[]
  /** Registers that their writer may not write. */
  refused: Refusal[]
  state: () => SessionState
}

/**
 * Opens what makes up the newest state: from the newest envelope back, all that no base opened before says to hold already. A
 * session that one device saves takes one object, however many saves lie there.
 *
 * @param mayVanish false: what is listed and not there is an error, for whoever can list once more
 * @returns null where no base is for this identity, though none is damaged either
 * @throws what opening the newest base throws; changes that cannot be read are told in `unread`
 */
export async function collect(
  vault: VaultState,
  sources: Source[],
  { mayVanish, ...call }: CallOptions & { mayVanish: boolean },
): Promise<Collected | null> {
  const covered: Record<string, Clock> = {}
  const pieces: Piece[] = []
  const unread: Unread[] = []
  let newest: Collected["newest"] | null = null
  let refusal: { error: PspError; clock: Clock } | null = null
  const isCovered = ({ writer, clock }: StoredEnvelope) => clock <= (covered[writer] ?? "")
  const waiting = newestFirst(sources)
  while (waiting.length > 0) {
    const batch = takeBatch(waiting, isCovered, newest === null && pieces.length === 0)
    const results = await Promise.all(
      batch.map(async ({ source, item }) => ({ item, result: await openPiece(vault, source, item, call) })),
    )
    for (const { item, result } of results) {
      // A base of this batch may say that it holds it.
      if (isCovered(item)) continue
      if (result === null) continue
      if ("error" in result) {
        if (result.error instanceof VanishedError && !mayVanish) throw result.error
        if (newest !== null || result.isChange) unread.push({ name: item.name, code: result.error.code })
        else if (result.error.code === "not-for-me") refusal ??= { error: result.error, clock: item.clock }
        else throw result.error
        continue
      }
      const { piece } = result
      pieces.push(piece)
      if (!("base" in piece.content)) continue
      newest ??= { ...piece, content: piece.content }
      const { writer, clock } = piece.opened.header
      for (const [of, upTo] of Object.entries(piece.content.base.heads ?? { [writer]: clock })) {
        if (upTo > (covered[of] ?? "")) covered[of] = upTo
      }
    }
  }
  // A bot passes over what was sealed before its grant; for an owner, what it cannot open must be here once more.
  const isPassed = newest !== null && (isBot(vault.remembered) || newest.opened.header.clock === refusal?.clock)
  if (refusal !== null && !isPassed) throw refusal.error
  if (newest === null) return null
  return assemble(vault, sources, newest, pieces, unread)
}

function assemble(
  vault: VaultState,
  sources: Source[],
  newest: Collected["newest"],
  pieces: Piece[],
  unread: Unread[],
): Collected {
  const bots = new Map(
    sources.flatMap(({ sid, bot }) => (bot === undefined ? [] : [[`${sid} ${bot.card.writerId}`, bot]])),
  )
  const { sites } = newest.content.base.snapshot
  const docs = new Map<string, WriterDoc>()
  const refused: Refusal[] = []
  const heads: Record<string, Clock> = {}
  const cover = (writer: string, clock: Clock) => {
    if (clock > (heads[writer] ?? "")) heads[writer] = clock
  }
  const states: (() => SessionState)[] = []
  for (const { sid, opened, content } of [...pieces].reverse()) {
    const { writer, clock } = opened.header
    cover(writer, clock)
    if ("base" in content) {
      const { snapshot, stamps, heads = {} } = content.base
      for (const [of, upTo] of Object.entries(heads)) cover(of, upTo)
      states.push(() => baseToState(snapshot, stamps, { clock, writer }))
      continue
    }
    const bot = bots.get(`${sid} ${writer}`)
    const doc = docs.get(writer) ?? createWriterDoc(writer)
    docs.set(writer, doc)
    const { registers } = doc.apply(content.update)
    const { kinds = "all" as const, names, sites: granted } = bot ?? {}
    // The first is what the session is of.
    const own = granted === undefined ? sites : sites.filter((site, at) => at === 0 || granted.includes(site))
    const checked = admit(registers, { sites: own, kinds, names, isOwner: bot === undefined, clock, now: vault.now() })
    refused.push(...checked.refused)
    states.push(() => stateOf(checked.admitted))
  }
  const state = () => states.map((make) => make()).reduce(merge)
  // What was not taken in must not be taken for merged: neither what could not be read, nor what waits for the person.
  for (const { name } of unread) Reflect.deleteProperty(heads, parseName(name)?.writer ?? "")
  for (const { register } of refused) Reflect.deleteProperty(heads, register.writer)
  const isPlain = pieces.length === 1 && unread.length === 0
  return { newest, pieces, isPlain, heads, unread, refused, state }
}

interface Waiting {
  source: Source
  item: StoredEnvelope
}

function newestFirst(sources: Source[]): Waiting[] {
  return sources
    .flatMap((source) => source.stored.map((item) => ({ source, item })))
    .sort((a, b) =>
      a.item.clock === b.item.clock ? (a.item.name < b.item.name ? 1 : -1) : a.item.clock < b.item.clock ? 1 : -1,
    )
}

/** Small ones are fetched side by side (bytes): changes are, and whole sessions mostly not. */
const smallObject = 256 * 1024
const batchCount = 16

/** The next ones to open; the very first alone, since it mostly says that nothing else is needed. */
function takeBatch(waiting: Waiting[], isCovered: (item: StoredEnvelope) => boolean, isFirst: boolean): Waiting[] {
  const batch: Waiting[] = []
  for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
    if (batch.length > 0 && (isFirst || next.item.size > smallObject || batch.length >= batchCount)) break
    waiting.shift()
    if (isCovered(next.item)) continue
    batch.push(next)
    if (next.item.size > smallObject) break
  }
  return batch
}

/** Null for what a bot changed and whose time is over. */
async function openPiece(
  vault: VaultState,
  { sid, bot }: Source,
  { name, clock }: StoredEnvelope,
  call: CallOptions,
): Promise<{ piece: Piece } | { error: PspError; isChange: boolean } | null> {
  const isBots = bot !== undefined
  let isChange = isBots
  if (bot?.isHeld(clock) === true) {
    const error = new PspError("expired", "Cannot take changes: they came after their grant's end")
    return { error, isChange }
  }
  try {
    const whole = await getWhole(vault.provider, name, call)
    if (whole === null) throw new VanishedError(name)
    isChange ||= await saysChange(whole)
    const where = { sid, name: whole.name, ...(isBots && { bot: bot.card }) }
    const opened = await vault.openAs(whole.bytes, isBots ? ["delta"] : ["base", "delta"], where)
    const { typ } = opened.header
    const content = typ === "base" ? { base: parseBase(opened.plaintext) } : { update: parseDelta(opened.plaintext) }
    return { piece: { name, sid, opened, content } }
  } catch (error) {
    if (!isPspError(error) || isStoreFault(error.code)) throw error
    // What a bot said once is over, and no defect: whoever took it in has it in a save of their own.
    return isBots && error.code === "expired" ? null : { error, isChange }
  }
}

/**
 * Whether an envelope says itself that it is a change, and the one that its name promises. Not yet proved, and good enough to say what
 * is lost with it: an older state with a gap. What somebody put into the place of a whole session is no change.
 */
async function saysChange({ name, bytes }: { name: string; bytes: Uint8Array }): Promise<boolean> {
  const promised = parseName(name)
  return readHeader(bytes).then(
    ({ header: { typ, clock, writer } }) => typ === "delta" && clock === promised?.clock && writer === promised.writer,
    () => false,
  )
}

/** Listed, and then not there: somebody who merged it removed it, or the store is at odds with itself. */
export class VanishedError extends PspError {
  constructor(readonly objectName: string) {
    super("corrupt", `Cannot read object ${objectName.slice(-100)} of the store: it was listed, but cannot be read`)
  }
}
