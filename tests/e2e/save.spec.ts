import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { expect, test, type Page } from "@playwright/test"
import { chromeExtensionId } from "../../shared/names.js"
import { createStructuredCodec } from "../../shared/structured.js"
import { openComputerVault, openSaved, trustComputer } from "./saving.js"
import { hostProgram, startBrowser, type TestBrowser } from "./browser.js"
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

const trust = (page: Page) => page.getByRole("button", { name: "Trust this computer" })
const save = (page: Page) => page.getByRole("button", { name: "Save session" })
const status = (page: Page) => page.getByRole("status")

/** What the computer's own tools see: its identity over its store, with the browser's card as it was handed over. */
const computerVault = () => openComputerVault(browser)

async function objects(room = "sessions"): Promise<string[]> {
  const found = await readdir(path.join(browser.home, "vault"), { recursive: true }).catch(() => [])
  return found.filter((name) => name.endsWith(".psp") && name.includes(`/${room}/`))
}

const loadSaved = () => openSaved(browser, "example.test")

async function openSite(path = "/", host = "app.example.test"): Promise<Page> {
  const page = await browser.context.newPage()
  await page.goto(site.url(host, path))
  return page
}

test("one click captures the session, seals it, and the trusted computer opens it", async () => {
  browser = await startBrowser()
  const page = await openSite("/?one")
  await openSite("/?two")
  await openSite("/", "www.example.test")
  await openSite("/", "other.test")
  await browser.allow("*://*.example.test/*")

  const popup = await browser.openPopup(page)
  await expect(popup.getByRole("heading", { name: "example.test" })).toBeVisible()
  await trustComputer(popup)
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved example\.test at /)

  const snapshot = await loadSaved()
  expect(snapshot).toMatchObject({ sites: ["example.test"], account: "default" })
  expect(snapshot.report.gaps).toEqual([])
  const cookies = Object.fromEntries(
    (snapshot.cookies ?? []).map((cookie) => [`${cookie.domain} ${cookie.name}`, cookie]),
  )
  expect(cookies["app.example.test sid"]).toMatchObject({
    value: "canary-sid",
    hostOnly: true,
    httpOnly: true,
    expiresAt: null,
    sameSite: "unspecified",
    partition: null,
  })
  expect(cookies["example.test wide"]).toMatchObject({ hostOnly: false, httpOnly: false, sameSite: "lax" })
  expect(cookies["example.test wide"]?.expiresAt).toBeGreaterThan(Date.now())
  expect(cookies["app.example.test deep"]).toMatchObject({ path: "/account", sameSite: "strict" })
  expect(Object.keys(cookies).some((name) => name.startsWith("other"))).toBe(false)
  // Longest path first, as the browser sends them.
  expect(snapshot.cookies?.[0]?.path).toBe("/account")

  const origins = snapshot.origins ?? []
  expect(origins.map(({ origin }) => new URL(origin).hostname).sort()).toEqual(["app.example.test", "www.example.test"])
  const app = origins.find(({ origin }) => origin.includes("app."))
  expect(Object.fromEntries(app?.localStorage ?? [])).toEqual({
    token: "canary-token-app.example.test",
    length: "canary-length",
    "surrogate \ud800": "\udfff",
    empty: "",
  })
  // The tab that was saved from is the first; each tab has its own sessionStorage.
  const tabs = (snapshot.tabs ?? []).map((tab) => tab.sessionStorage[0]?.items[0]?.[1])
  expect(tabs[0]).toBe("canary-tab-?one")
  expect(tabs).toHaveLength(3)
  expect(tabs).toContain("canary-tab-?two")
  expect(snapshot.context?.userAgent).toContain("Chrome/")
  // http://*.test is no secure context, where browsers have no client hints: absent, not unknown.
  expect(snapshot.context?.clientHints).toBeNull()
  expect(snapshot.capturedBy).toMatchObject({ tool: "extension", browser: { engine: "chromium" }, store: { id: "0" } })
})

