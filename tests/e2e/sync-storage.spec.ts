import { expect, test, type Page } from "@playwright/test"
import { livesOf } from "../../shared/merge.js"
import { idOf } from "../../shared/merge/fields.js"
import { startBrowser, type TestBrowser } from "./browser.js"
import { openComputerVault } from "./saving.js"
import {
  grantStorageBot,
  itemIn,
  keepStorageInSync,
  lookNow,
  makeDatabase,
  readRecord,
  setItem,
  siteName,
  startStorageSite,
  withItems,
  withRecord,
} from "./storage-sync.js"
import { syncStates } from "./sync-steps.js"

let site: Awaited<ReturnType<typeof startStorageSite>>
let browser: TestBrowser

test.beforeAll(async () => {
  site = await startStorageSite()
})
test.afterAll(() => site.close())
test.beforeEach(async () => {
  browser = await startBrowser()
})
test.afterEach(() => browser.stop())

/** A person whose token and settings lie in localStorage, and a bot that may save back. */
async function withToken() {
  const origin = site.origin()
  const { page, popup } = await keepStorageInSync(browser, origin, async (page) => {
    await setItem(page, "token", "first")
    await setItem(page, "theme", "dark")
  })
  return { origin, page, popup, bot: await grantStorageBot(browser) }
}

const held = (popup: Page) => popup.locator("details.held")
const box = (popup: Page, name: RegExp) => popup.getByRole("checkbox", { name })

async function openHeld(popup: Page): Promise<void> {
  if ((await held(popup).getAttribute("open")) === null) await popup.locator("details.held > summary").click()
}

async function takeOver(popup: Page, ...names: RegExp[]): Promise<void> {
  await openHeld(popup)
  for (const name of names) await box(popup, name).check()
  await popup.getByRole("button", { name: "Take over what is ticked" }).click()
}

/** Who wrote the item that counts in the vault now. */
async function writerOf(origin: string, key: string): Promise<string | undefined> {
  const vault = await openComputerVault(browser)
  const session = await vault.loadSession(siteName)
  const live = session === null ? undefined : livesOf(session.state()).get(keyField(origin, key))
  const cards = [...vault.owners(), ...(await vault.grants()).map(({ card }) => card)]
  return cards.find(({ writerId }) => writerId === live?.writer)?.name
}

const keyField = (origin: string, key: string) => idOf(["localStorage", origin, null, key])

async function ask(popup: Page, message: object): Promise<void> {
  await popup.evaluate((one) => chrome.runtime.sendMessage(one), { site: siteName, account: "default", ...message })
}

test("a key that a bot changed waits by name, enters at a tick, and from then on by itself", async () => {
  const { origin, page, popup, bot } = await withToken()
  await bot.save(withItems(origin, { token: "second" }))
  await lookNow(popup)
  await openHeld(popup)
  const line = box(popup, /key "token", .*storage\.test.*waits for you \(bot ci-1\)\. From then on/)
  await expect(line).toBeVisible()
  expect(await itemIn(page, "token")).toBe("first")
  await takeOver(popup, /key "token"/)
  await expect.poll(() => itemIn(page, "token")).toBe("second")
  await expect(popup.getByText("Took over 1 change, by bot ci-1.")).toBeVisible()
  await expect(held(popup)).toHaveCount(0)
  await lookNow(popup)
  // Nothing echoes: it is still the bot's word, and not this browser's.
  expect(await writerOf(origin, "token")).toBe("ci-1")
  await bot.save(withItems(origin, { token: "third", theme: "by the bot" }))
  await lookNow(popup)
  await expect.poll(() => itemIn(page, "token")).toBe("third")
  expect(await itemIn(page, "theme")).toBe("dark")
  await expect(held(popup)).toContainText("theme")
  await expect(held(popup)).not.toContainText("token")
})

