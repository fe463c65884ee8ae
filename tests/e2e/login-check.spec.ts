import { expect, test, type Page } from "@playwright/test"
import { startBrowser, type TestBrowser } from "./browser.js"
import { startCaptureSite, type CaptureSite } from "./capture-site.js"
import { lowContrastScript, overflowScript, placesScript } from "./popup-states.js"
import { openSaved, trustComputer } from "./saving.js"

let site: CaptureSite
let browser: TestBrowser
let page: Page

test.beforeAll(async () => {
  site = await startCaptureSite()
})
test.afterAll(() => site.close())
test.beforeEach(async () => {
  browser = await startBrowser()
  page = await browser.context.newPage()
  await page.goto(site.url("app.example.test", "/?visit=1"))
})
test.afterEach(() => browser.stop())

const status = (popup: Page) => popup.getByRole("status")
const line = (popup: Page) => popup.getByRole("button", { name: "Remember how being logged in looks" })
const known = (popup: Page) => popup.getByRole("button", { name: "Login check: app.example.test" })
const press = (popup: Page, name: string) => popup.getByRole("button", { name, exact: true }).click()
const saved = async () => (await openSaved(browser, "example.test")).check

async function save(popup: Page): Promise<void> {
  await press(popup, "Save session")
  await expect(status(popup)).toHaveText(/^Saved/)
}

/** The popup of a session that was saved. */
async function openAfterSave(): Promise<Page> {
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await save(popup)
  await expect(line(popup)).toBeVisible()
  return popup
}

test("how being logged in looks is remembered with the session, goes along with later saves, and can be forgotten", async () => {
  const popup = await openAfterSave()
  expect(await saved()).toBeUndefined()
  const before = JSON.parse(await popup.evaluate<string>(placesScript)) as Record<string, string>
  await line(popup).click()
  await popup.getByLabel("A text on it").fill("A site")
  expect(await popup.evaluate(overflowScript)).toBe("[]")
  for (const colorScheme of ["light", "dark"] as const) {
    await popup.emulateMedia({ colorScheme })
    expect(await popup.evaluate(lowContrastScript)).toBe("[]")
  }
  await popup.screenshot({ path: "test-results/login-check-open.png", fullPage: true })
  await press(popup, "Remember")
  await expect(status(popup)).toHaveText("Remembered, sealed with the session")
  const check = { url: page.url(), text: "A site" }
  expect(await saved()).toEqual(check)

  // What was there before stands where it stood; the line tells what it knows.
  await expect(known(popup)).toBeVisible()
  const { "Remember how being logged in looks": place, ...others } = before
  expect(place).toBeDefined()
  expect(JSON.parse(await popup.evaluate<string>(placesScript))).toMatchObject(others)
  await popup.screenshot({ path: "test-results/login-check-kept.png", fullPage: true })

  await save(popup)
  expect(await saved()).toEqual(check)
  await known(popup).click()
  await expect(popup.getByLabel("A text on it")).toHaveValue("A site")
  await press(popup, "Forget this")
  await expect(status(popup)).toHaveText("No longer remembered")
  expect(await saved()).toBeUndefined()
})

test("while the computer is away it is remembered here, and the next save takes it along", async () => {
  const popup = await openAfterSave()
  await browser.unregisterHost()
  await line(popup).click()
  await press(popup, "Remember")
  await expect(status(popup)).toHaveText("Remembered here: it goes with the next save")
  await expect(known(popup)).toBeVisible()
  await browser.registerHost()
  await save(popup)
  expect(await saved()).toEqual({ url: page.url() })
  await expect(known(popup)).toBeVisible()
})

test("an element is pointed at in the page, which notices nothing of the click, and Escape leaves all as it was", async () => {
  const popup = await openAfterSave()
  await page.evaluate(() => {
    document.body.insertAdjacentHTML("beforeend", "<nav><a href='/out' id='leave'>Out</a><b>Ada</b></nav>")
    document.addEventListener("click", () => (document.title = "clicked"))
  })
  const drawn = () => page.evaluate(() => document.querySelectorAll("html > div").length)
  await line(popup).click()
  await press(popup, "Point at an element")
  await expect.poll(drawn).toBe(1)
  await page.keyboard.press("Escape")
  await expect.poll(drawn).toBe(0)
  expect(await saved()).toBeUndefined()

  const again = await browser.openPopup(page)
  await line(again).click()
  await press(again, "Point at an element")
  await expect.poll(drawn).toBe(1)
  await page.locator("#leave").hover()
  await page.screenshot({ path: "test-results/login-check-pick.png" })
  await page.locator("#leave").click()
  await expect.poll(drawn).toBe(0)
  await expect.poll(saved).toEqual({ url: page.url(), selector: "#leave" })
  expect([await page.title(), new URL(page.url()).pathname]).toEqual(["A site", "/"])

  const third = await browser.openPopup(page)
  await known(third).click()
  await press(third, "Leave it out")
  await press(third, "Remember")
  await expect(status(third)).toHaveText("Remembered, sealed with the session")
  expect(await saved()).toEqual({ url: page.url() })
})
