import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { chromium, expect, test, type Page } from "@playwright/test"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { readIdentity } from "../../native-host/identity-file.js"
import { openVault } from "../../shared/vault.js"
import { startBidiFirefox } from "./bidi-firefox.js"
import { firefoxPath, noFirefox } from "./firefox-browser.js"
import { startRunningChromium, type RunningChromium } from "../servers/chromium.js"
import { startSite, type Site } from "../site/site.js"

const program = fileURLToPath(new URL("../../dist/node/psp.mjs", import.meta.url))

let site: Site
let folder: string
const running: RunningChromium[] = []

test.beforeAll(async () => {
  site = await startSite({ hostname: "app.fern.test" })
})
test.afterAll(() => site.close())
test.beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "psp-running-"))
})
test.afterEach(async () => {
  await Promise.all(running.splice(0).map((browser) => browser.stop()))
  await rm(folder, { recursive: true, force: true })
})

async function startBrowser(): Promise<string> {
  const browser = await startRunningChromium()
  running.push(browser)
  return browser.address
}

/** Looks at a tab as a person would, over a connection that ends again. */
async function lookAt<T>(address: string, where: string, look: (page: Page) => Promise<T>): Promise<T> {
  const browser = await chromium.connectOverCDP(address)
  try {
    const page = browser
      .contexts()[0]
      ?.pages()
      .find((other) => other.url().startsWith(where))
    if (page === undefined) throw new Error(`No tab is at ${where}`)
    return await look(page)
  } finally {
    await browser.close()
  }
}

interface Outcome {
  code: number
  out: string
  err: string
}

function psp(home: string, ...args: string[]): Promise<Outcome> {
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, PSP_HOME: path.join(folder, home) }
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

async function logIn(address: string, name: string): Promise<void> {
  await lookAt(address, "about:blank", async (page) => {
    await page.goto(`${site.origin}/login`)
    await page.locator("[name=name]").fill(name)
    await page.locator("[name=password]").fill("any")
    await page.locator("form").evaluate((form: HTMLFormElement) => form.requestSubmit())
    await expect(page.locator("#greeting")).toHaveText(`Good to see you, ${name}`)
  })
}

test("a session goes by the command line from one running browser into another, which is logged in", async () => {
  const [from, to] = [await startBrowser(), await startBrowser()]
  await logIn(from, "Ada")
  expect(await psp("home", "keygen", "--name", "laptop")).toMatchObject({ code: 0 })
  const captured = await psp("home", "capture", "fern.test", "--cdp", from)
  expect(captured).toMatchObject({ code: 0, err: "" })
  expect(captured.out).toContain(
    'Saved fern.test, account "default": 1 cookie, 1 localStorage key, 1 sessionStorage key',
  )

  const restored = await psp("home", "restore", "fern.test", "--cdp", to, "--json")
  expect(restored).toMatchObject({ code: 0, err: "" })
  expect(JSON.parse(restored.out)).toMatchObject({ ok: true, gaps: [] })
  await lookAt(to, site.origin, async (page) => {
    await expect(page.locator("#greeting")).toHaveText("Good to see you, Ada")
    // psp has left: a logout stays one.
    await page.locator("#logout").click()
    await expect(page.locator("#greeting")).toHaveText("Who is there?")
  })
})

test("psp restore puts the session in the place of another account's, and beside what is there with --keep", async () => {
  const [from, to] = [await startBrowser(), await startBrowser()]
  await logIn(from, "Ada")
  await logIn(to, "Grace")
  const held = (address: string) =>
    lookAt(address, site.origin, async (page) => {
      const cookies = await page.context().cookies(site.origin)
      const valueOf = (name: string) => cookies.find((cookie) => cookie.name === name)?.value
      return {
        sid: valueOf("sid"),
        left: valueOf("left"),
        item: await page.evaluate(() => localStorage.getItem("left")),
      }
    })
  await lookAt(to, site.origin, (page) =>
    page.evaluate(() => {
      localStorage.setItem("left", "by Grace")
      document.cookie = "left=grace"
    }),
  )
  expect(await psp("home", "keygen", "--name", "laptop")).toMatchObject({ code: 0 })
  expect(await psp("home", "capture", "fern.test", "--cdp", from)).toMatchObject({ code: 0 })
  const { sid } = await held(from)
  const restore = (...options: string[]) => psp("home", "restore", "fern.test", "--cdp", to, ...options)
  expect(await restore("--keep")).toMatchObject({ code: 0, err: "" })
  expect(await held(to)).toEqual({ sid, left: "grace", item: "by Grace" })
  expect(await restore()).toMatchObject({ code: 0, err: "" })
  expect(await held(to)).toEqual({ sid, left: undefined, item: null })
})

