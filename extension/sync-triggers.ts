import { browser } from "wxt/browser"
import { belongsToSite } from "../shared/site.js"
import type { SessionName } from "./forget.js"
import { lookSpan } from "./access-news.js"
import { readTold } from "./access-told.js"
import { originOf } from "./ask-tab.js"
import { isOfSites } from "../shared/partition.js"
import { listenToPage, listenToPages, watchLeftPages } from "./left-pages.js"
import { watchStalePages } from "./stale-pages.js"
import { syncNow } from "./sync.js"
import { lookAround } from "./sync-poll.js"
import { dropStale, noteSync, readSettings, settingOf, type SyncSetting } from "./sync-settings.js"
import { tellAccess } from "./tell-access.js"
import { watchUndo } from "./undo-taken.js"

const alarm = "sync"

/** A page that logs in sets many cookies at once: one look after the last of them (ms). */
const pause = 1_500
/** Changes of cookies are gathered for so long (ms) before anybody asks whose they are. */
const gather = 200
/** One that sets cookies in a loop is looked at no more often than this (ms). */
const atMost = 10_000

/**
 * When the sessions that are kept in sync are looked at: after a cookie of theirs changed, when a page of theirs has loaded, comes
 * into view, goes from it or is left, and now and then. For sites that are off nothing runs, and in no page's own world.
 */
export function watchForSync(): void {
  browser.cookies.onChanged.addListener(({ cookie }) => noteDomain(cookie.domain.replace(/^\./, "")))
  browser.tabs.onUpdated.addListener((_id, { status }, tab) => {
    if (status !== "complete") return
    void listenToPage(tab)
    void lookAt(isAbout(tab.url))
  })
  browser.tabs.onActivated.addListener(({ tabId }) => void lookAtTab(tabId))
  browser.alarms.onAlarm.addListener(({ name }) => {
    if (name === alarm) void lookAround().then(() => tellAccess())
  })
  browser.permissions.onRemoved.addListener(() => void lookAt(() => true))
  watchLeftPages((isMeant) => lookAt(isMeant, true))
  watchStalePages()
  watchUndo()
  void catchUp()
}

const caughtUpKey = "syncCaughtUp"

/**
 * Once after the browser started, and after the extension was updated or off: what changed before its listeners were there was
 * told to nobody (Chromium 156 drops events of its first half second where the extension is not from a shop).
 */
async function catchUp(): Promise<void> {
  if ((await browser.storage.session.get(caughtUpKey))[caughtUpKey] === true) return
  await browser.storage.session.set({ [caughtUpKey]: true })
  // Tabs have other ids now, and what could be undone went with the browser's memory.
  await dropStale(() => true)
  for (const setting of await readSettings()) if (setting.undo !== null) await noteSync(setting, { undo: null })
  await settleSyncAlarm()
  // A page that hangs holds nothing up.
  for (const setting of await readSettings()) void listenToPages(setting)
  await lookAt(() => true)
}

/** The alarm rings only while something is on: more often where changes of others come in, seldom where they are only told of. */
export async function settleSyncAlarm(): Promise<void> {
  const settings = await readSettings()
  if (settings.length === 0 && (await readTold()) === null) {
    await browser.alarms.clear(alarm)
    return
  }
  const own = settings.some(({ mode }) => mode === "both") ? 1 : 5
  const periodInMinutes = settings.length === 0 ? lookSpan / 60_000 : own
  const known = await browser.alarms.get(alarm)
  if (known?.periodInMinutes !== periodInMinutes) await browser.alarms.create(alarm, { periodInMinutes })
}

function isAbout(url: string | undefined): (setting: SyncSetting) => boolean {
  const origin = originOf(url)
  return ({ site, scope }) => origin !== null && isOfSites(origin, [site, ...scope.alsoSites])
}

async function lookAtTab(tabId: number): Promise<void> {
  const tab = await browser.tabs.get(tabId).catch(() => null)
  if (tab !== null) await lookAt(isAbout(tab.url))
}

/** One that changes all the time is left to the alarm. @param isQuiet see `syncNow` */
async function lookAt(isMeant: (setting: SyncSetting) => boolean, isQuiet = false): Promise<void> {
  const isNow = ({ busyUntil }: SyncSetting) => busyUntil <= Date.now()
  for (const setting of (await readSettings()).filter(isMeant).filter(isNow)) soon(setting, isQuiet)
}

let domains: Set<string> | null = null

/** Thousands of cookies may change in a moment: what is kept in sync is asked for once for all of them. */
function noteDomain(domain: string): void {
  if (domains !== null) {
    domains.add(domain)
    return
  }
  const noted = (domains = new Set([domain]))
  setTimeout(() => {
    domains = null
    const isChanged = (site: string) => [...noted].some((one) => belongsToSite(one, site))
    // Nobody else is known to have written; and what this browser took in changes cookies too.
    void lookAt(({ site, scope }) => [site, ...scope.alsoSites].some(isChanged), true)
  }, gather)
}

/** A page that is on its way, or a browser that just started, cannot be read now, and soon can. */
async function lookUntilDone(session: SessionName, isQuiet: boolean): Promise<void> {
  for (let left = tries; left > 0; left--) {
    await syncNow(session, { isQuiet })
    const error = (await settingOf(session))?.error ?? null
    // Unlocked, it is looked at anew.
    if (error === null || error.code === "locked") return
    await new Promise((resolve) => setTimeout(resolve, betweenTries))
  }
}

/** How often it is tried again, and after which pause (ms); then the next change or the alarm does it. */
const tries = 4
const betweenTries = 3_000

interface Look {
  timer: ReturnType<typeof setTimeout>
  since: number
  isQuiet: boolean
}
const looks = new Map<string, Look>()

/** After a pause without another event; under a stream of them every now and then. */
function soon({ site, account }: SessionName, isQuiet: boolean): void {
  const key = JSON.stringify([site, account])
  const known = looks.get(key)
  if (known !== undefined) {
    known.isQuiet &&= isQuiet
    if (Date.now() - known.since > atMost - pause) return
    clearTimeout(known.timer)
  }
  const timer = setTimeout(() => {
    looks.delete(key)
    void lookUntilDone({ site, account }, look.isQuiet)
  }, pause)
  const look = { since: known?.since ?? Date.now(), isQuiet: known?.isQuiet ?? isQuiet, timer }
  looks.set(key, look)
}
