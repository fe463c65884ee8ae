import { expect, test } from "@playwright/test"
import type { Page } from "puppeteer-core"
import { startBot } from "./a-bot.js"
import { expectStatus, expectText, prepareFirefoxTests, press, textOf, trust } from "./firefox-tests.js"
import { openComputerVault } from "./saving.js"
import { lastLook, notedAsClosed, noteClosed } from "./told.js"

const { site, start } = prepareFirefoxTests()

const commandsIn = (page: Page) => page.$$eval(".command pre", (found) => found.map((one) => one.textContent))
const rowsIn = (page: Page) => page.$$eval("table.history tbody tr", (rows) => rows.map((row) => row.innerText))
const xpath = (page: Page, path: string) => page.locator(`::-p-xpath(${path})`)

test("in Firefox a session goes to a bot by the words of its card, its use is told to who asked, and it is revoked", async () => {
  test.setTimeout(240_000)
  const bot = await startBot("ci-1")
  try {
    const { card, words } = await bot.card()
    const firefox = await start()
    const tab = await firefox.openTab(site().url("app.example.test"))
    await firefox.allow("*://*.example.test/*")
    const popup = await firefox.openPopup(tab)
    await trust(popup)
    await press(popup, "Save session")
    await expectStatus(popup, /^Saved/)
    const dashboard = await firefox.openPage("dashboard")
    await expectText(dashboard, "Tell me when a handoff is used")
    // By the keyboard: the page may move while it is filled.
    const tell = async () => {
      await (await dashboard.waitForSelector("input[role=switch]:enabled"))?.focus()
      await dashboard.keyboard.press(" ")
    }
    await tell()
    await firefox.answerPermission("refuse")
    await expectText(dashboard, "The browser was not allowed to show notifications.")
    await tell()
    await firefox.answerPermission("allow")
    await expect.poll(() => dashboard.$eval("input[role=switch]", (one) => one.checked)).toBe(true)

    await expectText(popup, "Hand off")
    await press(popup, "Hand off")
    const page = await firefox.findPage("dashboard.html#hand-off")
    await expectText(page, "Hand off example.test")
    await page.locator("textarea").fill(card)
    await press(page, "Read the card")
    await expectText(page, words)
    await press(page, "Hand off")
    const granted = async () => (await openComputerVault(firefox)).grants()
    expect(await granted()).toEqual([])
    await page.locator("form.terms .wrapping input[type=checkbox]").click()
    await press(page, "Hand off")
    await expectStatus(page, /^Handed off to/)
    expect(await granted()).toMatchObject([{ card: { text: card }, kinds: "all", saveBack: false, hasEnded: false }])

    // The bot, with exactly these lines.
    const [trusting = "", restore = ""] = await commandsIn(page)
    expect(await bot.run(trusting)).toMatchObject({ code: 0 })
    expect(await bot.run(restore)).toMatchObject({ code: 0 })
    expect(await bot.read("state.json")).toContain("canary-sid")
    expect(`${trusting}${restore}`).not.toContain("canary")

    // Headless Firefox shows none, and says of each that it is closed.
    await dashboard.evaluate(noteClosed)
    await dashboard.evaluate(lastLook, true)
    const later = await firefox.openPage("dashboard")
    await expect.poll(() => dashboard.evaluate(notedAsClosed)).toEqual([expect.stringMatching(/^access:/)])
    await expectText(later, words)
    await xpath(
      later,
      `//button[starts-with(@aria-label, "Revoke") and contains(@aria-label, "at example.test")]`,
    ).click()
    await press(later, "Revoke now")
    await expectText(later, "Nothing is handed off to any bot.")
    const refused = await bot.run(restore)
    expect(refused).toMatchObject({ code: 4 })
    expect(refused.err).toContain("an owner took it back")

    // All of it is in the history.
    await xpath(later, `//section[@aria-labelledby="history-title"]//button[normalize-space()="Show"]`).click()
    await expect.poll(async () => (await rowsIn(later)).length).toBe(6)
    const rows = await rowsIn(later)
    for (const [place, what] of ["refused", "revoked", "restored", "handed off", "saved", "added"].entries()) {
      expect(rows[place]).toContain(what)
    }
    expect(await textOf(later)).not.toContain("canary")
  } finally {
    await bot.stop()
  }
})
