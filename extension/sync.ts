import { isPspError, PspError, toPspError } from "../shared/errors.js"
import { judgeLoss } from "../shared/login-state.js"
import { changesOf, knownAfter, type KnownFields } from "../shared/merge/changes.js"
import type { SessionState } from "../shared/merge.js"
import type { Prepared } from "../shared/vault.js"
import type { Snapshot } from "../shared/snapshot.js"
import type { SessionName } from "./forget.js"
import { withHost, withVaultOffline } from "./host.js"
import { changeNames } from "./note-access.js"
import { isDeviceLocked } from "./device.js"
import { dropWaiting, enqueue, listWaiting, syncIntent, UnsentSavesError, type Waiting } from "./outbox.js"
import { sendOutbox } from "./send.js"
import { keepOptions } from "./keep-rules.js"
import { knownAtOwnSave } from "./own-save.js"
import { listenToPages, withLeftPages } from "./left-pages.js"
import { captureForSync } from "./sync-capture.js"
import { dismissEnded, noteEnded } from "./sync-ended.js"
import { afterSave, untilNextSave } from "./sync-pace.js"
import { createDigest, forgetMemory, notePassed, readMemory, writeMemory, type SyncMemory } from "./sync-memory.js"
import {
  dropSetting,
  freshSync,
  noteSync,
  putSetting,
  readSettings,
  settingOf,
  type SyncSetting,
  type Tick,
} from "./sync-settings.js"
import { takeIn } from "./take-in.js"
import { withOwners } from "./trust.js"
import { forgetUndo, undoTaken } from "./undo-taken.js"

/** After so many small changes the whole session is saved once more, so that nobody has to read them all. */
const maxDeltas = 50

/** And after so long (ms), well before the session that was sealed ends. */
const maxAge = 7 * 24 * 60 * 60 * 1000

/** While the computer is away no more than this wait for a session: what changes further is seen when one has gone out. */
const maxWaiting = 3

/** One at a time for all sessions: a burst of events becomes a few looks. */
let last: Promise<void> = Promise.resolve()

function inTurn(work: () => Promise<void>): Promise<void> {
  last = last.then(work, work)
  return last
}

/** Keeps a session in sync from now on; the first look saves the whole of it. */
export async function switchOn(
  session: SessionName,
  { mode, scope }: Pick<SyncSetting, "mode" | "scope">,
): Promise<void> {
  const { site, account } = session
  const others = (await readSettings()).filter((other) => other.site === site && other.account !== account)
  const sameStore = others.find((other) => other.scope.storeId === scope.storeId)
  if (sameStore !== undefined) {
    // One cookie store is one login: two accounts would save each other's.
    const why = `Cannot keep ${site} in sync as "${account}": here it is kept in sync as "${sameStore.account}" already`
    throw new PspError("usage", why)
  }
  const before = await settingOf(session)
  await dismissEnded(session)
  const setting = { ...freshSync, ...before, site: session.site, account: session.account, mode, scope }
  await putSetting(setting)
  // A page that hangs holds nothing up.
  void listenToPages(setting)
  await syncNow(session)
}

/** What was saved stays; nothing of the session is watched or remembered any more. */
export async function switchOff(session: SessionName): Promise<void> {
  await inTurn(async () => {
    await dropSetting(session)
    await forgetMemory(session)
    await forgetUndo(session)
  })
}

/**
 * Saves what changed here since the last look, and takes in what others rotated where the person asked for both.
 *
 * @param isQuiet true when nobody else is known to have written: the store is asked only if something is to be saved
 * @param isLast true when nothing comes after it: however often it was saved before
 */
