import { expect, test } from "@playwright/test"
import { firefoxPath, noFirefox, startFirefox } from "./firefox-browser.js"

test("the Firefox build loads in Firefox, and reaches a host that was registered for it", async () => {
  test.skip(firefoxPath === undefined, noFirefox)
  test.setTimeout(120_000)
  const firefox = await startFirefox()
  try {
    const page = await firefox.openPage("welcome")
    const text = () => page.evaluate(() => document.body.innerText)
    await expect.poll(text, { timeout: 60_000 }).toContain("is here")
    expect(await text()).toContain("test computer")
  } finally {
    await firefox.stop()
  }
})
