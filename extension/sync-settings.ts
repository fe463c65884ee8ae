import type { ErrorCode } from "../shared/errors.js"
import type { Stamp } from "../shared/merge.js"
import type { FieldId } from "../shared/merge/fields.js"
import type { Kind } from "../shared/report.js"
import { readKept, updateKept } from "./db.js"
import type { SessionName } from "./forget.js"

/** `save`: what changes here is saved. `both`: and what others rotated comes back into this browser. */
export type SyncMode = "save" | "both"

/** A session that is kept in sync, and how it goes. Off is no entry. */
export interface SyncSetting extends SessionName {
  mode: SyncMode
  /** What is kept, as the person chose it when they switched it on. */
  scope: { alsoSites: string[]; kinds: Kind[]; withoutOrigins: string[]; storeId: string }
  /** When all was last as it is here (ms since epoch); null: not yet. */
  syncedAt: number | null
  error: { code: ErrorCode; message: string } | null
  /** Of the session in the store, when what others changed was looked at last: see `vault.versions`. */
  seenVersion?: string
  /** Until when nothing more is saved of it, because it changes all the time (ms since epoch); 0 for one that does not. */
  busyUntil: number
  /** What others changed and this browser took over last: rotated cookies, and other changes. */
  taken: { count: number; others: number; by: string; at: number } | null
  /** What others changed and the person has not let in. Names only. */
  held: HeldChange[]
  /** How many more wait than are listed. */
  heldMore: number
  /** Fields of page storage that the person ticked once: what others make of them later enters by itself. */
  letIn: FieldId[]
  /** What the person ticked and no open page could be given yet. */
  ticked: Tick[]
  /** Pages that were open while others' values were written into their storage. */
  reload: StalePage[]
  /** How many changes can be undone, and until when (ms since epoch). */
  undo: { count: number; until: number } | null
}

/** A page that was open while its storage was written, and of which host. */
export interface StalePage {
  tabId: number
  documentId: string
  host: string
}

/** What a person ticks: one change of a field, and no other that comes after it. */
export interface Tick extends Stamp {
  /** Of the field. */
  id: FieldId
  isDeletion: boolean
}

export interface HeldChange extends Tick {
  what: string
  where: string
  by: string
  why: string
  /** True when this browser can take it over at a click. */
  canTake: boolean
  /** True when such a click also lets in what others make of it later. */
  isLasting?: boolean
}

export const freshSync = {
  syncedAt: null,
  error: null,
  busyUntil: 0,
  taken: null,
  held: [],
  heldMore: 0,
  letIn: [],
  ticked: [],
  reload: [],
  undo: null,
}

const key = "sync"

export async function readSettings(): Promise<SyncSetting[]> {
  return parse(await readKept(key))
}

export async function settingOf({ site, account }: SessionName): Promise<SyncSetting | null> {
  return (await readSettings()).find((other) => other.site === site && other.account === account) ?? null
}

export async function putSetting(setting: SyncSetting): Promise<void> {
  await change((settings) => [...settings.filter((other) => !isSame(other, setting)), setting])
}

type Note = Partial<Omit<SyncSetting, keyof SessionName>>

/** Changes one that is there; one that was switched off meanwhile stays off. */
export async function noteSync(session: SessionName, note: Note | ((before: SyncSetting) => Note)): Promise<void> {
  await change((settings) =>
    settings.map((other) =>
      isSame(other, session) ? { ...other, ...(typeof note === "function" ? note(other) : note) } : other,
    ),
  )
}

/** They were loaded anew, or are no more. */
export async function dropStale(isMeant: (page: StalePage) => boolean): Promise<void> {
  if ((await readSettings()).every(({ reload }) => !reload.some(isMeant))) return
  await change((settings) =>
    settings.map((other) => ({ ...other, reload: other.reload.filter((page) => !isMeant(page)) })),
  )
}

export async function dropSetting(session: SessionName): Promise<void> {
  await change((settings) => settings.filter((other) => !isSame(other, session)))
}

async function change(work: (settings: SyncSetting[]) => SyncSetting[]): Promise<void> {
  await updateKept(key, (text) => JSON.stringify(work(parse(text))))
}

function parse(text: string | null): SyncSetting[] {
  if (text === null) return []
  // One that was written by an earlier version has not all of it.
  return (JSON.parse(text) as SyncSetting[]).map((setting) => ({ ...freshSync, ...setting }))
}

export function isSameTick(one: Tick, other: Tick): boolean {
  return keyOfTick(one) === keyOfTick(other)
}

export function keyOfTick({ id, clock, writer, isDeletion }: Tick): string {
  return JSON.stringify([id, clock, writer, isDeletion])
}

function isSame(one: SessionName, other: SessionName): boolean {
  return one.site === other.site && one.account === other.account
}
