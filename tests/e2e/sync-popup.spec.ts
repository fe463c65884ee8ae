import { randomUUID } from "node:crypto"
import { expect, test, type Page } from "@playwright/test"
import { pidsWithArgument } from "../process-tree.js"
import { hostProgram, startBrowser, type TestBrowser } from "./browser.js"
import { overflowScript, lowContrastScript, placesScript } from "./popup-states.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { openComputerVault, trustComputer } from "./saving.js"
import { startRotatingSite, type RotatingSite } from "./rotating-site.js"
import { grantBot, keepInSync, saveBack, saveOnce, syncedSite, syncSwitch } from "./synced-site.js"

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

const ownToken = async () => (await browser.context.cookies()).find(({ name }) => name === "refresh")?.value ?? null
const placesIn = async (popup: Page) => JSON.parse(await popup.evaluate<string>(placesScript)) as Record<string, string>
const listIn = async (popup: Page, script: string) => JSON.parse(await popup.evaluate<string>(script)) as string[]
const inUse = (page: Page) => page.getByText(/^In use by bot ci-1 until \d/)
const warning = (page: Page) => page.getByText(/one-time tokens.*may log it out, or you/)

/** What came in without the alarm, which would find it within a minute. */
async function stopAlarm(): Promise<void> {
  const worker = browser.context.serviceWorkers()[0] ?? browser.background
  await worker.evaluate(() => chrome.alarms.clear("sync"))
}

async function rotateByBot(bot: Awaited<ReturnType<typeof grantBot>>): Promise<string> {
  const { cookies = [] } = bot.session.snapshot
  const token = cookies.find(({ name }) => name === "refresh")?.value ?? ""
  const next = (await site.refresh(token)) ?? ""
  const rotated = cookies.map((cookie) => (cookie.name === "refresh" ? { ...cookie, value: next } : cookie))
  await saveBack(bot, { ...bot.session.snapshot, cookies: rotated })
  return next
}

test("while a bot uses the session, popup and dashboard say so at once, warn, and move nothing", async () => {
  const { popup } = await keepInSync(browser, site.url("/login"), "save changes")
  const { vault } = await grantBot(browser)
  const before = await placesIn(popup)
  const lease = await vault.lease(syncedSite, { tool: "test" })
  await expect(inUse(popup)).toBeVisible()
  await expect(warning(popup)).toBeVisible()
  expect(await placesIn(popup)).toEqual(before)
  const dashboard = await browser.openPage("dashboard")
  await expect(inUse(dashboard)).toBeVisible()
  await expect(warning(dashboard)).toBeVisible()
  for (const scheme of ["light", "dark"] as const) {
    for (const page of [popup, dashboard]) {
      await page.emulateMedia({ colorScheme: scheme })
      expect(await listIn(page, lowContrastScript)).toEqual([])
      expect(await listIn(page, overflowScript)).toEqual([])
    }
  }
  await lease.release()
  for (const page of [popup, dashboard]) {
    await expect(inUse(page)).toBeHidden()
    await expect(warning(page)).toBeHidden()
  }
  expect(await placesIn(popup)).toEqual(before)
})

test("a session that is not kept in sync says who uses it when the popup opens", async () => {
  const { page } = await saveOnce(browser, site.url("/login"))
  const { vault } = await grantBot(browser)
  await vault.lease(syncedSite, { tool: "test" })
  const popup = await browser.openPopup(page)
  await expect(inUse(popup)).toBeVisible()
  await expect(warning(popup)).toBeVisible()
})

for (const where of ["popup", "dashboard"] as const) {
  test(`while the ${where} is open, what a bot rotates comes in at once`, async () => {
    const { page, popup } = await keepInSync(browser, site.url("/login"), "both ways")
    if (where === "dashboard") {
      await browser.openPage("dashboard")
      await popup.close()
    }
    await stopAlarm()
    const next = await rotateByBot(await grantBot(browser))
    await expect.poll(ownToken).toBe(next)
    await page.goto(site.url("/refresh"))
    await expect(page).toHaveTitle("Logged in")
  })
}

