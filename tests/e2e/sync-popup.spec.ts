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
  await expect(popup.getByText("Rotated 1 token, by ci-1.")).toBeVisible()
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
