import { parseName } from "../envelope.js"
import { clockAt, maxClockAhead, type Clock } from "../hlc.js"
import type { CallOptions } from "../provider.js"
import { eventFolder, eventKeyOf } from "./append-event.js"
import type { EventKey } from "./event-payload.js"
import type { VaultState } from "./state.js"

/** An event in the store, as its name tells. */
export interface NamedEvent {
  name: string
  key: EventKey
  clock: Clock
  writer: string
  /** Bytes. */
  size: number
}

/** A part of the history: both ends are of it (ms since epoch). */
export interface Span {
  since?: number | undefined
  until?: number | undefined
}

/** What the folders of some writers hold of a span, oldest first over all of them; no more than one page of each is in memory. */
export async function* namedInOrder(
  vault: VaultState,
  writers: Iterable<string>,
  { since, until }: Span,
  call: CallOptions,
): AsyncGenerator<NamedEvent> {
  const folders = [...writers].map((writer) => eventsIn(vault, writer, { since, until }, call))
  const lines = await Promise.all(folders.map(async (line): Promise<Line> => ({ line, head: await nextOf(line) })))
  try {
    for (;;) {
      const first = lines.reduce<Line | null>((least, line) => (isEarlier(line, least) ? line : least), null)
      const head = first?.head ?? null
      if (first === null || head === null) return
      yield head
      first.head = await nextOf(first.line)
    }
  } finally {
    for (const line of folders) await line.return(undefined)
  }
}

interface Line {
  line: AsyncGenerator<NamedEvent>
  /** Its next; null at its end. */
  head: NamedEvent | null
}

function isEarlier({ head: a }: Line, other: Line | null): boolean {
  const b = other?.head ?? null
  if (a === null || b === null) return a !== null
  return a.clock === b.clock ? a.name < b.name : a.clock < b.clock
}

/** How many objects lie in each folder of the room, by its name, and how many in none; of many folders all but the first count as one. */
export async function countFolders(
  vault: VaultState,
  { since, until }: Span,
  call: CallOptions,
): Promise<Map<string, { own: number; others: number }>> {
  const folders = new Map<string, { own: number; others: number }>()
  for await (const { name } of vault.provider.list(`${vault.id}/events/`, call)) {
    const parsed = parseName(name)
    if (parsed !== null && !isWithin(parsed.clock, { since, until })) continue
    const folder = name.split("/")[2] ?? ""
    const key = folders.has(folder) || folders.size < mostFolders ? folder : ""
    const counts = folders.get(key) ?? { own: 0, others: 0 }
    folders.set(key, counts)
    if (parsed?.writer === folder && parsed.folder === `${vault.id}/events/${folder}`) counts.own++
    else counts.others++
  }
  return folders
}

/** A vault has few writers; whoever writes into the store can make folders without end. */
const mostFolders = 1000

async function* eventsIn(vault: VaultState, writer: string, span: Span, call: CallOptions): AsyncGenerator<NamedEvent> {
  const folder = eventFolder(vault, writer)
  for await (const { name, size } of vault.provider.list(`${folder}${commonStart(vault, span)}`, call)) {
    const parsed = parseName(name)
    if (parsed?.writer !== writer || `${parsed.folder}/` !== folder || !isWithin(parsed.clock, span)) continue
    yield { name, key: eventKeyOf(parsed), clock: parsed.clock, writer, size }
  }
}

/** Names begin with their time: what all of a span have in common, so that a store lists little more than that. */
function commonStart(vault: VaultState, { since, until }: Span): string {
  if (since === undefined || since < 0) return ""
  const last = clockAt(Math.max(since, Math.min(until ?? Infinity, vault.now() + maxClockAhead)))
  const first = clockAt(since)
  let length = 0
  while (length < 12 && first[length] === last[length]) length++
  return first.slice(0, length)
}

function isWithin(clock: Clock, { since, until }: Span): boolean {
  const ms = Number.parseInt(clock.slice(0, 12), 16)
  return ms >= (since ?? -Infinity) && ms <= (until ?? Infinity)
}

async function nextOf(line: AsyncGenerator<NamedEvent>): Promise<NamedEvent | null> {
  const next = await line.next()
  return next.done === true ? null : next.value
}
