import { readdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { expect, test } from "@playwright/test"
import type { Page } from "puppeteer-core"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createCard } from "../../shared/keys.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { createMemory } from "../shared/vault/devices.js"
import { hostProgram, startBrowser, type TestBrowser } from "./browser.js"
import { firefoxPath, noFirefox, startFirefox, type TestFirefox } from "./firefox-browser.js"
import { expectStatus, expectText, press, trust } from "./firefox-tests.js"
import { startRotatingSite, type RotatingSite } from "./rotating-site.js"
import { openComputerVault } from "./saving.js"
import { keepInSync, lookNow, syncStates, valuesHere } from "./sync-steps.js"

const siteName = "rotating.test"
let site: RotatingSite
let chromium: TestBrowser
let firefox: TestFirefox

test.skip(firefoxPath === undefined, noFirefox)
test.setTimeout(120_000)
test.beforeAll(async () => {
  site = await startRotatingSite()
})
test.afterAll(() => site.close())
test.beforeEach(async () => {
  ;[chromium, firefox] = await Promise.all([
    startBrowser(),
    startFirefox({ hasHost: false, hostnames: [`app.${siteName}`] }),
  ])
})
test.afterEach(() => Promise.all([chromium.stop(), firefox.stop()]))

/** The computer beside both browsers owns the vault of the first one, as after `psp trust`. */
async function joinComputer(): Promise<Vault> {
  const joined = await openComputerVault(chromium)
  const [owner] = joined.owners().filter(({ name }) => name !== chromium.computer.name)
  const identity = { ...chromium.computer, vault: joined.id }
  await writeFile(path.join(chromium.home, "card"), `${await createCard(identity)}\n`)
  const store = createFsProvider(path.join(chromium.home, "vault"))
  const vault = await openVault(store, { identity, owner: owner?.text ?? "", memory: createMemory() })
  await vault.refresh()
  return vault
}

/** The second browser trusts the computer, which lets it into the vault. */
async function joinFirefox(popup: Page, computer: Vault): Promise<void> {
  const offers = path.join(chromium.home, "offers")
  const before = await readdir(offers)
  await press(popup, "Trust this computer")
  await expectText(popup, "This computer already owns a vault. Run “psp trust” on it")
  const [offer = ""] = (await readdir(offers)).filter((name) => !before.includes(name))
  await computer.addOwner((await readFile(path.join(offers, offer), "utf8")).trim())
  await expectText(popup, "Trusted")
}

/** By the keyboard: Firefox asks about permissions only while it handles what a person does. */
async function bothWays(popup: Page): Promise<void> {
  const way = await popup.waitForSelector("select[aria-label='Which way']:enabled")
  await way?.focus()
  await popup.keyboard.press("ArrowDown")
}

const accountSwitch = (account: string) =>
  `::-p-xpath(//div[contains(@class, "session")][.//strong[text()="${account}"]]//input[@role="switch"])`

const tokenInChromium = async () => (await valuesHere(chromium))["refresh"]

async function tokenInFirefox(popup: Page, storeId = "firefox-default"): Promise<string | undefined> {
  const asked = JSON.stringify({ domain: siteName, name: "refresh", storeId })
  const found = (await popup.evaluate(`browser.cookies.getAll(${asked})`)) as { value: string }[]
  return found[0]?.value
}

