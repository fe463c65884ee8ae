import { PspError } from "../../errors.js"
import { siteOf } from "../../site.js"
import { cdpContextJar } from "../cookie-jar.js"
import type { CdpSession, DrivenPage } from "../driven-context.js"
import type { LentContext } from "../lent-context.js"
import { inTime, tidied, usualLimitMs } from "../steps.js"
import type { BidiEvent } from "./connection.js"
import { bidiJar } from "./jar.js"
import { createBidiPage, type BidiPage, type ContextInfo } from "./page.js"
import { addPreload } from "./script.js"
import type { BidiSession } from "./session.js"

/**
 * Takes over a session, and follows the pages of one user context (in Firefox: a container), those that are there and those
 * that come, until it is closed.
 *
 * @param id of the user context; null for the browser's default one
 * @param timeoutMs for each answer until it is open; what is done with it has limits of its own
 * @throws `bad-target` when the browser has no such context; `aborted` when an answer takes too long
 */
export async function openBidiContext(
  session: BidiSession,
  id: string | null,
  timeoutMs = usualLimitMs,
): Promise<LentContext> {
  const userContext = id ?? "default"
  const pages = new Map<string, BidiPage>()
  const opened = new Set<(page: DrivenPage) => void>()
  const closed = new Set<() => void>()
  const arrivals = new Set<() => void>()

  const take = (info: ContextInfo) => {
    if (info.userContext !== userContext || pages.has(info.context)) return
    const page = createBidiPage(session, info)
    pages.set(info.context, page)
    for (const listener of [...opened]) listener(page)
    for (const wake of [...arrivals]) wake()
  }
  const hear = (event: BidiEvent) => {
    const info = event.params as Partial<ContextInfo> | null
    const concerned = [info?.context, info?.parent].flatMap((context) => context ?? [])
    const page = [...pages.values()].find((other) => concerned.some((context) => other.owns(context)))
    if (event.method === "browsingContext.contextCreated") {
      const created = event.params as ContextInfo
      if (page !== undefined) page.add(created)
      else if (created.parent === null || created.parent === undefined) take(created)
      return
    }
    page?.hear(event)
    if (event.method !== "browsingContext.contextDestroyed" || page === undefined || page.id !== info?.context) return
    pages.delete(page.id)
    page.end()
  }
  const stopListening = session.listen(hear)
  const onClosed = () => {
    for (const page of pages.values()) page.end()
    for (const listener of [...closed]) listener()
  }
  session.closed.addEventListener("abort", onClosed)
  let subscription: string | undefined
  try {
    const { userContexts } = (await inTime(timeoutMs, session.send("browser.getUserContexts"))) as {
      userContexts: { userContext: string }[]
    }
    if (!userContexts.some((other) => other.userContext === userContext)) {
      throw new PspError("bad-target", "Cannot use the browser context: it has been closed")
    }
    const asked = await inTime(timeoutMs, session.send("session.subscribe", { events: ["browsingContext"] }))
    subscription = (asked as { subscription?: string }).subscription
    const { contexts } = (await inTime(timeoutMs, session.send("browsingContext.getTree"))) as {
      contexts: ContextInfo[]
    }
    for (const info of contexts) take(info)
    for (const info of contexts) pages.get(info.context)?.add(info)
  } catch (error) {
    stopListening()
    await session.close().catch(() => undefined)
    throw error
  }

  // Exact, where BiDi is not: Chromium's has no key part for ancestors, and Puppeteer's own does not keep all cookies.
  const hasCdp = engineOf(session.browser.name) === "chromium"
  const topSites = () => [...pages.values()].flatMap((page) => siteOf(page.url()) ?? [])
  const listenersOf = (event: string) => (event === "page" ? opened : closed) as Set<never>
  return {
    jar: hasCdp ? cdpContextJar(cdpOf(session), id) : bidiJar(session, userContext, topSites),
    addInitScript: ({ content }) => addPreload(session, content, { userContexts: [userContext] }),
    async newPage() {
      let stop: (() => void) | undefined
      const open = async () => {
        const asked = session.send("browsingContext.create", { type: "tab", background: true, userContext })
        const { context } = (await asked) as { context: string }
        return new Promise<BidiPage>((resolve) => {
          const look = () => {
            const page = pages.get(context)
            if (page !== undefined) resolve(page)
          }
          arrivals.add(look)
          stop = () => void arrivals.delete(look)
          look()
        })
      }
      return inTime(usualLimitMs, open(), session.closed).finally(() => stop?.())
    },
    pages: () => [...pages.values()],
    newCDPSession: (target) => openCdpSession(session, pages.values(), target),
    browser: () => ({
      version: () => session.browser.version,
      browserType: () => ({ name: () => engineOf(session.browser.name) }),
    }),
    on: (event: string, listener: never) => void listenersOf(event).add(listener),
    off: (event: string, listener: never) => void listenersOf(event).delete(listener),
    async close() {
      session.closed.removeEventListener("abort", onClosed)
      stopListening()
      const subscriptions = subscription === undefined ? [] : [subscription]
      await tidied(session.send("session.unsubscribe", { subscriptions }), session.closed)
      await tidied(session.close())
    },
  }
}

/** As Playwright calls the engines. */
function engineOf(name: string): string {
  if (name === "firefox" || name === "") return "firefox"
  return name.startsWith("safari") ? "webkit" : "chromium"
}

/** The browser itself, by CDP. */
function cdpOf(session: BidiSession, id?: string): Pick<CdpSession, "send"> {
  return {
    send: async (method, params = {}) => {
      const asked = { method, params, ...(id === undefined ? {} : { session: id }) }
      return ((await session.send("goog:cdp.sendCommand", asked)) as { result: unknown }).result
    },
  }
}

/** Chromium lends CDP within BiDi (https://github.com/GoogleChromeLabs/chromium-bidi#cdp-events). */
async function openCdpSession(session: BidiSession, pages: Iterable<BidiPage>, target: unknown): Promise<CdpSession> {
  for (const page of pages) {
    const frame = page.frames().find((other) => other === target)
    if (page !== target && frame === undefined) continue
    const context = page === target ? page.id : page.idOf(frame)
    const { session: id } = (await session.send("goog:cdp.getSession", { context })) as { session: string }
    // Shared by all who look at the page; it ends with the browser.
    return { ...cdpOf(session, id), detach: () => Promise.resolve() }
  }
  throw new PspError("bad-target", "Cannot reach the page: it has been closed")
}
