import { expect, it } from "vitest"
import { lendPuppeteerBidi } from "../../../shared/adapters/puppeteer-bidi.js"
import { lendPuppeteerCdp, type PuppeteerBrowser } from "../../../shared/adapters/puppeteer-cdp.js"

const session = {
  send: () => Promise.resolve({}),
  detach: () => Promise.resolve(),
  on: () => undefined,
  off: () => undefined,
  connection: () => undefined,
}

it.each([
  ["CDP", lendPuppeteerCdp],
  ["BiDi", lendPuppeteerBidi],
])("a line that Puppeteer lends for %s leaves no listener at its browser", async (_, lend) => {
  const listeners = new Set<() => void>()
  const browser = {
    target: () => ({ createCDPSession: () => Promise.resolve(session) }),
    defaultBrowserContext: () => ({}),
    version: () => Promise.resolve("firefox/153"),
    connection: session,
    on: (_: "disconnected", listener: () => void) => listeners.add(listener),
    off: (_: "disconnected", listener: () => void) => listeners.delete(listener),
  } satisfies PuppeteerBrowser & { connection: object }
  const line = await lend(browser, "restore session")
  expect(listeners.size).toBe(1)
  await line.close()
  expect(listeners.size).toBe(0)
})
