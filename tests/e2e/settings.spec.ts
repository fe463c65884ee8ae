import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { expect, test, type Locator, type Page } from "@playwright/test"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { openVault } from "../../shared/vault.js"
import { startBrowser, type TestBrowser } from "./browser.js"
import { startCaptureSite, type CaptureSite } from "./capture-site.js"
import { trustComputer } from "./saving.js"

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

const now = (page: Page) => page.getByRole("region", { name: "The store of this computer" })
const field = (page: Page) => page.getByLabel("Address of another store")
const tryIt = (page: Page) => page.getByRole("button", { name: "Try and use this store" })

const folderOf = (name: string) => path.join(path.dirname(browser.home), name)
const addressOf = (name: string) => pathToFileURL(folderOf(name)).href
const defaultAddress = () => pathToFileURL(path.join(browser.home, "vault")).href

async function configured(): Promise<unknown> {
  const text = await readFile(path.join(browser.home, "config.json"), "utf8").catch(() => "{}")
  return (JSON.parse(text) as { store?: unknown }).store
}

async function sessionsIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true }).catch(() => [])
  return found.filter((name) => name.endsWith(".psp") && name.includes("/sessions/"))
}

/** In the page, wherever it is scrolled to. */
async function placeOf(locator: Locator): Promise<{ x: number; y: number }> {
  return locator.evaluate((element) => {
    const { x, y } = element.getBoundingClientRect()
    return { x, y: y + scrollY }
  })
}

async function openTrusted(): Promise<{ popup: Page; dashboard: Page }> {
  const page = await browser.context.newPage()
  await page.goto(site.url("app.example.test"))
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  const dashboard = await browser.openPage("dashboard")
  await expect(now(dashboard)).toContainText(defaultAddress())
  await expect(field(dashboard)).toBeVisible()
  await expect(dashboard.getByRole("heading", { name: "This browser" })).toBeVisible()
  return { popup, dashboard }
}

async function save(popup: Page): Promise<void> {
  await popup.bringToFront()
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(popup.getByRole("status")).toHaveText(/^Saved example\.test/)
}

test("the store is changed to another folder, the next save lies there and the computer reads it, and Undo goes back", async ({}, info) => {
  browser = await startBrowser()
  const { popup, dashboard } = await openTrusted()
  await save(popup)
  const old = path.join(browser.home, "vault")
  expect(await sessionsIn(old)).toHaveLength(1)

  await dashboard.bringToFront()
  await field(dashboard).fill(addressOf("other"))
  await field(dashboard).press("Enter")
  await expect(dashboard.getByText(`This computer’s store is now ${addressOf("other")}.`)).toBeVisible()
  await expect(now(dashboard)).toContainText("Set on this computer.")
  await expect(now(dashboard)).toContainText(/Tried .*: a small object was written, read back, listed and removed\./)
  await expect(dashboard.getByText(`psp pull --all --from ${defaultAddress()}`)).toBeVisible()
  expect(await configured()).toBe(addressOf("other"))
  await dashboard.screenshot({ path: info.outputPath("changed.png"), fullPage: true })

  await popup.reload()
  await save(popup)
  expect(await sessionsIn(folderOf("other"))).toHaveLength(1)
  expect(await sessionsIn(old)).toHaveLength(1)
  // A computer that never saw the old store learns from the new one who owns the vault, and what is in it.
  const [offer = ""] = await readdir(path.join(browser.home, "offers"))
  const owner = (await readFile(path.join(browser.home, "offers", offer), "utf8")).trim()
  const vault = await openVault(createFsProvider(folderOf("other")), { identity: browser.computer, owner })
  await vault.refresh()
  expect((await vault.load("example.test"))?.sites).toEqual(["example.test"])

  await dashboard.bringToFront()
  await dashboard.getByRole("button", { name: "Undo" }).click()
  await expect(dashboard.getByText(`Undone: this computer’s store is ${defaultAddress()} again.`)).toBeVisible()
  await expect(dashboard.getByRole("button", { name: "Undo" })).toBeHidden()
  expect(await configured()).toBeUndefined()
  await popup.reload()
  await save(popup)
  expect(await sessionsIn(old)).toHaveLength(2)
})

