import { readFile } from "node:fs/promises"
import path from "node:path"
import { expect, test, type Page } from "@playwright/test"
import { startBot, type Bot } from "./a-bot.js"
import { startBrowser, type TestBrowser } from "./browser.js"
import { startCaptureSite, type CaptureSite } from "./capture-site.js"
import { lowContrastScript, overflowScript } from "./popup-states.js"
import { openTrusting, saveButton, statusOf } from "./saved-session.js"
import { openComputerVault } from "./saving.js"
import { lastLook, shownNotices } from "./told.js"

let site: CaptureSite
let browser: TestBrowser
const bots: Bot[] = []

// Each goes on where the one before it ends.
test.describe.configure({ mode: "serial" })

test.beforeAll(async () => {
  site = await startCaptureSite()
  browser = await startBrowser({ allowed: ["notifications"] })
})
test.afterAll(async () => {
  await browser.stop()
  await site.close()
  for (const bot of bots) await bot.stop()
})

async function bot(name: string): Promise<Bot> {
  const started = await startBot(name)
  bots.push(started)
  return started
}

const commandsIn = (page: Page) => page.locator(".command pre").allTextContents()
const handOffButton = (page: Page) => page.getByRole("button", { name: "Hand off", exact: true })
const listIn = async (page: Page, script: string) => JSON.parse(await page.evaluate<string>(script)) as string[]
const granted = async () => (await openComputerVault(browser)).grants()

/** The page that the popup's button opens. */
async function openHandOff(popup: Page): Promise<Page> {
  const opening = browser.context.waitForEvent("page")
  await handOffButton(popup).click()
  const page = await opening
  await expect(page.getByRole("heading", { name: "Hand off example.test" })).toBeVisible()
  return page
}

async function paste(page: Page, card: string): Promise<void> {
  await expect(page.getByRole("group", { name: "To whom" })).toBeVisible()
  const isChosen = (await page.getByRole("radio", { name: "A new bot" }).count()) > 0
  if (isChosen) await page.getByRole("radio", { name: "A new bot" }).check()
  await page.getByLabel("The bot’s card").fill(card)
  await page.getByRole("button", { name: "Read the card" }).click()
}

async function looksRight(page: Page, name: string): Promise<void> {
  for (const [scheme, width] of [
    ["light", 900],
    ["dark", 360],
  ] as const) {
    await page.emulateMedia({ colorScheme: scheme })
    await page.setViewportSize({ width, height: 900 })
    await page.screenshot({ path: `test-results/hand-off-${name}-${scheme}.png`, fullPage: true })
    expect(await listIn(page, overflowScript), `${name}, ${scheme}`).toEqual([])
    expect(await listIn(page, lowContrastScript), `${name}, ${scheme}`).toEqual([])
  }
}

/** Every message that the extension's pages have, and some that would add a recipient if there were such. */
async function askFromPages(page: Page, card: string): Promise<unknown[]> {
  const tab = await browser.tabIdOf(page)
  const worker = browser.context.serviceWorkers()[0] ?? browser.background
  return worker.evaluate(
    async ([tabId, text]) => {
      const run = await chrome.scripting.executeScript({
        target: { tabId },
        args: [text],
        func: async (given: string) => {
          const session = { site: "example.test", account: "default" }
          const types = [
            "trust",
            "sessions",
            "forget",
            "setStore",
            "sync",
            "save",
            "handOff",
            "grant",
            "revoke",
            "addOwner",
          ]
          const answers: unknown[] = []
          for (const type of types) {
            const ask = {
              ...session,
              type,
              card: given,
              fingerprint: given,
              kinds: "all",
              expiresAt: null,
              mode: "save",
            }
            answers.push((await chrome.runtime.sendMessage(ask).catch(() => null)) ?? null)
          }
          return answers
        },
      })
      return run[0]?.result ?? []
    },
    [tab, card] as const,
  )
}

