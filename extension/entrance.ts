import type { Register } from "../shared/merge.js"
import { comparedText, type Known, type KnownFields } from "../shared/merge/changes.js"
import { describeField } from "../shared/merge/describe.js"
import { pathOf, type FieldId } from "../shared/merge/fields.js"
import type { Wait } from "./may-enter.js"
import { withPages } from "./stale-pages.js"
import { learn } from "./sync-memory.js"
import { isSameTick, type HeldChange, type SyncSetting, type Tick } from "./sync-settings.js"
import { isRotatedToken, keepUndo, type Undoable } from "./undo-taken.js"
import { createFieldWriter, isPageStorage } from "./write-field.js"

export type TakenIn = Pick<SyncSetting, "held"> &
  Partial<Pick<SyncSetting, "heldMore" | "taken" | "letIn" | "ticked" | "reload" | "undo">>

/** A change by others: what a field is to be, null for nothing. */
export interface Entering {
  field: FieldId
  by: Register
  to: unknown
  before: Known | undefined
  /** What is known of it once it is here; null for a deletion. */
  now: Known | null
}

/** What one look lets in, and what it holds. */
export interface Entrance {
  hold(by: Register, wait: Wait): void
  enter(change: Entering): Promise<void>
  /** That very change, not what somebody made of the field since the person saw it. */
  isTicked(by: Register): boolean
  /** What the look came to. */
  end(): Promise<TakenIn>
}

interface EntranceOptions {
  setting: SyncSetting
  known: KnownFields
  /** By the person, now. */
  ticked: readonly Tick[]
  nameOf: (writer: string) => string
  isOwner: (writer: string) => boolean
  digestOf: (json: string) => string
}

/** Writes what may enter where it still is what this browser knows: what the person or the page did since is newer, and stays. */
export function createEntrance({ setting, known, ticked, nameOf, isOwner, digestOf }: EntranceOptions): Entrance {
  const writer = createFieldWriter(setting, known)
  const held: HeldChange[] = []
  const away: SyncSetting["ticked"] = []
  const entered: (Undoable & { by: string; isRotated: boolean })[] = []
  let reload: SyncSetting["reload"] = []

  const isTicked: Entrance["isTicked"] = (by) =>
    [...ticked, ...setting.ticked].some((one) => isSameTick(one, tickFor(by)))

  const hold: Entrance["hold"] = (by, wait) => {
    const { where, what } = describeField(by.field)
    const tick = tickFor(by)
    // What cannot be ticked needs no more of its id than to be told apart.
    const id = wait.canTake ? tick.id : tick.id.slice(0, 200)
    held.push({ ...tick, id, where, what, by: nameOf(by.writer), ...wait })
  }

  const enter: Entrance["enter"] = async ({ field, by, to, before, now }) => {
    const refuse = (why: string) => hold(by, { why, canTake: false, isLasting: false })
    const here = await writer.here(field, to)
    if ("awayAt" in here) {
      if (isTicked(by)) away.push(tickFor(by))
      refuse(`waits for the next visit of ${here.awayAt}`)
      return
    }
    if ("why" in here) {
      refuse(here.why)
      return
    }
    const digest = here.value === null ? null : digestOf(comparedText(here.value))
    if (now === null && digest === null) return
    if (digest === now?.digest) {
      await learn(setting, new Map([[field, { before, now }]]))
      return
    }
    if (digest !== (before?.digest ?? null)) {
      refuse("what is here is newer")
      return
    }
    // Remembered first: the browser tells of a cookie as it is set, and that must not be taken for a change of its own.
    if (now !== null) await learn(setting, new Map([[field, { before, now }]]))
    if (!(await writer.swap(field, here.value, to))) {
      if (now !== null) await learn(setting, new Map([[field, { before: now, now: before }]]))
      refuse("this browser refused it")
      return
    }
    const isRotated = isRotatedToken(field, here.value, to)
    entered.push({ field, was: here.value, digest: now?.digest ?? null, by: nameOf(by.writer), isRotated })
    reload = withPages(reload, await writer.pagesOf(field))
  }

  /** Keys that were ticked once. One that is no more, or was deleted at a tick, is a new one when it comes again. */
  const letIn = (): FieldId[] => {
    const values = entered.filter(({ digest }) => digest !== null).map(({ field }) => field)
    const waiting = away.filter(({ isDeletion }) => !isDeletion).map(({ id }) => id)
    const gone = new Set(entered.filter(({ digest }) => digest === null).map(({ field }) => field))
    const chosen = new Set(ticked.map(({ id }) => id))
    const added = [...values, ...waiting].filter((field) => chosen.has(field) && isPageStorage(pathOf(field)))
    const isThere = (field: FieldId) => (known.has(field) && !gone.has(field)) || added.includes(field)
    return [...new Set([...setting.letIn, ...added])].filter((field) => isThere(field) || waiting.includes(field))
  }

  const end: Entrance["end"] = async () => {
    const [byOwners, byBots] = [held.filter((one) => isOwner(one.writer)), held.filter((one) => !isOwner(one.writer))]
    // What the person's own devices say is not pushed out of sight by what bots write.
    const shown = [...byOwners, ...byBots].slice(0, maxHeld)
    const result: TakenIn = { held: shown, heldMore: held.length - shown.length, ticked: away, letIn: letIn() }
    if (reload.length > 0) result.reload = withPages(setting.reload, reload)
    const [first] = entered
    if (first === undefined) return result
    const by = entered.every((one) => one.by === first.by) ? first.by : `${first.by} and others`
    const count = entered.filter(({ isRotated }) => isRotated).length
    result.taken = { count, others: entered.length - count, by, at: Date.now() }
    const undoable = entered.filter(({ isRotated }) => !isRotated)
    if (undoable.length > 0) {
      const entries = undoable.map(({ field, was, digest }) => ({ field, was, digest }))
      result.undo = await keepUndo(setting, entries)
    }
    return result
  }

  return { hold, enter, isTicked, end }
}

export function tickFor(by: Register): Tick {
  return { id: by.field, clock: by.clock, writer: by.writer, isDeletion: "deleted" in by }
}

/** More than anybody ticks. */
const maxHeld = 100
