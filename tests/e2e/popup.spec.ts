import { expect, test, type Locator, type Page } from "@playwright/test"
import { measurePage } from "../../shared/page/measure-page.js"
import { startBrowser, type TestBrowser } from "./browser.js"
import { startCaptureSite, type CaptureSite } from "./capture-site.js"
import {
  longName,
  lowContrastScript,
  manyGaps,
  overflowScript,
  placesScript,
  saveStates,
  scriptShowing,
} from "./popup-states.js"
import { openSaved, trustComputer } from "./saving.js"

let site: CaptureSite
let browser: TestBrowser

test.beforeAll(async () => {
  site = await startCaptureSite()
})
test.afterAll(async () => {
  await site.close()
})
test.beforeEach(async () => {
  browser = await startBrowser()
})
test.afterEach(async () => {
  await browser.stop()
})

const everyPage = "*://*.example.test/*"
const save = (page: Page) => page.getByRole("button", { name: "Save session" })
const forget = (page: Page) => page.getByRole("button", { name: "Forget" })
const status = (page: Page) => page.getByRole("status")
const amount = (page: Page, kind: string) => page.locator("label", { hasText: kind }).locator(".count")
const focused = (page: Page) => page.locator(":focus")

async function openSite(path = "/", host = "app.example.test"): Promise<Page> {
  const page = await browser.context.newPage()
  await page.goto(site.url(host, path))
  return page
}

async function openTrusted(path = "/", pattern = everyPage): Promise<Page> {
  const page = await openSite(path)
  await browser.allow(pattern)
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  return popup
}

/** The popup of a site that may be read because it was saved before: it has numbers. */
async function openAgain(path = "/"): Promise<Page> {
  const popup = await openTrusted(path)
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  await popup.reload()
  await expect(forget(popup)).toBeVisible()
  return popup
}

/** Shows a state of a save as the background would, and waits until it is on the screen. */
async function show(popup: Page, state: (typeof saveStates)[number]): Promise<void> {
  await popup.evaluate(scriptShowing(state))
  const says = {
    permission: /^Waiting for your permission/,
    capture: /^Reading/,
    seal: /^Sealing/,
    transport: /^Handing/,
    saved: /^Saved/,
    waiting: /^Not saved: the session is sealed/,
    failed: /^Not saved: Cannot/,
  }[state.phase]
  await expect(status(popup)).toHaveText(says)
  const bytes = "bytesRead" in state ? state.bytesRead : 0
  if (bytes > 0) await expect(popup.getByText(bytes > 1e6 ? "118 MB" : "2 kB")).toBeVisible()
}

const placesIn = async (popup: Page) => JSON.parse(await popup.evaluate<string>(placesScript)) as Record<string, string>
const listIn = async (popup: Page, script: string) => JSON.parse(await popup.evaluate<string>(script)) as string[]

test("the numbers before the click are those of the save: frames that share a storage are counted once", async () => {
  const popup = await openAgain("/frames")
  await expect(amount(popup, "sessionStorage")).toHaveText("2")
  await expect(amount(popup, "localStorage")).toHaveText("1")
  await expect(amount(popup, "Cookies")).toHaveText("0")
  const { captured } = (await openSaved(browser, "example.test")).report
  expect(captured).toMatchObject({ sessionStorage: 2, localStorage: 1, cookies: 0 })
})

test("private files are counted in all folders, and folders are not", async () => {
  const page = await browser.context.newPage()
  await page.goto(site.url("127.0.0.1", "/frame"))
  await page.evaluate(async () => {
    const root = await navigator.storage.getDirectory()
    const folder = await root.getDirectoryHandle("folder", { create: true })
    for (const [place, name] of [
      [root, "one"],
      [folder, "two"],
      [await folder.getDirectoryHandle("empty", { create: true }), "three"],
    ] as const) {
      const file = await (await place.getFileHandle(name, { create: true })).createWritable()
      await file.write("12345")
      await file.close()
    }
  })
  const measured = await page.evaluate(`(${measurePage.toString()})()`)
  expect(JSON.parse(String(measured))).toMatchObject({ files: { items: 3, size: 15 }, ancestors: [] })
})

test("the form is there while a tab of the site does not answer, with the numbers that are known", async () => {
  const page = await openSite()
  const busy = await openSite("/", "www.example.test")
  await browser.allow(everyPage)
  const first = await browser.openPopup(page)
  await save(first).click()
  await expect(status(first)).toHaveText(/^Saved/)
  const dialog = busy.waitForEvent("dialog")
  await busy.evaluate(() => void setTimeout(() => alert("busy"), 0))
  const shown = await dialog
  await first.reload()
  const popup = first
  await expect(amount(popup, "localStorage")).toHaveText("4 …")
  await expect(amount(popup, "Cookies")).toHaveText("5")
  await expect(save(popup)).toBeEnabled()
  await expect(popup.getByLabel("Account")).toHaveValue("default")
  await shown.accept()
  await expect(amount(popup, "localStorage")).toHaveText("8")
})