test("a session goes to a bot by the words of its card, is used and revoked; nobody but the person adds a bot", async () => {
  test.slow()
  const page = await browser.context.newPage()
  await page.goto(site.url("app.example.test"))
  const ci = await bot("ci-1")
  const { card, words } = await ci.card()
  const popup = await openTrusting(browser, page)
  await expect(handOffButton(popup)).toBeHidden()
  await saveButton(popup).click()
  await expect(statusOf(popup)).toHaveText(/^Saved/)
  await looksRight(popup, "popup")
  const handOff = await openHandOff(popup)

  // A bad card is told plainly, and leads to no second step.
  const own = (await openComputerVault(browser)).card.text
  for (const [bad, says] of [
    [card.slice(0, -7), "No card was taken: Cannot read card: it is damaged or cut off"],
    ["hello", "No card was taken: Cannot read card: expected a text that starts with psp1"],
  ] as const) {
    await paste(handOff, bad)
    await expect(handOff.getByText(says)).toBeVisible()
  }
  await paste(handOff, own)
  await expect(handOff.getByText("This is one of your own devices.")).toBeVisible()
  await expect(handOffButton(handOff)).toBeHidden()

  // As a terminal breaks the line of a card.
  await paste(handOff, `${card.slice(0, 80)}\n${card.slice(80)}\n`)
  await expect(handOff.getByLabel("Fingerprint")).toHaveText(words)
  await expect(
    handOff.getByText(
      /“\u2068ci-1\u2069” will be able to act as you at example\.test, with what is saved now and later, until .+\./,
    ),
  ).toBeVisible()
  await handOffButton(handOff).click({ force: true })
  expect(await granted()).toEqual([])
  await looksRight(handOff, "terms")
  await handOff.getByRole("checkbox", { name: "These are the words" }).check()
  await handOffButton(handOff).click()
  await expect(handOff.getByRole("status")).toHaveText(/^Handed off to/)
  expect(await granted()).toMatchObject([{ card: { text: card }, kinds: "all", saveBack: false, hasEnded: false }])
  await handOff.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("refused", "NotAllowedError"))
  })
  await handOff.getByRole("button", { name: /^Copy: psp restore/ }).click()
  await expect(handOff.getByRole("alert")).toHaveText(/The browser did not let it be copied/)
  const [trust = "", restore = ""] = await commandsIn(handOff)
  expect(await handOff.evaluate(() => getSelection()?.toString())).toBe(restore)
  await looksRight(handOff, "done")

  // The bot, with exactly these lines.
  expect(await ci.run(trust)).toMatchObject({ code: 0 })
  expect(await ci.run(restore)).toMatchObject({ code: 0 })
  expect(await ci.read("state.json")).toContain("canary-sid")
  expect(`${trust}${restore}`).not.toContain("canary")

  // A page or a content script asks in vain.
  const stranger = await bot("stranger")
  const answers = await askFromPages(page, (await stranger.card()).card)
  expect(answers).toHaveLength(10)
  expect(new Set(answers)).toEqual(new Set([null]))
  expect(await granted()).toHaveLength(1)

  // A name that looks like that of a bot the person knows.
  await handOff.getByRole("button", { name: "Hand off to another bot" }).click()
  const double = await bot("CI-l")
  await paste(handOff, (await double.card()).card)
  await expect(
    handOff.getByText(`Its name looks like “\u2068ci-1\u2069”, which is somebody else, with other words: ${words}.`),
  ).toBeVisible()
  await looksRight(handOff, "look-alike")

  const dashboard = await browser.openPage("dashboard")
  const list = dashboard.getByRole("region", { name: "Handed off" })
  await expect(list.getByText(words)).toBeVisible()
  await expect(list.getByText(/^all kinds · may only read · until /)).toBeVisible()
  await list.getByRole("button", { name: /^Revoke .+ at example\.test/ }).click()
  await looksRight(dashboard, "asking")
  await list.getByRole("button", { name: "Keep it" }).click()
  expect(await granted()).toHaveLength(1)
  await list.getByRole("button", { name: /^Revoke .+ at example\.test/ }).click()
  await list.getByRole("button", { name: "Revoke now" }).click()
  const link = list.getByRole("link", { name: "example.test" })
  await expect(link).toHaveAttribute("href", "https://example.test/")
  await expect(list.getByText("Nothing is handed off to any bot.")).toBeVisible()
  const refused = await ci.run(restore)
  expect(refused).toMatchObject({ code: 4 })
  expect(refused.err).toContain("an owner took it back")

  // All of it is in the history, and in a file.
  const history = dashboard.getByRole("region", { name: "Access history" })
  await history.getByRole("button", { name: "Show" }).click()
  const told = ["refused", "revoked", "restored", "handed off", "saved"]
  await expect(history.locator("tbody tr")).toContainText(told)
  await looksRight(dashboard, "dashboard")
  await history.getByLabel("Who (name or six words)").fill("ci-1")
  const downloading = dashboard.waitForEvent("download")
  await history.getByRole("button", { name: "Export JSON Lines" }).click()
  const lines = (await readFile(await (await downloading).path(), "utf8")).trim().split("\n")
  expect(lines.map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual([
    "granted",
    "restored",
    "revoked",
    "refused",
  ])
  await dashboard.close()
})

