import { browser } from "wxt/browser"
import { isPspError, toPspError } from "../shared/errors.js"
import type { SessionEntry, Vault } from "../shared/vault.js"
import { showBadge } from "./badge.js"
import { isDeviceLocked } from "./device.js"
import { forgetSession, undoForget } from "./forget.js"
import { readHealthFacts } from "./health-facts.js"
import { withHost, withVaultOffline } from "./host.js"
import { settleWatch, watchForPages } from "./live.js"
import { dismissLost, listLost } from "./lost-saves.js"
import { learnLoginCheck, loginCheckOf, pickLoginElement, rememberLoginCheck } from "./login-checks.js"
import { answerMessages, type Computer, type Handlers, type ListedSession } from "./messages.js"
import { connect } from "./native-port.js"
import { isWaiting, listWaiting, LostSavesError, UnsentSavesError } from "./outbox.js"
import { createPortProvider } from "./port-provider.js"
import { maySites } from "./permissions.js"
import { planRestore, restoreHere, restoreInContainer } from "./restore-here.js"
import { beginSave, cancelSave, continueSave, refuseSave, resumeSave, stateAfterSend } from "./save.js"
import { sendOutbox, sendWith } from "./send.js"
import { onSaveState, readSaveState, writeSaveState } from "./save-state.js"
import { askCredentials, askStore, cancelStore, changeStore } from "./store-choice.js"
import { reloadStalePages } from "./stale-pages.js"
import { catchUpUnlocked, switchOff, switchOn, syncNow, takeTicked, undoLast } from "./sync.js"
import { dismissEnded, listEnded } from "./sync-ended.js"
import { readSettings } from "./sync-settings.js"
import { settleSyncAlarm, watchForSync } from "./sync-triggers.js"
import { tellAccess, tellFromNow, watchTold } from "./tell-access.js"
import { changingOwners, checkAdoption, isAwaitingAdoption, trustComputer, trustOf } from "./trust.js"
import { watchLock } from "./unlocked.js"

const retryAlarm = "outbox"

/** Connects the browser's events to what they start. All listeners are added at once: an event may be why we run. */
export function startBackground(): void {
  answerMessages(handlers)
  browser.permissions.onAdded.addListener(() => void continueSave())
  browser.runtime.onInstalled.addListener(({ reason }) => {
    if (reason === "install") void browser.tabs.create({ url: browser.runtime.getURL("/welcome.html") })
  })
  browser.runtime.onStartup.addListener(() => void lookAfterLeftovers())
  browser.alarms.onAlarm.addListener(({ name }) => {
    if (name === retryAlarm) void lookAfterLeftovers()
  })
  onSaveState((state) => void showBadge(state))
  watchLock()
  watchForSync()
  watchForPages()
  watchTold()
}

const handlers: Handlers = {
  async save({ intent }) {
    // Set before the work: should the browser stop this background in the middle, the alarm starts it again.
    await browser.alarms.create(retryAlarm, { delayInMinutes: 1, periodInMinutes: 5 })
    await beginSave(intent)
    await settleAlarm()
    return null
  },
  async permission({ granted }) {
    await (granted ? continueSave() : refuseSave())
    await settleAlarm()
    return null
  },
  async cancel() {
    cancelSave()
    return null
  },
  async wake() {
    // A popup opens: the question that was on the screen before it is gone.
    if (!(await isSiteGranted())) await refuseSave()
    await lookAfterLeftovers()
    void tellAccess()
    return null
  },
  computer: askComputer,
  trust: ({ fingerprint }) =>
    changingOwners(() =>
      withHost(async (vault, connection) => {
        await drainForOwner(vault)
        return trustComputer(vault, connection, fingerprint)
      }),
    ),
  async unlocked() {
    // The page does not wait for it.
    void catchUpUnlocked().then(() => tellAccess())
    return null
  },
  async tell({ isOn }) {
    await tellFromNow(isOn)
    await settleSyncAlarm()
    // What is old is learned now, as far as that can be done.
    void tellAccess()
    return null
  },
  sessions: async ({ site }) => {
    try {
      const list = (vault: Vault) => (site === null ? listAll(vault) : listSite(vault, site))
      return { entries: await withHost(list), isKnown: true }
    } catch (error) {
      if (!isPspError(error)) throw error
      const known = await withVaultOffline(async (vault) => vault.known().map(unknownEntry))
      const wanted = known.filter((entry) => site === null || entry.site === site)
      return { entries: await Promise.all(wanted.map(withKnownCheck)), isKnown: false }
    }
  },
  waiting: () => listWaiting(),
  lost: () => listLost(),
  async dismissLost({ id }) {
    await dismissLost(id)
    return null
  },
  store: askStore,
  credentials: ({ address }) => askCredentials(address),
  setStore: ({ address }) => changeStore(address),
  async cancelStore() {
    cancelStore()
    return null
  },
  async sync({ mode, scope, ...session }) {
    if (mode === "off") await switchOff(session)
    else await switchOn(session, { mode, scope })
    await settleSyncAlarm()
    await settleWatch()
    return null
  },
  syncs: () => readSettings(),
  health: () => readHealthFacts(),
  syncsEnded: () => listEnded(),
  async dismissEnded(session) {
    await dismissEnded(session)
    return null
  },
  async syncNow(session) {
    await syncNow(session)
    return null
  },
  async takeIn({ ticks, ...session }) {
    await takeTicked(session, ticks)
    return null
  },
  undoTaken: (session) => undoLast(session),
  async reloadPages(session) {
    await reloadStalePages(session)
    return null
  },
  restorePlan: ({ storeId, ...session }) => planRestore(session, storeId),
  async restoreHere({ storeId, letIn, ...session }) {
    const gaps =
      storeId === null ? await restoreInContainer(session, letIn) : await restoreHere(session, storeId, letIn)
    await settleSyncAlarm()
    await settleWatch()
    return gaps
  },
  async forget(session) {
    await switchOff(session)
    await settleSyncAlarm()
    await settleWatch()
    return forgetSession(session)
  },
  async unforget(session) {
    await undoForget(session)
    return null
  },
  remember: ({ check, ...session }) => rememberLoginCheck(session, check),
  pick: ({ tabId, check, ...session }) => pickLoginElement(tabId, session, check),
}

