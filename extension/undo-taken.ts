import { browser } from "wxt/browser"
import { comparedText } from "../shared/merge/changes.js"
import { pathOf, type FieldId } from "../shared/merge/fields.js"
import type { SessionName } from "./forget.js"
import { withPages } from "./stale-pages.js"
import { createDigest, readMemory } from "./sync-memory.js"
import { noteSync, readSettings, type SyncSetting } from "./sync-settings.js"
import { createFieldWriter } from "./write-field.js"

/** What a field was before others' value took its place. */
export interface Undoable {
  field: FieldId
  /** Null: it was not there. */
  was: unknown
  /** Of what took its place; null: it was removed. */
  digest: string | null
}

interface Kept {
  /** ms since epoch */
  until: number
  entries: Undoable[]
}

/** How long the old values are kept (min), in the browser's memory alone: they are never written to its disk. */
const keptMinutes = 5
const alarm = "undo"

/**
 * Keeps what the last take-over replaced, and of one before it that can still be undone what it replaced: else whoever writes twice
 * takes the way back away. Null when there is no room for it, which costs only that.
 */
export async function keepUndo(session: SessionName, fresh: Undoable[]): Promise<SyncSetting["undo"]> {
  const until = Date.now() + keptMinutes * 60_000
  const kept = await readUndo(session)
  const entries = withEarlier(kept !== null && kept.until > Date.now() ? kept.entries : [], fresh)
  try {
    await browser.storage.session.set({ [nameOf(session)]: { until, entries } satisfies Kept })
  } catch {
    await forgetUndo(session)
    return null
  }
  // An earlier one stays, or whoever writes all the time puts it off for ever.
  if ((await browser.alarms.get(alarm)) === undefined)
    await browser.alarms.create(alarm, { delayInMinutes: keptMinutes })
  return { count: entries.length, until }
}

/** What a field was first, and what it is last. */
export function withEarlier(earlier: readonly Undoable[], fresh: readonly Undoable[]): Undoable[] {
  const entries = new Map(earlier.map((entry) => [entry.field, entry]))
  for (const entry of fresh) entries.set(entry.field, { ...entry, was: (entries.get(entry.field) ?? entry).was })
  return [...entries.values()]
}

export async function forgetUndo(session: SessionName): Promise<void> {
  await browser.storage.session.remove(nameOf(session))
}

/** Forgets the values whose time is over. */
export function watchUndo(): void {
  browser.alarms.onAlarm.addListener(({ name }) => {
    if (name === alarm) void forgetOld()
  })
}

async function forgetOld(): Promise<void> {
  for (const setting of await readSettings()) {
    const kept = await readUndo(setting)
    if (kept === null) continue
    if (kept.until > Date.now()) {
      await browser.alarms.create(alarm, { when: kept.until })
      continue
    }
    await forgetUndo(setting)
    await noteSync(setting, { undo: null })
  }
}

/**
 * Puts back what the last take-over replaced, where it still is as it was written. That is the person's own change: the next look
 * saves it, and it holds for everybody.
 *
 * @returns how many fields are as they were
 */
export async function undoTaken(setting: SyncSetting): Promise<number> {
  const kept = await readUndo(setting)
  const memory = await readMemory(setting)
  await forgetUndo(setting)
  if (kept === null || memory === null || kept.until < Date.now()) {
    await noteSync(setting, { undo: null })
    return 0
  }
  const digestOf = await createDigest()
  const writer = createFieldWriter(setting, memory.known)
  const reload: SyncSetting["reload"] = []
  let count = 0
  for (const { field, was, digest } of kept.entries) {
    const here = await writer.here(field, was)
    if (!("value" in here)) continue
    const now = here.value === null ? null : digestOf(comparedText(here.value))
    if (now !== digest || !(await writer.swap(field, here.value, was))) continue
    count++
    reload.push(...(await writer.pagesOf(field)))
  }
  const undone = new Set(kept.entries.map(({ field }) => field))
  await noteSync(setting, (before) => ({
    undo: null,
    taken: null,
    letIn: before.letIn.filter((id) => !undone.has(id)),
    reload: withPages(before.reload, reload),
  }))
  return count
}

/** A token that was rotated is dead where it came from: to have it back would only be a logout. */
export function isRotatedToken(field: FieldId, was: unknown, is: unknown): boolean {
  return pathOf(field)[0] === "cookies" && was !== null && is !== null
}

async function readUndo(session: SessionName): Promise<Kept | null> {
  const name = nameOf(session)
  const kept = (await browser.storage.session.get(name))[name] as Kept | undefined
  return kept ?? null
}

function nameOf({ site, account }: SessionName): string {
  return `undo ${JSON.stringify([site, account])}`
}