test("nothing that can be pressed moves: not by trust, numbers, progress or any end of a save", async () => {
  const page = await openSite("/leaning")
  await openSite("/", "www.example.test")
  const popup = await browser.openPopup(page)
  await expect(popup.getByRole("button", { name: "Trust this computer" })).toBeVisible()
  await expect(popup.getByText("Nothing of this site is saved yet")).toBeVisible()
  const before = await placesIn(popup)
  expect(Object.keys(before)).toEqual(
    expect.arrayContaining(["Save session", "Open dashboard", "Cookies", "Private files"]),
  )
  await trustComputer(popup)
  expect(await placesIn(popup)).toEqual(before)

  // The first save: the permission brings the numbers, the end of it brings the session and another site.
  await browser.allow(everyPage)
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  await expect(popup.getByRole("checkbox", { name: "other.test as well" })).toBeVisible()
  await expect(amount(popup, "localStorage")).toHaveText("5")
  await expect(forget(popup)).toBeVisible()
  const after = await placesIn(popup)
  expect(after).toMatchObject(before)

  for (const state of saveStates) {
    await show(popup, state)
    expect(await placesIn(popup), state.phase).toEqual(after)
  }
})

test("a screen reader hears the phase once: the running number stands beside it, and the bar shows that it goes on", async () => {
  const popup = await openTrusted()
  const texts = await popup.evaluateHandle(() => {
    const heard: string[] = []
    const region = document.querySelector("[role=status]")
    new MutationObserver(() => heard.push(region?.textContent ?? "")).observe(region ?? document, {
      characterData: true,
      childList: true,
      subtree: true,
    })
    return heard
  })
  const bar = popup.getByRole("progressbar", { name: "Saving" })
  for (const state of saveStates.slice(1, 4)) {
    await show(popup, state)
    await expect(bar).not.toHaveAttribute("value")
    expect(await bar.evaluate((one) => one.getAnimations().map(({ playState }) => playState))).toEqual(["running"])
  }
  expect(await texts.jsonValue()).toEqual(["Reading the site…"])
})

test("a second site is offered after the first save; ticked and allowed, its cookies are in the session", async () => {
  await openSite("/", "other.test")
  const popup = await openTrusted("/leaning")
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  await expect(popup.getByRole("button", { name: "Include other.test and save again" })).toBeVisible()
  expect((await openSaved(browser, "example.test")).sites).toEqual(["example.test"])

  await popup.getByRole("checkbox", { name: "other.test as well" }).check()
  await browser.allow("*://*.other.test/*")
  await save(popup).click()
  const cookies = async () => (await openSaved(browser, "example.test")).cookies ?? []
  await expect
    .poll(async () => (await cookies()).map(({ domain, name }) => `${domain} ${name}`))
    .toContain("other.test sid")
  expect((await openSaved(browser, "example.test")).sites).toEqual(["example.test", "other.test"])
  await expect(status(popup)).toHaveText(/^Saved/)
  await expect(popup.getByRole("button", { name: /^Include/ })).toBeHidden()
})

test("the keyboard alone does it: in reading order, with a focus that is seen and never lost", async () => {
  const popup = await openAgain()
  await expect(amount(popup, "localStorage")).toHaveText("4")
  const order: string[] = []
  await popup.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
  await popup.evaluate(() => getSelection()?.setPosition(document.body, 0))
  for (let step = 0; step < 11; step++) {
    await popup.keyboard.press("Tab")
    order.push(await nameOf(focused(popup)))
    expect(await focused(popup).evaluate((one) => getComputedStyle(one).outlineStyle), order.at(-1)).not.toBe("none")
  }
  expect(order).toEqual([
    "Open dashboard",
    "Account",
    "Cookies",
    "localStorage",
    "sessionStorage",
    "IndexedDB",
    "Browser context",
    "Private files",
    "How long things are kept at this site",
    "Size limits",
    "Save session",
  ])
  const cookies = popup.getByRole("checkbox", { name: "Cookies" })
  await cookies.focus()
  await popup.keyboard.press("Space")
  await expect(cookies).not.toBeChecked()
  await save(popup).focus()
  await popup.keyboard.press("Enter")
  await expect(status(popup)).toHaveText(/^Saved/)
  await expect(save(popup)).toBeFocused()

  // What had the focus goes away: it passes to what says why.
  await show(popup, saveStates[2])
  await popup.getByRole("button", { name: "Cancel" }).focus()
  await show(popup, saveStates[4])
  await expect(status(popup)).toBeFocused()
  await popup.keyboard.press("Shift+Tab")
  await expect(save(popup)).toBeFocused()

  await show(popup, saveStates[7])
  await popup.getByText("What was not saved, and why").focus()
  await popup.keyboard.press("Enter")
  await expect(popup.getByRole("listitem").first()).toBeVisible()
  await forget(popup).focus()
  await popup.keyboard.press("Space")
  await expect(popup.getByRole("button", { name: "Undo" })).toBeFocused()
  await popup.keyboard.press("Enter")
  await expect(status(popup)).toHaveText("Brought back: example.test")
  await expect(forget(popup)).toBeFocused()
})

