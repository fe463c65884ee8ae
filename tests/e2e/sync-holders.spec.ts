import path from "node:path"
import { expect, test, type Page } from "@playwright/test"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { restore } from "../../shared/adapters/playwright.js"
import { PspError } from "../../shared/errors.js"
import type { Provider } from "../../shared/provider.js"
import { startBrowser, startChromium, type TestBrowser } from "./browser.js"
import { startRotatingSite, type RotatingSite } from "./rotating-site.js"
import { openComputerVault } from "./saving.js"
import {
  countWaiting,
  grantBot,
  keepInSync,
  loadedBy,
  lookNow,
  sealCookies,
  valuesHere,
  valuesIn,
  valuesSaved,
  withValues,
} from "./sync-steps.js"

const siteName = "rotating.test"
let site: RotatingSite
let browser: TestBrowser

test.beforeAll(async () => {
  site = await startRotatingSite()
})
test.afterAll(() => site.close())
test.beforeEach(async () => {
  browser = await startBrowser()
})
test.afterEach(() => browser.stop())

/** Sets cookies as the site does. */
async function setHere(values: Record<string, string>): Promise<void> {
  const expires = Math.floor(Date.now() / 1000) + 3600
  const cookies = Object.entries(values).map(([name, value]) => ({ name, value, url: site.url("/"), expires }))
  await browser.context.addCookies(cookies)
}

/** The store of this browser's computer, from a machine whose network goes away. */
function storeWithNetwork(): { store: Provider; network: { isDown: boolean } } {
  const network = { isDown: false }
  const disk = createFsProvider(path.join(browser.home, "vault"))
  const refuse = () => {
    if (network.isDown) throw new PspError("unreachable", "Cannot reach the store: there is no network")
  }
  const store: Provider = {
    async put(...call) {
      refuse()
      return disk.put(...call)
    },
    async get(...call) {
      refuse()
      return disk.get(...call)
    },
    async remove(...call) {
      refuse()
      return disk.remove(...call)
    },
    async *list(...call) {
      refuse()
      yield* disk.list(...call)
    },
  }
  return { store, network }
}

test("a person and two bots who change the same and other cookies while the store is away come to the same state", async () => {
  const names = ["first", "second", "third", "early", "late", "all"]
  await setHere(Object.fromEntries(names.map((name) => [name, "before"])))
  const { popup } = await keepInSync(browser, { url: site.url("/login"), site: siteName, way: "both" })
  const owner = await openComputerVault(browser)
  const { store, network } = storeWithNetwork()
  const one = await grantBot(browser, { owner, name: "ci-1", site: siteName, store })
  const two = await grantBot(browser, { owner, name: "ci-2", site: siteName, store })
  const [atOne, atTwo] = [await loadedBy(one, siteName), await loadedBy(two, siteName)]

  network.isDown = true
  await browser.unregisterHost()
  const byOne = await sealCookies(one, atOne, withValues({ first: "by ci-1", early: "by ci-1", all: "by ci-1" }))
  await expect(one.commit(byOne)).rejects.toMatchObject({ code: "unreachable" })
  await setHere({ second: "by the person", early: "by the person", late: "by the person", all: "by the person" })
  await expect.poll(() => countWaiting(popup)).toBe(1)
  await expect(popup.getByText(/^Not in sync: .*psp is not installed/)).toBeVisible()
  const byTwo = await sealCookies(two, atTwo, withValues({ third: "by ci-2", late: "by ci-2", all: "by ci-2" }))
  await expect(two.commit(byTwo)).rejects.toMatchObject({ code: "unreachable" })

  network.isDown = false
  await browser.registerHost()
  // In another order than it happened.
  await two.commit(byTwo)
  await lookNow(popup, siteName)
  await one.commit(byOne)
  await lookNow(popup, siteName)
  const merged = {
    first: "by ci-1",
    second: "by the person",
    third: "by ci-2",
    early: "by the person",
    late: "by ci-2",
    all: "by ci-2",
  }
  await expect.poll(() => valuesHere(browser)).toMatchObject(merged)
  await expect.poll(() => valuesSaved(browser, siteName)).toEqual(await valuesHere(browser))
  // Bots get what other bots did from an owner.
  const states = async () =>
    Promise.all(
      [one, two, await openComputerVault(browser)].map(async (vault) => (await loadedBy(vault, siteName)).snapshot),
    )
  await expect.poll(async () => (await states()).map(valuesIn)).toEqual(Array(3).fill(await valuesHere(browser)))
  const [atFirst, atSecond, atOwner] = (await states()).map(({ sites, account, cookies, origins, tabs }) => ({
    sites,
    account,
    cookies,
    origins,
    tabs,
  }))
  expect(atFirst).toEqual(atOwner)
  expect(atSecond).toEqual(atOwner)
})

/** The person says how being logged in looks, and saves that with the session. */
async function rememberCheck(popup: Page, url: string, text: string): Promise<void> {
  const message = { type: "remember", site: siteName, account: "default", check: { url, text } }
  await popup.evaluate((remember) => chrome.runtime.sendMessage(remember), message)
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect.poll(async () => (await (await openComputerVault(browser)).load(siteName))?.check).toEqual({ url, text })
}

test("a stale bot's late save revives no logout, which the next restore tells of; the next login is restored", async () => {
  const { page, popup } = await keepInSync(browser, { url: site.url("/login"), site: siteName, way: "both" })
  await rememberCheck(popup, site.url("/"), "Logged in")
  const owner = await openComputerVault(browser)
  const stale = await grantBot(browser, { owner, name: "ci-1", site: siteName })
  const next = await grantBot(browser, { owner, name: "ci-2", site: siteName })
  const atStale = await loadedBy(stale, siteName)
  const chromium = await startChromium()
  try {
    const restored = async () => {
      const context = await chromium.browser.newContext()
      const report = await restore(context, (await loadedBy(next, siteName)).snapshot, { check: true })
      await context.close()
      return report.check
    }
    await page.goto(site.url("/logout"))
    await expect.poll(() => valuesSaved(browser, siteName)).toEqual({})
    const late = await sealCookies(stale, atStale, withValues({ refresh: "of the login that ended" }))
    await stale.commit(late)
    await lookNow(popup, siteName)
    expect(await valuesSaved(browser, siteName)).toEqual({})
    expect(await valuesHere(browser)).toEqual({})
    expect(await restored()).toEqual({ result: "logged-out", why: "the text of being logged in is missing" })

    await page.goto(site.url("/login"))
    await expect.poll(() => valuesSaved(browser, siteName)).toHaveProperty("refresh")
    await stale.commit(late)
    await lookNow(popup, siteName)
    expect(await valuesSaved(browser, siteName)).toEqual(await valuesHere(browser))
    expect(await restored()).toMatchObject({ result: "logged-in" })
  } finally {
    await chromium.stop()
  }
})
