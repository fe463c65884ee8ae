import { browser } from "wxt/browser"
import { isPspError } from "../shared/errors.js"
import type { AccessEvent } from "../shared/vault.js"
import { lookFrom, lookSpan, newsOf, type AccessNews } from "./access-news.js"
import { beginTelling, endTelling, noteTold, readTold } from "./access-told.js"
import { isDeviceLocked } from "./device.js"
import { withReadingHost } from "./host.js"
import { i18n } from "./i18n.js"
import { giveBackNotify } from "./permissions.js"
import { dayTimeOf } from "./ui/format.js"
import { historyPath } from "./ui/route.js"
import { shownName } from "./ui/shown-name.js"

/** More at once are told in one. */
const mostAtOnce = 4

const prefix = "access:"

/** A click on what was told shows the history. In the background; listens again as soon as the browser lets us tell. */
export function watchTold(): void {
  listen()
  browser.permissions.onAdded.addListener(listen)
}

let isListening = false

function listen(): void {
  // Not there before the person allowed it.
  const { notifications } = browser as { notifications?: typeof browser.notifications }
  if (isListening || notifications === undefined) return
  isListening = true
  notifications.onClicked.addListener((id) => {
    if (!id.startsWith(prefix)) return
    void notifications.clear(id)
    void browser.tabs.create({ url: `${browser.runtime.getURL("/")}${historyPath}` })
  })
}

/** The person asked to be told, and the browser allowed it, or they do not want it any longer. */
export async function tellFromNow(isOn: boolean, now = Date.now()): Promise<void> {
  if (isOn) await beginTelling(now)
  else {
    await endTelling()
    await giveBackNotify()
  }
}

/** Looks whether there is something to tell: not while locked, not more often than `lookSpan`, and one look at a time. */
export async function tellAccess(now = Date.now()): Promise<void> {
  await navigator.locks.request("tell-access", { ifAvailable: true }, async (lock) => {
    if (lock === null) return
    const told = await readTold()
    if (told === null || (await isDeviceLocked())) return
    const sinceLast = now - (told.triedAt ?? -Infinity)
    // A clock that was set back is no reason to wait until it is there again.
    if (sinceLast >= 0 && sinceLast < lookSpan) return
    if (!(await noteTold({ ...told, triedAt: now }))) return
    try {
      const found = await withReadingHost(async (vault) => {
        const events: AccessEvent[] = []
        const since = lookFrom(told, vault.id, now)
        for await (const item of vault.events({ since, strangers: false })) if (item.type === "event") events.push(item)
        const look = { vault: vault.id, events, grants: await vault.grants(), own: vault.card.fingerprint, now }
        return newsOf({ ...told, triedAt: now }, look)
      })
      if (await noteTold(found.told)) await showNews(found.news)
    } catch (error) {
      // Away, locked meanwhile, or no owner device: the next look tells.
      if (!isPspError(error)) throw error
    }
  })
}

async function showNews(news: readonly AccessNews[]): Promise<void> {
  const single = news.length > mostAtOnce ? news.slice(0, mostAtOnce - 1) : news
  for (const one of single) await show(one.id, i18n.t(`tellTitle.${one.kind}`), newsText(one))
  const rest = news.length - single.length
  if (rest > 0) await show("more", i18n.t("tellMoreTitle"), i18n.t("tellMore", rest, [String(rest)]))
}

/** Who, where and when: names, and never a value. */
function newsText({ kind, who, site, at }: AccessNews): string {
  return i18n.t(`tellText.${kind}`, [shownName(who), shownName(site), dayTimeOf(at)])
}

async function show(id: string, title: string, message: string): Promise<void> {
  const iconUrl = browser.runtime.getURL("/icon/128.png")
  await browser.notifications.create(prefix + id, { type: "basic", iconUrl, title, message })
}
