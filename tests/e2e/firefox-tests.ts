import { expect, test } from "@playwright/test"
import type { Page } from "puppeteer-core"
import { startCaptureSite, type CaptureSite } from "./capture-site.js"
import { firefoxPath, noFirefox, startFirefox, type FirefoxOptions, type TestFirefox } from "./firefox-browser.js"

interface FirefoxTests {
  /** The site that is there for all tests of the file. */
  site: () => CaptureSite
  /** A Firefox that is stopped when its test ends. */
  start: (options?: FirefoxOptions) => Promise<TestFirefox>
}

/** For a file of tests with the extension in Firefox; they are skipped, and say so, where there is none. */
export function prepareFirefoxTests(): FirefoxTests {
  let site: CaptureSite
  const started: TestFirefox[] = []
  test.skip(firefoxPath === undefined, noFirefox)
  test.setTimeout(120_000)
  test.beforeAll(async () => {
    site = await startCaptureSite()
  })
  test.afterAll(() => site.close())
  test.afterEach(async () => {
    await Promise.all(started.splice(0).map((firefox) => firefox.stop()))
  })
  return {
    site: () => site,
    async start(options) {
      const firefox = await startFirefox(options)
      started.push(firefox)
      return firefox
    },
  }
}

/** What a person does in a page of the extension, and reads there. */
export const press = (page: Page, name: string) => page.locator(`::-p-aria([name="${name}"][role="button"])`).click()
export const textOf = (page: Page) => page.evaluate(() => document.body.innerText)
export const statusOf = (page: Page) => page.evaluate(() => document.querySelector("[role=status]")?.textContent ?? "")

export async function expectStatus(page: Page, says: RegExp, timeout = 20_000): Promise<void> {
  await expect.poll(() => statusOf(page), { timeout }).toMatch(says)
}

export async function expectText(page: Page, says: string, timeout = 15_000): Promise<void> {
  await expect.poll(() => textOf(page), { timeout }).toContain(says)
}

export async function trust(popup: Page): Promise<void> {
  await expectText(popup, "Trust this computer")
  await press(popup, "Trust this computer")
  await expectText(popup, "Trusted")
}
