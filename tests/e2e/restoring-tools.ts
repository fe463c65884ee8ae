import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { chromium as playwright } from "@playwright/test"
import { connect, defaultArgs, launch, type LaunchOptions } from "puppeteer-core"
import { Builder } from "selenium-webdriver"
import { Options, ServiceBuilder } from "selenium-webdriver/chrome.js"
import type { RestoreOptions } from "../../shared/adapters/adapter.js"
import { connectBidiAddress } from "../../shared/adapters/bidi/address.js"
import { openBidiContext } from "../../shared/adapters/bidi/context.js"
import * as browserlessAdapter from "../../shared/adapters/browserless.js"
import { connectCdpAddress } from "../../shared/adapters/cdp/address.js"
import { openCdpContext } from "../../shared/adapters/cdp/context.js"
import * as playwrightAdapter from "../../shared/adapters/playwright.js"
import * as puppeteerAdapter from "../../shared/adapters/puppeteer.js"
import { restoreInto } from "../../shared/adapters/restore.js"
import * as seleniumAdapter from "../../shared/adapters/selenium.js"
import { whenSeedsRest } from "../../shared/adapters/session-seed.js"
import type { RestoreReport } from "../../shared/report.js"
import { snapshotToJson, type Snapshot } from "../../shared/snapshot.js"
import { chromiumSiteArgs, firefoxPrefs } from "../conformance/server.js"
import { startBrowserWorker } from "../servers/browser-worker.js"
import { hasBrowserless, noBrowserless, startBrowserless } from "../servers/browserless.js"
import { startRunningChromium } from "../servers/chromium.js"
import { startBidiFirefox } from "./bidi-firefox.js"
import { chromiumArgs, chromiumPath, keepThirdPartyStorage, startChromium } from "./browser.js"
import { firefoxPath, noFirefox } from "./firefox-browser.js"

/** A tool with a browser that trusts the conformance site, and a session restored in it. */
export interface RestoringTool {
  name: string
  engine: "chromium" | "firefox"
  /** Why it cannot be had here. */
  missing: string | null
  /** Restores, and says what an expression gives, a text, in each tab that is open then. */
  restore(snapshot: Snapshot, options: RestoreOptions, expression: string): Promise<Restored>
}

export interface Restored {
  report: RestoreReport
  tabs: string[]
}

const args = [...chromiumArgs, ...chromiumSiteArgs]
/** Puppeteer's own list turns the partitions of third-party storage off. */
const ignoreDefaultArgs = defaultArgs().filter((flag) => flag.startsWith("--disable-features"))
const missingFirefox = firefoxPath === undefined ? noFirefox : null
export const chromedriver = ["/usr/bin/chromedriver", "/usr/lib/chromium/chromedriver"].find((found) =>
  existsSync(found),
)
export const noChromedriver = "no chromedriver on this machine: it is in Debian's package chromium-driver"

