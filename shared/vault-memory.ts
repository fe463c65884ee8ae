import { botMembersToJson, parseBotMembers, type BotMembers } from "./bot-members.js"
import { PspError } from "./errors.js"
import { isClock, type Clock } from "./hlc.js"
import { membersToJson, parseMembers, type MemberState } from "./members.js"

/**
 * Where a device remembers its vault between runs: a 0600 file, the extension's IndexedDB. It holds the index key and the
 * names of sites, so it is private; it is also what makes a store that goes back in time visible.
 */
export interface VaultMemory {
  read(): Promise<string | null>
  write(text: string): Promise<void>
}

/** What is remembered. */
export interface Remembered {
  vault: string
  /** Card of the owner this device was told to trust; never changed in silence. */
  pinned: string
  /** null while no member envelope for this device was found. */
  members: MemberState | null
  /** What the owners told this identity as a bot; null where it is none. */
  granted: BotMembers | null
  /** Something in `members` is not in the store yet. */
  isUnsaved: boolean
  /** When `members` was last written (ms), so that it is written anew long before it expires. */
  membersWrittenAt: number
  /** Names of member envelopes that are merged into `members`. */
  merged: string[]
  /** Names of member envelopes this device wrote: a newer one replaces them. */
  written: string[]
  /** By recipient id of a bot: the member envelope that this device wrote last to it. */
  bots: Record<string, BotNote>
  /** Latest stamp this device made or accepted. */
  clock: Clock | null
  /** For each session: the newest envelope of each writer that this device wrote to, or read from, the store. */
  marks: Record<string, Record<string, Mark>>
  /** By writer id: the event with the highest number that this device wrote or read. */
  events: Record<string, EventMark>
}

export interface EventMark {
  /** Running number among its writer's events. */
  n: number
  /** `<clock>-<digest>` of it. */
  last: string
}

/** What was told to a bot, so that it is told again only when it changed or got old. */
export interface BotNote {
  name: string
  /** Hash of what it says. */
  says: string
  /** ms since epoch. */
  writtenAt: number
}

export interface Mark {
  clock: Clock
  /** Id of that envelope's header. */
  header: string
  /** When that envelope ends (ms since epoch), from when on a store may have let go of it; not noted by early versions. */
  exp?: number
}

export function rememberedToJson(remembered: Remembered): string {
  const { members, granted, ...rest } = remembered
  return JSON.stringify({
    v: 1,
    ...rest,
    members: members === null ? null : membersToJson(members),
    granted: granted === null ? null : botMembersToJson(granted),
  })
}

/** @throws `damaged`: written by us, so whoever changed it is told, not worked around */
export function parseRemembered(json: string): Remembered {
  try {
    const value = JSON.parse(json) as Partial<Record<string, unknown>>
    const { vault, pinned, members, isUnsaved, membersWrittenAt, merged, written, clock, marks } = value
    // Early versions knew of no bots, and of no events.
    const { granted = null, bots = {}, events = {} } = value
    if (
      value["v"] === 1 &&
      typeof vault === "string" &&
      typeof pinned === "string" &&
      (members === null || typeof members === "string") &&
      typeof isUnsaved === "boolean" &&
      typeof membersWrittenAt === "number" &&
      isNameList(merged) &&
      isNameList(written) &&
      (granted === null || typeof granted === "string") &&
      isBotNotes(bots) &&
      (clock === null || isClock(clock)) &&
      isMarks(marks) &&
      isEventMarks(events)
    ) {
      const state = members === null ? null : parseMembers(members)
      return {
        vault,
        pinned,
        members: state,
        granted: granted === null ? null : parseBotMembers(granted),
        isUnsaved,
        membersWrittenAt,
        merged,
        written,
        bots,
        clock,
        marks,
        events,
      }
    }
  } catch (error) {
    if (error instanceof PspError && error.code === "too-new") throw error
  }
  throw new PspError(
    "damaged",
    "Cannot read what this device remembers of its vault: the file is damaged; remove it to read the vault anew",
  )
}

/**
 * What is kept, with the events that another run has seen meanwhile; nothing else of that run counts. For whoever reads for long beside
 * others that go on.
 */
export function withEventsSeen(kept: string, seen: string): string {
  const [mine, other] = [parseRemembered(kept), parseRemembered(seen)]
  if (mine.vault !== other.vault) return kept
  for (const [writer, mark] of Object.entries(other.events)) {
    const known = mine.events[writer]
    if (known === undefined || known.n < mark.n) mine.events[writer] = mark
  }
  return rememberedToJson(mine)
}

function isNameList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string")
}

function isBotNotes(value: unknown): value is Remembered["bots"] {
  if (typeof value !== "object" || value === null) return false
  return Object.values(value as Record<string, Partial<BotNote> | null>).every(
    (note) => typeof note?.name === "string" && typeof note.says === "string" && typeof note.writtenAt === "number",
  )
}

function isEventMarks(value: unknown): value is Remembered["events"] {
  if (typeof value !== "object" || value === null) return false
  return Object.values(value as Record<string, Partial<EventMark> | null>).every(
    (mark) => Number.isSafeInteger(mark?.n) && typeof mark?.last === "string",
  )
}

function isMarks(value: unknown): value is Remembered["marks"] {
  if (typeof value !== "object" || value === null) return false
  return Object.values(value as Record<string, unknown>).every(
    (writers) =>
      typeof writers === "object" &&
      writers !== null &&
      Object.values(writers as Record<string, Mark | null>).every(
        (mark) =>
          mark !== null &&
          isClock(mark.clock) &&
          typeof mark.header === "string" &&
          (mark.exp === undefined || typeof mark.exp === "number"),
      ),
  )
}
