import { expect, test, type BrowserContext, type Page } from "@playwright/test"
import { capture, refresh, restore } from "../../shared/adapters/playwright.js"
import type { IndexedDatabase, Snapshot } from "../../shared/snapshot.js"
import { createStructuredCodec } from "../../shared/structured.js"
import { cookie, sessionOf, type Parts } from "../contracts/adapter-contract.js"
import { startSite, type Site } from "../site/site.js"
import { startChromium } from "./browser.js"

/** A context that is in use, with pages open, gets a newer state of its session. */
let chromium: Awaited<ReturnType<typeof startChromium>>
let site: Site
let context: BrowserContext

test.beforeAll(async () => {
  chromium = await startChromium()
  site = await startSite({ hostname: "app.fern.test" })
})
test.afterAll(async () => {
  await Promise.all([chromium.stop(), site.close()])
})
test.beforeEach(async () => {
  context = await chromium.browser.newContext()
})
test.afterEach(() => context.close())

const session = (parts: Parts) => sessionOf(site.origin, parts)
const greeting = (page: Page) => page.locator("#greeting")

async function loginOf(name: string): Promise<Snapshot> {
  const home = await chromium.browser.newContext()
  const page = await home.newPage()
  await page.goto(`${site.origin}/login`)
  await page.locator("[name=name]").fill(name)
  await page.locator("[name=password]").fill("any")
  await page.locator("form").evaluate((form: HTMLFormElement) => form.requestSubmit())
  await expect(greeting(page)).toHaveText(`Good to see you, ${name}`)
  const snapshot = await capture(home, { site: "fern.test" })
  await home.close()
  return snapshot
}

async function openAt(path: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${site.origin}${path}`)
  return page
}

/** Of a request that the page makes by itself. */
const cookieSentBy = (page: Page) =>
  page.evaluate(async () => {
    const answer = (await (await fetch("/echo")).json()) as { headers: { cookie?: string } }
    return answer.headers.cookie ?? ""
  })

test("open pages stay as they are, and their next request is answered as the new login", async () => {
  await restore(
    context,
    session({ cookies: [cookie({ value: "old" }), cookie({ name: "gone" })], local: [["a", "1"]] }),
  )
  const pages = [await openAt("/blank"), await openAt("/blank")]
  for (const page of pages) await page.evaluate(() => Object.assign(window, { mark: "mine" }))
  site.requests.length = 0
  const renewed = session({ cookies: [cookie({ value: "new" })], local: [["b", "2"]] })
  const report = await refresh(context, renewed)
  expect(report).toMatchObject({ ok: true, set: { cookies: 1, localStorage: 1 }, gaps: [] })
  expect([site.requests, context.pages()]).toEqual([[], pages])
  for (const page of pages) {
    expect(
      await page.evaluate(() => [Reflect.get(window, "mark") as unknown, Object.entries<string>(localStorage)]),
    ).toEqual(["mine", [["b", "2"]]])
    expect(await cookieSentBy(page)).toBe("sid=new")
  }
})

test("with reload every open page of the site is that of the new login, its sessionStorage too", async () => {
  const [ada, grace] = [await loginOf("Ada"), await loginOf("Grace")]
  await restore(context, ada)
  const [first, second] = [await openAt("/"), await openAt("/")]
  await expect(greeting(first)).toHaveText("Good to see you, Ada")
  const other = await context.newPage()
  await other.goto(`http://other.test:${site.port}/blank`)
  await other.evaluate(() => Object.assign(window, { mark: "mine" }))
  expect(await refresh(context, grace, { reload: true })).toMatchObject({ ok: true, gaps: [] })
  for (const page of [first, second]) await expect(greeting(page)).toHaveText("Good to see you, Grace")
  expect(await other.evaluate(() => Reflect.get(window, "mark") as unknown)).toBe("mine")
  // Once: a logout stays one.
  await first.locator("#logout").click()
  await expect(greeting(first)).toHaveText("Who is there?")
})

test("sessionStorage of open pages stays, and where it is another one the report names it", async () => {
  const before = session({ session: [["tab", "1"]] })
  await restore(context, before)
  const page = await openAt("/blank")
  await expect.poll(() => page.evaluate(() => sessionStorage.getItem("tab"))).toBe("1")
  expect(await refresh(context, before)).toMatchObject({ ok: true, gaps: [] })
  const report = await refresh(context, session({ session: [["tab", "canary"]] }))
  expect(report).toMatchObject({ ok: false, set: {} })
  expect(report.gaps).toMatchObject([
    { kind: "sessionStorage", where: site.origin, what: "sessionStorage of 1 open page", count: 1 },
  ])
  expect(JSON.stringify(report)).not.toContain("canary")
  await page.reload()
  expect(await page.evaluate(() => sessionStorage.getItem("tab"))).toBe("1")
})

test("sessionStorage waits for the next page where none is open, and an older one that still waits goes", async () => {
  const held = (page: Page) => page.evaluate(() => Object.values<string>(sessionStorage))
  await restore(context, session({ session: [["tab", "1"]] }))
  expect(await refresh(context, session({ session: [["tab", "2"]] }))).toMatchObject({ set: { sessionStorage: 1 } })
  const page = await openAt("/blank")
  await expect.poll(() => held(page)).toEqual(["2"])
  const [tab] = session({ session: [["tab", "3"]] }).tabs ?? []
  const report = await refresh(context, { ...session({}), tabs: tab === undefined ? [] : [tab] }, { openTabs: "all" })
  expect(report).toMatchObject({ ok: true, set: { sessionStorage: 1 } })
  const opened = context.pages().find((one) => one !== page)
  await expect.poll(() => (opened === undefined ? [] : held(opened))).toEqual(["3"])
  expect(await held(page)).toEqual(["2"])
})

