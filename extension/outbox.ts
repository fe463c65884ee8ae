import { isPspError, PspError } from "../shared/errors.js"
import type { Prepared, Vault } from "../shared/vault.js"
import { abort, openDatabase, type WaitingSave } from "./db.js"
import { noteLost } from "./lost-saves.js"
import { forgetMemory } from "./sync-memory.js"

/**
 * Sealed saves wait here until the native host has acknowledged them. A commit is idempotent (names end in the digest of
 * the bytes), so putting one again after a crash in between still leaves exactly one object.
 *
 * @throws `full` when too much waits already, or the browser has no room
 */
export async function enqueue({
  prepared,
  ...save
}: Omit<WaitingSave, "prepared"> & { prepared: Prepared }): Promise<void> {
  const objects = prepared.objects.map(({ name, bytes }) => ({ name, size: bytes.length }))
  const waiting: WaitingSave = { ...save, prepared: { ...prepared, objects } }
  await refuseWhenFull(waiting)
  const transaction = (await openDatabase()).transaction(["outbox", "pieces"], "readwrite")
  const add = async () => {
    const id = await transaction.objectStore("outbox").add(waiting)
    for (const [object, { bytes }] of prepared.objects.entries()) {
      for (const [place, at] of placesIn(bytes.length).entries()) {
        // One after the other: the browser copies what it is given.
        const piece = new Blob([bytes.subarray(at, at + pieceLength)])
        await transaction.objectStore("pieces").add(piece, [id, object, place])
      }
    }
    return id
  }
  try {
    const [id] = await Promise.all([add(), transaction.done])
    fresh = { id, prepared: new WeakRef(prepared) }
  } catch (error) {
    abort(transaction)
    if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error
    throw new PspError(
      "full",
      `Cannot keep session of ${save.site}: this browser has no room left; free some on the disk`,
    )
  }
}

/** What may wait: a computer that is away for weeks must not fill the person's disk. */
const maxSaves = 500
const maxBytes = 512 * 1024 * 1024

function sizeOf({ prepared }: WaitingSave): number {
  return prepared.objects.reduce((total, { size }) => total + size, 0)
}

async function refuseWhenFull(save: WaitingSave): Promise<void> {
  const waiting = await (await openDatabase()).getAll("outbox")
  const held = waiting.reduce((total, one) => total + sizeOf(one), 0)
  if (waiting.length === 0 || (waiting.length < maxSaves && held + sizeOf(save) <= maxBytes)) return
  const saves = `${waiting.length} ${waiting.length === 1 ? "save waits" : "saves wait"} here (${Math.ceil(held / 2 ** 20)} MiB)`
  throw new PspError(
    "full",
    `Cannot keep session of ${save.site}: ${saves} for this computer; let them go out (psp doctor says what is wrong), or forget some`,
  )
}

const pieceLength = 4 * 1024 * 1024

/** Where the pieces of so many bytes begin. */
function placesIn(length: number): number[] {
  return Array.from({ length: Math.ceil(length / pieceLength) }, (_, place) => place * pieceLength)
}

/** What came last, as it came: while it is in memory anyway it need not be read back. */
let fresh: { id: number; prepared: WeakRef<Prepared> } | null = null

export interface Waiting {
  id: number
  site: string
  account: string
  since: number
  /** False for one that the person asked for. */
  isSync: boolean
}

/** Begins the id of a save that nobody clicked for. */
export const syncIntent = "sync "

/** What waits, oldest first. */
export async function listWaiting(): Promise<Waiting[]> {
  const database = await openDatabase()
  const waiting: Waiting[] = []
  for (
    let cursor = await database.transaction("outbox").store.openCursor();
    cursor !== null;
    cursor = await cursor.continue()
  ) {
    const { site, account, since, intentId } = cursor.value
    waiting.push({ id: cursor.key, site, account, since, isSync: intentId.startsWith(syncIntent) })
  }
  return waiting
}

export async function isWaiting(intentId: string): Promise<boolean> {
  const database = await openDatabase()
  for (
    let cursor = await database.transaction("outbox").store.openCursor();
    cursor !== null;
    cursor = await cursor.continue()
  ) {
    if (cursor.value.intentId === intentId) return true
  }
  return false
}

/** Drops what waits for a session, because the person forgets it. */
export async function dropWaiting(site: string, account: string): Promise<number> {
  const own = (await listWaiting()).filter((save) => save.site === site && save.account === account)
  for (const { id } of own) await drop(id)
  return own.length
}

/** Some went out, and some did not for a reason of their own. */
export class UnsentSavesError extends PspError {
  /** Why those that still wait did not go out, by the click they came from. */
  readonly held: ReadonlyMap<string, PspError>

  constructor({ code, message }: Pick<PspError, "code" | "message">, held: ReadonlyMap<string, PspError>) {
    super(code, message)
    this.held = held
  }
}

/** The browser itself lost what waited. */
export class LostSavesError extends UnsentSavesError {
  /** The clicks they came from. */
  readonly intents: string[]