export function syncNow(
  session: SessionName,
  { isQuiet = false, isLast = false }: { isQuiet?: boolean; isLast?: boolean } = {},
): Promise<void> {
  return inTurn(async () => {
    const setting = await settingOf(session)
    if (setting === null) return
    try {
      if (await endIfRemoved(setting)) return
      const busyUntil = isLast ? 0 : untilNextSave((await readMemory(setting))?.saves ?? [], Date.now())
      await noteSync(session, { busyUntil })
      const isHeldUp = (await waitingOf(setting)) >= maxWaiting
      let isSaved = busyUntil === 0 && (await saveChanges(setting))
      if ((await waitingOf(setting)) > 0 && (await learnRemoval(setting))) return
      await send(setting)
      if (isHeldUp && busyUntil === 0) {
        // What changed while too much waited was not looked at.
        isSaved = (await saveChanges(setting)) || isSaved
        await send(setting)
      }
      // What is not saved yet would give way to what others changed before it.
      const isLearning = busyUntil === 0 && (isSaved || (setting.mode === "both" && !isQuiet))
      const isLocked = await isDeviceLocked()
      const taken = isLearning && !isLocked ? await takeIn(setting) : {}
      // It learned of another device of the person, which cannot open what was sealed before that.
      if (isLearning && (await hasNewOwner(await readMemory(setting)))) {
        await saveChanges(setting)
        await send(setting)
      }
      if (await endIfRemoved(setting)) return
      const error = isLocked && setting.mode === "both" ? awaitsUnlock : null
      await noteSync(session, { ...(busyUntil === 0 && { syncedAt: Date.now() }), error, ...taken })
    } catch (error) {
      const { code, message } = toPspError(error, "Keeping the session in sync")
      await noteSync(session, { error: { code, message } })
      if (!isPspError(error)) throw error
    }
  })
}

/** What changes here is saved all the same; what changed elsewhere is looked at once it is unlocked. */
const awaitsUnlock = {
  code: "locked",
  message: "Cannot take over what others changed: this browser is locked",
} as const

/**
 * It was unlocked: what waited for it comes in, and bots are told what was saved meanwhile, which may have been kept from them
 * (`heldCopies`).
 */
export async function catchUpUnlocked(): Promise<void> {
  // Away, it is learned with the next look.
  await withHost((vault) => vault.refresh()).catch((error: unknown) => {
    if (!isPspError(error)) throw error
  })
  for (const session of await readSettings()) {
    const memory = await readMemory(session)
    if (memory !== null) await notePassed(session, { ...memory.passed, copies: [] })
    await syncNow(session)
  }
}

/**
 * Another device removed the session: what changes here must not bring it back without the rest of it. Whoever wants it again saves
 * it again.
 *
 * @returns whether it was removed, as far as this browser knows
 */
async function endIfRemoved(setting: SyncSetting): Promise<boolean> {
  const { site, account } = setting
  // What was never saved from here may well be saved now.
  if ((await readMemory(setting)) === null) return false
  const removedAt = await withVaultOffline(async (vault) => vault.removedAt(site, account))
  const isWanted = (await waitingFor(setting)).some(({ isSync }) => !isSync)
  if (removedAt === null || isWanted) return false
  await dropWaiting(site, account)
  await dropSetting(setting)
  await forgetMemory(setting)
  await forgetUndo(setting)
  await noteEnded({ site, account, removedAt })
  return true
}

/** Before something goes out: asks the store first. @throws what keeps it from answering */
async function learnRemoval(setting: SyncSetting): Promise<boolean> {
  await withHost((vault) => vault.refresh())
  return endIfRemoved(setting)
}

/** Takes over what the person ticked of what others changed. */
export async function takeTicked(session: SessionName, ticked: readonly Tick[]): Promise<void> {
  await inTurn(async () => {
    const setting = await settingOf(session)
    if (setting !== null) await noteSync(session, await takeIn(setting, ticked))
  })
}

/** Takes back what was taken over last. @returns how many fields are as they were */
export async function undoLast(session: SessionName): Promise<number> {
  let count = 0
  await inTurn(async () => {
    const setting = await settingOf(session)
    if (setting !== null) count = await undoTaken(setting)
  })
  await syncNow(session)
  return count
}

/** Sends what waits. @throws what keeps this session from going out; another session's trouble is not this one's */
async function send(session: SessionName): Promise<void> {
  if ((await listWaiting()).length === 0) return
  try {
    await sendOutbox()
  } catch (error) {
    if (!(error instanceof UnsentSavesError) || (await waitingOf(session)) > 0) throw error
  }
}

