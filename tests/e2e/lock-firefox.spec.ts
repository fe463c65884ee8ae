import { expect, test } from "@playwright/test"
import type { Page } from "puppeteer-core"
import { defaultKinds } from "../../shared/report.js"
import { expectStatus, expectText, prepareFirefoxTests, press, textOf, trust } from "./firefox-tests.js"
import { canariesOf, filesWith, readKeptIdentity } from "./lock-canaries.js"
import { openComputerVault, openSaved } from "./saving.js"
import {
  countWaiting,
  grantBot,
  loadedBy,
  lookNow,
  sealCookies,
  switchSync,
  syncStates,
  withValues,
} from "./sync-steps.js"

const { site, start } = prepareFirefoxTests()

const name = "example.test"
const passphrase = "seven canaries at dawn"
/** Each passphrase costs a processor seconds, as it is to. */
const forPassphrase = 60_000

const fill = (page: Page, label: string, text: string) =>
  page.locator(`::-p-xpath(//label[starts-with(., "${label}")]//input)`).fill(text)
const cookiesIn = (tab: Page) => tab.evaluate(() => document.cookie)

async function typePassphrase(page: Page, text: string): Promise<void> {
  await fill(page, "Passphrase", text)
  await press(page, "Unlock")
}

test("a locked Firefox goes on saving, shows and takes over nothing, and holds on its disk nothing that opens", async () => {
  test.setTimeout(240_000)
  const firefox = await start()
  const tab = await firefox.openTab(site().url("app.example.test"))
  await firefox.allow(`*://*.${name}/*`)
  const popup = await firefox.openPopup(tab)
  await trust(popup)
  await press(popup, "Save session")
  await expectStatus(popup, /^Saved/)
  await switchSync(popup, {
    ...{ site: name, mode: "both" },
    scope: { alsoSites: [], kinds: [...defaultKinds], withoutOrigins: [], storeId: "firefox-default" },
  })
  await expectText(popup, "In sync")

  const dashboard = await firefox.openPage("dashboard")
  const canaries = canariesOf(await dashboard.evaluate(readKeptIdentity), passphrase)
  const profile = await firefox.profile()
  // The scan finds what is there.
  await expect.poll(() => filesWith(profile, canaries)).not.toEqual([])
  await expectText(dashboard, "Lock with a passphrase")
  await fill(dashboard, "New passphrase", passphrase)
  await fill(dashboard, "The same again", passphrase)
  await press(dashboard, "Lock with a passphrase")
  await expectText(dashboard, "The passphrase is set.", forPassphrase)
  await expectText(popup, "Unlocked until")
  await press(dashboard, "Lock now")
  await expectText(popup, "Saving goes on.")

  // Saving goes on, when its background ended in between, too.
  await firefox.stopBackground()
  await tab.evaluate(() => (document.cookie = "while=locked"))
  await press(popup, "Save session")
  const saved = async () => (await openSaved(firefox, name)).cookies?.map((cookie) => cookie.name)
  await expect.poll(saved).toContain("while")
  await expectStatus(popup, /^Saved/)
  expect(await countWaiting(popup)).toBe(0)

  // What another one changed waits.
  const owner = await openComputerVault(firefox)
  const bot = await grantBot(firefox, { owner, name: "ci-1", site: name })
  await bot.commit(await sealCookies(bot, await loadedBy(bot, name), withValues({ wide: "from-the-bot" })))
  await lookNow(popup, name)
  expect((await syncStates(popup))[0]?.error?.code).toBe("locked")
  await expectText(popup, "Changes from elsewhere wait until you unlock.")
  expect(await cookiesIn(tab)).toContain("wide=canary-wide")

  // The file that is replaced goes when nothing in the browser holds it any more.
  const left = async () => {
    await firefox.tidyUp()
    return filesWith(profile, canaries)
  }
  await expect.poll(left, { timeout: 90_000 }).toEqual([])

  const second = await firefox.openPopup(tab)
  await expectText(second, "Saving goes on.")
  expect(await textOf(second)).not.toContain("Unlocked until")
  await typePassphrase(second, "seven canaries at dusk")
  await expectText(second, "Cannot unlock: the passphrase is wrong; nothing was changed", forPassphrase)
  await typePassphrase(second, passphrase)
  await expectText(second, "1 wrong passphrase was tried", forPassphrase)
  await expect.poll(() => cookiesIn(tab)).toContain("wide=from-the-bot")

  // While it is unlocked it is in memory only.
  expect(await filesWith(profile, canaries)).toEqual([])
  await press(dashboard, "Take the passphrase away")
  await expectText(dashboard, "There is no passphrase any more.")
  expect(canariesOf(await dashboard.evaluate(readKeptIdentity), passphrase)).toEqual(canaries)
})
