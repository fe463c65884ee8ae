import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { bech32 } from "@scure/base"
import { expect as playwrightExpect, test, type Page } from "@playwright/test"
import { startBrowser, type TestBrowser } from "./browser.js"
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

/** The identity's line as it is kept before there is a lock. */
function keptIdentity(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const opened = await new Promise<IDBDatabase>((resolve) => {
      const asking = indexedDB.open("persistent-sessions")
      asking.onsuccess = () => resolve(asking.result)
    })
    const kept = await new Promise<Blob>((resolve) => {
      const asking = opened.transaction("secrets").objectStore("secrets").get("identity") as IDBRequest<Blob>
      asking.onsuccess = () => resolve(asking.result)
    })
    opened.close()
    return kept.text()
  })
}

/** Every form in which the secret that opens could lie on a disk. */
function canariesOf(line: string): Buffer[] {
  const { words } = bech32.decode(line.toLowerCase() as `${string}1${string}`, false)
  const secret = bech32.fromWords(words).slice(49, 81)
  const age = bech32.encode("age-secret-key-", bech32.toWords(secret), false).toUpperCase()
  const texts = [line, age, Buffer.from(secret).toString("base64"), Buffer.from(secret).toString("hex"), passphrase]
  return [Buffer.from(secret), ...texts.flatMap((text) => [Buffer.from(text), Buffer.from(text, "utf16le")])]
}

/** Files of the profile that hold one of these. */
async function filesWith(canaries: Buffer[]): Promise<string[]> {
  const profile = path.join(browser.home, "..", "profile")
  const entries = await readdir(profile, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const entry of entries.filter((one) => one.isFile())) {
    const file = path.join(entry.parentPath, entry.name)
    // Some come and go while the browser runs.
    const bytes = await readFile(file).catch(() => Buffer.alloc(0))
    if (canaries.some((canary) => bytes.includes(canary))) found.push(path.relative(profile, file))
  }
  return found
}

async function typePassphrase(page: Page, text: string): Promise<void> {
  await page.getByLabel("Passphrase", { exact: true }).fill(text)
  await page.getByRole("button", { name: "Unlock" }).click()
}

test("a locked browser goes on saving, shows and takes over nothing, and holds on its disk nothing that opens", async () => {
  test.setTimeout(240_000)
  const { page, popup } = await keepInSync(browser, { url: site.url("/login"), site: name, way: "both" })
  const dashboard = await browser.openPage("dashboard")
  const canaries = canariesOf(await keptIdentity(dashboard))
  // The scan finds what is there.
  await expect.poll(() => filesWith(canaries)).not.toEqual([])

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
  await expect.poll(() => filesWith(canaries), { timeout: 90_000 }).toEqual([])
  await browser.context.close()
  expect(await filesWith(canaries)).toEqual([])
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
  expect(await filesWith(canaries)).toEqual([])
  const settings = await browser.openPage("dashboard")
  await settings.getByRole("button", { name: "Take the passphrase away" }).click()
  await expect(settings.getByText("There is no passphrase any more.")).toBeVisible()
  expect(canariesOf(await keptIdentity(settings))).toEqual(canaries)
})
