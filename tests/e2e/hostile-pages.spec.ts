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
} from "./saved-session.js"
import { databaseScript, startScriptSite, type ScriptSite } from "./script-site.js"

/** Everything that a page can take away or bend: functions and accessors of every class and namespace, and the areas themselves. */
const replaceEverything = `
  const { ownKeys, defineProperty, getOwnPropertyDescriptor } = Reflect
  const liar = () => { throw new Error("replaced") }
  const targets = []
  for (const name of ownKeys(window)) {
    const { value } = getOwnPropertyDescriptor(window, name) ?? {}
    if (typeof value === "function" && value !== liar) targets.push([value, value.prototype])
    else if (typeof value === "object" && value !== null && value !== window && typeof name === "string" && /^[A-Z]/.test(name)) targets.push([value])
  }
  targets.push([Object.getPrototypeOf(async function* () {}).prototype, Object.getPrototypeOf([][Symbol.iterator]())])
  const plan = targets.flat().filter((target) => target !== undefined && target !== null).flatMap((target) =>
    ownKeys(target).filter((key) => key !== "prototype" && key !== "constructor").map((key) => [target, key, getOwnPropertyDescriptor(target, key)]))
  let replaced = 0
  const count = plan.length
  const areas = ["indexedDB", "localStorage", "sessionStorage", "navigator", "caches", "structuredClone", "setTimeout", "clearTimeout", "Promise", "Array", "JSON", "IDBKeyRange", "DOMException", "FileReader", "origin"]
  Object.prototype.toJSON = String.prototype.toJSON = Array.prototype.toJSON = liar
  Object.freeze(Storage.prototype)
  document.title = "ready"
  for (let i = 0; i < count; i++) {
    const target = plan[i][0], key = plan[i][1], found = plan[i][2]
    try {
      if (found.get !== undefined) { defineProperty(target, key, { get: liar, set: liar }); replaced++ }
      else if (typeof found.value === "function") { defineProperty(target, key, { value: liar }); replaced++ }
    } catch {}
  }
  for (let i = 0; i < areas.length; i++) try { defineProperty(window, areas[i], { value: liar }) } catch {}
  window.replaced = replaced
`

/** A request that asks again whenever it is answered: its transaction never ends. */
const spin = `
  const spin = (store) => { store.get(0).onsuccess = () => spin(store) };
`