test("only the names that were chosen go to a bot", async () => {
  const page = await browser.context.newPage()
  await page.goto(site.url("app.example.test"))
  const popup = await browser.openPopup(page)
  const handOff = await openHandOff(popup)
  const narrow = await bot("narrow")
  await paste(handOff, (await narrow.card()).card)
  await handOff.getByRole("radio", { name: "Chosen names" }).check()
  await handOff.getByRole("checkbox", { name: "These are the words" }).check()
  // None is chosen: nothing can go, and it says so.
  await expect(handOff.getByText("Choose at least one name.")).toBeVisible()
  await handOffButton(handOff).click({ force: true })
  expect(await granted()).toEqual([])
  const cookies = handOff.getByRole("group", { name: "Cookies", exact: true })
  await expect(cookies.getByRole("checkbox")).toHaveCount(3)
  // By the keyboard, as by the mouse.
  await cookies.getByRole("checkbox", { name: "sid" }).focus()
  await handOff.keyboard.press("Space")
  await handOff
    .getByRole("group", { name: "localStorage", exact: true })
    .getByRole("checkbox", { name: "token" })
    .check()
  await expect(handOff.getByText(/^2 of \d+ chosen$/)).toBeVisible()
  await expect(
    handOff.getByText(
      /at example\.test, but of it only cookie “\u2068sid\u2069” and localStorage “\u2068token\u2069”, with/,
    ),
  ).toBeVisible()
  expect(await handOff.content()).not.toContain("canary")
  await looksRight(handOff, "names")
  await handOffButton(handOff).click()
  await expect(handOff.getByRole("status")).toHaveText(/^Handed off to/)
  expect(await granted()).toMatchObject([{ names: ["cookies:sid", "localStorage:token"] }])
  for (const line of await commandsIn(handOff)) expect(await narrow.run(line)).toMatchObject({ code: 0 })
  const text = await narrow.read("state.json")
  const state = JSON.parse(text) as { cookies: { name: string }[]; origins: { localStorage: { name: string }[] }[] }
  expect(state.cookies.map(({ name }) => name)).toEqual(["sid"])
  expect(new Set(state.origins.flatMap(({ localStorage }) => localStorage.map(({ name }) => name)))).toEqual(
    new Set(["token"]),
  )
  expect(text).toContain("canary-sid")
  expect(text).not.toMatch(/canary-wide|canary-deep|canary-length|canary-tab/)
  const dashboard = await browser.openPage("dashboard")
  const list = dashboard.getByRole("region", { name: "Handed off" })
  await expect(
    list.getByText(/^cookie “\u2068sid\u2069” and localStorage “\u2068token\u2069” · may only read/),
  ).toBeVisible()
  await list.getByRole("button", { name: /^Revoke .+ at example\.test/ }).click()
  await list.getByRole("button", { name: "Revoke now" }).click()
  await expect(list.getByText("Nothing is handed off to any bot.")).toBeVisible()
  await dashboard.close()
})

