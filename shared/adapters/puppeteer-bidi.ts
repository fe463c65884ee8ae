import { PspError } from "../errors.js"
import { BidiError, type BidiEvent } from "./bidi/connection.js"
import type { BidiSession } from "./bidi/session.js"
import { hasMethod } from "./has-method.js"
import type { PuppeteerBrowser } from "./puppeteer-cdp.js"

/** What Puppeteer 24 keeps to itself: its own line to the browser. */
interface PuppeteerBidiConnection {
  send(method: string, params: object): Promise<{ result: unknown }>
  on(event: "*", listener: (method: unknown, params?: unknown) => void): unknown
  off(event: "*", listener: (method: unknown, params?: unknown) => void): unknown
}

/**
 * The session that Puppeteer has already: Firefox allows no second one. It is not in Puppeteer's types.
 *
 * @throws `bad-target` when this Puppeteer keeps it elsewhere, or the browser is closed
 */
export async function lendPuppeteerBidi(browser: PuppeteerBrowser, doing: string): Promise<BidiSession> {
  const connection = connectionOf(browser, doing)
  const closed = new AbortController()
  const onDisconnected = () => closed.abort()
  browser.on("disconnected", onDisconnected)
  const listeners = new Set<(event: BidiEvent) => void>()
  const hear = (method: unknown, params?: unknown) => {
    if (typeof method !== "string") return
    for (const listener of [...listeners]) listener({ method, params })
  }
  connection.on("*", hear)
  const [name = "", version = ""] = (await browser.version()).split("/")
  return {
    browser: { name: name.toLowerCase(), version },
    async send(method, params = {}) {
      try {
        return (await connection.send(method, params)).result
      } catch (error) {
        throw bidiErrorOf(error)
      }
    },
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    closed: closed.signal,
    close: () => {
      connection.off("*", hear)
      browser.off("disconnected", onDisconnected)
      return Promise.resolve()
    },
  }
}

function connectionOf(browser: object, doing: string): PuppeteerBidiConnection {
  const connection = "connection" in browser ? browser.connection : undefined
  if (hasMethod(connection, "send") && hasMethod(connection, "on") && hasMethod(connection, "off")) {
    return connection as unknown as PuppeteerBidiConnection
  }
  throw new PspError(
    "bad-target",
    `Cannot ${doing}: this version of Puppeteer does not lend its WebDriver BiDi connection (24 does)`,
  )
}

/** Puppeteer puts the code before what the browser says. */
function bidiErrorOf(error: unknown): unknown {
  const { originalMessage } = error as { originalMessage?: unknown }
  if (typeof originalMessage !== "string") return error
  return new BidiError(/^(?:error: )?([a-z ]+)/.exec(originalMessage)?.[1]?.trim() ?? "unknown error")
}