test("names that look like code are text, and nothing enters another origin or site", async () => {
  const { origin, page, popup, bot } = await withToken()
  const other = site.origin("elsewhere")
  const code = "<img src=x onerror=document.title='run'>"
  await bot.save((origins) =>
    [
      withItems(origin, { [code]: code }),
      withItems(other, { planted: code }),
      withItems("http://evil.test", { planted: code }),
    ].reduce((changed, change) => change(changed), origins),
  )
  await lookNow(popup)
  await openHeld(popup)
  await expect(popup.getByText(`key ${JSON.stringify(code)}`)).toBeVisible()
  await expect(popup.getByText(/evil\.test: it is not of the session's sites/)).toBeVisible()
  await expect(popup.locator("img[src=x]")).toHaveCount(0)
  expect(await popup.title()).not.toBe("run")
  await takeOver(popup, /elsewhere/)
  await expect(popup.getByText(/"planted", .*waits for the next visit of elsewhere/)).toBeVisible()
  expect(await itemIn(page, "planted")).toBe(null)
  expect(await itemIn(page, code)).toBe(null)
})

test("what the page wrote since is newer than what a bot wrote, and stays", async () => {
  const { origin, page, popup, bot } = await withToken()
  await bot.save(withItems(origin, { token: "second" }))
  await lookNow(popup)
  await setItem(page, "token", "the person's")
  const [{ held } = { held: [] }] = await syncStates(popup)
  await ask(popup, { type: "takeIn", ticks: held.filter(({ id }) => id === keyField(origin, "token")) })
  expect(await itemIn(page, "token")).toBe("the person's")
  await lookNow(popup)
  await expect.poll(async () => new Map(await bot.items(origin)).get("token")).toBe("the person's")
  expect(await itemIn(page, "token")).toBe("the person's")
})

test("without an open page a ticked key waits for the visit, and the page is loaded anew when the person says so", async () => {
  const { origin, page, popup, bot } = await withToken()
  await page.goto("about:blank")
  await bot.save(withItems(origin, { token: "second" }))
  await lookNow(popup)
  await takeOver(popup, /key "token"/)
  await expect(popup.getByText(/"token", .*waits for the next visit of app\.storage\.test/)).toBeVisible()
  await page.goto(origin)
  await expect(page).toHaveTitle("loaded with first")
  await expect.poll(() => itemIn(page, "token")).toBe("second")
  await expect(popup.getByText(/Reload the page to use it: app\.storage\.test/)).toBeVisible()
  // Another address is not another document.
  await page.evaluate(() => history.pushState(null, "", "/inside"))
  await popup.getByRole("button", { name: "Reload", exact: true }).click()
  await expect(page).toHaveTitle("loaded with second")
  await expect(popup.getByText(/Reload the page/)).toHaveCount(0)
})

test("what a page in view writes into its localStorage is saved without any event that the browser tells of", async () => {
  const { origin, page, bot } = await withToken()
  await page.evaluate(() => localStorage.setItem("token", "silent"))
  await expect.poll(() => bot.items(origin), { timeout: 40_000 }).toContainEqual(["token", "silent"])
})

test("a page's last word before it is closed is saved, though nobody can ask it any more, and silence is kept once it is off", async () => {
  const { origin, page, popup, bot } = await withToken()
  const closeWith = async (closing: Page, word: string) => {
    await closing.evaluate((last) => {
      // Not the person's closing, and no news.
      dispatchEvent(new Event("pagehide"))
      addEventListener("pagehide", () => {
        localStorage.setItem("token", last)
        localStorage.removeItem("theme")
      })
    }, word)
    const tabId = await browser.tabIdOf(closing)
    await Promise.all([closing.waitForEvent("close"), popup.evaluate((id) => chrome.tabs.remove(id), tabId)])
  }
  await closeWith(page, "last")
  await expect.poll(() => bot.items(origin)).toEqual([["token", "last"]])
  const again = await browser.context.newPage()
  await again.goto(origin)
  expect(await again.title()).toBe("loaded with last")
  await ask(popup, { type: "sync", mode: "off", scope: (await syncStates(popup))[0]?.scope })
  await setItem(again, "token", "unheard")
  const tabId = await browser.tabIdOf(again)
  const isTelling = () =>
    browser.background.evaluate(async (id) => {
      const func = () => typeof (globalThis as { pspTellsLeaving?: true }).pspTellsLeaving
      return (await chrome.scripting.executeScript({ target: { tabId: id }, func }))[0]?.result
    }, tabId)
  expect(await isTelling()).toBe("boolean")
  // It tells once more that its storage changed, and is told that nobody listens.
  await expect.poll(isTelling, { timeout: 40_000 }).toBe("undefined")
  await closeWith(again, "unheard")
  await lookNow(popup)
  expect(await bot.items(origin)).toEqual([["token", "last"]])
})

test("a bot's deletion of a key waits for a tick, and can be undone", async () => {
  const { origin, page, popup, bot } = await withToken()
  await bot.save(withItems(origin, { token: null }))
  await lookNow(popup)
  expect(await itemIn(page, "token")).toBe("first")
  await takeOver(popup, /key "token".*a bot's deletion waits/)
  await expect.poll(() => itemIn(page, "token")).toBe(null)
  expect(await itemIn(page, "theme")).toBe("dark")
  await popup.getByRole("button", { name: "Undo" }).click()
  await expect(popup.getByText("1 change is as it was before")).toBeVisible()
  expect(await itemIn(page, "token")).toBe("first")
  await expect.poll(async () => new Map(await bot.items(origin)).get("token")).toBe("first")
  await expect(popup.getByRole("button", { name: "Undo" })).toHaveCount(0)
})

test("what only works together enters together: MSAL's items and the cookie that opens them", async () => {
  const origin = site.origin()
  const { page, popup } = await keepStorageInSync(browser, origin, async (page) => {
    await setItem(page, "msal.1.token", "first")
    await page.evaluate(() => (document.cookie = "msal.cache.encryption=key-1; Max-Age=3600"))
  })
  const bot = await grantStorageBot(browser)
  await bot.save(withItems(origin, { "msal.1.token": "second", "msal.1.account": "ada" }), (cookies) =>
    cookies.map((one) => (one.name === "msal.cache.encryption" ? { ...one, value: "key-2" } : one)),
  )
  await lookNow(popup)
  expect(await itemIn(page, "msal.1.token")).toBe("first")
  await takeOver(popup, /group "msal"/)
  await expect.poll(() => itemIn(page, "msal.1.token")).toBe("second")
  expect(await itemIn(page, "msal.1.account")).toBe("ada")
  expect(await page.evaluate(() => document.cookie)).toContain("msal.cache.encryption=key-2")
  await lookNow(popup)
  await expect(held(popup)).toHaveCount(0)
})

test("a record enters the store that is there, and makes neither database nor store", async () => {
  const origin = site.origin()
  const { page, popup } = await keepStorageInSync(browser, origin, (page) => page.evaluate(makeDatabase))
  const bot = await grantStorageBot(browser)
  await bot.save(withRecord)
  await lookNow(popup)
  expect(await page.evaluate(readRecord)).toBe("first")
  await openHeld(popup)
  await expect(popup.getByText(/database "planted".*the schema of a database is the site's to change/)).toBeVisible()
  await expect(box(popup, /a record of store "tokens"/)).toHaveCount(2)
  for (const one of await box(popup, /a record of store "tokens"/).all()) await one.check()
  await popup.getByRole("button", { name: "Take over what is ticked" }).click()
  await expect.poll(() => page.evaluate(readRecord)).toBe("second")
  await expect(popup.getByText(/its database is not here, and none is made/)).toBeVisible()
  expect(await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name))).toEqual(["app"])
})

test("of a rotated token the popup says that the old one is dead, and offers no way back", async () => {
  const { popup, bot } = await withToken()
  await bot.save(
    (origins) => origins,
    (cookies) => cookies.map((one) => (one.name === "visitor" ? { ...one, value: "2" } : one)),
  )
  await lookNow(popup)
  await expect(
    popup.getByText("Rotated 1 token, by bot ci-1. The old one is dead: there is no way back."),
  ).toBeVisible()
  await expect(popup.getByRole("button", { name: "Undo" })).toHaveCount(0)
})
