import { browser, type Browser } from "wxt/browser"
import { isPspError, PspError } from "../shared/errors.js"
import { permissionPatterns } from "../shared/site.js"
import type { Snapshot } from "../shared/snapshot.js"
import type { Gap } from "../shared/report.js"
import { noteAccount } from "./accounts.js"
import { captureCookies } from "./capture-cookies.js"
import { createContainer } from "./containers.js"
import type { SessionName } from "./forget.js"
import { withHost } from "./host.js"
import { maxIdLength, maxTicks } from "./messages.js"
import { noteAccess, tool } from "./note-access.js"
import { maySites } from "./permissions.js"
import { replaceCookies, replaceStorage } from "./replace-state.js"
import { savedBackIn, type SavedBack } from "./saved-back.js"
import { sendWith } from "./send.js"
import { storeOfTab } from "./stores.js"
import { switchOff, syncNow } from "./sync.js"
import { isSameTick, readSettings, settingOf, type SyncSetting, type Tick } from "./sync-settings.js"

/** What is replaced, for the person to agree to: names, no values. */
export interface RestorePlan {
  /** All sites of the session: another login at one of them goes too. */
  sites: string[]
  /** Names of the cookies that go. */
  cookies: string[]
  /** What is kept in sync here under another account: that ends first, saved. */
  synced: SessionName[]
  /** How many open tabs are loaded anew. */
  tabs: number
  /** What bots wrote last of what is saved: it is put back only where the person says so. */
  savedBack: SavedBack[]
}

/** @throws `not-found`, and what loading the session throws */
export async function planRestore(session: SessionName, storeId: string): Promise<RestorePlan> {
  const { snapshot, savedBack } = await savedAs(session)
  const { sites } = snapshot
  const found = await Promise.all(sites.map((site) => captureCookies(site, storeId, []).catch(() => [])))
  const synced = (await syncedIn(storeId, sites)).map(({ site, account }) => ({ site, account }))
  const cookies = [...new Set(found.flat().map(({ name }) => name))]
  return {
    sites,
    cookies,
    synced,
    tabs: (await tabsIn(storeId, sites)).length,
    savedBack: savedBack.filter(({ id }) => id.length <= maxIdLength).slice(0, maxTicks),
  }
}

/**
 * Makes this browser the account that was saved: everything that another account has here of these sites goes first, as far as an
 * extension can, so that the two never mix. What is kept in sync of the other one is saved a last time and ends before anything is
 * touched: it would take the end of its login for a logout.
 *
 * @param letIn of what bots wrote last, what the person agreed to; the others are left out
 * @returns what was not replaced
 * @throws `not-found`, `permission-refused`, `usage` for a session that is itself kept in sync here, what the last save throws
 */
export async function restoreHere(session: SessionName, storeId: string, letIn: readonly Tick[]): Promise<Gap[]> {
  const { snapshot, left } = await savedAs(session, letIn)
  const { sites } = snapshot
  await refuseUnread(sites)
  if ((await settingOf(session))?.scope.storeId === storeId) {
    throw new PspError(
      "usage",
      `Cannot restore session of ${session.site}: it is kept in sync here, and as it was saved`,
    )
  }
  for (const other of await syncedIn(storeId, sites)) await endSync(other)
  await noteRestored(session)
  // Whatever is saved from now on is this account's.
  await noteAccount(session.site, storeId, session.account)
  const gaps = [...left, ...(await replaceCookies(snapshot, storeId))]
  const tabs = await tabsIn(storeId, sites)
  gaps.push(...(await replaceStorage(snapshot, tabs)))
  for (const { id } of tabs) if (id !== undefined) await browser.tabs.reload(id)
  return gaps
}

