import { expect, test, type Page } from "@playwright/test"
import { startBrowser, type TestBrowser } from "./browser.js"
import {
  databaseIn,
  loadSaved,
  openTrusting,
  originIn,
  recordsIn,
  saveButton,
  saveFrom,
  statusOf,
  storedSessions,
} from "./saved-session.js"
import { databaseScript, startScriptSite, type ScriptSite } from "./script-site.js"

/** `fill(name, count, size)`: a database of so many records. */
const fillScript = `${databaseScript}
  const fill = async (name, count, size) => {
    const db = await open(name, (made) => made.createObjectStore("things"))
    for (let from = 0; from < count; from += 5000) {
      const writing = db.transaction("things", "readwrite", { durability: "relaxed" })
      for (let i = from; i < Math.min(count, from + 5000); i++) writing.objectStore("things").put(location.hostname + " " + i + " " + "x".repeat(size), i)
      await done(writing)
    }
  };
`

/**
 * `hold()` writes to the database without an end, so that whoever reads it waits; `letOneIn()` lets one waiting transaction
 * through, and `release()` all. The reader takes a transaction per piece: a reading goes exactly as far as it is let.
 */
const holdScript = `
  const held = await open("large")
  globalThis.release = () => {}
  globalThis.hold = () =>
    new Promise((resolve) => {
      const things = held.transaction("things", "readwrite").objectStore("things")
      let isHeld = true
      const again = () => { if (isHeld) things.getKey(0).onsuccess = again }
      things.getKey(0).onsuccess = () => { resolve(); again() }
      globalThis.release = () => { isHeld = false }
    })
  globalThis.letOneIn = async () => {
    const leave = globalThis.release
    const next = globalThis.hold()
    leave()
    await next
  };
`

const pages = {
  "/fifty": {
    script: `${fillScript}
      (async () => {
        localStorage.setItem("small", "1")
        localStorage.setItem("big", "y".repeat(5_000_000))
        await fill("large", 100_000, 470)
        document.title = "ready"
      })()`,
  },
  "/slow": {
    script: `${fillScript}
      (async () => {
        localStorage.setItem("host", location.hostname)
        await fill("large", 1500, 10_000)
        ${holdScript}
        document.title = "ready"
      })()`,
  },
  "/small": {
    script: `${fillScript}
      (async () => {
        localStorage.setItem("host", location.hostname)
        await fill("large", 3, 10)
        document.title = "ready"
      })()`,
  },
  "/cookies": {
    script: `
      for (let i = 0; i < 10_000; i++) {
        const domain = i % 3 === 0 ? "; Domain=example.test" : ""
        document.cookie = "try-" + i + "=" + "v".repeat(i % 50) + "; Path=/" + (i % 7 === 0 ? "deep" : "") + domain
      }
      document.title = "ready"`,
  },
  "/tab": {
    script: `sessionStorage.setItem("tab", location.search); sessionStorage.setItem("large", "z".repeat(100_000)); document.title = "ready"`,
  },
}

let site: ScriptSite
let browser: TestBrowser

test.beforeAll(async () => {
  site = await startScriptSite(pages)
})
test.afterAll(() => site.close())
test.beforeEach(async () => {
  browser = await startBrowser()
})
test.afterEach(() => browser.stop())

const origin = () => site.origin("app.example.test")
const address = (path: keyof typeof pages, host = "app.example.test") => site.url(host, path)

async function openPage(path: keyof typeof pages, query = ""): Promise<Page> {
  const page = await browser.context.newPage()
  await page.goto(address(path) + query)
  await expect(page).toHaveTitle("ready", { timeout: 30_000 })
  return page
}

/** Begins a save of `/slow`, which stands still as soon as the popup tells how much was read. */
async function beginReading(page: Page): Promise<Page> {
  const popup = await openTrusting(browser, page)
  await page.evaluate("hold()")
  await saveButton(popup).click()
  await expect(statusOf(popup)).toHaveText("Reading the site…")
  await expect(async () => {
    await page.evaluate("letOneIn()")
    await expect(popup.locator("progress + .number")).toHaveText(/^\d/, { timeout: 1000 })
  }).toPass({ timeout: 20_000 })
  return popup
}