test("a session goes by the command line from chromium into a running firefox, whose tab stays", async () => {
  test.skip(firefoxPath === undefined, noFirefox)
  const [from, firefox] = await Promise.all([startBrowser(), startBidiFirefox()])
  try {
    await logIn(from, "Ada")
    expect(await psp("home", "keygen", "--name", "laptop")).toMatchObject({ code: 0 })
    expect(await psp("home", "capture", "fern.test", "--cdp", from)).toMatchObject({ code: 0 })
    site.requests.length = 0
    const restored = await psp("home", "restore", "fern.test", "--bidi", firefox.address, "--json")
    expect(restored).toMatchObject({ code: 0 })
    expect(JSON.parse(restored.out)).toMatchObject({
      ok: true,
      set: { cookies: 1, localStorage: 1, sessionStorage: 1 },
    })
    // The tab asked for the page by itself, with the cookie, and what it holds can be captured again.
    expect(site.requests.map(({ cookie }) => cookie.startsWith("sid="))).toContain(true)
    const again = await psp("home", "capture", "fern.test", "--bidi", firefox.address, "--json")
    expect(JSON.parse(again.out)).toMatchObject({ captured: { cookies: 1, localStorage: 1, sessionStorage: 1 } })
  } finally {
    await firefox.stop()
  }
})

/** As if the extension had saved it: the session remembers how being logged in looks. */
async function rememberCheck(): Promise<void> {
  const home = path.join(folder, "home")
  const identity = await readIdentity(home, {})
  const vault = await openVault(createFsProvider(path.join(home, "vault")), { identity })
  const snapshot = await vault.load("fern.test")
  if (snapshot === null) throw new Error("Nothing was saved")
  await vault.save({ ...snapshot, check: { url: `${site.origin}/`, text: "Two books are waiting" } })
}

test("psp restore --check says logged in or out, and with --strict by its exit status", async () => {
  const [from, to] = [await startBrowser(), await startBrowser()]
  await logIn(from, "Ada")
  expect(await psp("home", "keygen", "--name", "laptop")).toMatchObject({ code: 0 })
  expect(await psp("home", "capture", "fern.test", "--cdp", from)).toMatchObject({ code: 0 })
  await rememberCheck()
  const restore = (...args: string[]) => psp("home", "restore", "fern.test", "--cdp", to, "--check", ...args)
  const inside = await restore("--strict", "--json")
  expect(inside.code).toBe(0)
  const verdict = { result: "logged-in", why: "the text of being logged in is there" }
  expect(JSON.parse(inside.out)).toMatchObject({ ok: true, check: verdict })

  await lookAt(from, site.origin, async (page) => {
    await page.locator("#logout").click()
    await expect(page.locator("#greeting")).toHaveText("Who is there?")
  })
  const outside = await restore()
  expect(outside.code).toBe(0)
  expect(outside.out).toContain("\nLogin check: logged out: the text of being logged in is missing\n")
  const strict = await restore("--strict", "--json")
  expect(strict.code).toBe(8)
  expect(JSON.parse(strict.out)).toMatchObject({ ok: false, check: { result: "logged-out" } })
})

test("psp capture never puts a dead session in the place of a good one, unless it is forced", async () => {
  const from = await startBrowser()
  await logIn(from, "Ada")
  expect(await psp("home", "keygen", "--name", "laptop")).toMatchObject({ code: 0 })
  const capture = (...args: string[]) => psp("home", "capture", "fern.test", "--cdp", from, ...args)
  expect(await capture()).toMatchObject({ code: 0 })
  await rememberCheck()
  const alive = await capture("--json")
  expect(alive.code).toBe(0)
  expect(JSON.parse(alive.out)).toMatchObject({ check: { result: "logged-in" } })

  await lookAt(from, site.origin, async (page) => {
    await page.locator("#logout").click()
    await expect(page.locator("#greeting")).toHaveText("Who is there?")
    // State is left that says nothing of a login.
    await page.evaluate(() => localStorage.setItem("theme", "dark"))
    expect(page.context().pages().length).toBe(1)
  })
  const dead = await capture()
  expect(dead.code).toBe(3)
  expect(dead.err).toContain("it looks logged out (the text of being logged in is missing)")
  const kept = await psp("home", "inspect", "fern.test")
  expect(kept.out).toContain("token")
  expect(await capture("--force")).toMatchObject({ code: 0 })
  expect((await psp("home", "inspect", "fern.test")).out).not.toContain("token")
})

test("an address where no browser listens is told, without its token", async () => {
  expect(await psp("home", "keygen", "--name", "laptop")).toMatchObject({ code: 0 })
  const browser = await startBrowser()
  await logIn(browser, "Ada")
  await psp("home", "capture", "fern.test", "--cdp", browser)
  const { code, err } = await psp("home", "restore", "fern.test", "--cdp", "ws://127.0.0.1:9/devtools?token=canary")
  expect([code, err]).toEqual([2, "psp: Cannot reach the browser at ws://127.0.0.1:9: no answer\n"])
})
