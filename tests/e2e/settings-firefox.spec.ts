import { readFile } from "node:fs/promises"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { expect, test } from "@playwright/test"
import type { Page } from "puppeteer-core"
import { startCaptureSite, type CaptureSite } from "./capture-site.js"
import { firefoxPath, noFirefox, startFirefox, type TestFirefox } from "./firefox-browser.js"

let site: CaptureSite
let firefox: TestFirefox

test.skip(firefoxPath === undefined, noFirefox)
test.setTimeout(120_000)
test.beforeAll(async () => {
  site = await startCaptureSite()
})
test.afterAll(async () => {
  await site.close()
})
test.afterEach(async () => {
  await firefox.stop()
})

const press = (page: Page, name: string) => page.locator(`::-p-aria([name="${name}"][role="button"])`).click()
const bodyText = (page: Page) => page.evaluate(() => document.body.innerText)

test("in Firefox the store is changed from the dashboard, and Undo goes back", async () => {
  firefox = await startFirefox()
  const popup = await firefox.openPopup(await firefox.openTab(site.url("app.example.test")))
  await expect.poll(() => bodyText(popup)).toContain("Trust this computer")
  await press(popup, "Trust this computer")
  await expect.poll(() => bodyText(popup)).toContain("Trusted")
  const dashboard = await firefox.openPage("dashboard")
  await expect.poll(() => bodyText(dashboard)).toContain("Address of another store")
  const address = pathToFileURL(path.join(path.dirname(firefox.home), "other")).href
  await dashboard.locator("#store-address").fill(address)
  await press(dashboard, "Try and use this store")
  await expect.poll(() => bodyText(dashboard)).toContain(`This computer’s store is now ${address}.`)
  const config = path.join(firefox.home, "config.json")
  expect(JSON.parse(await readFile(config, "utf8"))).toMatchObject({ store: address })
  await press(dashboard, "Undo")
  await expect.poll(() => bodyText(dashboard)).toContain("Undone: this computer’s store is ")
  expect(JSON.parse(await readFile(config, "utf8"))).not.toHaveProperty("store")
})