test("partitioned cookies are saved with both parts of their key, and apart from their unpartitioned namesake", async () => {
  browser = await startBrowser()
  const page = await openSite()
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  await popup.evaluate(async () => {
    const cookie = {
      url: "https://app.example.test/",
      name: "chips",
      secure: true,
      sameSite: "no_restriction",
    } as const
    await chrome.cookies.set({ ...cookie, value: "plain" })
    await chrome.cookies.set({
      ...cookie,
      value: "own",
      partitionKey: { topLevelSite: "https://example.test", hasCrossSiteAncestor: false },
    })
    await chrome.cookies.set({
      ...cookie,
      value: "framed",
      partitionKey: { topLevelSite: "https://top.test", hasCrossSiteAncestor: true },
    })
  })
  await trustComputer(popup)
  await save(popup).click()
  await expect.poll(async () => (await objects()).length).toBe(3)
  await expect(status(popup)).toHaveText(/^Saved/)
  const chips = (await loadSaved()).cookies?.filter(({ name }) => name === "chips") ?? []
  expect(chips.map(({ value, partition, sameSite }) => [value, partition, sameSite])).toEqual(
    expect.arrayContaining([
      ["plain", null, "none"],
      ["own", { topLevelSite: "https://example.test", hasCrossSiteAncestor: false }, "none"],
      ["framed", { topLevelSite: "https://top.test", hasCrossSiteAncestor: true }, "none"],
    ]),
  )
})

test("a page that replaced every builtin is read as it is", async () => {
  browser = await startBrowser()
  const page = await openSite("/hostile")
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  const snapshot = await loadSaved()
  expect(snapshot.origins?.[0]?.localStorage).toEqual([["token", "canary-token"]])
  expect(snapshot.tabs?.[0]?.sessionStorage[0]?.items).toEqual([["tab", "canary-tab"]])
  expect(snapshot.context?.userAgent).toContain("Chrome/")
})

test("IndexedDB is captured with its types, and the page notices nothing", async () => {
  browser = await startBrowser()
  const page = await openSite("/database")
  await expect(page).toHaveTitle("ready")
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved example\.test at /)
  // The site may be read by now: the popup tells how much there is.
  await expect(popup.getByText("1 database")).toBeVisible()
  const [origin] = (await loadSaved()).origins ?? []
  expect(origin?.indexedDB).toMatchObject([{ name: "app", version: 3, stores: [{ name: "things", nextKey: 3 }] }])
  const records = origin?.indexedDB?.[0]?.stores[0]?.records ?? []
  const codec = createStructuredCodec()
  expect(records.map(({ key, value }) => [codec.decode(key), codec.decode(value)])).toEqual([
    [1, new Map([["when", new Date(0)]])],
    [2, { bytes: new Uint8Array([1, 2]) }],
  ])
  // The key generator is where it was.
  expect(await page.evaluate("addOne()")).toBe(3)
})

test("origins that no tab shows are named, and one button opens them, saves again and closes them", async () => {
  browser = await startBrowser()
  const page = await openSite()
  await openSite("/", "www.example.test").then((other) => other.close())
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved with 1 gap/)
  const tabs = browser.context.pages().length
  await popup.getByRole("button", { name: "Open it and save again" }).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  expect(browser.context.pages()).toHaveLength(tabs)
})

test("what is unticked is not captured, rather than captured empty", async () => {
  browser = await startBrowser()
  const page = await openSite()
  await openSite("/", "www.example.test")
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  const again = await browser.openPopup(page)
  await again.getByRole("checkbox", { name: "Cookies" }).uncheck()
  await again.getByRole("checkbox", { name: "sessionStorage" }).uncheck()
  await again.getByText("Origins", { exact: true }).click()
  await again.getByRole("checkbox", { name: /www\.example\.test/ }).uncheck()
  await save(again).click()
  await expect(status(again)).toHaveText(/^Saved/)
  expect(await objects()).toHaveLength(2)
  const snapshot = await loadSaved()
  expect(snapshot).not.toHaveProperty("cookies")
  expect(snapshot).not.toHaveProperty("tabs")
  expect(snapshot.origins?.map(({ origin }) => new URL(origin).hostname)).toEqual(["app.example.test"])
})

