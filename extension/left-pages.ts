import { browser, type Browser } from "wxt/browser"
import type { ScriptPublicPath } from "wxt/utils/inject-script"
import type { PageReading } from "../shared/page/read-page.js"
import { isOfSites } from "../shared/partition.js"
import { originStatesOf } from "../shared/readings.js"
import type { Kind } from "../shared/report.js"
import { permissionPatterns } from "../shared/site.js"
import { parseSnapshot, type OriginState, type Snapshot } from "../shared/snapshot.js"
import { originOf } from "./ask-tab.js"
import type { SessionName } from "./forget.js"
import type { Sender } from "./own-page.js"
import { storeOfTab } from "./stores.js"
import { readSettings, type SyncSetting } from "./sync-settings.js"
import type { Leaving } from "./tell-leaving.js"

type Look = (isMeant: (setting: SyncSetting) => boolean) => Promise<void>

/** What the last page of an origin held when it was left, for the session it was kept in sync for, until the next look. Never on the disk. */
const left = new Map<string, SessionName & { documentId: string; state: OriginState; at: number }>()

/** What was looked at by nobody for so long (ms) is not new any more. */
const keptFor = 60_000

/** Kinds that are read out of pages. */
const kindsOfPages: readonly Kind[] = ["localStorage", "sessionStorage", "indexedDB", "opfs"]

/**
 * Hears of pages that are kept in sync when they go from view or are left. It is the page's own word: it counts for the origin
 * that the browser says it comes from, and for nothing else.
 */
export function watchLeftPages(look: Look): void {
  const hear = (message: unknown, { id, url, origin, documentId }: Sender) => {
    const sender = originOf(url)
    if (!isLeaving(message) || id !== browser.runtime.id || documentId === undefined) return undefined
    if (sender === null || sender !== (origin ?? sender)) return undefined
    return hearOf(message, { origin: sender, documentId }, look)
  }
  // As in `answerMessages`: the types do not know of a listener that answers with a promise.
  browser.runtime.onMessage.addListener(hear as Parameters<typeof browser.runtime.onMessage.addListener>[0])
}

/** @returns whether anybody wants to hear of pages of that origin */
async function hearOf({ page, counts }: Leaving, from: { origin: string; documentId: string }, look: Look) {
  const { origin, documentId } = from
  const wanted = (await readSettings()).filter(wantsPagesOf(origin))
  if (wanted.length === 0) return false
  const storeId = await storeOfDocument(documentId)
  const meant = wanted.filter(({ scope }) => scope.storeId === storeId)
  if (page !== null && counts !== null) {
    const reading = JSON.parse(page) as PageReading
    // Files are listed by a look, and only counted here.
    const frame = { page: { ...reading, counts: { ...counts, opfs: null } }, partition: null }
    // What the page does not let us read was named while it was open.
    const [state] = originStatesOf([frame], true, [])
    if (state?.origin === origin)
      for (const { site, account } of meant)
        left.set(JSON.stringify([site, account, origin]), { site, account, documentId, state, at: Date.now() })
  }
  await look((setting) => meant.some((one) => one.site === setting.site && one.account === setting.account))
  return true
}

/** Adds the localStorage of pages that were left since the last look, where no page of their origin is open. */
export function withLeftPages(snapshot: Snapshot, { site, account, scope }: SyncSetting): Snapshot {
  const { origins = [] } = snapshot
  const added: OriginState[] = []
  for (const [key, { documentId, state, at, ...session }] of left) {
    if (session.site !== site || session.account !== account) continue
    left.delete(key)
    void browser.storage.session.remove(nameOf(documentId))
    const isRead = origins.some(({ origin, partition }) => origin === state.origin && partition === null)
    const isWanted = scope.kinds.includes("localStorage") && !scope.withoutOrigins.includes(state.origin)
    if (!isRead && isWanted && Date.now() - at < keptFor) added.push(state)
  }
  return added.length === 0 ? snapshot : parseSnapshot({ ...snapshot, origins: [...origins, ...added] })
}

/** Lets the pages of a session that are open tell when they go from view or are left. */
export async function listenToPages(setting: SyncSetting): Promise<void> {
  const tabs = await browser.tabs.query({ url: sitesOf(setting).flatMap(permissionPatterns) })
  await Promise.all(tabs.map(listenToPage))
}

/** The same for one page; one whose permission was taken back, or which is being left, has nothing to tell. */
export async function listenToPage(tab: Browser.tabs.Tab): Promise<void> {
  const origin = originOf(tab.url)
  if (origin === null || tab.id === undefined || tab.discarded) return
  const wanted = (await readSettings()).filter(wantsPagesOf(origin))
  const { id: storeId } = await storeOfTab(tab)
  if (!wanted.some(({ scope }) => scope.storeId === storeId)) return
  const file: ScriptPublicPath = "/tell-leaving.js"
  const loading = browser.scripting.executeScript({ target: { tabId: tab.id }, files: [file], injectImmediately: true })
  const [loaded] = await loading.catch(() => [])
  if (loaded?.documentId !== undefined) await browser.storage.session.set({ [nameOf(loaded.documentId)]: storeId })
}

/** Only pages that were asked to tell are heard; of one that is closed Firefox says neither tab nor cookie store any more. */
async function storeOfDocument(documentId: string): Promise<string | null> {
  const name = nameOf(documentId)
  return ((await browser.storage.session.get(name))[name] as string | undefined) ?? null
}

function nameOf(documentId: string): string {
  return `leaving ${documentId}`
}

function wantsPagesOf(origin: string): (setting: SyncSetting) => boolean {
  return (setting) => {
    const { kinds, withoutOrigins } = setting.scope
    const isTicked = kinds.some((kind) => kindsOfPages.includes(kind)) && !withoutOrigins.includes(origin)
    return isTicked && isOfSites(origin, sitesOf(setting))
  }
}

function sitesOf({ site, scope }: SyncSetting): string[] {
  return [site, ...scope.alsoSites]
}

function isLeaving(message: unknown): message is Leaving {
  if (typeof message !== "object" || message === null) return false
  const { type, page, counts } = message as Partial<Record<keyof Leaving, unknown>>
  return type === "leaving" && (page === null || typeof page === "string") && typeof counts === "object"
}