test("the store is watched as long as the popup is open and something is on, and no longer", async () => {
  const mark = randomUUID()
  await browser.registerHost({ script: `exec "${process.execPath}" "${hostProgram}" "$@" "${mark}"` })
  const { page, popup } = await keepInSync(browser, site.url("/login"), "both ways")
  const hosts = () => pidsWithArgument(mark)
  await expect.poll(async () => (await hosts()).length).toBe(1)
  const [pid] = await hosts()
  // It is the same one all the time: nothing is started over and over.
  await rotateByBot(await grantBot(browser))
  await expect(popup.getByText("Rotated 1 token, by bot ci-1.")).toBeVisible()
  await expect.poll(hosts).toEqual([pid])
  await popup.getByRole("switch", { name: "Keep in sync" }).click()
  await expect.poll(hosts).toEqual([])
  await popup.getByRole("switch", { name: "Keep in sync" }).click()
  await expect.poll(async () => (await hosts()).length).toBe(1)
  await popup.close()
  await expect.poll(hosts).toEqual([])
  await browser.openPopup(page)
  await expect.poll(async () => (await hosts()).length).toBe(1)
})

test("the dashboard tells how each synced session is, in one word with its reason", async () => {
  const { page, popup } = await keepInSync(browser, site.url("/login"), "save changes")
  await popup.close()
  const dashboard = await browser.openPage("dashboard")
  const health = dashboard.getByRole("region", { name: "Kept in sync" }).locator("p").first()
  await expect(health).toHaveText(/^Expiring: cookie “refresh” ends in \d+ minutes$/)
  const cookie = { domain: "app.rotating.test", path: "/", httpOnly: true, secure: true, sameSite: "Lax" } as const
  const endIn = (seconds: number) => Math.floor(Date.now() / 1000) + seconds
  await browser.context.addCookies([{ ...cookie, name: "long", value: "1", expires: endIn(20 * 86_400) }])
  await expect(health).toHaveText(/^Fresh: cookie “long” ends in \d+ days$/)
  await browser.context.addCookies([{ ...cookie, name: "short", value: "1", expires: endIn(300) }])
  await expect(health).toHaveText(/^Device-bound: cookie "short": it lives for minutes only/)
  await browser.unregisterHost()
  await page.goto(site.url("/refresh"))
  await expect(health).toHaveText(/^Waiting: sealed/)
  await browser.registerHost()
  await dashboard.evaluate((message) => chrome.runtime.sendMessage(message), {
    type: "syncNow",
    site: syncedSite,
    account: "default",
  })
  await expect(health).toHaveText(/^Device-bound/)
  await browser.context.clearCookies({ name: /long|short/ })
  await page.goto(site.url("/logout"))
  await expect(health).toHaveText("Dead: nothing of the login is left")
  await dashboard.getByRole("button", { name: `Take back the permission for *://*.${syncedSite}/*` }).click()
  await page.goto(site.url("/login"))
  for (const scheme of ["light", "dark"] as const) {
    await dashboard.emulateMedia({ colorScheme: scheme })
    expect(await listIn(dashboard, lowContrastScript)).toEqual([])
  }
  await dashboard.setViewportSize({ width: 320, height: 600 })
  expect(await listIn(dashboard, overflowScript)).toEqual([])
})

/** As somebody opens the vault later, who has all that was sealed. */
const seenIn = async (ms: number) =>
  (await openComputerVault(browser, () => Date.now() + ms)).loadSession(syncedSite).then((session) => session?.snapshot)
const hour = 3_600_000
const itemsOf = (snapshot: Snapshot | undefined) =>
  (snapshot?.tabs ?? []).flatMap(({ sessionStorage }) => sessionStorage.flatMap(({ items }) => items))

