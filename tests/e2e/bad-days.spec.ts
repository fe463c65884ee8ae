import { readdir } from "node:fs/promises"
import path from "node:path"
import { expect, test, type Page } from "@playwright/test"
import { startBrowser, type TestBrowser } from "./browser.js"
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

const save = (page: Page) => page.getByRole("button", { name: "Save session" })
const status = (page: Page) => page.getByRole("status")

async function sessionObjects(): Promise<string[]> {
  const found = await readdir(path.join(browser.home, "vault"), { recursive: true }).catch(() => [])
  return found.filter((name) => name.endsWith(".psp") && name.includes("/sessions/"))
}

async function openSite(): Promise<Page> {
  const page = await browser.context.newPage()
  await page.goto(site.url("app.example.test"))
  await browser.allow("*://*.example.test/*")
  return page
}

/** Stops the extension's background as the browser does when it wants the memory. */
async function stopBackground(page: Page): Promise<void> {
  const session = await browser.context.newCDPSession(page)
  await session.send("ServiceWorker.enable")
  await session.send("ServiceWorker.stopAllWorkers")
  await session.detach()
}

const broken: { title: string; host: Parameters<TestBrowser["registerHost"]>[0] | null; says: RegExp }[] = [
  { title: "is not installed", host: null, says: /psp is not installed for this browser; run: psp install/ },
  {
    title: "is registered for another extension",
    host: { extensionId: "a".repeat(32) },
    says: /for another extension/,
  },
  {
    title: "is registered at a path that is gone",
    host: { path: "/nonexistent/psp-host" },
    says: /run: psp (install|doctor)/,
  },
  { title: "crashes at start", host: { script: "exit 3" }, says: /stopped or does not answer; run: psp doctor/ },
  {
    title: "prints garbage",
    host: { script: "echo 'Debugger listening on port 9229'; sleep 30" },
    says: /run: psp (install|doctor)/,
  },
  {
    title: "answers with more than 1 MiB",
    host: {
      script: `exec "${process.execPath}" -e 'process.stdout.write(Buffer.from([0,0,32,0])); setInterval(() => process.stdout.write("x".repeat(65536)), 1)'`,
    },
    says: /run: psp (install|doctor)/,
  },
  {
    title: "is of a newer version",
    host: {
      script: `exec "${process.execPath}" -e 'process.stdin.once("data", () => { const text = JSON.stringify({ id: 1, seq: 0, last: true, head: { protocol: 2, version: "9.0.0", computer: null, store: { kind: "file", ok: true } }, data: "" }); const size = Buffer.alloc(4); size.writeUInt32LE(text.length); process.stdout.write(size); process.stdout.write(text) })'`,
    },
    says: /update the extension \(psp 9\.0\.0/,
  },
  {
    title: "is of an older version",
    host: {
      script: `exec "${process.execPath}" -e 'process.stdin.once("data", () => { const text = JSON.stringify({ id: 1, seq: 0, last: true, head: { protocol: 0, version: "0.0.1", computer: null, store: { kind: "file", ok: true } }, data: "" }); const size = Buffer.alloc(4); size.writeUInt32LE(text.length); process.stdout.write(size); process.stdout.write(text) })'`,
    },
    says: /older than this extension/,
  },
]

/** A popup of another site tells of it, below all that can be clicked, and leads to where it is shown. */
async function expectToldElsewhere(): Promise<void> {
  const page = await browser.context.newPage()
  await page.goto(site.url("other.test"))
  const popup = await browser.openPopup(page)
  await expect(popup.getByText("1 save of another site waits to go out")).toBeVisible()
  await expect(popup.getByText("1 save waits here to go out")).toBeHidden()
  const dashboard = browser.context.waitForEvent("page", (opened) => opened.url().endsWith("/dashboard.html"))
  await popup.getByRole("button", { name: "Show", exact: true }).click()
  await Promise.all([page.close(), popup.close(), (await dashboard).close()])
}

for (const { title, host, says } of broken) {
  test(`a save while the host ${title} says so, waits sealed, and goes out exactly once when the host is back`, async () => {
    browser = await startBrowser({ hasHost: false })
    if (host !== null) await browser.registerHost(host)
    const popup = await browser.openPopup(await openSite())
    await save(popup).click()
    await expect(status(popup)).toHaveText(/^Not saved: the session is sealed and waits in this browser/, {
      timeout: 40_000,
    })
    await expect(status(popup)).toHaveText(says)
    await expect(popup.getByText("1 save waits here to go out")).toBeVisible()
    if (host === null) await expectToldElsewhere()

    await browser.registerHost()
    await popup.getByRole("button", { name: "Try again now" }).click()
    await expect(status(popup)).toHaveText(/^Saved example\.test/)
    await expect(popup.getByText("1 save waits here to go out")).toBeHidden()
    expect(await sessionObjects()).toHaveLength(1)
  })
}

test("a page where nothing can be captured says why, and offers no save", async () => {
  browser = await startBrowser()
  const cases: [string, RegExp][] = [
    ["chrome://version/", /page of the browser itself: open the website/],
    ["about:blank", /page of the browser itself/],
    ["data:text/html,hello", /no website/],
  ]
  for (const [address, says] of cases) {
    const page = await browser.context.newPage()
    await page.goto(address)
    const popup = await browser.openPopup(page)
    await expect(status(popup)).toHaveText(/^Not saved: /)
    await expect(status(popup)).toHaveText(says)
    await expect(save(popup)).toBeHidden()
    await Promise.all([page.close(), popup.close()])
  }
})

test("a PDF of the site is saved like any page, an error page is not: it would save a poorer session", async () => {
  browser = await startBrowser()
  await openSite()
  const cases: [string, RegExp][] = [
    [site.url("app.example.test", "/document.pdf"), /^Saved example\.test/],
    ["http://app.example.test:1/", /^Not saved: .*the tab shows an error page; reload it/],
  ]
  for (const [address, says] of cases) {
    const page = await browser.context.newPage()
    // The tab is found by its address; that of an error page is not to be had here.
    await page.goto(site.url("app.example.test", "/?second"))
    const popup = await browser.openPopup(page)
    await page.goto(address).catch(() => undefined)
    await popup.reload()
    await expect.poll(() => popup.evaluate(tabIsComplete)).toBe(true)
    await save(popup).click()
    await expect(status(popup)).toHaveText(says)
    await Promise.all([page.close(), popup.close()])
  }
})

test("a refused permission says so, and nothing is sealed", async () => {
  browser = await startBrowser()
  const page = await browser.context.newPage()
  await page.goto(site.url("app.example.test"))
  const popup = await browser.openPopup(page)
  // The browser's own question cannot be answered from here: this is its answer.
  await popup.evaluate(() => {
    chrome.permissions.request = () => Promise.resolve(false) as never
  })
  await save(popup).click()
  await expect(status(popup)).toHaveText(
    /^Not saved: Cannot save session of example\.test: the permission .* allow it$/,
  )
  expect(await sessionObjects()).toEqual([])
})

test("two clicks at once make one save", async () => {
  browser = await startBrowser()
  const page = await openSite()
  const [one, two] = [await browser.openPopup(page), await browser.openPopup(page)]
  await one.evaluate(() => chrome.permissions.contains({ origins: ["*://*.example.test/*"] }))
  await Promise.all([save(one).click(), save(two).click()])
  await expect(status(one)).toHaveText(/^(Saved|Not saved: .*another save)/)
  await expect.poll(async () => (await sessionObjects()).length).toBeGreaterThan(0)
  const doubleClicked = await browser.openPopup(page)
  const before = (await sessionObjects()).length
  await save(doubleClicked).dblclick()
  await expect(status(doubleClicked)).toHaveText(/^(Saved|Not saved: .*another save)/)
  await expect.poll(async () => (await sessionObjects()).length).toBe(before + 1)
})

test("a popup that is closed right after the click does not stop the save", async () => {
  browser = await startBrowser()
  const page = await openSite()
  const first = await browser.openPopup(page)
  await save(first).click()
  await expect(status(first)).toHaveText(/^Saved/)
  const popup = await browser.openPopup(page)
  await save(popup).click({ noWaitAfter: true })
  await popup.close()
  await expect.poll(async () => (await sessionObjects()).length).toBe(2)
  const later = await browser.openPopup(page)
  await expect(status(later)).toHaveText(/^Saved/)
})

test("a save goes on from the browser's answer alone, when its question closed the popup", async () => {
  browser = await startBrowser()
  const page = await openSite()
  const popup = await browser.openPopup(page)
  // The popup posts its intent and is gone before it could tell the answer.
  await popup.evaluate(() => {
    const request = chrome.permissions.request.bind(chrome.permissions)
    chrome.permissions.request = ((details: chrome.permissions.Permissions) => {
      void request(details)
      return new Promise(() => undefined)
    }) as never
  })
  await save(popup).click()
  await expect.poll(async () => (await sessionObjects()).length).toBe(1)
})

test("a background that is stopped in the middle of a save finishes it, once", async () => {
  browser = await startBrowser({ hasHost: false })
  // A host that takes its time, so that there is a middle.
  await browser.registerHost({
    script: `while [ ! -e "$PSP_HOME/go" ]; do sleep 0.1; done; exec "${process.execPath}" "$PSP_REAL" "$@"`,
  })
  const page = await openSite()
  const popup = await browser.openPopup(page)
  await save(popup).click()
  await expect(status(popup)).toHaveText(/Handing it to this computer/)
  await stopBackground(page)
  await browser.registerHost()
  const later = await browser.openPopup(page)
  await expect(status(later)).toHaveText(/^Saved example\.test/)
  expect(await sessionObjects()).toHaveLength(1)
})

test("a computer that shows another card than the trusted one is refused, and told apart", async () => {
  browser = await startBrowser()
  const page = await openSite()
  const popup = await browser.openPopup(page)
  await popup.getByRole("button", { name: "Trust this computer" }).click()
  await save(popup).click()
  await expect(status(popup)).toHaveText(/^Saved/)
  await browser.exchangeCard()
  const later = await browser.openPopup(page)
  await expect(later.getByText("This computer shows another card than the one you trusted")).toBeVisible()
  await expect(later.getByRole("button", { name: "Trust this computer" })).toBeHidden()
})

/** Runs in the popup: is the tab it is about done with loading? */
async function tabIsComplete(): Promise<boolean> {
  const id = Number(new URLSearchParams(location.search).get("tab"))
  return (await chrome.tabs.get(id)).status === "complete"
}
