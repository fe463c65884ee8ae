import { readFile } from "node:fs/promises"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { expect, test } from "@playwright/test"
import { expectText, prepareFirefoxTests, press, trust } from "./firefox-tests.js"

const { site, start } = prepareFirefoxTests()

test("in Firefox the store is changed from the dashboard, and Undo goes back", async () => {
  const firefox = await start()
  const popup = await firefox.openPopup(await firefox.openTab(site().url("app.example.test")))
  await trust(popup)
  const dashboard = await firefox.openPage("dashboard")
  await expectText(dashboard, "Address of another store")
  const address = pathToFileURL(path.join(path.dirname(firefox.home), "other")).href
  await dashboard.locator("#store-address").fill(address)
  await press(dashboard, "Try and use this store")
  await expectText(dashboard, `This computer’s store is now ${address}.`)
  const config = path.join(firefox.home, "config.json")
  expect(JSON.parse(await readFile(config, "utf8"))).toMatchObject({ store: address })
  await press(dashboard, "Undo")
  await expectText(dashboard, "Undone: this computer’s store is ")
  expect(JSON.parse(await readFile(config, "utf8"))).not.toHaveProperty("store")
})
