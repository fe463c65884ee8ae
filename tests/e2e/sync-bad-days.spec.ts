import { expect, test, type Page } from "@playwright/test"
import { startBrowser, type TestBrowser } from "./browser.js"
import { startRotatingSite, type RotatingSite } from "./rotating-site.js"
import { openComputerVault } from "./saving.js"
import {
  countWaiting,
  keepInSync,
  loadedBy,
  lookNow,
  sizesStored,
  syncStates,
  syncSwitch,
  valuesHere,
  valuesSaved,
} from "./sync-steps.js"

const siteName = "rotating.test"
const pattern = `*://*.${siteName}/*`
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

const begin = (way: "save" | "both" = "save") => keepInSync(browser, { url: site.url("/login"), site: siteName, way })
const savedToken = async () => (await valuesSaved(browser, siteName))["refresh"]
const ownToken = async () => (await valuesHere(browser))["refresh"]

test("a permission that is taken back stops sync and says so, is no logout, and given again it goes on", async () => {
  const { page, popup } = await begin()
  const before = await ownToken()
  await browser.takeBack(pattern)
  await expect(popup.getByText(/^Not in sync: .*the permission to read it was taken back/)).toBeVisible()
  await page.goto(site.url("/refresh"))
  await lookNow(popup, siteName)
  expect(await savedToken()).toBe(before)
  await browser.allow(pattern)
  await page.goto(site.url("/refresh"))
  await expect.poll(savedToken).toBe(await ownToken())
  await expect(popup.getByText(/^In sync/)).toBeVisible()
})

test("what the person clears at a site is gone from the session too, as a logout and not as a gap", async () => {
  const page = await browser.context.newPage()
  await page.goto(site.url("/"))
  await page.evaluate(() => localStorage.setItem("token", "of the login"))
  await page.close()
  const { page: tab } = await begin()
  const load = async () => (await loadedBy(await openComputerVault(browser), siteName)).snapshot
  expect((await load()).origins?.map(({ localStorage }) => localStorage)).toEqual([[["token", "of the login"]]])
  const session = await browser.context.newCDPSession(tab)
  const origin = new URL(site.url("/")).origin
  await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "all" })
  await expect.poll(() => valuesSaved(browser, siteName)).toEqual({})
  const { origins, report } = await load()
  expect((origins ?? []).flatMap(({ localStorage = [] }) => localStorage)).toEqual([])
  expect(report.gaps).toEqual([])
})

/** As after an hour in which the session was saved so often. */
async function countSaves(popup: Page, count: number): Promise<void> {
  await popup.evaluate(async (saves) => {
    const done = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve) => (request.onsuccess = () => resolve(request.result)))
    const database = await done(indexedDB.open("persistent-sessions"))
    const kept = database.transaction("kept", "readwrite").objectStore("kept")
    const key = "fields rotating.test default"
    const memory = JSON.parse(String(await done(kept.get(key)))) as object
    await done(kept.put(JSON.stringify({ ...memory, saves: Array(saves).fill(Date.now()) }), key))
    database.close()
  }, count)
}

test("a page that changes its cookies all the time is saved so many times and no more, which the popup says", async () => {
  const { page, popup } = await begin()
  await countSaves(popup, 20)
  const before = (await sizesStored(browser)).length
  await page.evaluate(() => {
    let count = 0
    // Between tasks, so that the page can be read meanwhile.
    const change = () => {
      // Then no more than it takes to be different at each look.
      const batch = count < 10_000 ? 100 : 1
      for (let nth = 0; nth < batch; nth++) document.cookie = `noise=${String(++count)}; max-age=3600`
      if (count >= 10_000) document.title = "10,000 times"
      setTimeout(change, 100)
    }
    change()
  })
  // Behind another tab its timers would be held back.
  await page.bringToFront()
  const isBusy = async () => ((await syncStates(popup))[0]?.busyUntil ?? 0) > 0
  // As often as anything could ask for it.
  for (let looks = 0; looks < 200 && !(await isBusy()); looks++) await lookNow(popup, siteName)
  await expect(popup.getByText("This site changes all the time; it is saved every few minutes.")).toBeVisible()
  await expect(page).toHaveTitle("10,000 times")
  const sizes = await sizesStored(browser)
  expect(sizes.length - before).toBeLessThanOrEqual(10)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(128 * 1024)
  for (let looks = 0; looks < 5; looks++) await lookNow(popup, siteName)
  expect(await sizesStored(browser)).toHaveLength(sizes.length)
})