test("a login in Chromium is offered to a Firefox that joins, and from then on what either rotates is in both", async () => {
  const first = await keepInSync(chromium, { url: site.url("/login"), site: siteName, way: "both" })
  const login = await tokenInChromium()
  const computer = await joinComputer()
  const host = `export PSP_HOME="${chromium.home}"\nexec "${process.execPath}" "${hostProgram}" "$@"`
  await firefox.registerHost({ script: host })
  const tab = await firefox.openTab(site.url("/"))
  await firefox.allow(`*://*.${siteName}/*`)
  await joinFirefox(await firefox.openPopup(tab), computer)

  const popup = await firefox.openPopup(tab)
  await expectText(popup, "Keep in sync")
  await popup.locator(`::-p-aria([name="Keep in sync"][role="switch"])`).click()
  await expectText(popup, "In sync")
  await bothWays(popup)
  await expectText(popup, "1 change by others waits for you")
  // A browser that is not logged in says no logout.
  expect((await computer.load(siteName))?.cookies?.map(({ value }) => value)).toEqual([login])
  await popup.locator("details.held summary").click()
  await popup.locator("details.held input[type=checkbox]").click()
  await press(popup, "Take over what is ticked")
  await expect.poll(() => tokenInFirefox(popup)).toBe(login)

  await first.page.goto(site.url("/refresh"))
  await expect(first.page).toHaveTitle("Logged in")
  const rotated = await tokenInChromium()
  expect(rotated).not.toBe(login)
  const saved = async () => (await computer.load(siteName))?.cookies?.map(({ value }) => value)
  await expect.poll(saved).toEqual([rotated])
  await lookNow(popup, siteName)
  await expect.poll(() => tokenInFirefox(popup)).toBe(rotated)

  await tab.goto(site.url("/refresh"))
  expect(await tab.title()).toBe("Logged in")
  const again = await tokenInFirefox(popup)
  expect(again).not.toBe(rotated)
  await expect.poll(saved).toEqual([again])
  await lookNow(first.popup, siteName)
  await expect.poll(tokenInChromium).toBe(again)
  await first.page.goto(site.url("/refresh"))
  await expect(first.page).toHaveTitle("Logged in")
})

test("two accounts in two containers are kept in sync side by side, and neither sees anything of the other", async () => {
  await firefox.registerHost()
  await firefox.allow(`*://*.${siteName}/*`)
  const logins = []
  for (const [account, container] of [["Personal", 1] as const, ["Work", 2] as const]) {
    const tab = await firefox.openTab(site.url("/login"), { container })
    const popup = await firefox.openPopup(tab)
    if (container === 1) await trust(popup)
    await press(popup, "Save session")
    await expectStatus(popup, /^Saved/)
    await popup.locator(accountSwitch(account)).click()
    await expect
      .poll(async () => (await syncStates(popup)).find((one) => one.account === account)?.syncedAt)
      .toBeTruthy()
    logins.push({ account, tab, popup, storeId: `firefox-container-${container}` })
  }
  const [personal, work] = logins
  if (personal === undefined || work === undefined) throw new Error("There are no two accounts")
  const savedOf = async (account: string) => {
    const vault = await openComputerVault(firefox)
    const session = await vault.loadSession(siteName, { account })
    const found = session?.snapshot.cookies?.map(({ value }) => value)
    return { found, all: JSON.stringify([...(session?.state().fields ?? [])]) }
  }
  const before = await tokenInFirefox(work.popup, work.storeId)

  await personal.tab.goto(site.url("/refresh"))
  const rotated = (await tokenInFirefox(personal.popup, personal.storeId)) ?? ""
  await expect.poll(async () => (await savedOf("Personal")).found).toEqual([rotated])
  await lookNow(work.popup, siteName, "Work")
  expect((await savedOf("Work")).found).toEqual([before])
  expect(await tokenInFirefox(work.popup, work.storeId)).toBe(before)

  await work.tab.goto(site.url("/logout"))
  await expect.poll(async () => (await savedOf("Work")).found).toEqual([])
  await lookNow(personal.popup, siteName, "Personal")
  expect((await savedOf("Personal")).found).toEqual([rotated])
  await personal.tab.goto(site.url("/refresh"))
  expect(await personal.tab.title()).toBe("Logged in")
  const [loginOfPersonal = "", loginOfWork = ""] = [rotated, before].map((token) => token?.split(".")[0])
  expect((await savedOf("Personal")).all).not.toContain(loginOfWork)
  expect((await savedOf("Work")).all).not.toContain(loginOfPersonal)
})
