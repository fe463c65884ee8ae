import { expect, test, type Page } from "@playwright/test"
import { readdir, readFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import path from "node:path"
import { createFsProvider } from "../../native-host/fs-provider.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { openVault } from "../../shared/vault.js"
import { startBrowser, type TestBrowser } from "./browser.js"

let browser: TestBrowser
let port: number
const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? "/", "http://site.test")
  const sandboxed = searchParams
    .getAll("sandboxed")
    .map((src) => `<iframe sandbox="allow-scripts" src="${src}"></iframe>`)
  const frames = searchParams.getAll("frame").map((src) => `<iframe src="${src}"></iframe>`)
  const key = searchParams.get("key") ?? "token"
  response.setHeader("content-type", "text/html; charset=utf-8")
  response.end(`<!doctype html><title>A site</title>
    <script>localStorage.setItem("${key}", location.href); sessionStorage.setItem("${key}", location.href)</script>
    ${searchParams.has("sandbox") ? `<iframe sandbox="allow-scripts" srcdoc="<p>sandboxed"></iframe>` : ""}${sandboxed.join("")}${frames.join("")}`)
})

test.beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  port = (server.address() as AddressInfo).port
})
test.afterAll(() => {
  server.closeAllConnections()
  server.close()
})
test.beforeEach(async () => {
  browser = await startBrowser()
})
test.afterEach(async () => {
  await browser.stop()
})

const url = (host: string, query: Record<string, string> = {}) =>
  `http://${host}:${port}/?${new URLSearchParams(query).toString()}`

test("frames of the site are read as the site's, frames of other sites are named", async () => {
  const page = await browser.context.newPage()
  const auth = url("auth.example.test", { key: "auth" })
  await page.goto(url("app.example.test", { frame: auth, sandbox: "yes" }) + `&frame=${url("widget.test")}`)
  const snapshot = await save(page, /^Saved with 1 gap: /)
  expect(new Map(snapshot.origins?.map(({ origin, localStorage }) => [origin, localStorage?.[0]?.[0]]))).toEqual(
    new Map([
      [`http://app.example.test:${port}`, "token"],
      [`http://auth.example.test:${port}`, "auth"],
    ]),
  )
  expect(snapshot.tabs).toHaveLength(1)
  expect(snapshot.tabs?.[0]?.sessionStorage).toHaveLength(2)
  expect(snapshot.report.gaps).toMatchObject([{ kind: "site", where: "widget.test", count: 1 }])
})

test("a sandboxed frame, which has no storage, does not speak for the origin of its address", async () => {
  const page = await browser.context.newPage()
  const auth = url("auth.example.test", { key: "auth" })
  await page.goto(url("app.example.test", { sandboxed: auth, frame: auth }))
  const snapshot = await save(page, /^Saved /)
  const origins = new Map(snapshot.origins?.map(({ origin, localStorage }) => [origin, localStorage?.[0]?.[0]]))
  expect(origins.get(`http://auth.example.test:${port}`)).toBe("auth")
  expect(snapshot.report.gaps).toEqual([])
})

test("a frame of the site inside another site's frame is not taken for the site itself", async () => {
  const page = await browser.context.newPage()
  const inner = url("auth.example.test", { key: "partitioned" })
  await page.goto(url("app.example.test", { frame: url("other.test", { frame: inner }) }))
  // The browser lets the extension into the inner frame too, whose storage is another one than that of the same origin on top.
  const snapshot = await save(page, /^Saved with \d gaps?: /)
  const places = [
    [`http://app.example.test:${port}`, null],
    [`http://auth.example.test:${port}`, { topLevelSite: "http://example.test", hasCrossSiteAncestor: true }],
  ]
  expect(snapshot.origins?.map(({ origin, partition }) => [origin, partition])).toEqual(places)
  expect(snapshot.tabs?.[0]?.sessionStorage.map(({ origin, partition }) => [origin, partition])).toEqual(places)
  expect(snapshot.report.gaps[0]).toMatchObject({ kind: "site", where: "other.test", count: 1 })
})

test("a tab that shows an error page is a gap of the session saved beside it", async () => {
  const page = await browser.context.newPage()
  await page.goto(url("app.example.test"))
  const broken = await browser.context.newPage()
  await broken.goto("http://broken.example.test:1/").catch(() => undefined)
  const snapshot = await save(page, /^Saved with 1 gap: /)
  expect(snapshot.report.gaps).toMatchObject([
    { kind: "origin", where: "http://broken.example.test:1", why: "the tab shows an error page" },
  ])
  expect(snapshot.tabs).toHaveLength(1)
})

test("an error page does not replace a saved session by one without its page storage", async () => {
  const page = await browser.context.newPage()
  await page.goto(url("app.example.test"))
  const before = await save(page, /^Saved /)
  const popup = await browser.openPopup(page)
  await page.goto("http://app.example.test:1/").catch(() => undefined)
  await popup.reload()
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(popup.getByRole("status")).toHaveText(
    /^Not saved: Cannot save session of example\.test: the tab shows an error page; reload it/,
  )
  expect(await load()).toEqual(before)
})

async function save(page: Page, says: RegExp): Promise<Snapshot> {
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await popup.getByRole("button", { name: "Trust this computer" }).click()
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(popup.getByRole("status")).toHaveText(says)
  const snapshot = await load()
  await popup.close()
  return snapshot
}

async function load(): Promise<Snapshot> {
  const offers = path.join(browser.home, "offers")
  const [offer = ""] = await readdir(offers)
  const owner = (await readFile(path.join(offers, offer), "utf8")).trim()
  const store = createFsProvider(path.join(browser.home, "vault"))
  const vault = await openVault(store, { identity: browser.computer, owner })
  const snapshot = await vault.load("example.test")
  if (snapshot === null) throw new Error("Nothing was saved")
  return snapshot
}