/** So many saves of other sessions wait here already. */
async function fillOutbox(popup: Page, count: number): Promise<void> {
  await popup.evaluate(async (many) => {
    const opening = indexedDB.open("persistent-sessions")
    const database = await new Promise<IDBDatabase>((resolve) => (opening.onsuccess = () => resolve(opening.result)))
    const transaction = database.transaction("outbox", "readwrite")
    const prepared = { objects: [], superseded: [], sid: null, mark: null, members: null }
    for (let nth = 0; nth < many; nth++) {
      const save = { intentId: `other ${String(nth)}`, prepared, site: "other.test", account: "default", since: 0 }
      transaction.objectStore("outbox").add(save)
    }
    await new Promise((resolve) => (transaction.oncomplete = resolve))
    database.close()
  }, count)
}

test("a full outbox is said, loses nothing that was saved, and lets the newest state through when it has room", async () => {
  const { page, popup } = await begin()
  const before = await ownToken()
  await browser.unregisterHost()
  await fillOutbox(popup, 500)
  await page.goto(site.url("/refresh"))
  await lookNow(popup, siteName)
  await expect(popup.getByText(/^Not in sync: .*500 saves wait here/)).toBeVisible()
  expect(await savedToken()).toBe(before)
  await browser.registerHost()
  // The save that did not fit is made again, now that those before it can go.
  await popup.evaluate(() => chrome.runtime.sendMessage({ type: "wake" }))
  await lookNow(popup, siteName)
  await expect.poll(savedToken).toBe(await ownToken())
  expect(await savedToken()).not.toBe(before)
  await expect(popup.getByText(/^In sync/)).toBeVisible()
})

test("while the store is away a few changes wait, and when it is back the last of all is in it", async () => {
  const { page, popup } = await begin()
  await browser.unregisterHost()
  for (let nth = 0; nth < 6; nth++) {
    await page.goto(site.url("/refresh"))
    await lookNow(popup, siteName)
  }
  expect(await countWaiting(popup)).toBe(3)
  await expect(popup.getByText(/^Not in sync: .*psp is not installed/)).toBeVisible()
  // Nothing happens at the site any more that another look would come of.
  await page.close()
  await browser.registerHost()
  await lookNow(popup, siteName)
  await expect.poll(savedToken).toBe(await ownToken())
  expect(await countWaiting(popup)).toBe(0)
})

for (const way of ["save", "both"] as const) {
  test(`a session that another device removed is not revived by what changes here (${way}), which the popup says`, async () => {
    const { page, popup } = await begin(way)
    const owner = await openComputerVault(browser)
    await owner.remove(siteName)
    await page.goto(site.url("/refresh"))
    await expect(popup.getByText(/was removed on .*, on another device. Keep in sync was switched off/)).toBeVisible()
    expect(await syncStates(popup)).toEqual([])
    expect(await countWaiting(popup)).toBe(0)
    const vault = await openComputerVault(browser)
    expect(await vault.loadSession(siteName)).toBe(null)
    expect(await vault.list()).toEqual([])
    expect(await sizesStored(browser)).toEqual([])
    // Whoever wants it again saves it again.
    await popup.getByRole("button", { name: "Save session" }).click()
    await expect.poll(savedToken).toBe(await ownToken())
    await syncSwitch(popup).click()
    await expect(popup.getByText(/^In sync/)).toBeVisible()
    await expect(popup.getByText(/was removed on/)).toBeHidden()
  })
}
