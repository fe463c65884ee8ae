import { readdir, readFile, stat } from "node:fs/promises"
import path from "node:path"
import { expect, test, type Page } from "@playwright/test"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import type { Cookie, Snapshot } from "../../shared/snapshot.js"
import { openVault, type LoadedSession, type Vault } from "../../shared/vault.js"
import { startBrowser, type TestBrowser } from "./browser.js"
import { startRotatingSite, type RotatingSite } from "./rotating-site.js"
import { openComputerVault, trustComputer } from "./saving.js"

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

const status = (popup: Page) => popup.getByRole("status")
const syncSwitch = (popup: Page) => popup.getByRole("switch", { name: "Keep in sync" })

/** A person who is logged in, saved once, and switched sync on. */
async function keepInSync(
  way: "save changes" | "both ways",
  { name = siteName, isFirst = true } = {},
): Promise<{ page: Page; popup: Page }> {
  const page = await browser.context.newPage()
  await page.goto(site.url("/login").replace(siteName, name))
  await browser.allow(`*://*.${name}/*`)
  const popup = await browser.openPopup(page)
  if (isFirst) await trustComputer(popup)
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  await syncSwitch(popup).click()
  await expect(popup.getByText(/^In sync/)).toBeVisible()
  if (way === "both ways") {
    await popup.getByRole("combobox", { name: "Which way" }).selectOption("both")
    await expect(popup.getByRole("combobox", { name: "Which way" })).toHaveValue("both")
  }
  return { page, popup }
}

const tokenIn = (snapshot: Snapshot | null) => snapshot?.cookies?.find(({ name }) => name === "refresh")?.value ?? null
const savedToken = async () => tokenIn(await (await openComputerVault(browser)).load(siteName))
const ownToken = async () =>
  (await browser.context.cookies(site.url("/"))).find(({ name }) => name === "refresh")?.value ?? null

/** A bot on another machine that may save back. */
async function grantBot(): Promise<{ vault: Vault; session: LoadedSession; token: string }> {
  const owner = await openComputerVault(browser)
  const identity = await createIdentity("ci-1")
  await owner.grant(await createCard(identity), { site: siteName, saveBack: true })
  const vault = await openVault(createFsProvider(path.join(browser.home, "vault")), {
    identity,
    owner: owner.card.text,
  })
  const session = await vault.loadSession(siteName)
  if (session === null) throw new Error("The bot opens nothing")
  return { vault, session, token: tokenIn(session.snapshot) ?? "" }
}

async function saveBack(
  { vault, session }: { vault: Vault; session: LoadedSession },
  change: (cookies: Cookie[]) => Cookie[],
) {
  const snapshot = { ...session.snapshot, cookies: change(session.snapshot.cookies ?? []) }
  const { prepared } = await vault.prepareChanges(snapshot, session.since())
  if (prepared === null) throw new Error("Nothing changed")
  await vault.commit(prepared)
}

const withToken = (token: string | null) => (cookies: Cookie[]) =>
  cookies.map((cookie) => (cookie.name === "refresh" ? { ...cookie, value: token ?? "" } : cookie))

/** As the alarm does it every minute. */
async function lookNow(popup: Page): Promise<void> {
  await popup.evaluate((message) => chrome.runtime.sendMessage(message), {
    type: "syncNow",
    site: siteName,
    account: "default",
  })
}

async function sizes(): Promise<number[]> {
  const folder = path.join(browser.home, "vault")
  const names = await readdir(folder, { recursive: true })
  const own = names.filter((name) => name.includes("/sessions/") && name.endsWith(".psp"))
  return Promise.all(own.map(async (name) => (await stat(path.join(folder, name))).size))
}

test("what changes at the site is saved as a small object, also after a restart, and no longer once it is off", async () => {
  const { page } = await keepInSync("save changes")
  const before = await ownToken()
  await page.goto(site.url("/refresh"))
  const rotated = await ownToken()
  expect(rotated).not.toBe(before)
  await expect.poll(savedToken).toBe(rotated)
  expect(Math.min(...(await sizes()))).toBeLessThan(4096)
  await browser.context.close()
  await browser.restart()
  const again = await browser.context.newPage()
  await again.goto(site.url("/refresh"))
  const afterRestart = await ownToken()
  expect(afterRestart).not.toBe(rotated)
  await expect.poll(savedToken).toBe(afterRestart)
  const second = await browser.openPopup(again)
  await syncSwitch(second).click()
  await expect(syncSwitch(second)).not.toBeChecked()
  await again.goto(site.url("/refresh"))
  await lookNow(second)
  expect(await savedToken()).toBe(afterRestart)
  expect(await ownToken()).not.toBe(afterRestart)
})

