import { expect, test } from "@playwright/test"
import { capture, restore } from "../../shared/adapters/playwright.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { startBrowser, startChromium } from "./browser.js"
import { loadSaved, openTrusting, originIn, recordsIn, saveButton, statusOf } from "./saved-session.js"
import { databaseScript, startScriptSite } from "./script-site.js"

const markup = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`

/** Names as a site may choose them for storage keys, databases, stores and indexes. */
const names = [
  "\u0000\u0001\u001b[31m\u007f\u0085",
  "line\r\nbreak\u2028\u2029",
  "\u202egpj.exe \u2066inside",
  "الاسم שם",
  markup,
  "👩‍👩‍👧‍👦 🌿",
  "\ud800 lone \udfff",
  "__proto__",
  "toJSON",
  "\${7*7} {{7*7}} %s %n $1 $&",
  "' OR 1=1; --",
  "../../etc/passwd",
  "\ufeff\u200b",
  "n".repeat(4096),
]

/** What a browser takes as the name of a cookie is less: no control characters, no `=` and `;`. */
const cookieNames = ["الاسم", "\u202eeman", "<b>bold<b>", "👩‍👩‍👧‍👦", "__proto__", "n".repeat(4095), "'quoted\"", "%00"]

/** Holds each name everywhere, and one database under such a name in an upgrade that never ends: the report has to say it. */
const script = `${databaseScript}
  (async () => {
    const names = ${inScript(names)}
    for (const name of ${inScript(cookieNames)}) document.cookie = name + "=1; Path=/"
    for (const name of names) {
      localStorage.setItem(name, "value of " + name)
      sessionStorage.setItem(name, "value of " + name)
      const db = await open(name, (made) => made.createObjectStore(name).createIndex(name, "key"))
      const writing = db.transaction(name, "readwrite")
      writing.objectStore(name).put({ key: name }, name)
      await done(writing)
    }
    window.held = await open(${inScript(`\u202e${markup}`)}, (made) => made.createObjectStore("x"), 1)
    indexedDB.open(held.name, 2).onblocked = () => { document.title = "ready" }
  })()`

test("naughty names are carried exactly through a save and a restore, and the popup shows them as text", async () => {
  test.slow()
  const site = await startScriptSite({ "/": { script } })
  const browser = await startBrowser()
  const chromium = await startChromium()
  try {
    const page = await browser.context.newPage()
    await page.goto(site.url("app.example.test", "/"))
    await expect(page).toHaveTitle("ready")
    const popup = await openTrusting(browser, page)
    await saveButton(popup).click()
    await expect(statusOf(popup)).toHaveText(/^Saved with 1 gap: example\.test/, { timeout: 20_000 })

    const snapshot = await loadSaved(browser)
    const origin = site.origin("app.example.test")
    expectNames(snapshot, origin)
    expect(snapshot.cookies?.map(({ name }) => name).sort()).toEqual([...cookieNames].sort())

    await popup.getByText("What was not saved, and why").click()
    const gap = popup.getByRole("listitem")
    await expect(gap).toContainText(`database "?<img src=x onerror=`)
    expect(await gap.textContent()).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/)
    expect(
      await gap
        .locator(".text")
        .nth(1)
        .evaluate((text) => getComputedStyle(text).unicodeBidi),
    ).toBe("isolate")
    await expect(popup.locator("main :is(img, script, b)")).toHaveCount(0)
    expect(await popup.title()).not.toBe("owned")

    const context = await chromium.browser.newContext()
    const report = await restore(context, snapshot)
    expect(report.gaps.filter(({ kind }) => kind !== "context")).toEqual([])
    const tab = await context.newPage()
    await tab.goto(site.url("app.example.test", "/blank"))
    const again = await capture(context, { site: "example.test" })
    expectNames(again, origin)
    expect(again.cookies?.map(({ name }) => name).sort()).toEqual([...cookieNames].sort())
    await context.close()
  } finally {
    await Promise.all([browser.stop(), chromium.stop(), site.close()])
  }
})

function expectNames(snapshot: Snapshot, origin: string): void {
  const { localStorage, indexedDB = [] } = originIn(snapshot, origin)
  const items = new Map(names.map((name) => [name, `value of ${name}`]))
  expect(new Map(localStorage)).toEqual(items)
  expect(new Map(snapshot.tabs?.[0]?.sessionStorage[0]?.items)).toEqual(items)
  expect(indexedDB.map(({ name }) => name).sort()).toEqual([...names].sort())
  for (const database of indexedDB) {
    const { name } = database
    expect(database.stores).toMatchObject([{ name, indexes: [{ name, keyPath: "key" }] }])
    expect(recordsIn(database, name)).toEqual([[name, { key: name }]])
  }
}

/** Text as a script of a page may hold it: ASCII, and no end of the script inside. */
function inScript(value: string | string[]): string {
  const hex = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
  return JSON.stringify(value).replace(/[<\u007f-\uffff]/g, hex)
}