test("a session goes to a bot as a file that holds what was ticked, and ends when it was to", async () => {
  const page = await browser.context.newPage()
  await page.goto(site.url("app.example.test"))
  const popup = await browser.openPopup(page)
  const handOff = await openHandOff(popup)
  const far = await bot("far away")
  const { card } = await far.card()
  await handOff
    .getByLabel("Or a file with the card")
    .setInputFiles({ name: "far.card", mimeType: "text/plain", buffer: Buffer.from(`${card}\n`) })
  await handOff.getByRole("radio", { name: /^Hand off as a file/ }).check()
  await handOff.getByRole("radio", { name: "Cookies only" }).check()
  await handOff.getByRole("checkbox", { name: "These are the words" }).check()
  await looksRight(handOff, "file")
  const downloading = handOff.waitForEvent("download")
  await handOff.getByRole("button", { name: "Make the file" }).click()
  const download = await downloading
  expect(download.suggestedFilename()).toBe("example.test.psp")
  await expect(handOff.getByRole("status")).toHaveText(/is sealed to .+ alone, until /)
  await far.take(await download.path(), "example.test.psp")
  const [trust = "", restore = ""] = await commandsIn(handOff)
  expect(await far.run(trust)).toMatchObject({ code: 0 })
  expect(await far.run(restore)).toMatchObject({ code: 0 })
  const state = JSON.parse(await far.read("state.json")) as {
    cookies: { name: string; expires: number }[]
    origins: unknown[]
  }
  expect(state.cookies.map(({ name }) => name).sort()).toEqual(["deep", "sid", "wide"])
  expect(state.origins).toEqual([])
  // No cookie outlives it, whatever the site said: 8 hours.
  const end = Date.now() / 1000 + 8 * 60 * 60
  for (const { expires } of state.cookies) expect(expires).toBeLessThanOrEqual(end)
  // Nothing of it is in the store: there is no such grant.
  expect(await granted()).toEqual([])
  expect(path.basename(await download.path())).not.toContain("canary")
})

test("who asked to be told is told once of the first use of a handoff, and a click on it opens the history", async () => {
  const dashboard = await browser.openPage("dashboard")
  const tell = dashboard.getByRole("switch", { name: "Tell me when a handoff is used" })
  await expect(tell).toBeEnabled()
  await expect(tell).not.toBeChecked()
  await tell.click()
  await expect(tell).toBeChecked()

  const page = await browser.context.newPage()
  await page.goto(site.url("app.example.test"))
  const handOff = await openHandOff(await browser.openPopup(page))
  const night = await bot("nightly")
  await paste(handOff, (await night.card()).card)
  await handOff.getByRole("checkbox", { name: "These are the words" }).check()
  await handOffButton(handOff).click()
  await expect(handOff.getByRole("status")).toHaveText(/^Handed off to/)
  const [trust = "", restore = ""] = await commandsIn(handOff)
  expect(await night.run(trust)).toMatchObject({ code: 0 })

  /** What is told after a look: opening any page of the extension looks. */
  const looked = async () => {
    const before = await dashboard.evaluate(lastLook, true)
    await dashboard.evaluate(async () => {
      await chrome.runtime.sendMessage({ type: "wake" })
    })
    await expect.poll(() => dashboard.evaluate(lastLook, false)).not.toBe(before)
    return dashboard.evaluate(shownNotices)
  }
  expect(await looked()).toEqual([])
  expect(await night.run(restore)).toMatchObject({ code: 0 })
  await expect.poll(looked).toEqual([expect.stringMatching(/^access:/)])

  // Headless Chromium shows none that could be clicked: this is the browser's event alone.
  const opening = browser.context.waitForEvent("page")
  const worker = browser.context.serviceWorkers()[0] ?? browser.background
  await worker.evaluate(async () => {
    const { getAll, onClicked } = chrome.notifications as unknown as {
      getAll: () => Promise<Record<string, boolean>>
      onClicked: { dispatch: (id: string) => void }
    }
    for (const id of Object.keys(await getAll())) onClicked.dispatch(id)
  })
  const history = await opening
  await expect(history).toHaveURL(/\/dashboard\.html#history$/)
  await expect(history.getByRole("region", { name: "Access history" }).locator("tbody tr").first()).toContainText(
    "nightly",
  )
  await expect.poll(() => dashboard.evaluate(shownNotices)).toEqual([])

  // The second use is none.
  expect(await night.run(restore)).toMatchObject({ code: 0 })
  expect(await looked()).toEqual([])
})
