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
import { drain } from "./outbox.js"
import { maySites } from "./permissions.js"
import { replaceCookies, replaceStorage } from "./replace-state.js"
import { storeOfTab } from "./stores.js"
import { switchOff, syncNow } from "./sync.js"
import { readSettings, settingOf, type SyncSetting } from "./sync-settings.js"

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
}

/** @throws `not-found`, and what loading the session throws */
export async function planRestore(session: SessionName, storeId: string): Promise<RestorePlan> {
  const { sites } = await savedAs(session)
  const found = await Promise.all(sites.map((site) => captureCookies(site, storeId, []).catch(() => [])))
  const synced = (await syncedIn(storeId, sites)).map(({ site, account }) => ({ site, account }))
  const cookies = [...new Set(found.flat().map(({ name }) => name))]
  return { sites, cookies, synced, tabs: (await tabsIn(storeId, sites)).length }
}

/**
 * Makes this browser the account that was saved: everything that another account has here of these sites goes first, as far as an
 * extension can, so that the two never mix. What is kept in sync of the other one is saved a last time and ends before anything is
 * touched: it would take the end of its login for a logout.
 *
 * @returns what was not replaced
 * @throws `not-found`, `permission-refused`, `usage` for a session that is itself kept in sync here, what the last save throws
 */
export async function restoreHere(session: SessionName, storeId: string): Promise<Gap[]> {
  const snapshot = await savedAs(session)
  const { sites } = snapshot
  await refuseUnread(sites)
  if ((await settingOf(session))?.scope.storeId === storeId) {
    throw new PspError(
      "usage",
      `Cannot restore session of ${session.site}: it is kept in sync here, and as it was saved`,
    )
  }
  for (const other of await syncedIn(storeId, sites)) await endSync(other)
  // Whatever is saved from now on is this account's.
  await noteAccount(session.site, storeId, session.account)
  const gaps = await replaceCookies(snapshot, storeId)
  const tabs = await tabsIn(storeId, sites)
  gaps.push(...(await replaceStorage(snapshot, tabs)))
  for (const { id } of tabs) if (id !== undefined) await browser.tabs.reload(id)
  return gaps
}

/** The same in a container of its own (Firefox), which nothing else was in. @throws as `restoreHere`, `usage` without containers */
export async function restoreInContainer(session: SessionName): Promise<Gap[]> {
  const snapshot = await savedAs(session)
  await refuseUnread(snapshot.sites)
  const storeId = await createContainer(session.account)
  await noteAccount(session.site, storeId, session.account)
  const gaps = await replaceCookies(snapshot, storeId)
  const url = snapshot.check?.url ?? snapshot.tabs?.[0]?.url ?? `https://${session.site}/`
  const tab = await browser.tabs.create({ url, cookieStoreId: storeId } as Browser.tabs.CreateProperties)
  gaps.push(...(await replaceStorage(snapshot, [await loaded(tab)])))
  if (tab.id !== undefined) await browser.tabs.reload(tab.id)
  return gaps
}

async function savedAs({ site, account }: SessionName): Promise<Snapshot> {
  const saved = await withHost(async (vault) => {
    // What waits is newer than what is there; what cannot go out is told elsewhere.
    await drain(vault).catch(ignoreExpected)
    return vault.loadSession(site, { account })
  })
  if (saved === null)
    throw new PspError("not-found", `Cannot restore session of ${site}: nothing is saved as "${account}"`)
  return saved.snapshot
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
