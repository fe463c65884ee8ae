import { expect, test } from "@playwright/test"
import type { Page } from "puppeteer-core"
import { longName, lowContrastScript, overflowScript, placesScript, saveStates, scriptShowing } from "./popup-states.js"
import { openSaved } from "./saving.js"
import { expectText, prepareFirefoxTests, press, statusOf, trust } from "./firefox-tests.js"

const { site, start } = prepareFirefoxTests()

const placesIn = async (page: Page) => JSON.parse(String(await page.evaluate(placesScript))) as Record<string, string>

test("in Firefox a second site is one button after the first save, asked for once, and its cookies are in the session", async () => {
  const firefox = await start()
  await firefox.openTab(site().url("other.test"))
  const popup = await firefox.openPopup(await firefox.openTab(site().url("app.example.test", "/leaning")))
  await trust(popup)
  const before = await placesIn(popup)
  await press(popup, "Save session")
  await firefox.answerPermission("allow")
  await expectText(popup, "Include other.test and save again")
  await expectText(popup, "Forget")
  expect(await placesIn(popup)).toMatchObject(before)

  await press(popup, "Include other.test and save again")
  await firefox.answerPermission("allow")
  const domains = async () => (await openSaved(firefox, "example.test")).cookies?.map(({ domain }) => domain)
  await expect.poll(domains, { timeout: 15_000 }).toContain("other.test")
  // It stays chosen for the next save.
  expect(await popup.$eval("fieldset.wrapping input", (box) => box.checked)).toBe(true)
})

for (const [scheme, override] of [
  ["light", 1],
  ["dark", 0],
] as const) {
  test(`in Firefox nothing moves, stands out or fades in any state of a save, with long names in ${scheme} colours`, async () => {
    const name = longName.slice(0, 60)
    const prefs = { "layout.css.prefers-color-scheme.content-override": override }
    const firefox = await start({ prefs, hostnames: [`app.${name}.test`] })
    const tab = await firefox.openTab(site().url(`app.${name}.test`), { container: 2 })
    await firefox.allow(`*://*.${name}.test/*`)
    const popup = await firefox.openPopup(tab)
    await expectText(popup, "Trust this computer")
    await press(popup, "Trust this computer")
    await press(popup, "Save session")
    await expect.poll(() => statusOf(popup), { timeout: 15_000 }).toMatch(/^Saved/)
    await expectText(popup, "Forget")
    const ground = await popup.evaluate(() => getComputedStyle(document.body).backgroundColor)
    expect(ground).toBe(scheme === "light" ? "rgb(255, 255, 255)" : "rgb(22, 27, 34)")
    const places = await placesIn(popup)
    let shown = await statusOf(popup)
    for (const state of saveStates) {
      await popup.evaluate(scriptShowing(state, `${name}.test`))
      if (!("bytesRead" in state)) {
        await expect.poll(() => statusOf(popup), state.phase).not.toBe(shown)
        shown = await statusOf(popup)
      }
      expect(await placesIn(popup), state.phase).toEqual(places)
      expect(await popup.evaluate(overflowScript), state.phase).toBe("[]")
      expect(await popup.evaluate(lowContrastScript), state.phase).toBe("[]")
    }
  })
}
