import { createHash } from "node:crypto"
import { mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { expect, test, type Page } from "@playwright/test"
import type { MessageType } from "../../extension/messages.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import { chromeExtensionId } from "../../shared/names.js"
import { printable } from "../../shared/printable.js"
import { lookAlikeSite, naughtyNames, owned } from "../naughty-names.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { startBrowser, type TestBrowser } from "./browser.js"
import { startCaptureSite, type CaptureSite } from "./capture-site.js"
import { overflowScript } from "./popup-states.js"
import { openTrusting, saveButton, statusOf } from "./saved-session.js"
import { openComputerVault } from "./saving.js"

let site: CaptureSite
let browser: TestBrowser
let theirs: { folder: string; page: string }

test.describe.configure({ mode: "serial" })

test.beforeAll(async () => {
  site = await startCaptureSite()
  theirs = await makeExtension()
  browser = await startBrowser({ extensions: [theirs.folder] })
})
test.afterAll(async () => {
  await browser.stop()
  await site.close()
  await rm(theirs.folder, { recursive: true, force: true })
})

const types = [
  ...([
    "save",
    "permission",
    "cancel",
    "wake",
    "computer",
    "trust",
    "sessions",
    "unlocked",
    "waiting",
    "lost",
  ] as const),
  ...(["dismissLost", "store", "credentials", "setStore", "cancelStore", "forget", "sync", "syncs", "health"] as const),
  ...(["syncsEnded", "dismissEnded", "syncNow", "takeIn", "undoTaken", "reloadPages", "restorePlan"] as const),
  ...(["restoreHere", "unforget", "remember", "pick"] as const),
] satisfies MessageType[]

/** Of each type, with what most of them ask for. */
const asks = types.map((type) => ({
  type,
  ...{ site: "example.test", account: "default", mode: "save", storeId: "0", ticks: [], letIn: [], check: null },
  ...{ fingerprint: "words", address: null, id: "1", granted: true, tabId: 1 },
}))

/** Sends each so many times, wherever it runs: what was answered, and why not. */
async function sendAll({
  to,
  list,
  times,
}: {
  to: string | null
  list: { type: string }[]
  times: number
}): Promise<[string, number][]> {
  const said = new Map<string, number>()
  for (let time = 0; time < times; time++) {
    for (const ask of list) {
      const sending: Promise<unknown> =
        to === null ? chrome.runtime.sendMessage(ask) : chrome.runtime.sendMessage(to, ask)
      const what = await sending.then(
        (answer) => (answer === undefined || answer === null ? "silence" : JSON.stringify(answer)),
        (error: unknown) => String(error),
      )
      said.set(what, (said.get(what) ?? 0) + 1)
    }
  }
  return [...said]
}

/** All that a stranger could have changed. */
async function stateOf(): Promise<unknown> {
  const worker =
    browser.context.serviceWorkers().find((one) => one.url().includes(chromeExtensionId)) ?? browser.background
  const kept = await worker.evaluate(async () => [await chrome.storage.local.get(), await chrome.storage.session.get()])
  const files = (await readdir(browser.home, { recursive: true })).filter((name) => !name.includes("log")).sort()
  return { kept, files, grants: await (await openComputerVault(browser)).grants() }
}

test("another extension's 100 messages and 20 ports, and 300 messages from a site, are not answered and change nothing", async () => {
  test.slow()
  const page = await browser.context.newPage()
  await page.goto(site.url("app.example.test", "/frames"))
  const popup = await openTrusting(browser, page)
  await saveButton(popup).click()
  await expect(statusOf(popup)).toHaveText(/^Saved/)
  await popup.close()
  const before = await stateOf()

  const other = await browser.context.newPage()
  await other.goto(theirs.page)
  const answers = await other.evaluate(sendAll, { to: chromeExtensionId, list: asks.slice(0, 25), times: 4 })
  expect(answers).toEqual([[expect.stringContaining("Receiving end does not exist"), 100]])
  const ports = await other.evaluate(async (id) => {
    const ends: string[] = []
    for (let at = 0; at < 20; at++) {
      const port = chrome.runtime.connect(id, { name: at % 2 === 0 ? "live" : "other" })
      ends.push(
        await new Promise((resolve) => {
          port.onMessage.addListener((message) => resolve(JSON.stringify(message)))
          port.onDisconnect.addListener(() => resolve(chrome.runtime.lastError?.message ?? ""))
        }),
      )
    }
    return ends
  }, chromeExtensionId)
  expect(ports).toHaveLength(20)
  for (const end of ports) expect(end).toContain("Receiving end does not exist")

  // A page has no way to ask; what runs beside it as a content script of ours, in the page and its three frames, has.
  expect(await page.evaluate(() => typeof (globalThis as { chrome?: { runtime?: unknown } }).chrome?.runtime)).toBe(
    "undefined",
  )
  const tabId = await browser.tabIdOf(page)
  const said = await browser.background.evaluate(
    async ([tab, list]) => {
      const sendThrice = async (given: object[]) => {
        const answers: unknown[] = []
        for (let time = 0; time < 3; time++)
          for (const ask of given) answers.push((await chrome.runtime.sendMessage(ask).catch(() => null)) ?? null)
        return answers
      }
      const run = await chrome.scripting.executeScript({
        target: { tabId: tab, allFrames: true },
        args: [list],
        func: sendThrice,
      })
      return run.flatMap(({ result }) => result ?? ["did not run"])
    },
    [tabId, asks] as const,
  )
  expect(said.length).toBeGreaterThanOrEqual(300)
  expect(new Set(said)).toEqual(new Set([null]))
  expect(await stateOf()).toEqual(before)

  // The same from a page of ours is answered: the messages are as they should be.
  const own = await browser.openPage("welcome")
  const [answer] = await own.evaluate(sendAll, { to: null, list: [{ type: "waiting" }], times: 1 })
  expect(answer).toEqual([JSON.stringify({ answer: [] }), 1])
  await Promise.all([own.close(), other.close(), page.close()])
})

test("none of 10 overlays of a site loads a page of the extension", async () => {
  const page = await browser.context.newPage()
  await page.goto(site.url("evil.example.test"))
  const contexts = async () =>
    (await browser.background.evaluate(async () => chrome.runtime.getContexts({})))
      .filter(({ contextType }) => contextType !== "BACKGROUND")
      .map(({ documentUrl }) => documentUrl)
  const nothing = await contexts()
  const opening = browser.context.waitForEvent("page")
  expect(await page.evaluate(layOver, `chrome-extension://${chromeExtensionId}`)).toHaveLength(10)
  const below = await opening
  await below.waitForLoadState()
  expect(await contexts()).toEqual(nothing)
  const frames = [page, below].flatMap((one) => one.frames().map((frame) => frame.url()))
  // One for each but the embed and the object, which may become none, and two for those with a frame inside.
  expect(frames.length).toBeGreaterThanOrEqual(10)
  expect(frames.filter((url) => url.includes(chromeExtensionId))).toEqual([])
  await below.close()
  // What is looked at does see one that is open.
  const own = await browser.openPage("dashboard")
  expect(await contexts()).toHaveLength(nothing.length + 1)
  await own.close()
  await page.close()
})

test("whatever bots, accounts and sites are called, the dashboard shows it as text, in its place", async () => {
  test.slow()
  const vault = await openComputerVault(browser)
  for (const [at, name] of naughtyNames.entries()) {
    const card = await createCard({ ...(await createIdentity(name)), vault: null })
    await vault.grant(card, { site: "example.test", expiresAt: Date.now() + 3_600_000 })
    await vault.record({
      ...{ kind: "restored", site: lookAlikeSite.punycode, account: name, tool: name, names: [name] },
      bot: { name, fingerprint: `words ${at}` },
    })
    await vault.save(exampleSnapshot(lookAlikeSite.punycode, name))
  }
  const dashboard = await browser.context.newPage()
  const reports: string[] = []
  // A browser tells there what a policy stopped, too.
  dashboard.on("console", (message) => reports.push(message.text()))
  dashboard.on("pageerror", (error) => reports.push(String(error)))
  await dashboard.goto(`chrome-extension://${chromeExtensionId}/dashboard.html`)
  const history = dashboard.getByRole("region", { name: "Access history" })
  await history.getByRole("button", { name: "Show" }).click()
  await expect(history.locator("tbody tr")).toHaveCount(naughtyNames.length + 2)
  const handedOff = dashboard.getByRole("region", { name: "Handed off" })
  for (const name of naughtyNames) {
    const isolated = `\u2068${printable(name)}\u2069`
    await expect(handedOff.getByText(isolated, { exact: true })).toHaveCount(1)
    expect(await history.textContent()).toContain(isolated)
  }
  await looksLikeText(dashboard, reports)
  expect(await dashboard.locator("main").textContent()).toContain(lookAlikeSite.punycode)
  expect(await dashboard.locator("main").textContent()).not.toContain(lookAlikeSite.typed)
  await dashboard.close()
})

async function looksLikeText(page: Page, reports: string[]): Promise<void> {
  for (const [scheme, width] of [
    ["light", 900],
    ["dark", 360],
  ] as const) {
    await page.emulateMedia({ colorScheme: scheme })
    await page.setViewportSize({ width, height: 900 })
    await page.screenshot({ path: `test-results/strangers-${scheme}.png`, fullPage: true })
    expect(JSON.parse(await page.evaluate<string>(overflowScript)), scheme).toEqual([])
  }
  await expect(page.locator("main :is(img, script, iframe, svg, style, b)")).toHaveCount(0)
  expect(await page.title()).not.toBe(owned)
  expect(reports).toEqual([])
  // No mark turns or hides what stands beside it: only the isolates that we set ourselves.
  expect(await page.locator("main").textContent()).not.toMatch(/(?![\u2068\u2069])[\p{Cf}\p{Cc}]/u)
}

/** Runs in a page of a site: lays a page of the extension over it in each way there is, until each was taken or refused. */
async function layOver(extension: string): Promise<string[]> {
  const [dashboard, popup, welcome] = ["dashboard", "popup", "welcome"].map((name) => `${extension}/${name}.html`)
  const tried: string[] = []
  const lay = async (
    kind: string,
    tag: string,
    attributes: Record<string, string>,
    later?: (made: Element) => void,
  ) => {
    const made = document.createElement(tag)
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
    made.style.cssText = "position:fixed;inset:0;width:100%;height:100%;opacity:0.01;z-index:9"
    const settles = () =>
      new Promise<void>((resolve) => {
        for (const event of ["load", "error"]) made.addEventListener(event, () => resolve(), { once: true })
      })
    const first = settles()
    document.body.append(made)
    await first
    if (later !== undefined) {
      const next = settles()
      later(made)
      await next
    }
    tried.push(kind)
  }
  const inner = (html: string) => ({ srcdoc: html.replaceAll("URL", dashboard ?? "") })
  const frame = "iframe"
  await lay("a frame", frame, { src: dashboard ?? "" })
  await lay("the popup for a tab", frame, { src: `${popup}?tab=1` })
  await lay("a sandboxed frame", frame, { src: welcome ?? "", sandbox: "allow-scripts allow-same-origin allow-forms" })
  await lay("an object", "object", { data: dashboard ?? "", type: "text/html" })
  await lay("an embed", "embed", { src: dashboard ?? "", type: "text/html" })
  await lay("a frame in a frame", frame, inner("<iframe src='URL'></iframe>"))
  await lay("a frameset", frame, inner("<frameset><frame src='URL'></frameset>"))
  await lay("a frame that goes there later", frame, { src: "about:blank" }, (made) => {
    ;(made as HTMLIFrameElement).src = popup ?? ""
  })
  await lay("a form that is sent there", frame, { name: "target" }, () => {
    const form = Object.assign(document.createElement("form"), { action: dashboard, target: "target", method: "post" })
    document.body.append(form)
    form.submit()
  })
  window.open(dashboard, "below", "popup,width=300,height=300")
  tried.push("a window")
  return tried
}

/** A tiny extension that knows our id: a folder, and its page. */
async function makeExtension(): Promise<{ folder: string; page: string }> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "psp-other-")))
  const manifest = { manifest_version: 3, name: "Another", version: "1.0" }
  await writeFile(path.join(folder, "manifest.json"), JSON.stringify(manifest))
  await writeFile(path.join(folder, "page.html"), "<!doctype html><title>Another</title>")
  // Chromium's id of an unpacked extension without a key: of where it lies.
  const digest = createHash("sha256").update(folder).digest("hex").slice(0, 32)
  const id = digest.replace(/./g, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 16)))
  return { folder, page: `chrome-extension://${id}/page.html` }
}