test("an open page hears of the keys that changed, and never that all of them went", async () => {
  await restore(
    context,
    session({
      local: [
        ["same", "1"],
        ["old", "1"],
        ["other", "1"],
      ],
    }),
  )
  const page = await openAt("/blank")
  await page.evaluate(() => {
    const heard: (string | null)[] = []
    addEventListener("storage", ({ key }) => heard.push(key))
    Object.assign(window, { heard })
  })
  await refresh(
    context,
    session({
      local: [
        ["same", "1"],
        ["other", "2"],
        ["new", "3"],
      ],
    }),
  )
  const heard = () => page.evaluate(() => (Reflect.get(window, "heard") as string[]).toSorted())
  await expect.poll(heard).toEqual(["new", "old", "other"])
})

test("passes by the service worker that answers for the open page, which stays", async () => {
  const origin = `http://app.localhost:${site.port}`
  const page = await context.newPage()
  await page.goto(`${origin}/worker`)
  await page.evaluate("ready")
  site.requests.length = 0
  const report = await refresh(context, sessionOf(origin, { local: [["token", "2"]] }))
  expect(report).toMatchObject({ ok: true, set: { localStorage: 1 } })
  expect(site.requests).toEqual([])
  expect(await page.evaluate(() => localStorage.getItem("token"))).toBe("2")
  expect(await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)).toBe(1)
})

test("writes records into a database that an open page holds, which goes on with it", async () => {
  await restore(context, withDatabases(database("held", { one: "old", two: "old" })))
  const page = await openAt("/blank")
  await page.evaluate(hold)
  const report = await refresh(context, withDatabases(database("held", { two: "new", three: "new" })))
  expect(report).toEqual({ ok: true, set: { indexedDB: 2 }, gaps: [] })
  expect(await page.evaluate(recordsHeld)).toEqual([
    ["three", "new"],
    ["two", "new"],
  ])
})

test("a database that an open page holds and that is to become another one is named, and the page goes on", async () => {
  await restore(context, withDatabases(database("held", { one: "old" })))
  const page = await openAt("/blank")
  await page.evaluate(hold)
  const report = await refresh(context, {
    ...withDatabases(database("held", { one: "new" }, 2), database("beside", { one: "new" })),
    cookies: [cookie()],
  })
  expect(report).toMatchObject({ ok: false, set: { cookies: 1, indexedDB: 1 } })
  const why = "an open page of the site holds the databases"
  expect(report.gaps).toMatchObject([{ kind: "indexedDB", where: site.origin, what: 'database "held"', why }])
  // Nothing of ours waits in line, neither now nor when the page lets it go.
  expect(await page.evaluate(recordsHeld)).toEqual([["one", "old"]])
  await page.evaluate("held.close()")
  await page.evaluate(hold)
  expect(await page.evaluate(recordsHeld)).toEqual([["one", "old"]])
})

test("a database that is not in the session goes, and is named while an open page holds it", async () => {
  await restore(context, withDatabases(database("held", { one: "old" }), database("free", {})))
  const page = await openAt("/blank")
  await page.evaluate(hold)
  const names = () => page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name))
  const report = await refresh(context, withDatabases(database("new", { one: "new" })))
  expect(report).toMatchObject({ ok: false, set: { indexedDB: 1 } })
  expect(report.gaps).toMatchObject([{ kind: "indexedDB", where: site.origin, what: "databases that were there" }])
  expect((await names()).toSorted()).toEqual(["held", "new"])
})

const codec = createStructuredCodec()

function database(name: string, records: Record<string, string>, version = 1): IndexedDatabase {
  const text = (value: unknown) => {
    const encoded = codec.encode(value)
    if (!("text" in encoded)) throw new Error("A value of this test needs to wait")
    return encoded.text
  }
  const lines = Object.entries(records).map(([key, value]) => ({ key: text(key), value: text(value) }))
  const store = { name: "things", keyPath: null, autoIncrement: false, nextKey: null, indexes: [], records: lines }
  return { name, version, stores: [store] }
}

function withDatabases(...indexedDB: IndexedDatabase[]): Snapshot {
  return { ...session({}), origins: [{ origin: site.origin, partition: null, indexedDB }] }
}

/** As apps do that never listen for `versionchange`. */
const hold = `new Promise((resolve, reject) => {
  const asked = indexedDB.open("held")
  asked.onsuccess = () => { window.held = asked.result; resolve(null) }
  asked.onerror = () => reject(asked.error)
})`

const recordsHeld = `new Promise((resolve, reject) => {
  const found = []
  const asked = held.transaction("things").objectStore("things").openCursor()
  asked.onerror = () => reject(asked.error)
  asked.onsuccess = () => {
    if (asked.result === null) return resolve(found)
    found.push([asked.result.key, asked.result.value])
    asked.result.continue()
  }
})`