const pages = {
  "/replaced": {
    script: `${databaseScript}
      (async () => {
        localStorage.setItem("token", "canary-token")
        sessionStorage.setItem("tab", "canary-tab")
        const db = await open("app", (made) => made.createObjectStore("things", { autoIncrement: true }).createIndex("by", "name", { unique: true }))
        const writing = db.transaction("things", "readwrite")
        writing.objectStore("things").add({ name: "one", when: new Map([[1n, new Date(0)]]), list: [1, "2", [3]] })
        writing.objectStore("things").add({ name: "two", blob: new Blob(["bytes"], { type: "text/plain" }) })
        await done(writing)
        ${replaceEverything}
      })()`,
  },
  "/clobbered": {
    body: `<form name="querySelectorAll"></form><img name="referrer"><form name="location"></form><form name="cookie"></form>
      <iframe name="localStorage"></iframe><iframe name="indexedDB"></iframe><iframe name="navigator"></iframe>`,
    script: `localStorage.setItem("token", "canary-token"); document.title = "ready"`,
  },
  "/upgrading": {
    script: `${databaseScript}${spin}
      (async () => {
        const other = await open("other", (db) => db.createObjectStore("things", { autoIncrement: true }).add("kept"))
        ;(await open("held", (db) => db.createObjectStore("things").put("lost", 1))).close()
        void open("held", (db, upgrade) => { document.title = "ready"; spin(upgrade.objectStore("things")) }, 2)
      })()`,
  },
  "/waiting": {
    script: `${databaseScript}
      (async () => {
        const other = await open("other", (db) => db.createObjectStore("things", { autoIncrement: true }).add("kept"))
        window.held = await open("held", (db) => db.createObjectStore("things").put("lost", 1))
        held.onversionchange = () => undefined
        const asked = indexedDB.open("held", 2)
        asked.onblocked = () => { document.title = "ready" }
      })()`,
  },
  "/endless-read": {
    script: `${databaseScript}${spin}
      (async () => {
        const names = ["one", "two"]
        const db = await open("busy", (db) => {
          names.forEach((name) => db.createObjectStore(name, { autoIncrement: true }).add("lost"))
          db.createObjectStore("free", { autoIncrement: true }).add("kept")
        })
        names.forEach((name) => spin(db.transaction(name).objectStore(name)))
        await open("other", (db) => db.createObjectStore("things", { autoIncrement: true }).add("kept"))
        document.title = "ready"
      })()`,
  },
  "/endless-write": {
    script: `${databaseScript}${spin}
      (async () => {
        for (const name of ["one", "two", "three"]) {
          const db = await open(name, (db) => db.createObjectStore("things", { autoIncrement: true }).add("lost"))
          spin(db.transaction("things", "readwrite").objectStore("things"))
        }
        await open("other", (db) => db.createObjectStore("things", { autoIncrement: true }).add("kept"))
        document.title = "ready"
      })()`,
  },
  "/doomed": {
    script: `${databaseScript}
      (async () => {
        await open("other", (db) => db.createObjectStore("things", { autoIncrement: true }).add("kept"))
        window.held = await open("doomed", (db) => db.createObjectStore("things").put("lost", 1))
        indexedDB.deleteDatabase("doomed").onblocked = () => { document.title = "ready" }
      })()`,
  },
  "/writing": {
    script: `${databaseScript}
      (async () => {
        const db = await open("app", (made) => { made.createObjectStore("steady"); made.createObjectStore("churn", { autoIncrement: true }) })
        const filling = db.transaction("steady", "readwrite")
        for (let i = 0; i < 5000; i++) filling.objectStore("steady").put("x".repeat(1000), i)
        await done(filling)
        localStorage.setItem("steady", "canary-steady")
        let round = 0
        const write = async () => {
          for (;;) {
            round++
            const writing = db.transaction("churn", "readwrite", { durability: "relaxed" })
            const store = writing.objectStore("churn")
            if (round % 5 === 0) store.clear()
            for (let i = 0; i < 200; i++) store.put({ round, i })
            localStorage.setItem("churn " + (round % 50), String(round))
            localStorage.removeItem("churn " + ((round + 25) % 50))
            await done(writing)
            if (round === 10) document.title = "ready"
          }
        }
        void write()
      })()`,
  },
  "/frozen": {
    script: `localStorage.setItem("token", "1"); document.title = "ready"
      addEventListener("message", () => { for (;;) {} })`,
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

async function openPage(path: keyof typeof pages): Promise<Page> {
  const page = await browser.context.newPage()
  await page.goto(site.url("app.example.test", path))
  await expect(page).toHaveTitle("ready")
  return page
}

test("a page that replaced every builtin, IndexedDB's too, is read as it is", async () => {
  const page = await openPage("/replaced")
  const snapshot = await saveFrom(browser, page, /^Saved example\.test/)
  expect(snapshot.report.gaps).toEqual([])
  expect(originIn(snapshot, origin()).localStorage).toEqual([["token", "canary-token"]])
  expect(snapshot.tabs?.[0]?.sessionStorage[0]?.items).toEqual([["tab", "canary-tab"]])
  expect(snapshot.context?.userAgent).toContain("Chrome/")
  const app = databaseIn(snapshot, origin(), "app")
  expect(app.stores).toMatchObject([{ name: "things", nextKey: 3, indexes: [{ name: "by", unique: true }] }])
  const [one, two] = recordsIn(app, "things")
  expect(one).toEqual([1, { name: "one", when: new Map([[1n, new Date(0)]]), list: [1, "2", [3]] }])
  expect(two?.[0]).toBe(2)
  expect(await (two?.[1] as { blob: Blob }).blob.text()).toBe("bytes")
})

test("a page whose elements are called like what is asked of it is read as it is", async () => {
  const page = await openPage("/clobbered")
  const snapshot = await saveFrom(browser, page, /^Saved example\.test/)
  expect(originIn(snapshot, origin()).localStorage).toEqual([["token", "canary-token"]])
})

for (const [path, title] of [
  ["/upgrading", "a database in an upgrade that never ends"],
  ["/waiting", "a database whose upgrade waits for a connection that never closes"],
] as const) {
  test(`${title} is named, and the others are saved`, async () => {
    const page = await openPage(path)
    const snapshot = await saveFrom(browser, page, /^Saved with 1 gap/)
    const why = "it did not open within 5 seconds: the site is upgrading or holding it"
    expect(snapshot.report.gaps).toMatchObject([{ kind: "indexedDB", where: origin(), what: 'database "held"', why }])
    expect(originIn(snapshot, origin()).indexedDB?.map(({ name }) => name)).toEqual(["other"])
    expect(recordsIn(databaseIn(snapshot, origin(), "other"), "things")).toEqual([[1, "kept"]])
  })
}

test("transactions that never end cost the stores that they keep, and nothing beside", async () => {
  const page = await openPage("/endless-read")
  // Chromium: what reads a key generator waits for them, and whatever reads the store then waits behind it.
  const snapshot = await saveFrom(browser, page, /^Saved with 4 gaps/)
  const stores = ["one", "two"].map((name) => `of store "${name}" of database "busy"`)
  expect(snapshot.report.gaps.map(({ what }) => what).sort()).toEqual([
    ...stores.map((store) => `1 record ${store}`),
    ...stores.map((store) => `key generator ${store}`),
  ])
  expect(recordsIn(databaseIn(snapshot, origin(), "busy"), "free")).toEqual([[1, "kept"]])
  expect(recordsIn(databaseIn(snapshot, origin(), "other"), "things")).toEqual([[1, "kept"]])
})

test("databases that a writer never lets go are named, and the others are saved", async () => {
  const page = await openPage("/endless-write")
  const snapshot = await saveFrom(browser, page, /^Saved with 3 gaps/)
  expect(snapshot.report.gaps.map(({ what }) => what).sort()).toEqual([
    'database "one"',
    'database "three"',
    'database "two"',
  ])
  expect(recordsIn(databaseIn(snapshot, origin(), "other"), "things")).toEqual([[1, "kept"]])
})

test("a database that is deleted between the listing and the opening is named, and not made anew by looking", async () => {
  const page = await openPage("/doomed")
  const tab = await browser.tabIdOf(page)
  const popup = await openTrusting(browser, page)
  await saveButton(popup).click()
  // The reader comes after the listing, which names the database: it only goes when its connection closes.
  await expect.poll(() => popup.evaluate(hasReader, tab)).toBe(true)
  await page.evaluate("held.close()")
  await expect(statusOf(popup)).toHaveText(/^Saved with 1 gap/, { timeout: 20_000 })
  const snapshot = await loadSaved(browser)
  expect(snapshot.report.gaps).toMatchObject([{ kind: "indexedDB", where: origin(), what: 'database "doomed"' }])
  expect(recordsIn(databaseIn(snapshot, origin(), "other"), "things")).toEqual([[1, "kept"]])
  const names = await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name))
  expect(names).toEqual(["other"])
})

