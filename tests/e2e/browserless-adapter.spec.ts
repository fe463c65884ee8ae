import { expect, test } from "@playwright/test"
import { connect, type Browser } from "puppeteer-core"
import { capture, connectAndRestore, diff, open, restore } from "../../shared/adapters/browserless.js"
import { describeAdapter, sessionOf } from "../contracts/adapter-contract.js"
import { hasBrowserless, noBrowserless, startBrowserless, type BrowserlessServer } from "../servers/browserless.js"
import { chromiumArgs } from "./browser.js"
import { puppeteerTab } from "./puppeteer-target.js"

let server: BrowserlessServer

test.skip(!hasBrowserless, noBrowserless)
test.beforeAll(async () => {
  server = await startBrowserless()
})
test.afterAll(() => server.stop())

const connectHere = () => connect({ browserWSEndpoint: server.address({ args: chromiumArgs }) })

describeAdapter<Browser>("browserless adapter with puppeteer", {
  adapter: { capture, diff, open, restore },
  open: async () => {
    const browser = await connectHere()
    return {
      target: browser,
      newTab: async () => puppeteerTab(await browser.newPage()),
      tabCount: async () => (await browser.pages()).length,
      close: () => browser.close(),
    }
  },
  wrongTargets: {
    nothing: () => undefined,
    "an address": () => "ws://127.0.0.1:3000",
  },
})

test("browserless: a line that drops gets a new browser", async () => {
  const opened: Browser[] = []
  const flaky = async () => {
    const browser = await connectHere()
    opened.push(browser)
    if (opened.length === 1) await browser.disconnect()
    return browser
  }
  const { target, report } = await connectAndRestore(flaky, sessionOf("http://app.fern.test", { local: [["a", "1"]] }))
  expect(report).toMatchObject({ ok: true, set: { localStorage: 1 } })
  expect([opened.length, target === opened[1]]).toEqual([2, true])
  await target.close()
})

test("browserless: a wrong token is refused once, and not repeated", async () => {
  const address = server.address({ args: chromiumArgs }).replace(/token=[^&]+/, "token=canary")
  let tries = 0
  const connecting = connectAndRestore(
    () => {
      tries++
      return connect({ browserWSEndpoint: address })
    },
    sessionOf("http://app.fern.test", {}),
  )
  await expect(connecting).rejects.toMatchObject({
    code: "bad-target",
    message: "Cannot reach the remote browser: it refused the token",
  })
  expect(tries).toBe(1)
})
