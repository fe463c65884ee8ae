import { parseName } from "../envelope.js"
import { isPspError } from "../errors.js"
import { clockMs, isClockPlausible, type Clock } from "../hlc.js"
import type { Card } from "../keys.js"
import type { CallOptions } from "../provider.js"
import { isMeant, parseWhom } from "../whom.js"
import { eventFolder, noteEvent } from "./append-event.js"
import { createChain, hasEventEnded, mayBeGone, type ChainFault } from "./event-chain.js"
import { countFolders, namedInOrder, type NamedEvent, type Span } from "./event-names.js"
import { clockOfKey, parseEvent, type EventFacts, type ParsedEvent } from "./event-payload.js"
import { eventWriters, type EventWriter } from "./event-writers.js"
import { isStoreFault } from "./faults.js"
import { refresh } from "./refresh.js"
import type { VaultState } from "./state.js"

export interface EventsOptions extends CallOptions, Span {
  /** A card, its six words, or its name: what that one did, and what was done about it. */
  bot?: string
  site?: string
  /** False: not looked for in folders of others, which takes a list of all events; for whoever asks again and again. */
  strangers?: boolean
}

/** Who wrote an event, by the name on the card that the vault knows. */
export interface EventBy {
  name: string
  fingerprint: string
  isBot: boolean
}

/** Something that was done with a session, as the tool said that did it. */
export interface AccessEvent extends EventFacts {
  type: "event"
  by: EventBy
  /** False for a bot that had no grant for that session then: it was refused, or used what it had read before. */
  wasGranted: boolean
  /** The object in the store. */
  name: string
}

/** Something that the history does not tell, or does not tell truly. */
export interface EventGap {
  type: "gap"
  /**
   * `missing`, `forked` and `reordered`: the events of a writer do not follow each other. `rolled-back`: this device has seen one that
   * is no longer there. `foreign`: written by nobody that this vault knows, or into the folder of another. `not-trusted`: by somebody
   * who was no owner device then. `ahead`: stamped ahead of this device's clock. `damaged`, `too-new`, `not-for-me`: cannot be read.
   */
  code: ChainFault["code"] | "rolled-back" | "foreign" | "not-trusted" | "ahead" | "damaged" | "too-new" | "not-for-me"
  /** Null for a stranger. */
  by: EventBy | null
  /** About when (ms since epoch); null where that is not known. */
  at: number | null
  /** How many events it is about, at least. */
  count: number
  /** One sentence. */
  message: string
}

/**
 * What was done with sessions, oldest first over all writers, of the last 90 days: each event opened when it is asked for, believed only
 * by its signature, and as its writer tells it. What is missing or cannot be read is told in its place, and never thrown.
 *
 * @throws `not-owner`, `bad-card`, the provider's codes
 */
export async function* events(
  vault: VaultState,
  { bot, site, since, until, strangers = true, ...call }: EventsOptions = {},
): AsyncGenerator<AccessEvent | EventGap> {
  await refresh(vault, call)
  vault.ownMembers()
  const writers = await eventWriters(vault)
  const span = { since, until }
  if (strangers && bot === undefined) yield* foreignIn(await countFolders(vault, span, call), writers)
  const whom = bot === undefined ? null : await parseWhom(bot)
  const isWanted = (card: Pick<Card, "name" | "fingerprint">) => whom === null || isMeant(whom, card)
  // An owner's events may be about that bot.
  const chosen = new Map(
    [...writers].filter(([, { card, isBot, wasOwner }]) => !isBot || wasOwner(latest) || isWanted(card)),
  )
  const lines = new Map([...chosen].map(([id, writer]) => [id, createLine(vault, writer, span)]))
  const named = namedInOrder(vault, chosen.keys(), span, call)
  try {
    for await (const { item, opened } of inAdvance(named, (one) => readEvent(vault, one, chosen, call))) {
      const line = lines.get(item.writer)
      if (line === undefined || hasEventEnded(item.clock, vault.now())) continue
      yield* line.gaps(item, opened)
      if (!("facts" in opened)) continue
      const { facts } = opened
      const told = line.told(item, facts)
      const isOf = isWanted(line.writer.card) || (facts.bot !== null && isWanted(facts.bot))
      if (told !== null && isOf && (site === undefined || facts.site === site)) yield told
    }
    for (const line of lines.values()) yield* line.end(call)
  } finally {
    await vault.remember()
  }
}

/** Removes what has ended, the oldest first; of strangers nothing, which `verify` names. @returns how many, and their bytes */
export async function removeEndedEvents(
  vault: VaultState,
  ended: { name: string; size: number }[],
  call: CallOptions,
): Promise<{ count: number; bytes: number }> {
  const writers = await eventWriters(vault)
  const removed = { count: 0, bytes: 0 }
  for (const { name, size } of ended) {
    const parsed = parseName(name)
    if (parsed === null || !writers.has(parsed.writer) || !parsed.folder.endsWith(`/${parsed.writer}`)) continue
    await vault.provider.remove(name, call)
    removed.count++
    removed.bytes += size
  }
  return removed
}

/** As a stamp: now, whatever was said of before. */
const latest: Clock = "f".repeat(16)

type Opened = ParsedEvent | { fault: "damaged" | "too-new" | "not-for-me" | "not-trusted" | "gone" }

/** What is larger is no event, and not read (bytes). */
const maxEventBytes = 64 * 1024

