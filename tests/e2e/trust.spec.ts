import { readdir, readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { expect, test, type Page } from "@playwright/test"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import { openVault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { startBrowser, type TestBrowser } from "./browser.js"
import { startCaptureSite, type CaptureSite } from "./capture-site.js"

let site: CaptureSite
let browser: TestBrowser

test.beforeAll(async () => {
  site = await startCaptureSite()
})
test.afterAll(async () => {
  await site.close()
})
test.afterEach(async () => {
  await browser.stop()
})

const save = (page: Page) => page.getByRole("button", { name: "Save session" })
const status = (page: Page) => page.getByRole("status")

test("a computer that owns sessions already lets the browser in, and the open popup notices by itself", async () => {
  browser = await startBrowser()
  const computer = await createIdentity("old desk")
  await writeFile(path.join(browser.home, "card"), `${await createCard(computer)}\n`)
  const store = createFsProvider(path.join(browser.home, "vault"))
  let remembered: string | null = null
  const memory = {
    read: async () => remembered,
    write: async (text: string) => {
      remembered = text
    },
  }
  const vault = await openVault(store, { identity: computer, memory })
  await vault.save(exampleSnapshot("old.example"))

  const page = await browser.context.newPage()
  await page.goto(site.url("app.example.test"))
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await popup.getByRole("button", { name: "Trust this computer" }).click()
  await expect(popup.getByText("This computer already owns a vault. Run “psp trust” on it")).toBeVisible()
  // Saving works meanwhile, into the vault that only this browser owns.
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved example\.test/)

  const [offer = ""] = await readdir(path.join(browser.home, "offers"))
  await vault.addOwner((await readFile(path.join(browser.home, "offers", offer), "utf8")).trim())
  await expect(popup.getByText("Trusted")).toBeVisible({ timeout: 15_000 })
  const seen = await openVault(store, { identity: computer, memory })
  expect((await seen.list()).map((entry) => entry.site)).toEqual(["example.test", "old.example"])

  await save(popup).click()
  // The old session was sealed a second time, to its new owner.
  await expect.poll(async () => (await seen.list()).map(({ objects }) => objects)).toEqual([2, 2])
  const dashboard = await browser.openPage("dashboard")
  await expect(dashboard.getByRole("cell", { name: "old.example" })).toBeVisible()
})