test("what the person keeps for an hour only is over after an hour, saved by a click or kept in sync", async () => {
  const page = await browser.context.newPage()
  await page.goto(site.url("/login"))
  await page.evaluate(() => {
    sessionStorage.setItem("step", "one")
    localStorage.setItem("theme", "dark")
  })
  const dashboard = await browser.openPage("dashboard")
  await dashboard.getByRole("combobox", { name: "sessionStorage" }).selectOption("1 hour")
  await dashboard.reload()
  await expect(dashboard.getByRole("combobox", { name: "sessionStorage" })).toHaveValue(String(hour))
  await dashboard.close()
  await browser.allow(`*://*.${syncedSite}/*`)
  const popup = await browser.openPopup(page)
  await expect(popup.getByText("Kept for 1 hour only: sessionStorage.")).toBeVisible()
  // What counts for this site alone goes before.
  await popup.getByText("How long things are kept at this site").click()
  const ofItems = popup.getByRole("combobox", { name: "localStorage" })
  await ofItems.selectOption("1 hour")
  await expect(popup.getByText("Kept for 1 hour only: localStorage and sessionStorage.")).toBeVisible()
  await ofItems.selectOption("as usual: not limited")
  await expect(popup.getByText("Kept for 1 hour only: sessionStorage.")).toBeVisible()
  await trustComputer(popup)
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(popup.getByRole("status")).toHaveText(/^Saved/)
  expect(itemsOf(await seenIn(0))).toEqual([["step", "one"]])
  const later = await seenIn(hour + 60_000)
  expect(itemsOf(later)).toEqual([])
  expect(later?.report.gaps).toContainEqual(expect.objectContaining({ kind: "sessionStorage" }))
  expect(later?.origins?.[0]?.localStorage).toEqual([["theme", "dark"]])

  await syncSwitch(popup).click()
  await expect(popup.getByText(/^In sync/)).toBeVisible()
  await page.evaluate(() => {
    sessionStorage.setItem("step", "two")
    localStorage.setItem("theme", "light")
  })
  await page.goto(site.url("/refresh"))
  await expect.poll(async () => itemsOf(await seenIn(0))).toEqual([["step", "two"]])
  const evenLater = await seenIn(hour + 60_000)
  expect(itemsOf(evenLater)).toEqual([])
  expect(evenLater?.origins?.[0]?.localStorage).toEqual([["theme", "light"]])
})

const account = (popup: Page) => popup.getByLabel("Account", { exact: true })
const savedAs = async (account: string) => {
  const snapshot = await (await openComputerVault(browser)).load(syncedSite, { account })
  const token = snapshot?.cookies?.find(({ name }) => name === "refresh")?.value
  return { token, storage: snapshot?.origins?.[0]?.localStorage }
}
const ownerIn = (page: Page) => page.evaluate(() => localStorage.getItem("owner"))
const logIn = async (page: Page, owner: string): Promise<string | null> => {
  await page.goto(site.url("/login"))
  // Not where loading anew is another login.
  await page.goto(site.url("/"))
  await page.evaluate((owner) => localStorage.setItem("owner", owner), owner)
  return ownToken()
}