test("a logout is saved as one, and the next login too", async () => {
  const { page } = await keepInSync("save changes")
  await page.goto(site.url("/logout"))
  await expect.poll(savedToken).toBe(null)
  await page.goto(site.url("/login"))
  await expect.poll(savedToken).toBe(await ownToken())
})

test("switched on after a bot rotated the token, it takes the bot's, and does not save its own dead one", async () => {
  const page = await browser.context.newPage()
  await page.goto(site.url("/login"))
  await browser.allow(`*://*.${siteName}/*`)
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  const bot = await grantBot()
  const next = (await site.refresh(bot.token)) ?? ""
  await saveBack(bot, withToken(next))
  await syncSwitch(popup).click()
  await expect(popup.getByText(/^In sync/)).toBeVisible()
  expect(await savedToken()).toBe(next)
  expect(await ownToken()).not.toBe(next)
  await popup.getByRole("combobox", { name: "Which way" }).selectOption("both")
  await expect.poll(ownToken).toBe(next)
  await page.goto(site.url("/refresh"))
  await expect(page).toHaveTitle("Logged in")
})

test("a token that the bot rotates comes back, and the person stays logged in", async () => {
  const { page, popup } = await keepInSync("both ways")
  const bot = await grantBot()
  const next = (await site.refresh((await site.refresh(bot.token)) ?? "")) ?? ""
  await saveBack(bot, withToken(next))
  await lookNow(popup)
  await expect.poll(ownToken).toBe(next)
  await expect(popup.getByText("Rotated 1 token, by bot ci-1.")).toBeVisible()
  await page.goto(site.url("/refresh"))
  await expect(page).toHaveTitle("Logged in")
  // What the person's own visit rotated is there for the bot in turn.
  await expect.poll(async () => tokenIn(await bot.vault.load(siteName))).toBe(await ownToken())
})

test("the alarm asks once for all sites, and what a bot rotated comes in without a page", async () => {
  const starts = path.join(browser.home, "starts")
  await browser.registerHost({ script: `echo >> "${starts}"\nexec "${process.execPath}" "$PSP_REAL" "$@"` })
  const { page } = await keepInSync("both ways")
  const { page: other } = await keepInSync("both ways", { name: "second.test", isFirst: false })
  const bot = await grantBot()
  const { background, context } = browser
  // Pages of the extension ask of their own while they are open.
  const isOwn = (open: Page) => open.url().startsWith("chrome-extension:")
  for (const open of [page, other, ...context.pages().filter(isOwn)]) await open.close()
  const started = async () => (await readFile(starts, "utf8")).length
  const ring = async () => {
    const before = await started()
    await background.evaluate(() => chrome.alarms.create("sync", { when: Date.now() }))
    await expect.poll(started).toBeGreaterThan(before)
  }
  // The first one looks at both, and so may what is left of the pages.
  await ring()
  const next = (await site.refresh(bot.token)) ?? ""
  await saveBack(bot, withToken(next))
  await ring()
  await expect.poll(ownToken).toBe(next)
  const before = await started()
  for (let rings = 0; rings < 10; rings++) await ring()
  expect((await started()) - before).toBeLessThan(15)
})

test("without the way back the same bot logs the person out", async () => {
  const { page, popup } = await keepInSync("save changes")
  const bot = await grantBot()
  await saveBack(bot, withToken(await site.refresh(bot.token)))
  await lookNow(popup)
  await page.goto(site.url("/refresh"))
  await expect(page).toHaveTitle("Logged out")
})

test("what a bot plants waits for the person's tick, by name", async () => {
  const { popup } = await keepInSync("both ways")
  const bot = await grantBot()
  const planted = (cookies: Cookie[]) =>
    cookies.flatMap((cookie) => [
      { ...cookie, value: "of-the-bots-own-login", httpOnly: false },
      { ...cookie, name: "planted", value: "by-the-bot", domain: siteName, hostOnly: false },
    ])
  const before = await ownToken()
  await saveBack(bot, planted)
  await lookNow(popup)
  await popup.getByText("2 changes by others wait for you").click()
  expect(await ownToken()).toBe(before)
  await expect(popup.getByText(/cookie "refresh".*its flags are others \(bot ci-1\)/)).toBeVisible()
  await popup.getByRole("checkbox", { name: /cookie "planted".*did not have it \(bot ci-1\)/ }).check()
  await popup.getByRole("button", { name: "Take over what is ticked" }).click()
  await expect
    .poll(async () => (await browser.context.cookies()).find(({ name }) => name === "planted")?.value)
    .toBe("by-the-bot")
  expect(await ownToken()).toBe(before)
})