async function readEvent(
  vault: VaultState,
  { name, clock, writer, size }: NamedEvent,
  writers: ReadonlyMap<string, EventWriter>,
  call: CallOptions,
): Promise<Opened> {
  if (hasEventEnded(clock, vault.now())) return { fault: "gone" }
  if (size > maxEventBytes) return { fault: "damaged" }
  const bytes = await vault.provider.get(name, call)
  const by = writers.get(writer)
  if (bytes === null || by === undefined) return { fault: "gone" }
  if (!by.isBot && !by.wasOwner(clock)) return { fault: "not-trusted" }
  try {
    // Its end follows from its stamp; how far that may be ahead is looked at later.
    const opened = await vault.openAs(bytes, ["event"], { sid: writer, name, bot: by.card, now: clockMs(clock) })
    return parseEvent(opened.plaintext, clock)
  } catch (error) {
    if (!isPspError(error) || isStoreFault(error.code)) throw error
    const { code } = error
    return { fault: code === "too-new" || code === "not-for-me" ? code : "damaged" }
  }
}

/** The events of one writer, in order. */
function createLine(vault: VaultState, writer: EventWriter, { since, until }: Span) {
  const { card } = writer
  const { name, fingerprint } = card
  const chain = createChain(vault.now(), since)
  const mark = vault.remembered.events[card.writerId]
  let isMarkShown = false
  const byAt = (clock: Clock): EventBy => ({ name, fingerprint, isBot: !writer.wasOwner(clock) })
  const gap = (code: EventGap["code"], clock: Clock, count: number): EventGap => {
    const by = byAt(clock)
    return { type: "gap", code, by, at: clockMs(clock), count, message: sentenceOf(code, by, count) }
  }

  return {
    writer,
    *gaps({ key, clock }: NamedEvent, opened: Opened): Generator<EventGap> {
      if (key === mark?.last) isMarkShown = true
      if (!isClockPlausible(clock, vault.now())) {
        chain.skip(key)
        yield gap("ahead", clock, 1)
      } else if ("place" in opened) {
        for (const { code, count } of chain.next(key, opened.place)) yield gap(code, clock, count)
        noteEvent(vault, card.writerId, { n: opened.place.n, last: key })
      } else {
        chain.skip(key)
        // Removed since it was listed: what comes after it says so.
        if (opened.fault !== "gone") yield gap(opened.fault, clock, 1)
      }
    },
    told({ clock, name: object }: NamedEvent, facts: EventFacts): AccessEvent | null {
      if (!isClockPlausible(clock, vault.now())) return null
      const by = byAt(clock)
      return { type: "event", ...facts, by, wasGranted: !by.isBot || writer.wasGranted(facts, clock), name: object }
    },
    async *end(call: CallOptions): AsyncGenerator<EventGap> {
      if (mark === undefined || isMarkShown) return
      const clock = clockOfKey(mark.last)
      const isWithin = clockMs(clock) >= (since ?? -Infinity) && clockMs(clock) <= (until ?? Infinity)
      if (!isWithin || mayBeGone(clock, vault.now())) return
      // A store may be late with its lists alone.
      const [, digest = ""] = mark.last.split("-")
      const object = `${eventFolder(vault, card.writerId)}${clock}-${card.writerId}-${digest}.psp`
      if ((await vault.provider.get(object, call)) !== null) return
      yield gap("rolled-back", clock, Math.max(1, mark.n - chain.last()))
    },
  }
}

function* foreignIn(
  folders: ReadonlyMap<string, { own: number; others: number }>,
  writers: ReadonlyMap<string, EventWriter>,
): Generator<EventGap> {
  for (const [folder, { own, others }] of folders) {
    const known = writers.get(folder)
    const count = known === undefined ? own + others : others
    if (count === 0) continue
    const by =
      known === undefined ? null : { name: known.card.name, fingerprint: known.card.fingerprint, isBot: known.isBot }
    yield { type: "gap", code: "foreign", by, at: null, count, message: sentenceOf("foreign", by, count) }
  }
}

function sentenceOf(code: EventGap["code"], by: EventBy | null, count: number): string {
  const who = by === null ? "a stranger" : `"${by.name}"`
  const some = count === 1 ? "An event" : `At least ${count} events`
  const is = count === 1 ? "is" : "are"
  return {
    missing: `${some} of ${who} ${is} missing before this: removed from the store, or not shown by it yet`,
    forked: `${who} wrote two events in one place: two of its runs at once, or a store that showed it an older state`,
    reordered: `An event of ${who} has the number of an earlier place: its writer, or its clock, went back`,
    "rolled-back": `${some} of ${who} that this device has seen ${is} no longer in the store`,
    foreign:
      by === null
        ? `${some} in the store ${is} of nobody that this vault knows`
        : `${some} in the folder of ${who} ${is} not by that one`,
    "not-trusted": `An event of ${who} is not believed: that was no owner device then`,
    ahead: `An event of ${who} is stamped ahead of this device's clock, and left aside until then`,
    damaged: `An event of ${who} is damaged, or was changed after it was sealed`,
    "too-new": `An event of ${who} was written by a newer version; update this one`,
    "not-for-me": `An event of ${who} is not sealed to this device, which was no owner then`,
  }[code]
}

/** So many are fetched before they are asked for: distant stores take their time. */
const mostAhead = 16

/** Does the work for several items at once, and gives the results in the order of the items. */
async function* inAdvance<Item, Result>(
  items: AsyncGenerator<Item>,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<{ item: Item; opened: Result }> {
  const waiting: Promise<{ item: Item; opened: Result }>[] = []
  try {
    for await (const item of items) {
      const one = work(item).then((opened) => ({ item, opened }))
      // Thrown when its turn comes, if it does.
      one.catch(() => undefined)
      waiting.push(one)
      const first = waiting.length >= mostAhead ? waiting.shift() : undefined
      if (first !== undefined) yield await first
    }
    for (const one of waiting) yield await one
  } finally {
    await items.return(undefined)
  }
}