test("one browser goes from one saved account to another and back, and nothing of one gets into the other", async () => {
  const page = await browser.context.newPage()
  const first = await logIn(page, "a")
  await browser.allow(`*://*.${syncedSite}/*`)
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(popup.getByRole("status")).toHaveText(/^Saved/)
  const second = await logIn(page, "b")
  await account(popup).fill("work")
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(popup.getByRole("button", { name: "Restore here as work…" })).toBeVisible()
  await syncSwitch(popup).click()
  await expect(popup.getByText(/^In sync/)).toBeVisible()
  // What is kept in sync here is here.
  await expect(popup.getByRole("button", { name: "Restore here as work…" })).toBeHidden()

  const restore = popup.getByRole("button", { name: "Restore here as default…" })
  const places = await placesIn(popup)
  await restore.focus()
  await popup.keyboard.press("Enter")
  const dialog = popup.getByRole("dialog", { name: `Replace what this browser has of ${syncedSite}?` })
  await expect(dialog).toContainText("This cookie goes: refresh.")
  await expect(dialog).toContainText(`Keep in sync ends for “work” of ${syncedSite}, after a last save.`)
  await expect(dialog).toContainText("1 open tab is loaded anew.")
  expect(await listIn(popup, lowContrastScript)).toEqual([])
  expect(await listIn(popup, overflowScript)).toEqual([])
  await popup.keyboard.press("Escape")
  await expect(dialog).toBeHidden()
  await expect(restore).toBeFocused()
  expect(await placesIn(popup)).toEqual(places)
  expect(await ownToken()).toBe(second)

  await page.evaluate(() => localStorage.setItem("draft", "of b"))
  await restore.click()
  await dialog.getByRole("button", { name: "Replace by “default”" }).click()
  await expect(dialog).toContainText(`This browser has “default” now at ${syncedSite}.`)
  await dialog.getByText("What was not replaced, and why").click()
  await expect(dialog).toContainText("databases and private files")
  await dialog.getByRole("button", { name: "Close" }).click()
  expect(await ownToken()).toBe(first)
  await expect(page).toHaveTitle("Logged in")
  await expect.poll(() => ownerIn(page)).toBe("a")
  // The next save is one of the account that is here now, and what was kept in sync of the other was saved before.
  await expect(account(popup)).toHaveValue("default")
  await expect(syncSwitch(popup)).not.toBeChecked()
  expect(await savedAs("work")).toEqual({
    token: second,
    storage: expect.arrayContaining([
      ["owner", "b"],
      ["draft", "of b"],
    ]),
  })
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(popup.getByText(/^saved \d second|^saved now/).first()).toBeVisible()
  expect(await savedAs("default")).toEqual({ token: first, storage: [["owner", "a"]] })

  await popup.getByRole("button", { name: "Restore here as work…" }).click()
  await popup.getByRole("button", { name: "Replace by “work”" }).click()
  await expect(popup.getByText("This browser has “work” now")).toBeVisible()
  expect(await ownToken()).toBe(second)
  await expect.poll(() => ownerIn(page)).toBe("b")
  await page.goto(site.url("/refresh"))
  await expect(page).toHaveTitle("Logged in")
  expect((await savedAs("default")).token).toBe(first)

  await dialog.getByRole("button", { name: "Close" }).click()

  // Not where loading anew takes the token.
  await page.goto(site.url("/"))
  // What a bot renewed comes back at a tick only, and what it planted does not.
  const bot = await grantBot(browser)
  const { cookies = [] } = bot.session.snapshot
  const renewed = (await site.refresh(first ?? "")) ?? ""
  const [refresh] = cookies.map((cookie) => ({ ...cookie, value: renewed }))
  if (refresh === undefined) throw new Error("There is no cookie to renew")
  await saveBack(bot, {
    ...bot.session.snapshot,
    cookies: [refresh, { ...refresh, name: "planted" }],
    origins: (bot.session.snapshot.origins ?? []).map((state) => ({ ...state, localStorage: [["owner", "planted"]] })),
  })
  await restore.click()
  const choice = dialog.getByRole("checkbox", { name: "(bot ci-1)" })
  await expect(choice).toHaveCount(3)
  for (const one of await choice.all()) await expect(one).not.toBeChecked()
  await dialog.getByRole("checkbox", { name: 'cookie "refresh"' }).check()
  expect(await listIn(popup, lowContrastScript)).toEqual([])
  expect(await listIn(popup, overflowScript)).toEqual([])
  await popup.screenshot({ path: test.info().outputPath("restore-choice.png") })
  await dialog.getByRole("button", { name: "Replace by “default”" }).click()
  await dialog.getByText("What was not replaced, and why").click()
  await expect(dialog).toContainText("bot ci-1 wrote it, and you did not tick it")
  expect((await browser.context.cookies()).map(({ name, value }) => [name, value])).toEqual([["refresh", renewed]])
  await expect(page).toHaveTitle("Logged in")
  await expect.poll(() => ownerIn(page)).toBe(null)
})
