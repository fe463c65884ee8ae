import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { test } from "@playwright/test"
import { Builder, type WebDriver } from "selenium-webdriver"
import { Options, ServiceBuilder } from "selenium-webdriver/chrome.js"
import { capture, diff, open, restore } from "../../shared/adapters/selenium.js"
import { describeAdapter } from "../contracts/adapter-contract.js"
import { chromiumArgs, chromiumPath, keepThirdPartyStorage } from "./browser.js"

const chromedriver = ["/usr/bin/chromedriver", "/usr/lib/chromium/chromedriver"].find((found) => existsSync(found))
test.skip(chromedriver === undefined, "no chromedriver on this machine: it is in Debian's package chromium-driver")

describeAdapter<WebDriver>("selenium adapter", {
  adapter: { capture, diff, open, restore },
  // A driver has one context, that of its profile: each has a browser of its own.
  open: async () => {
    const profile = await mkdtemp(path.join(tmpdir(), "psp-selenium-"))
    await keepThirdPartyStorage(profile)
    const options = new Options()
    options.setChromeBinaryPath(chromiumPath())
    options.addArguments("--headless=new", `--user-data-dir=${profile}`, ...chromiumArgs)
    const driver = await new Builder()
      .forBrowser("chrome")
      .setChromeOptions(options)
      .setChromeService(new ServiceBuilder(chromedriver))
      .build()
    return {
      target: driver,
      newTab: async () => {
        await driver.switchTo().newWindow("tab")
        const handle = await driver.getWindowHandle()
        const here = async () => driver.switchTo().window(handle)
        return {
          goto: async (url) => {
            await here()
            await driver.get(url)
          },
          reload: async () => {
            await here()
            await driver.navigate().refresh()
          },
          evaluate: async <T>(expression: string) => {
            await here()
            // As a page's own script: WebDriver's functions take statements, and have no completion value.
            const script =
              "const done = arguments[1]; Promise.resolve((0, eval)(arguments[0])).then(done, () => done(null))"
            const running = driver.executeAsyncScript<T>(script, expression)
            // chromedriver writes the answer with the page's own JSON, and one test has replaced that: the script did run.
            return running.catch((failure: unknown) => {
              if (String(failure).includes("cannot deserialize")) return undefined as T
              throw failure
            })
          },
        }
      },
      tabCount: async () => (await driver.getAllWindowHandles()).length,
      close: async () => {
        await driver.quit()
        await rm(profile, { recursive: true, force: true })
      },
    }
  },
  wrongTargets: {
    "a builder": () => new Builder(),
    nothing: () => undefined,
    "a string": () => "http://127.0.0.1:9515",
    "an object": () => ({}),
  },
})