test("accounts of one site are saved beside each other", async () => {
  browser = await startBrowser()
  const page = await openSite()
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  await popup.getByLabel("Account").fill("work <b>&amp;")
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  await expect(popup.getByText("work <b>&amp;", { exact: true })).toBeVisible()
  const entries = await (await computerVault()).list()
  expect(entries.map(({ account }) => account)).toEqual(["default", "work <b>&amp;"])
})

test("the popup shows what is saved; Forget removes it at once, and Undo brings it back", async () => {
  browser = await startBrowser()
  const page = await openSite()
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await save(popup).click()
  await expect(popup.getByText(/saved (now|\d+ seconds? ago), ends /)).toBeVisible()
  await popup.getByRole("button", { name: "Forget" }).click()
  await expect(status(popup)).toHaveText("Forgotten: example.test")
  expect(await objects()).toEqual([])
  await popup.getByRole("button", { name: "Undo" }).click()
  await expect(status(popup)).toHaveText("Brought back: example.test")
  expect((await loadSaved()).sites).toEqual(["example.test"])
})

test("the dashboard lists sessions, sites that may be read with take back, and both devices", async () => {
  browser = await startBrowser()
  const page = await openSite()
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  const opened = browser.context.waitForEvent("page")
  await popup.getByRole("button", { name: "Open dashboard" }).click()
  const dashboard = await opened
  await expect(dashboard.getByRole("cell", { name: "example.test" })).toBeVisible()
  await expect(dashboard.getByText("test computer")).toBeVisible()
  await expect(dashboard.getByText("Chromium on Linux")).toBeVisible()
  await dashboard.getByRole("button", { name: "Take back the permission for *://*.example.test/*" }).click()
  await expect(dashboard.getByText("None. Each site is asked for when you save it.")).toBeVisible()
  await dashboard.getByRole("button", { name: "Forget" }).click()
  await expect(dashboard.getByRole("status")).toHaveText("Forgotten: example.test")
  expect(await objects()).toEqual([])
})

test("the welcome page notices by itself that psp was installed, and trusts it", async () => {
  browser = await startBrowser({ hasHost: false })
  const welcome = await browser.openPage("welcome")
  await expect(welcome.getByText("Looking for psp on this computer")).toBeVisible()
  await browser.registerHost()
  await expect(welcome.getByText(/^psp \d+\.\d+\.\d+ is here\.$/)).toBeVisible({ timeout: 15_000 })
  await trust(welcome).click()
  await expect(welcome.getByText("Done. Open a site")).toBeVisible()
})

test("a welcome page that stays open starts no host any more once the computer is trusted", async () => {
  browser = await startBrowser()
  const starts = path.join(browser.home, "starts")
  await browser.registerHost({ script: `echo >> "${starts}"\nexec "${process.execPath}" "${hostProgram}" "$@"` })
  const startsOf = async () => (await readFile(starts, "utf8")).length
  const address = `chrome-extension://${chromeExtensionId}/welcome.html`
  const isWelcome = (page: Page) => page.url() === address
  // The one that the extension opens by itself has a clock of its own.
  await expect.poll(() => browser.context.pages().some(isWelcome)).toBe(true)
  const welcome = await browser.context.newPage()
  for (const page of browser.context.pages().filter(isWelcome)) await page.close()
  await welcome.clock.install()
  await welcome.goto(address)
  await trust(welcome).click()
  await expect(welcome.getByText("Done. Open a site")).toBeVisible()
  const before = await startsOf()
  await welcome.clock.runFor(60_000)
  // Whatever was asked before this has started its host by the time this is answered; one look may have been on its way.
  await welcome.evaluate(() => chrome.runtime.sendMessage({ type: "computer" }))
  expect(await startsOf()).toBeLessThanOrEqual(before + 2)
})