test("50 MB of IndexedDB in 100,000 records and 5 MB of localStorage are saved whole", async () => {
  test.slow()
  const page = await openPage("/fifty")
  const snapshot = await saveFrom(browser, page, /^Saved example\.test/)
  expect(snapshot.report.gaps).toEqual([])
  expect(snapshot.report.captured).toMatchObject({ localStorage: 2, indexedDB: 100_000 })
  expect(new Map(originIn(snapshot, origin()).localStorage).get("big")).toHaveLength(5_000_000)
  const records = recordsIn(databaseIn(snapshot, origin(), "large"), "things")
  expect(records.every(([key], index) => key === index)).toBe(true)
  expect(records.reduce((sum, [, value]) => sum + String(value).length, 0)).toBeGreaterThan(49_000_000)
})

test("of 10,000 cookies that a page tries to set, all that the browser keeps are saved", async () => {
  const page = await openPage("/cookies")
  const snapshot = await saveFrom(browser, page, /^Saved example\.test/)
  const kept = await browser.context.cookies([`${origin()}/deep`])
  expect(kept.length).toBeGreaterThan(100)
  const key = ({ name, path, value }: { name: string; path: string; value: string }) => `${path} ${name}=${value}`
  expect(snapshot.cookies?.map(key).sort()).toEqual(kept.map(key).sort())
})

test("twenty tabs of a site keep a sessionStorage each", async () => {
  const numbers = Array.from({ length: 20 }, (_, index) => `?${index + 1}`)
  const opened: Page[] = []
  for (const number of numbers) opened.push(await openPage("/tab", number))
  const [page] = opened
  if (page === undefined) throw new Error("No page was opened")
  const snapshot = await saveFrom(browser, page, /^Saved example\.test/)
  expect(snapshot.report.gaps).toEqual([])
  const found = snapshot.tabs?.map(({ url, sessionStorage }) => [
    url,
    sessionStorage.map(({ items }) => new Map(items).get("tab")),
  ])
  expect(found?.[0]).toEqual([`${address("/tab")}?1`, ["?1"]])
  expect(new Map(found as [string, string[]][])).toEqual(
    new Map(numbers.map((number) => [address("/tab") + number, [number]])),
  )
})

test("Cancel ends a long reading, stores nothing, and the next save goes on as ever", async () => {
  const page = await openPage("/slow")
  const popup = await beginReading(page)
  await popup.getByRole("button", { name: "Cancel" }).click()
  await page.evaluate("release()")
  await expect(statusOf(popup)).toHaveText("Not saved: Cannot save session: you called it off")
  expect(await storedSessions(browser)).toEqual([])
  await expect(popup.getByText("1 save waits here to go out")).toBeHidden()
  await popup.getByRole("checkbox", { name: "IndexedDB" }).uncheck()
  await saveButton(popup).click()
  await expect(statusOf(popup)).toHaveText(/^Saved/)
  expect((await loadSaved(browser)).report.captured).not.toHaveProperty("indexedDB")
})

test("a popup that is closed while the site is read does not stop the save, and the next one follows it", async () => {
  const page = await openPage("/slow")
  await (await beginReading(page)).close()
  await page.evaluate("release()")
  const popup = await browser.openPopup(page)
  await expect(statusOf(popup)).toHaveText(/^Saved/, { timeout: 30_000 })
  expect((await loadSaved(browser)).report.captured.indexedDB).toBe(1500)
})

const leavings: [title: string, leave: (page: Page) => Promise<unknown>][] = [
  ["is closed", (page) => page.close()],
  ["is reloaded", (page) => page.reload()],
  ["goes to another origin of the site", (page) => page.goto(address("/small", "www.example.test"))],
  ["goes to another site", (page) => page.goto(address("/small", "www.other.test"))],
]
for (const [title, leave] of leavings) {
  test(`a page that ${title} while it is read leaves a gap, and nothing of what comes after it`, async () => {
    const page = await openPage("/slow")
    await beginReading(page)
    await leave(page)
    // The popup is about another page by now, or none: what was saved is seen where it is stored.
    await expect.poll(() => storedSessions(browser), { timeout: 30_000 }).toHaveLength(1)
    const snapshot = await loadSaved(browser)
    expect(snapshot.origins?.map((state) => state.origin)).toEqual([origin()])
    expect(originIn(snapshot, origin()).localStorage).toEqual([["host", "app.example.test"]])
    const records = recordsIn(databaseIn(snapshot, origin(), "large"), "things")
    expect(records.length).toBeLessThan(1500)
    expect(records.every(([key, value], index) => key === index && String(value).startsWith("app.example.test "))).toBe(
      true,
    )
    const left = 1500 - records.length
    expect(snapshot.report.gaps).toMatchObject([
      {
        kind: "indexedDB",
        where: origin(),
        what: `${left} records of store "things" of database "large"`,
        why: "the page was closed or left while it was read",
        count: left,
      },
    ])
  })
}
