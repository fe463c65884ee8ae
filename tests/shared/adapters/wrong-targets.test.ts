import { describe, expect, it } from "vitest"
import * as browserless from "../../../shared/adapters/browserless.js"
import * as cloudflare from "../../../shared/adapters/cloudflare-workers.js"
import * as playwright from "../../../shared/adapters/playwright.js"
import * as puppeteer from "../../../shared/adapters/puppeteer.js"
import * as selenium from "../../../shared/adapters/selenium.js"
import { exampleSnapshot } from "../example-snapshot.js"

const none = () => undefined
const having = (...names: string[]) => Object.fromEntries(names.map((name) => [name, none]))
const withBrowser = (browser: object) => ({ ...having("overridePermissions"), browser: () => browser })
const driverOf = (capabilities: unknown) => ({
  getCapabilities: () => Promise.resolve(capabilities),
  getWindowHandle: () => Promise.resolve("1"),
})
const playwrightContext = ["addCookies", "cookies", "addInitScript", "newPage", "pages", "newCDPSession"]
const closedLine = { on: none, version: () => Promise.resolve("Chrome/1"), protocol: "cdp" }
const canary = "wss://remote.example/?token=canary"

const adapters = { playwright, puppeteer, selenium, browserless, cloudflare }

/** What people pass by mistake, and words of what they are told. */
const mistakes: [adapter: keyof typeof adapters, title: string, target: unknown, told: string[]][] = [
  ["playwright", "nothing", undefined, ["a Playwright BrowserContext", "got undefined"]],
  ["playwright", "an address", canary, ["got a string"]],
  ["playwright", "a context nobody waited for", Promise.resolve({}), ["a promise (await it)"]],
  ["playwright", "a page", having("mainFrame", "context"), ["page.context()"]],
  ["playwright", "a browser", having("newContext"), ["browser.newContext()"]],
  ["playwright", "a browser of Puppeteer", having("browserContexts"), ["an object of Puppeteer"]],
  ["playwright", "a driver", driverOf(null), ["a WebDriver of Selenium"]],
  ["playwright", "a context of a version that is too old", having("addCookies", "newPage", "pages"), ["cookies()"]],
  ["playwright", "a context that tells no events", having(...playwrightContext), ["without browser()"]],
  ["puppeteer", "nothing", null, ["a Puppeteer BrowserContext or Browser", "got null"]],
  ["puppeteer", "an address", canary, ["got a string"]],
  ["puppeteer", "a browser nobody waited for", Promise.resolve({}), ["a promise (await it)"]],
  ["puppeteer", "a page", having("mainFrame", "browserContext"), ["page.browserContext()"]],
  ["puppeteer", "a context of Playwright", having("browser", "addCookies"), ["an object of Playwright"]],
  ["puppeteer", "a driver", driverOf(null), ["a WebDriver of Selenium"]],
  ["puppeteer", "a browser of a version that is too old", withBrowser(closedLine), ["no CDP session", "22"]],
  [
    "puppeteer",
    "a browser that does not speak CDP",
    withBrowser({
      ...closedLine,
      target: () => ({ createCDPSession: () => Promise.reject(new Error("Not supported canary")) }),
    }),
    ["no CDP session"],
  ],
  [
    "puppeteer",
    "a browser by BiDi that keeps its line to itself",
    withBrowser({ ...closedLine, protocol: "webDriverBiDi" }),
    ["does not lend its WebDriver BiDi connection"],
  ],
  ["cloudflare", "the binding", having("fetch", "connect"), ["puppeteer.launch(env.BROWSER)"]],
  ["cloudflare", "nothing", undefined, ["got undefined"]],
  ["selenium", "nothing", undefined, ["a WebDriver of selenium-webdriver", "got undefined"]],
  ["selenium", "an address", canary, ["got a string"]],
  ["selenium", "a driver nobody waited for", Promise.resolve({}), ["a promise (await it)"]],
  ["selenium", "a builder", having("forBrowser"), ["builder.build()"]],
  ["selenium", "a browser of Puppeteer", having("newPage"), ["Playwright or Puppeteer"]],
  [
    "selenium",
    "a driver of a browser without CDP and BiDi",
    driverOf(new Map([["browserName", "safari"]])),
    ["safari"],
  ],
  [
    "selenium",
    "a driver that does not know where its browser listens",
    driverOf(
      new Map<string, unknown>([
        ["browserName", "chrome"],
        ["goog:chromeOptions", { debuggerAddress: "" }],
      ]),
    ),
    ["speaks CDP", "got chrome"],
  ],
  ["selenium", "a driver that tells no capabilities", driverOf(null), ["webSocketUrl", "something else"]],
  ["browserless", "an address", canary, ["Puppeteer", "Playwright", "got a string"]],
  ["browserless", "a browser nobody waited for", Promise.resolve({}), ["a promise (await it)"]],
  ["browserless", "a browser of Playwright", having("newContext", "contexts"), ["browser.newContext()"]],
  ["browserless", "a page of Playwright", having("mainFrame", "context"), ["page.context()"]],
  ["browserless", "a page of Puppeteer", having("mainFrame", "browserContext"), ["page.browserContext()"]],
]

describe.each(Object.keys(adapters) as (keyof typeof adapters)[])("the adapter of %s", (name) => {
  const own = mistakes.filter(([adapter]) => adapter === name)
  it.each(own.map(([, title, target, told]) => ({ title, target, told })))(
    "says what it expected when it gets $title",
    async ({ target, told }) => {
      const { restore, capture, diff } = adapters[name]
      // Wrong on purpose: whoever writes JavaScript is told by no compiler.
      const wrong = target as never
      const calls = [
        restore(wrong, exampleSnapshot()),
        capture(wrong, { site: "example.com" }),
        diff(wrong, exampleSnapshot()),
      ]
      for (const [index, outcome] of (await Promise.allSettled(calls)).entries()) {
        const error = outcome.status === "rejected" ? (outcome.reason as { code?: unknown; message: string }) : null
        expect(error).toMatchObject({ code: "bad-target" })
        expect(error?.message).toMatch(/^Cannot (?:restore|capture|compare) session: /)
        expect([index, error?.message]).toEqual([index, expect.not.stringContaining("canary")])
        for (const words of told) expect(error?.message).toContain(words)
      }
    },
  )
})