  constructor(saves: Pick<WaitingSave, "site" | "intentId">[], held: ReadonlyMap<string, PspError> = new Map()) {
    const sites = [...new Set(saves.map(({ site }) => site))].join(", ")
    const message = `Cannot store a session of ${sites}: the browser lost what waited; save it again`
    super({ code: "corrupt", message }, held)
    this.intents = saves.map(({ intentId }) => intentId)
  }
}

let draining: Promise<number> | undefined

/** Told of each save that went out. */
export type OnSent = (save: WaitingSave) => void

/**
 * Puts what waits, in order, and stops at the first fault of the store or the host; what was put is gone from the outbox,
 * the rest stays. A fault that is about a save alone holds up no other session, only what is behind it of its own; what
 * the browser itself has lost holds up nothing. Both are told at the end.
 *
 * @returns how many went out
 * @throws whatever the store or the host answered; `LostSavesError`, `UnsentSavesError`
 */
export async function drain(vault: Pick<Vault, "commit">, onSent: OnSent = () => undefined): Promise<number> {
  // One at a time in this process; a second process (an update) would only repeat idempotent puts.
  draining ??= drainNow(vault, onSent).finally(() => (draining = undefined))
  return draining
}

async function drainNow(vault: Pick<Vault, "commit">, onSent: OnSent): Promise<number> {
  let sent = 0
  const lost: WaitingSave[] = []
  const held = new Map<string, PspError>()
  const heldSessions = new Set<string>()
  for (let next = await oldest(heldSessions); next !== null; next = await oldest(heldSessions)) {
    const { id, save, pieces } = next
    const prepared = (fresh?.id === id ? fresh.prepared.deref() : undefined) ?? (await join(save, pieces))
    if (prepared === null) {
      // One that the person forgot while it was read is not lost.
      if (await isStillThere(id)) {
        await noteLost({ id: save.intentId, site: save.site, account: save.account, since: save.since })
        // What it held counts as saved: the next look saves the whole of it.
        await forgetMemory(save)
        lost.push(save)
      }
    } else {
      try {
        await vault.commit(prepared)
      } catch (error) {
        if (!isAboutSave(error)) throw error
        held.set(save.intentId, error)
        heldSessions.add(sessionOf(save))
        continue
      }
      sent++
      onSent(save)
    }
    await drop(id)
  }
  if (lost.length > 0) throw new LostSavesError(lost, held)
  const [first] = held.values()
  if (first !== undefined) throw new UnsentSavesError(first, held)
  return sent
}

/** True for what the store or the host has against this save; the next one may well go out. */
function isAboutSave(error: unknown): error is PspError {
  return isPspError(error) && ["corrupt", "damaged", "bad-message", "too-large"].includes(error.code)
}

function sessionOf({ site, account }: WaitingSave): string {
  return JSON.stringify([site, account])
}

/**
 * The save that waits longest, of other sessions than these, and its pieces, of one moment: one that is forgotten meanwhile
 * is not half there.
 */
async function oldest(
  without: Set<string>,
): Promise<{ id: number; save: WaitingSave; pieces: Map<string, Blob> } | null> {
  const transaction = (await openDatabase()).transaction(["outbox", "pieces"])
  let cursor = await transaction.objectStore("outbox").openCursor()
  while (cursor !== null && without.has(sessionOf(cursor.value))) cursor = await cursor.continue()
  if (cursor === null) return null
  const { key: id, value: save } = cursor
  const pieces = new Map<string, Blob>()
  const range = piecesOf(id)
  for (
    let piece = await transaction.objectStore("pieces").openCursor(range);
    piece !== null;
    piece = await piece.continue()
  ) {
    pieces.set(piece.key.slice(1).join(), piece.value)
  }
  return { id, save, pieces }
}

/** Null when the browser does not have all of it any more. */
async function join({ prepared }: WaitingSave, pieces: Map<string, Blob>): Promise<Prepared | null> {
  const objects: Prepared["objects"] = []
  for (const [object, { name, size }] of prepared.objects.entries()) {
    const bytes = new Uint8Array(size)
    for (const [place, at] of placesIn(size).entries()) {
      // A Blob whose file is gone is there, and cannot be read.
      const piece = await pieces
        .get([object, place].join())
        ?.arrayBuffer()
        .catch(() => null)
      if (piece?.byteLength !== Math.min(pieceLength, size - at)) return null
      bytes.set(new Uint8Array(piece), at)
    }
    objects.push({ name, bytes })
  }
  return { ...prepared, objects }
}

async function isStillThere(id: number): Promise<boolean> {
  return (await (await openDatabase()).getKey("outbox", id)) !== undefined
}

function piecesOf(id: number): IDBKeyRange {
  return IDBKeyRange.bound([id], [id, []])
}

async function drop(id: number): Promise<void> {
  const transaction = (await openDatabase()).transaction(["outbox", "pieces"], "readwrite")
  await transaction.objectStore("outbox").delete(id)
  await transaction.objectStore("pieces").delete(piecesOf(id))
  await transaction.done
}
