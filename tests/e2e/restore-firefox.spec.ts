import { expect, test } from "@playwright/test"
import { expectStatus, expectText, prepareFirefoxTests, press, trust } from "./firefox-tests.js"

const { site, start } = prepareFirefoxTests()

/** Runs in the popup: what a cookie store has of the site, and what its tab shows. */
const storeScript = `(async () => {
  const [container] = await browser.contextualIdentities.query({ name: "default" })
  const cookiesOf = async (storeId) =>
    (await browser.cookies.getAll({ storeId, domain: "example.test", partitionKey: {}, firstPartyDomain: null }))
      .map(({ name, value, httpOnly, path }) => [name, value, httpOnly, path].join(" ")).sort()
  const [tab] = await browser.tabs.query({ cookieStoreId: container.cookieStoreId })
  const itemsOf = async (tabId) => {
    const [{ result }] = await browser.scripting.executeScript({ target: { tabId }, func: () => JSON.stringify({ ...localStorage }) })
    return result
  }
  const own = Number(new URLSearchParams(location.search).get("tab"))
  return JSON.stringify({
    url: tab.url,
    cookies: { there: await cookiesOf(container.cookieStoreId), here: await cookiesOf("firefox-default") },
    storage: { there: await itemsOf(tab.id), here: await itemsOf(own) },
  })
})()`

interface Seen {
  url: string
  cookies: { there: string[]; here: string[] }
  storage: { there: string; here: string }
}

test("in Firefox a saved account opens in a container of its own, beside what is here", async () => {
  const firefox = await start()
  const tab = await firefox.openTab(site().url("app.example.test"))
  await firefox.allow("*://*.example.test/*")
  const popup = await firefox.openPopup(tab)
  await trust(popup)
  await press(popup, "Save session")
  await expectStatus(popup, /^Saved/)
  await expectText(popup, "Restore here as default…")
  await press(popup, "Restore here as default…")
  await expectText(popup, "Open in a container instead")
  await press(popup, "Open in a container instead")
  await expectText(popup, "“default” is open in a container of its own at example.test.")
  const look = async () => JSON.parse(String(await popup.evaluate(storeScript))) as Seen
  const { url, cookies, storage } = await look()
  expect(url).toBe(tab.url())
  expect(cookies.here.length).toBeGreaterThan(0)
  expect(cookies.there).toEqual(cookies.here)
  expect(JSON.parse(storage.there)).toEqual(JSON.parse(storage.here))
})