test("an address with a password and a store that fails its trial are refused, with what to do, and nothing is changed", async ({}, info) => {
  browser = await startBrowser()
  const { dashboard } = await openTrusted()
  const before = await placeOf(tryIt(dashboard))
  await field(dashboard).fill("redis://ada:canary@127.0.0.1:1/0")
  await tryIt(dashboard).click()
  await expect(dashboard.getByText(/^Not changed: .*a browser is no place for it/)).toBeVisible()
  await expect(dashboard.getByText("canary")).toBeHidden()

  // The folder of a store must be the person's own: this one everybody may write to.
  await mkdir(folderOf("open"), { mode: 0o777 })
  await chmod(folderOf("open"), 0o777)
  await field(dashboard).fill(addressOf("open"))
  await tryIt(dashboard).click()
  await expect(dashboard.getByText(/^Not changed: Cannot use the store, .*; nothing was set$/)).toBeVisible()

  await field(dashboard).fill("cloudflare-kv://account/namespace")
  await tryIt(dashboard).click()
  await expect(dashboard.getByText(/^Not changed: .*expected an API token/)).toBeVisible()
  const command = "psp config set credentials.token --store cloudflare-kv://account/namespace"
  await expect(dashboard.getByText(command)).toBeVisible()
  await expect(dashboard.getByRole("button", { name: `Copy: ${command}` })).toBeVisible()
  await dashboard.screenshot({ path: info.outputPath("refused.png"), fullPage: true })

  expect(await placeOf(tryIt(dashboard))).toEqual(before)
  await expect(now(dashboard)).toContainText(defaultAddress())
  expect(await configured()).toBeUndefined()
})

test("a trial can be called off with the keyboard, and the store is the one of before", async () => {
  browser = await startBrowser()
  const { dashboard } = await openTrusted()
  const silent = createServer()
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
  const { port } = silent.address() as { port: number }
  try {
    await field(dashboard).fill(`redis://127.0.0.1:${port}/0`)
    await field(dashboard).press("Enter")
    const cancel = dashboard.getByRole("button", { name: "Cancel" })
    await expect(cancel).toBeVisible()
    await cancel.focus()
    await dashboard.keyboard.press("Enter")
    await expect(dashboard.getByText(/^Not changed: Cannot change the store: it was called off/)).toBeVisible()
    await expect(cancel).toBeHidden()
    expect(await dashboard.evaluate(() => document.activeElement?.className)).toBe("store-result")
  } finally {
    silent.close()
  }
  expect(await configured()).toBeUndefined()
})

test("before this computer is trusted its store is shown, and cannot be changed", async () => {
  browser = await startBrowser()
  const dashboard = await browser.openPage("dashboard")
  await expect(now(dashboard)).toContainText(defaultAddress())
  await expect(field(dashboard)).toBeHidden()
  const answer = await dashboard.evaluate(
    (address) =>
      chrome.runtime.sendMessage<unknown, { error?: { code: string } } | undefined>({ type: "setStore", address }),
    addressOf("other"),
  )
  expect(answer?.error?.code).toBe("not-trusted")
  expect(await configured()).toBeUndefined()
})

test("psp on the computer that knows no stores of pages is told to be updated", async () => {
  browser = await startBrowser({ hasHost: false })
  const old = `const { readFileSync } = require("node:fs");
    const text = (value) => { const json = JSON.stringify(value); const size = Buffer.alloc(4); size.writeUInt32LE(Buffer.byteLength(json)); process.stdout.write(size); process.stdout.write(json) };
    let rest = Buffer.alloc(0);
    process.stdin.on("data", (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32LE(0)) {
        const frame = JSON.parse(rest.subarray(4, 4 + rest.readUInt32LE(0)));
        rest = rest.subarray(4 + rest.readUInt32LE(0));
        if (frame.seq === undefined) continue;
        text({ id: frame.id, ack: frame.seq });
        const head = frame.head.type === "hello" ? { protocol: 1, version: "0.0.9", computer: null, store: { kind: "file", ok: true } } : { error: { code: "bad-message", message: "this build does not know its type" } };
        text({ id: frame.id, seq: 0, last: true, head, data: "" });
      }
    })`
  const script = path.join(browser.home, "old-host.cjs")
  await writeFile(script, old)
  await browser.registerHost({ script: `exec "${process.execPath}" "${script}"` })
  const dashboard = await browser.openPage("dashboard")
  await expect(
    dashboard.getByText(/psp there is older than this extension; run: npm install .*psp 0\.0\.9/),
  ).toBeVisible()
})
