import { expect, test } from "@playwright/test"
import type { Page } from "puppeteer-core"
import { startCaptureSite, type CaptureSite } from "./capture-site.js"
import {
  firefoxPath,
  launchFirefox,
  noFirefox,
  startFirefox,
  type FirefoxOptions,
  type LaunchedFirefox,
  type TestFirefox,
} from "./firefox-browser.js"

interface FirefoxTests {
  /** The site that is there for all tests of the file. */
  site: () => CaptureSite
  /**
   * A Firefox with a person who was never here before, until the test ends. Tests of a file come to the same one, as starting it takes
   * most of the time: what a test needs to be otherwise from the start, or leaves behind for longer, needs one of its own.
   */
  start: (options?: FirefoxOptions & { isOwn?: boolean }) => Promise<TestFirefox>
}

/** For a file of tests with the extension in Firefox; they are skipped, and say so, where there is none. */
export function prepareFirefoxTests(): FirefoxTests {
  let site: CaptureSite
  let shared: LaunchedFirefox | null = null
  const started: TestFirefox[] = []
  test.skip(firefoxPath === undefined, noFirefox)
  test.setTimeout(120_000)
  test.beforeAll(async () => {
    site = await startCaptureSite()
  })
  test.afterAll(() => Promise.all([site.close(), shared?.close()]))
  test.afterEach(async () => {
    await Promise.all(started.splice(0).map((firefox) => firefox.stop()))
  })
  return {
    site: () => site,
    async start({ isOwn = false, hostnames, prefs, ...person } = {}) {
      const isOther = isOwn || hostnames !== undefined || prefs !== undefined
      const firefox = isOther
        ? await startFirefox({ ...person, ...(hostnames && { hostnames }), ...(prefs && { prefs }) })
        : await (shared ??= await launchFirefox()).begin(person)
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
