import { PspError } from "../errors.js"
import type { CdpConnection, CdpEvent } from "./cdp/connection.js"
import { hasMethod } from "./has-method.js"
import { isClosed } from "./steps.js"

/** What is used of a Puppeteer `Browser`; any since 22 has it. */
export interface PuppeteerBrowser {
  target(): { createCDPSession(): Promise<PuppeteerSession> }
  defaultBrowserContext(): object
  on(event: "disconnected", listener: () => void): unknown
  off(event: "disconnected", listener: () => void): unknown
  version(): Promise<string>
  /** `cdp` or `webDriverBiDi`. */
  protocol?: string
}

export interface PuppeteerSession {
  detach(): Promise<void>
  send(method: never, params?: never): Promise<unknown>
  on(event: "*", listener: (method: unknown, params?: unknown) => void): unknown
  connection(): { session(id: string): PuppeteerSession | null } | undefined
}

/**
 * A session of our own on the connection that Puppeteer has already: a remote browser may take no second line, or start another
 * browser for it.
 *
 * @param doing what it is for, for messages: `restore session`
 * @throws `bad-target` when this browser, or this version of Puppeteer, gives none
 */
export async function lendPuppeteerCdp(browser: PuppeteerBrowser, doing: string): Promise<CdpConnection> {
  const root = await openSession(browser, doing)
  const sessions = new Map<string, PuppeteerSession>()
  const listeners = new Set<(event: CdpEvent) => void>()
  const closed = new AbortController()
  const onDisconnected = () => closed.abort()
  browser.on("disconnected", onDisconnected)

  const follow = (session: PuppeteerSession, sessionId: string | undefined) => {
    session.on("*", (method, params) => {
      if (typeof method !== "string") return
      if (method === "Target.attachedToTarget") {
        const { sessionId: child } = params as { sessionId: string }
        const found = root.connection()?.session(child) ?? null
        if (found !== null && !sessions.has(child)) {
          sessions.set(child, found)
          follow(found, child)
        }
      }
      for (const listener of [...listeners]) listener({ method, params, sessionId })
      if (method === "Target.detachedFromTarget") sessions.delete((params as { sessionId: string }).sessionId)
    })
  }
  follow(root, undefined)

  return {
    send: (method, params = {}, sessionId) => {
      const session = sessionId === undefined ? root : sessions.get(sessionId)
      if (session === undefined) {
        return Promise.reject(new PspError("bad-target", "Cannot reach the page: it has been closed"))
      }
      // Puppeteer's types know all methods by name.
      return session.send(method as never, params as never)
    },
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    closed: closed.signal,
    close: () => {
      browser.off("disconnected", onDisconnected)
      return root.detach()
    },
  }
}

async function openSession(browser: PuppeteerBrowser, doing: string): Promise<PuppeteerSession> {
  const target = hasMethod(browser, "target") ? browser.target() : null
  const session = hasMethod(target, "createCDPSession")
    ? await target.createCDPSession().catch((error: unknown) => {
        // What was closed is told as such; the words of anything else may name the address.
        if (isClosed(error)) throw error
        return null
      })
    : null
  if (hasMethod(session, "send") && hasMethod(session, "connection")) return session
  throw new PspError(
    "bad-target",
    `Cannot ${doing}: expected a browser that Puppeteer 22 or later drives over CDP, or one over WebDriver BiDi, got one with no CDP session`,
  )
}
