import { test } from "@playwright/test"
import { launch, type Browser, type BrowserContext } from "puppeteer-core"
import { capture, diff, open, restore } from "../../shared/adapters/puppeteer.js"
import { describeAdapter } from "../contracts/adapter-contract.js"
import { firefoxPath, noFirefox } from "./firefox-browser.js"
import { openPuppeteerContext } from "./puppeteer-target.js"

test.skip(firefoxPath === undefined, noFirefox)

let browser: Browser

test.beforeAll(async () => {
  browser = await launch({
    browser: "firefox",
    executablePath: firefoxPath ?? "",
    headless: true,
    extraPrefsFirefox: {
      "network.dns.localDomains": ["app.fern.test", "fern.test", "other.test", "shop.test"].join(),
    },
  })
})

test.afterAll(async () => browser.close())

describeAdapter<BrowserContext>("puppeteer adapter in Firefox", {
  adapter: { capture, diff, open, restore },
  open: () => openPuppeteerContext(browser),
  differences: {
    refusesNamelessCookies: true,
    refusesForeignCookies: true,
    ignoresAncestors: true,
    isAnsweredByWorkers: true,
    losesSurrogatesOfKeys: true,
  },
  wrongTargets: {
    "a browser that does not lend its connection": () => {
      const browser = { protocol: "webDriverBiDi" }
      return { defaultBrowserContext: () => ({ browser: () => browser }) }
    },
  },
})