/** The same in a container of its own (Firefox), which nothing else was in. @throws as `restoreHere`, `usage` without containers */
export async function restoreInContainer(session: SessionName, letIn: readonly Tick[]): Promise<Gap[]> {
  const { snapshot, left } = await savedAs(session, letIn)
  await refuseUnread(snapshot.sites)
  await noteRestored(session)
  const storeId = await createContainer(session.account)
  await noteAccount(session.site, storeId, session.account)
  const gaps = [...left, ...(await replaceCookies(snapshot, storeId))]
  const url = snapshot.check?.url ?? snapshot.tabs?.[0]?.url ?? `https://${session.site}/`
  const tab = await browser.tabs.create({ url, cookieStoreId: storeId } as Browser.tabs.CreateProperties)
  gaps.push(...(await replaceStorage(snapshot, [await loaded(tab)])))
  if (tab.id !== undefined) await browser.tabs.reload(tab.id)
  return gaps
}

/** A history that cannot be reached is no reason not to. */
async function noteRestored({ site, account }: SessionName): Promise<void> {
  const event = { kind: "restored", site, account, tool } as const
  await withHost((vault) => noteAccess(vault, [event])).catch(ignoreExpected)
}

interface Saved {
  /** Without what is left out. */
  snapshot: Snapshot
  savedBack: SavedBack[]
  /** What of it the person did not agree to. */
  left: Gap[]
}

async function savedAs({ site, account }: SessionName, letIn: readonly Tick[] = []): Promise<Saved> {
  return withHost(async (vault) => {
    // What waits is newer than what is there; what cannot go out is told elsewhere.
    await sendWith(vault).catch(ignoreExpected)
    const session = await vault.loadSession(site, { account })
    if (session === null)
      throw new PspError("not-found", `Cannot restore session of ${site}: nothing is saved as "${account}"`)
    const savedBack = await savedBackIn(vault, session)
    const left = savedBack.filter((change) => !letIn.some((tick) => isSameTick(tick, change)))
    const snapshot = left.length === 0 ? session.snapshot : session.without(new Set(left.map(({ id }) => id)))
    return { snapshot, savedBack, left: left.map(leftOut) }
  })
}

function leftOut({ where, what, by }: SavedBack): Gap {
  return { kind: "site", where, what, why: `${by} wrote it, and you did not tick it`, fix: "", count: 1 }
}

async function refuseUnread(sites: readonly string[]): Promise<void> {
  if (await maySites([...sites])) return
  const why = `Cannot restore session of ${sites[0] ?? ""}: the permission for ${sites.join(", ")} was not given`
  throw new PspError("permission-refused", why)
}

/** What is kept in sync in that store and has a site of these. */
async function syncedIn(storeId: string, sites: readonly string[]): Promise<SyncSetting[]> {
  const isShared = ({ site, scope }: SyncSetting) => [site, ...scope.alsoSites].some((one) => sites.includes(one))
  return (await readSettings()).filter((other) => other.scope.storeId === storeId && isShared(other))
}

async function endSync(other: SyncSetting): Promise<void> {
  await syncNow(other, { isLast: true })
  const error = (await settingOf(other))?.error ?? null
  if (error !== null)
    throw new PspError(error.code, `Not replaced, or changes of "${other.account}" were lost: ${error.message}`)
  await switchOff(other)
}

async function tabsIn(storeId: string, sites: readonly string[]): Promise<Browser.tabs.Tab[]> {
  const tabs = await browser.tabs.query({ url: sites.flatMap(permissionPatterns) })
  const stores = await Promise.all(tabs.map((tab) => storeOfTab(tab)))
  return tabs.filter((_tab, index) => stores[index]?.id === storeId)
}

/** How long a new tab may take to load (ms); what it shows by then counts. */
const loading = 15_000

async function loaded(tab: Browser.tabs.Tab): Promise<Browser.tabs.Tab> {
  const end = Date.now() + loading
  for (;;) {
    const now = await browser.tabs.get(tab.id ?? -1)
    if ((now.status === "complete" && now.url !== "about:blank") || Date.now() > end) return now
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function ignoreExpected(error: unknown): void {
  if (!isPspError(error)) throw error
}