test("what was forgotten can be brought back as long as the popup is open, also after a look that came late", async () => {
  const popup = await openAgain()
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  await forget(popup).click()
  const undo = popup.getByRole("button", { name: "Undo" })
  await expect(undo).toBeVisible()
  // The end of a save makes the popup look again, and it finds nothing; this asks after it, so its answer comes later.
  await show(popup, saveStates[7])
  const message = { type: "sessions", site: "example.test" }
  const asked = () => popup.evaluate((ask) => chrome.runtime.sendMessage(ask), message)
  await asked()
  expect(await asked()).toMatchObject({ answer: { entries: [] } })
  await undo.click()
  await expect(status(popup)).toHaveText("Brought back: example.test")
})

test("everything in the popup has a role and a name", async () => {
  const popup = await openTrusted()
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  await show(popup, saveStates[2])
  const main = popup.locator("main")
  await expect(main).toMatchAriaSnapshot(`
    - main:
      - heading "example.test" [level=1]
      - button "Open dashboard"
      - combobox "Account": default
      - group "What will be saved":
        - checkbox /Cookies HttpOnly too 3/ [checked] [disabled]
        - checkbox /localStorage open origins 4/ [checked] [disabled]
        - checkbox /sessionStorage open tabs 1/ [checked] [disabled]
        - checkbox /IndexedDB open origins 0 databases/ [checked] [disabled]
        - checkbox /Browser context/ [checked] [disabled]
        - checkbox /Private files/ [disabled]
        - group: Size limits
      - button "Save session" [disabled]
      - status: Reading the site…
      - progressbar "Saving"
      - text: 2 kB
      - button "Cancel"
      - region "Saved session":
        - strong: default
        - button "Forget"
  `)
  await show(popup, saveStates[7])
  await expect(main).toMatchAriaSnapshot(`
    - main:
      - button "Save session"
      - status: /^Saved with ${manyGaps.length} gaps. example\\.test at/
      - button "Open 2 origins and save again"
      - group: What was not saved, and why
  `)
})

for (const colorScheme of ["light", "dark"] as const) {
  test(`every text can be read in ${colorScheme} colours, in each state of a save`, async () => {
    const popup = await openTrusted("/leaning")
    await popup.emulateMedia({ colorScheme })
    await save(popup).click()
    await expect(popup.getByRole("checkbox", { name: "other.test as well" })).toBeVisible()
    const ground = await popup.evaluate(() => getComputedStyle(document.body).backgroundColor)
    expect(ground).toBe(colorScheme === "light" ? "rgb(255, 255, 255)" : "rgb(22, 27, 34)")
    for (const state of saveStates) {
      await show(popup, state)
      expect(await listIn(popup, lowContrastScript), state.phase).toEqual([])
    }
  })
}

test("very long names stay within 320 px, and the page never scrolls sideways", async () => {
  const name = longName.slice(0, 60)
  const page = await openSite("/", `app.${name}.test`)
  await browser.allow(`*://*.${name}.test/*`)
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await popup.getByLabel("Account").fill(longName.slice(0, 100))
  await save(popup).click()
  await expect(forget(popup)).toBeVisible()
  expect(await listIn(popup, overflowScript)).toEqual([])
  for (const state of saveStates) {
    await popup.evaluate(scriptShowing(state, `${name}.test`))
    if (state.phase === "saved") await expect(status(popup)).toHaveText(/^Saved/)
    expect(await listIn(popup, overflowScript), state.phase).toEqual([])
  }
  await popup.evaluate(scriptShowing(saveStates[7], `${name}.test`))
  await popup.getByText("What was not saved, and why").click()
  await expect(popup.getByRole("listitem").last()).toBeVisible()
  expect(await listIn(popup, overflowScript)).toEqual([])
})

/** What a person would call it: its label's first words, else its text. */
function nameOf(control: Locator): Promise<string> {
  return control.evaluate((one) => {
    const label = (one as HTMLInputElement).labels?.[0]
    return (label?.querySelector(".text") ?? label?.querySelector("span") ?? one).textContent
  })
}