async function waitingOf(session: SessionName): Promise<number> {
  return (await waitingFor(session)).length
}

async function waitingFor({ site, account }: SessionName): Promise<Waiting[]> {
  return (await listWaiting()).filter((one) => one.site === site && one.account === account)
}

/** @returns whether there was anything to save */
async function saveChanges(setting: SyncSetting): Promise<boolean> {
  const { site, account } = setting
  if ((await waitingOf(setting)) >= maxWaiting) return false
  const stored = await storedBefore(setting)
  return withOwners(() =>
    withMemory(async () => {
      let memory = await readMemory(setting)
      const isOld = memory === null || memory.deltas >= maxDeltas || Date.now() - memory.wholeAt > maxAge
      const isDue = isOld || (await hasNewOwner(memory))
      const snapshot = await captureForSync(setting, { isWhole: isDue })
      // With no page open there are only cookies: they would be no whole save.
      const hasPages = snapshot.origins !== undefined
      if (memory === null && stored !== null) {
        if (judgeLoss(stored.snapshot, snapshot) !== null) {
          // Not logged in here, and never was: no logout of those who are.
          await writeMemory(setting, await freshMemory())
          return false
        }
        memory = await memoryOfOwnSave(stored, snapshot)
      }
      if (memory === null && !hasPages) return false
      const sealed =
        memory === null || (isDue && hasPages)
          ? await sealWhole(snapshot, memory)
          : await sealChanges(withLeftPages(snapshot, setting), memory)
      if (sealed === null) return false
      const intentId = `${syncIntent}${crypto.randomUUID()}`
      const { prepared, names } = sealed
      await enqueue({ intentId, prepared, site, account, since: Date.now(), names })
      // Only once it is kept: what is remembered as sealed and is not would never be sealed again.
      await writeMemory(setting, sealed.memory)
      return true
    }),
  )
}

interface Stored {
  snapshot: Snapshot
  /** What this browser itself saved last, and when; null where it did not, or where that is kept no more. */
  own: { state: SessionState; writer: string; at: number } | null
}

/** Before the first look: what others, or an earlier click, saved of the session. Null where nothing was. */
async function storedBefore(setting: SyncSetting): Promise<Stored | null> {
  const { site, account } = setting
  if ((await readMemory(setting)) !== null || (await waitingOf(setting)) > 0) return null
  const known = await withVaultOffline(async (vault) => vault.known())
  if (!known.some((session) => session.site === site && session.account === account)) return null
  return withHost(async (vault) => {
    const snapshot = await vault.load(site, { account })
    if (snapshot === null) return null
    const at = vault.savedAt(site, account)
    const own = at === null ? null : await vault.loadSession(site, { account, at }).catch(onlyExpected)
    if (at === null || own === null) return { snapshot, own: null }
    return { snapshot, own: { state: own.state(), writer: vault.card.writerId, at } }
  })
}

function onlyExpected(error: unknown): null {
  if (isPspError(error)) return null
  throw error
}

/** What a click saved before is known from then on: a token that a bot rotated since is newer than the one that is still here. */
async function memoryOfOwnSave({ own }: Stored, snapshot: Snapshot): Promise<SyncMemory | null> {
  if (own === null) return null
  const known = knownAtOwnSave(own, snapshot, await createDigest())
  return { ...(await freshMemory()), known, wholeAt: own.at }
}

async function ownersNow(): Promise<string[]> {
  return withVaultOffline(async (vault) => vault.owners().map(({ writerId }) => writerId))
}

async function hasNewOwner(memory: SyncMemory | null): Promise<boolean> {
  return memory !== null && (await ownersNow()).some((owner) => !memory.owners.includes(owner))
}

/** Of a browser that knows nothing of the session yet. */
async function freshMemory(): Promise<SyncMemory> {
  const passed = { fields: [], own: "", copies: [] }
  const owners = await ownersNow()
  return { known: new Map(), gone: new Map(), deltas: 0, wholeAt: Date.now(), saves: [], owners, passed }
}