export const restoringTools: RestoringTool[] = [
  {
    name: "Playwright, Chromium",
    engine: "chromium",
    missing: null,
    restore: (snapshot, options, expression) =>
      during(startChromium(chromiumSiteArgs), async ({ browser }) => {
        const context = await browser.newContext(playwrightAdapter.contextOptions(snapshot))
        const report = await playwrightAdapter.restore(context, snapshot, options)
        return { report, tabs: await tabsOf(context.pages(), expression) }
      }),
  },
  {
    name: "Puppeteer, Chromium",
    engine: "chromium",
    missing: null,
    restore: (snapshot, options, expression) =>
      withProfile((userDataDir) => {
        const settings = { executablePath: chromiumPath(), headless: true, userDataDir, ignoreDefaultArgs, args }
        return byPuppeteer(settings, snapshot, options, expression)
      }),
  },
  {
    name: "Puppeteer, Firefox",
    engine: "firefox",
    missing: missingFirefox,
    restore: (snapshot, options, expression) => {
      const trusting = { acceptInsecureCerts: true, extraPrefsFirefox: firefoxPrefs }
      const settings = { browser: "firefox", executablePath: firefoxPath ?? "", headless: true, ...trusting } as const
      return byPuppeteer(settings, snapshot, options, expression)
    },
  },
  {
    name: "Selenium, Chromium",
    engine: "chromium",
    missing: chromedriver === undefined ? noChromedriver : null,
    restore: (snapshot, options, expression) =>
      withProfile(async (profile) => {
        const chrome = new Options()
        chrome.setChromeBinaryPath(chromiumPath())
        chrome.addArguments("--headless=new", `--user-data-dir=${profile}`, ...args)
        const builder = new Builder().forBrowser("chrome").setChromeOptions(chrome)
        const driver = await builder.setChromeService(new ServiceBuilder(chromedriver)).build()
        try {
          const report = await seleniumAdapter.restore(driver, snapshot, options)
          const tabs: Restored["tabs"] = []
          for (const handle of await driver.getAllWindowHandles()) {
            await driver.switchTo().window(handle)
            const script = "Promise.resolve((0, eval)(arguments[0])).then(arguments[1])"
            tabs.push(await driver.executeAsyncScript<string>(script, expression))
          }
          return { report, tabs }
        } finally {
          await driver.quit()
        }
      }),
  },
  {
    name: "Cloudflare Workers, Chromium",
    engine: "chromium",
    missing: null,
    restore: (snapshot, options, expression) =>
      during(startRunningChromium(chromiumSiteArgs), async (chromium) => {
        const miniflare = await startBrowserWorker("tests/servers/restoring-worker.ts", chromium)
        const body = JSON.stringify({ snapshot: JSON.parse(snapshotToJson(snapshot)) as unknown, options, expression })
        try {
          const answer = await miniflare.dispatchFetch("http://worker.test/", { method: "POST", body })
          return (await answer.json()) as Restored
        } finally {
          await miniflare.dispose()
        }
      }),
  },
  {
    name: "Raw CDP (`psp restore --cdp`), Chromium",
    engine: "chromium",
    missing: null,
    restore: (snapshot, options, expression) =>
      during(startRunningChromium(chromiumSiteArgs), async ({ address }) => {
        const context = await openCdpContext(await connectCdpAddress(address), null)
        const report = await restoreInto({ context, jar: context.jar }, snapshot, options)
        // What waits in a frame is lost with the connection.
        await whenSeedsRest(context)
        await context.close()
        const browser = await playwright.connectOverCDP(address)
        return { report, tabs: await tabsOf(browser.contexts()[0]?.pages() ?? [], expression) }
      }),
  },
  {
    name: "Raw BiDi (`psp restore --bidi`), Firefox",
    engine: "firefox",
    missing: missingFirefox,
    restore: (snapshot, options, expression) =>
      during(startBidiFirefox(firefoxPrefs), async ({ address }) => {
        const session = await connectBidiAddress(address)
        const created = session.send("browser.createUserContext", { acceptInsecureCerts: true })
        const { userContext } = (await created) as { userContext: string }
        const context = await openBidiContext(session, userContext)
        const report = await restoreInto({ context, jar: context.jar }, snapshot, options)
        const tree = await session.send("browsingContext.getTree", { maxDepth: 0 })
        const { contexts } = tree as { contexts: { context: string; userContext: string }[] }
        const tabs = contexts
          .filter((tab) => tab.userContext === userContext)
          .map(async ({ context: tab }) => {
            // Without a sandbox: the page's own names are asked for.
            const asked = { expression, target: { context: tab }, awaitPromise: true }
            const answer = (await session.send("script.evaluate", asked)) as { result: { value: string } }
            return answer.result.value
          })
        return { report, tabs: await Promise.all(tabs) }
      }),
  },
  {
    name: "Browserless with Puppeteer, Chromium",
    engine: "chromium",
    missing: hasBrowserless ? null : noBrowserless,
    restore: (snapshot, options, expression) =>
      withProfile((userDataDir) =>
        during(startBrowserless(), async (server) => {
          const browserWSEndpoint = server.address({ args, ignoreDefaultArgs, userDataDir })
          const browser = await connect({ browserWSEndpoint })
          try {
            const report = await browserlessAdapter.restore(browser, snapshot, options)
            return { report, tabs: await tabsOf(await browser.pages(), expression) }
          } finally {
            await browser.close()
          }
        }),
      ),
  },
]

async function byPuppeteer(
  settings: LaunchOptions,
  snapshot: Snapshot,
  options: RestoreOptions,
  expression: string,
): Promise<Restored> {
  const browser = await launch(settings)
  try {
    const context = await browser.createBrowserContext()
    const report = await puppeteerAdapter.restore(context, snapshot, options)
    return { report, tabs: await tabsOf(await context.pages(), expression) }
  } finally {
    await browser.close()
  }
}

/** What is started is stopped, whatever comes of the work. */
async function during<Started extends { stop(): Promise<void> }>(
  starting: Promise<Started>,
  work: (started: Started) => Promise<Restored>,
): Promise<Restored> {
  const started = await starting
  try {
    return await work(started)
  } finally {
    await started.stop()
  }
}

interface LookedAt {
  evaluate(expression: string): Promise<unknown>
}

async function tabsOf(pages: LookedAt[], expression: string): Promise<Restored["tabs"]> {
  return Promise.all(pages.map(async (page) => String(await page.evaluate(expression))))
}

async function withProfile<Result>(work: (profile: string) => Promise<Result>): Promise<Result> {
  const profile = await mkdtemp(path.join(tmpdir(), "psp-tool-"))
  try {
    await keepThirdPartyStorage(profile)
    return await work(profile)
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 10 })
  }
}