async function askComputer(): Promise<Computer> {
  try {
    // The person may have answered `psp trust` just now; what stops us from seeing it is told below.
    await lookForAdoption().catch(ignoreExpected)
    const connection = await connect()
    const { version, store } = connection.hello
    try {
      const trust = await trustOf(connection)
      return {
        isThere: true,
        version,
        trust,
        store: { kind: store.kind, ok: store.ok, message: store.message ?? null },
      }
    } finally {
      connection.close()
    }
  } catch (error) {
    const { code, message } = toPspError(error, "Asking this computer")
    return { isThere: false, code, message }
  }
}

function ignoreExpected(error: unknown): void {
  if (!isPspError(error)) throw error
}

async function isSiteGranted(): Promise<boolean> {
  const state = await readSaveState()
  return state === null || maySites([state.intent.site, ...state.intent.alsoSites])
}

/** As `list` with details, but opens the sessions of one site only: a popup must not read the whole store. */
async function listSite(vault: Vault, site: string): Promise<ListedSession[]> {
  // Leases are sealed, too.
  const isLocked = await isDeviceLocked()
  const entries = (await vault.list({ leases: !isLocked })).filter((entry) => entry.site === site)
  if (isLocked) return Promise.all(entries.map(withKnownCheck))
  return Promise.all(
    entries.map(async (entry) => {
      // What cannot be opened is listed all the same, without its end.
      const session = await vault.loadSession(site, { account: entry.account }).catch(() => null)
      if (session !== null) await learnLoginCheck(entry, session.snapshot.check ?? null)
      return withKnownCheck({ ...entry, expiresAt: session?.expiresAt ?? null })
    }),
  )
}

async function listAll(vault: Vault): Promise<ListedSession[]> {
  return (await vault.list({ details: !(await isDeviceLocked()) })).map((entry) => ({ ...entry, check: null }))
}

async function withKnownCheck(entry: SessionEntry): Promise<ListedSession> {
  return { ...entry, check: await loginCheckOf(entry.site, entry.account) }
}

/** Goes on with a save that was stopped, sends what waits, and looks whether the computer adopted this browser. */
async function lookAfterLeftovers(): Promise<void> {
  await continueSave()
  await resumeSave()
  const waiting = await listWaiting()
  try {
    if (waiting.length > 0) {
      await sendOutbox().then(
        () => noteSent(null),
        async (fault: unknown) => {
          await noteSent({ fault })
          throw fault
        },
      )
    }
    await lookForAdoption()
  } catch (error) {
    // Still away: what waits stays, the popup says since when, the alarm tries again.
    if (!isPspError(error)) throw error
  }
  await settleAlarm()
}

async function lookForAdoption(): Promise<void> {
  if (!(await isAwaitingAdoption())) return
  await withHost(async (vault, connection) => {
    await drainForOwner(vault)
    await checkAdoption(vault, createPortProvider(connection))
  })
}

/** Before somebody becomes an owner, so that what waits is sealed to it too; one that cannot go out is no reason to wait for ever. */
async function drainForOwner(vault: Vault): Promise<void> {
  await sendWith(vault).catch((error: unknown) => {
    if (!(error instanceof UnsentSavesError)) throw error
  })
}

/** The last save was told as waiting: it may be saved now, or lost. */
async function noteSent(error: { fault: unknown } | null): Promise<void> {
  const state = await readSaveState()
  if (state?.phase !== "waiting" || (await isWaiting(state.intent.id))) return
  // What stopped the sending may be about a save behind it.
  const lost = (await listLost()).find(({ id }) => id === state.intent.id)
  const fault = lost === undefined ? error : { fault: new LostSavesError([{ site: lost.site, intentId: lost.id }]) }
  await writeSaveState(stateAfterSend(state, fault, false))
}

/** The alarm rings only while something waits. */
async function settleAlarm(): Promise<void> {
  if ((await listWaiting()).length > 0)
    await browser.alarms.create(retryAlarm, { delayInMinutes: 1, periodInMinutes: 5 })
  else await browser.alarms.clear(retryAlarm)
}

function unknownEntry({ site, account, sid }: { site: string; account: string; sid: string }): SessionEntry {
  return { site, account, sid, savedAt: null, expiresAt: null, bytes: 0, objects: 0, leases: [] }
}
