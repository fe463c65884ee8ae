import path from "node:path"
import { expect as playwrightExpect, test, type Page } from "@playwright/test"
import { startBrowser, type TestBrowser } from "./browser.js"
import { canariesOf, filesWith, readKeptIdentity } from "./lock-canaries.js"
import { startRotatingSite, type RotatingSite } from "./rotating-site.js"
import { openComputerVault } from "./saving.js"
import {
  grantBot,
  keepInSync,
  loadedBy,
  lookNow,
  sealCookies,
  syncStates,
  valuesHere,
  valuesSaved,
  withValues,
} from "./sync-steps.js"

/** Each passphrase costs a processor seconds, as it is to. */
const expect = playwrightExpect.configure({ timeout: 60_000 })

const name = "rotating.test"
const passphrase = "seven canaries at dawn"

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

const canariesIn = async (page: Page) => canariesOf(await page.evaluate(readKeptIdentity), passphrase)
const filesWithAny = (canaries: Buffer[]) => filesWith(path.join(browser.home, "..", "profile"), canaries)

async function typePassphrase(page: Page, text: string): Promise<void> {
  await page.getByLabel("Passphrase", { exact: true }).fill(text)
  await page.getByRole("button", { name: "Unlock" }).click()
}

test("a locked browser goes on saving, shows and takes over nothing, and holds on its disk nothing that opens", async () => {
  test.setTimeout(240_000)
  const { page, popup } = await keepInSync(browser, { url: site.url("/login"), site: name, way: "both" })
  const dashboard = await browser.openPage("dashboard")
  const canaries = await canariesIn(dashboard)
  // The scan finds what is there.
  await expect.poll(() => filesWithAny(canaries)).not.toEqual([])

  await dashboard.getByLabel("New passphrase").fill(passphrase)
  await dashboard.getByLabel("The same again").fill(passphrase)
  await dashboard.getByRole("button", { name: "Lock with a passphrase" }).click()
  await expect(dashboard.getByText("The passphrase is set.")).toBeVisible()
  await expect(popup.getByText("Unlocked until")).toBeVisible()
  await dashboard.getByRole("button", { name: "Lock now" }).click()
  await expect(popup.getByRole("heading", { name: "Locked" })).toBeVisible()

  // Saving: at the site's own rotation, and by the button.
  await page.goto(site.url("/refresh"))
  const rotated = (await valuesHere(browser))["refresh"] ?? ""
  await expect.poll(async () => (await valuesSaved(browser, name))["refresh"]).toBe(rotated)
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(popup.getByRole("status")).toHaveText(/^Saved/)

  // What another one changed waits.
  const owner = await openComputerVault(browser)
  const bot = await grantBot(browser, { owner, name: "ci-1", site: name })
  const next = (await site.refresh(rotated)) ?? ""
  const sealed = await sealCookies(bot, await loadedBy(bot, name), withValues({ refresh: next }))
  await bot.commit(sealed)
  await lookNow(popup, name)
  expect((await syncStates(popup))[0]?.error?.code).toBe("locked")
  await expect(popup.getByText("Changes from elsewhere wait until you unlock.")).toBeVisible()
  expect((await valuesHere(browser))["refresh"]).toBe(rotated)

  // The file that is replaced goes when nothing in the browser holds it any more.
  await expect.poll(() => filesWithAny(canaries), { timeout: 90_000 }).toEqual([])
  await browser.context.close()
  expect(await filesWithAny(canaries)).toEqual([])
  await browser.restart()
  const again = await browser.context.newPage()
  await again.goto(site.url("/"))
  const second = await browser.openPopup(again)
  await expect(second.getByRole("heading", { name: "Locked" })).toBeVisible()

  await typePassphrase(second, "seven canaries at dusk")
  await expect(second.getByText("Cannot unlock: the passphrase is wrong; nothing was changed")).toBeVisible()
  await typePassphrase(second, passphrase)
  await expect(second.getByText("1 wrong passphrase was tried")).toBeVisible()
  await expect.poll(async () => (await valuesHere(browser))["refresh"]).toBe(next)

  // While it is unlocked it is in memory only.
  expect(await filesWithAny(canaries)).toEqual([])
  const settings = await browser.openPage("dashboard")
  await settings.getByRole("button", { name: "Take the passphrase away" }).click()
  await expect(settings.getByText("There is no passphrase any more.")).toBeVisible()
  expect(await canariesIn(settings)).toEqual(canaries)
})