/** A look and a click must not write down what the other does not know of. Taken after the owners' lock, always. */
function withMemory<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks.request("sync memory", work)
}

/** Null when nothing changed. */
async function sealChanges(snapshot: Snapshot, memory: SyncMemory): Promise<Sealed | null> {
  const { known, deltas } = memory
  const [digestOf, keep] = await Promise.all([createDigest(), keepOptions(snapshot.sites[0])])
  const { prepared, ...changes } = await withVaultOffline((vault) =>
    vault.prepareChanges(snapshot, { known, digestOf, ...keep }),
  )
  if (prepared === null) return null
  return {
    prepared,
    names: changeNames(known, changes.changed),
    memory: {
      ...memory,
      ...knownAfter({ ...memory, digestOf }, changes),
      deltas: deltas + 1,
      saves: afterSave(memory.saves, Date.now()),
    },
  }
}

interface Sealed {
  prepared: Prepared
  memory: SyncMemory
  /** What changed, for the access history. */
  names: string[]
}

/** A whole save; of what this browser knew before, only what changed counts as new. */
async function sealWhole(snapshot: Snapshot, memory: SyncMemory | null, isAnew = false): Promise<Sealed> {
  const [site] = snapshot.sites
  const [digestOf, keep, owners] = await Promise.all([createDigest(), keepOptions(site), ownersNow()])
  if (memory === null) {
    // What is not open now may be in an earlier save.
    const [prepared, copies] = await withVaultOffline(async (vault) => {
      const prepared = await vault.prepare(snapshot, { isPart: true, ...keep })
      return [prepared, vault.known().find(({ sid }) => sid === prepared.sid)?.copies ?? []] as const
    })
    const known = knownOfBase(prepared, snapshot, digestOf)
    const passed = { fields: [], own: "", copies: [...copies] }
    return { prepared, names: [], memory: { ...known, deltas: 0, wholeAt: Date.now(), saves: [], owners, passed } }
  }
  const { known, gone } = memory
  const saves = afterSave(memory.saves, Date.now())
  const passed = { ...memory.passed, fields: [] }
  // What waits for the person's tick is in no save of this browser: it speaks for nobody else.
  const since = { known, gone, heads: {}, digestOf, isAnew, ...keep }
  const prepared = await withVaultOffline((vault) => vault.prepare(snapshot, { since }))
  const changes = changesOf(known, snapshot, { stamp: stampOf(prepared), digestOf, isAnew })
  // What is open nowhere now is in the saves before this one, and still known.
  const after = knownAfter({ known, gone, digestOf }, changes)
  return {
    prepared,
    names: changeNames(known, changes.changed),
    memory: { ...after, deltas: changes.isWhole ? 0 : 1, wholeAt: Date.now(), saves, owners, passed },
  }
}

/**
 * The person's own save. Of a session that is kept in sync it says as new only what changed: a token that a bot rotated
 * meanwhile is not replaced by the old one.
 */
export async function sealSave(snapshot: Snapshot): Promise<Prepared> {
  const session = { site: snapshot.sites[0], account: snapshot.account }
  if ((await settingOf(session)) === null) {
    const keep = await keepOptions(session.site)
    return withVaultOffline((vault) => vault.prepare(snapshot, keep))
  }
  return withMemory(async () => {
    const { prepared, memory } = await sealWhole(snapshot, await readMemory(session), true)
    await writeMemory(session, memory)
    return prepared
  })
}

function knownOfBase(prepared: Prepared, snapshot: Snapshot, digestOf: (json: string) => string) {
  const known: KnownFields = new Map()
  return knownAfter({ known, digestOf }, changesOf(known, snapshot, { stamp: stampOf(prepared), digestOf }))
}

function stampOf({ mark }: Prepared): { clock: string; writer: string } {
  return { clock: mark?.clock ?? "", writer: mark?.writer ?? "" }
}