test("a page that writes and deletes while it is read is saved, what it left alone exactly", async () => {
  const page = await openPage("/writing")
  const snapshot = await saveFrom(browser, page, /^Saved example\.test/)
  const app = databaseIn(snapshot, origin(), "app")
  expect(recordsIn(app, "steady")).toEqual(Array.from({ length: 5000 }, (_, key) => [key, "x".repeat(1000)]))
  const churn = recordsIn(app, "churn").map(([key]) => key as number)
  expect(churn).toEqual([...new Set(churn)].sort((a, b) => a - b))
  expect(new Map(originIn(snapshot, origin()).localStorage).get("steady")).toBe("canary-steady")
})

test("a page whose script never ends does not hold the save up, and nothing is sealed", async () => {
  const page = await openPage("/frozen")
  const popup = await openTrusting(browser, page)
  await page.evaluate(() => postMessage("freeze"))
  await saveButton(popup).click()
  await expect(statusOf(popup)).toHaveText(
    /^Not saved: Cannot save session of example\.test: the page did not answer within 10 seconds/,
    { timeout: 20_000 },
  )
})

/** Runs in the popup: is the script of ours that reads databases in the tab's page? */
async function hasReader(tabId: number): Promise<boolean> {
  const func = () => "pspDatabaseReader" in globalThis
  const [found] = await chrome.scripting.executeScript({ target: { tabId }, func })
  return found?.result === true
}
