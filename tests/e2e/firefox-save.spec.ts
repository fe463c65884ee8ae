import { readdir, readFile, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import path from "node:path"
import { expect, test } from "@playwright/test"
import type { Page } from "puppeteer-core"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import { openVault, type VaultMemory } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import type { TestFirefox } from "./firefox-browser.js"
import { expectStatus, expectText, prepareFirefoxTests, press, statusOf, textOf, trust } from "./firefox-tests.js"
import { openSaved } from "./saving.js"

const { site, start } = prepareFirefoxTests()
let firefox: TestFirefox

const everyPage = "*://*.example.test/*"
const accountOf = (page: Page) => page.$eval("input[type=text]", (input) => input.value)

async function openPopup(tab: Page): Promise<Page> {
  const popup = await firefox.openPopup(tab)
  await expectText(popup, "Save session")
  return popup
}

async function sessionObjects(): Promise<string[]> {
  const found = await readdir(path.join(firefox.home, "vault"), { recursive: true }).catch(() => [])
  return found.filter((name) => name.endsWith(".psp") && name.includes("/sessions/"))
}

test("in Firefox one click asks once, captures the session, seals it, and the trusted computer opens it", async () => {
  firefox = await start()
  const tab = await firefox.openTab(site().url("app.example.test", "/?one"))
  await firefox.openTab(site().url("app.example.test", "/?two"))
  await firefox.openTab(site().url("www.example.test"))
  await firefox.openTab(site().url("other.test"))
  const popup = await openPopup(tab)
  await trust(popup)
  await press(popup, "Save session")
  await firefox.answerPermission("allow")
  await expectStatus(popup, /^Saved example\.test at /)

  const snapshot = await openSaved(firefox, "example.test")
  expect(snapshot.report.gaps).toEqual([])
  const cookies = Object.fromEntries(
    (snapshot.cookies ?? []).map((cookie) => [`${cookie.domain} ${cookie.name}`, cookie]),
  )
  expect(cookies["app.example.test sid"]).toMatchObject({
    value: "canary-sid",
    hostOnly: true,
    httpOnly: true,
    expiresAt: null,
    sameSite: "unspecified",
    partition: null,
  })
  expect(cookies["example.test wide"]).toMatchObject({ hostOnly: false, httpOnly: false, sameSite: "lax" })
  expect(cookies["example.test wide"]?.expiresAt).toBeGreaterThan(Date.now())
  expect(cookies["app.example.test deep"]).toMatchObject({ path: "/account", sameSite: "strict" })
  expect(Object.keys(cookies).some((name) => name.startsWith("other"))).toBe(false)

  const origins = snapshot.origins ?? []
  expect(origins.map(({ origin }) => new URL(origin).hostname).sort()).toEqual(["app.example.test", "www.example.test"])
  const app = origins.find(({ origin }) => origin.includes("app."))
  expect(Object.fromEntries(app?.localStorage ?? [])).toEqual({
    token: "canary-token-app.example.test",
    length: "canary-length",
    "surrogate \ud800": "\udfff",
    empty: "",
  })
  const tabs = (snapshot.tabs ?? []).map(({ sessionStorage }) => sessionStorage[0]?.items[0]?.[1])
  expect(tabs[0]).toBe("canary-tab-?one")
  expect(tabs.sort()).toEqual(["canary-tab-", "canary-tab-?one", "canary-tab-?two"])
  expect(snapshot.context).toMatchObject({ clientHints: null })
  expect(snapshot.context?.userAgent).toContain("Firefox/")
  expect(snapshot.capturedBy).toMatchObject({
    browser: { engine: "firefox" },
    store: { id: "firefox-default", name: null, isPrivate: false },
  })
})

test("in Firefox a page that replaced every builtin is read as it is", async () => {
  firefox = await start()
  const tab = await firefox.openTab(site().url("app.example.test", "/hostile"))
  await firefox.allow(everyPage)
  const popup = await openPopup(tab)
  await trust(popup)
  await press(popup, "Save session")
  await expectStatus(popup, /^Saved/)
  const snapshot = await openSaved(firefox, "example.test")
  expect(snapshot.origins?.[0]?.localStorage).toEqual([["token", "canary-token"]])
  expect(snapshot.tabs?.[0]?.sessionStorage[0]?.items).toEqual([["tab", "canary-tab"]])
  expect(snapshot.context?.userAgent).toContain("Firefox/")
})

test("Firefox's partitions are saved: that of a CHIPS cookie, and that of a plain cookie in another site's frame", async () => {
  const embedded = await startEmbeddedSite()
  try {
    firefox = await start()
    const own = await firefox.openTab(embedded.own)
    const top = await firefox.openTab(embedded.framed)
    await expect.poll(() => top.evaluate(() => document.title)).toBe("framed")
    await firefox.allow("*://localhost/*")
    const popup = await openPopup(own)
    await trust(popup)
    await press(popup, "Save session")
    await expectStatus(popup, /^Saved/)
    const { cookies = [] } = await openSaved(firefox, "localhost")
    const seen = cookies.map(({ name, value, secure, partition }) => ({ name, value, secure, partition }))
    const partition = { topLevelSite: "http://top.test", hasCrossSiteAncestor: true }
    expect(seen).toHaveLength(3)
    expect(seen).toEqual(
      expect.arrayContaining([
        { name: "plain", value: "first party", secure: false, partition: null },
        { name: "plain", value: "third party", secure: false, partition },
        { name: "chips", value: "third party", secure: true, partition },
      ]),
    )
  } finally {
    await embedded.close()
  }
})

const broken: { title: string; host: Parameters<TestFirefox["registerHost"]>[0] | null; says: RegExp }[] = [
  { title: "is not installed", host: null, says: /psp is not installed for this browser; run: psp install/ },
  { title: "crashes at start", host: { script: "exit 3" }, says: /stopped or does not answer; run: psp doctor/ },
  { title: "prints garbage", host: { script: "echo 'Debugger listening on port 9229'; sleep 30" }, says: /run: psp/ },
]
for (const { title, host, says } of broken) {
  test(`in Firefox a save while the host ${title} says so, waits sealed, and goes out exactly once`, async () => {
    firefox = await start({ hasHost: false })
    if (host !== null) await firefox.registerHost(host)
    const tab = await firefox.openTab(site().url("app.example.test"))
    await firefox.allow(everyPage)
    const popup = await openPopup(tab)
    await press(popup, "Save session")
    await expectStatus(popup, /^Not saved: the session is sealed and waits in this browser/, 40_000)
    expect(await statusOf(popup)).toMatch(says)
    await expectText(popup, "1 save waits here to go out")
    // Nothing is lost with the background either.
    await firefox.stopBackground()
    await firefox.registerHost()
    await press(popup, "Try again now")
    await expectStatus(popup, /^Saved example\.test/)
    await expect.poll(() => textOf(popup)).not.toContain("waits here")
    expect(await sessionObjects()).toHaveLength(1)
  })
}

const slowHost = {
  script: `while [ ! -e "$PSP_HOME/go" ]; do sleep 0.1; done; exec "${process.execPath}" "$PSP_REAL" "$@"`,
}

test("in Firefox an event page that dies in the middle of a save finishes it, once", async () => {
  firefox = await start({ hasHost: false })
  await firefox.registerHost(slowHost)
  const tab = await firefox.openTab(site().url("app.example.test"))
  await firefox.allow(everyPage)
  const popup = await openPopup(tab)
  await press(popup, "Save session")
  await expectStatus(popup, /Handing it to this computer/)
  await firefox.stopBackground()
  await firefox.registerHost()
  const later = await openPopup(tab)
  await expectStatus(later, /^Saved example\.test/)
  expect(await sessionObjects()).toHaveLength(1)
})

test("in Firefox an event page that dies while the site is read reads it anew, and saves it once", async () => {
  firefox = await start()
  const tab = await firefox.openTab(site().url("app.example.test"))
  await firefox.allow(everyPage)
  const popup = await openPopup(tab)
  keepBusy(tab, 12_000)
  await press(popup, "Save session")
  await expectStatus(popup, /Reading the site/)
  // An open popup would have it read again at once, while the page is still busy.
  await popup.close()
  await firefox.stopBackground()
  // Answers when the page does.
  await tab.evaluate(() => document.title)
  const later = await openPopup(tab)
  await expectStatus(later, /^Saved example\.test/)
  expect(await sessionObjects()).toHaveLength(1)
})

test("an event page that Firefox would end for idleness is kept while it waits for the host", async () => {
  firefox = await start({ hasHost: false, prefs: { "extensions.background.idle.timeout": 500 } })
  await firefox.registerHost({ script: `sleep 3; exec "${process.execPath}" "$PSP_REAL" "$@"` })
  const tab = await firefox.openTab(site().url("app.example.test"))
  await firefox.allow(everyPage)
  const popup = await openPopup(tab)
  await press(popup, "Save session")
  await popup.close()
  await expect.poll(async () => (await sessionObjects()).length, { timeout: 30_000 }).toBe(1)
})

test("in Firefox a popup that is closed right after the click does not stop the save", async () => {
  firefox = await start()
  const tab = await firefox.openTab(site().url("app.example.test"))
  await firefox.allow(everyPage)
  const popup = await openPopup(tab)
  await press(popup, "Save session")
  await popup.close()
  await expect.poll(async () => (await sessionObjects()).length).toBe(1)
  await expectStatus(await openPopup(tab), /^Saved/)
})

test("in Firefox a save goes on from the answer alone, when the question closed the popup", async () => {
  firefox = await start()
  const tab = await firefox.openTab(site().url("app.example.test"))
  const popup = await openPopup(tab)
  // The popup posts its intent and never hears the answer.
  await popup.evaluate(() => {
    const { permissions } = (globalThis as unknown as { browser: typeof chrome }).browser
    const request = permissions.request.bind(permissions)
    permissions.request = ((details: chrome.permissions.Permissions) => {
      void request(details)
      return new Promise(() => undefined)
    }) as never
  })
  await press(popup, "Save session")
  await firefox.answerPermission("allow")
  await expect.poll(async () => (await sessionObjects()).length).toBe(1)
})

test("in Firefox a refused permission says so, and nothing is sealed", async () => {
  firefox = await start()
  const popup = await openPopup(await firefox.openTab(site().url("app.example.test")))
  await press(popup, "Save session")
  await firefox.answerPermission("refuse")
  await expectStatus(popup, /^Not saved: Cannot save session of example\.test: the permission .* allow it$/)
  expect(await sessionObjects()).toEqual([])
})

test("a permission that the person takes back at about:addons is asked for anew, and what was saved stays", async () => {
  firefox = await start()
  const tab = await firefox.openTab(site().url("app.example.test"))
  await firefox.allow(everyPage)
  const popup = await openPopup(tab)
  await trust(popup)
  await press(popup, "Save session")
  await expectStatus(popup, /^Saved/)
  const before = await openSaved(firefox, "example.test")
  await firefox.takeBack(everyPage)
  const later = await openPopup(tab)
  await expectText(later, "The browser will ask you first")
  await press(later, "Save session")
  await firefox.answerPermission("refuse")
  await expectStatus(later, /^Not saved: .*click Save session again and allow it$/)
  expect(await openSaved(firefox, "example.test")).toEqual(before)
})

test("a permission that is taken back in the middle of a save stops it, and does not replace what was saved", async () => {
  // Its page is busy for longer than the test lasts.
  firefox = await start({ isOwn: true })
  const tab = await firefox.openTab(site().url("app.example.test"))
  await firefox.allow(everyPage)
  const popup = await openPopup(tab)
  await trust(popup)
  await press(popup, "Save session")
  await expectStatus(popup, /^Saved/)
  const before = await openSaved(firefox, "example.test")
  // The page gives no answer: reading it ends at its limit, when the permission is gone.
  keepBusy(tab, 60_000)
  await press(popup, "Save session")
  await expectStatus(popup, /Reading the site/)
  await firefox.takeBack(everyPage)
  await expectStatus(popup, /^Not saved: Cannot save session of example\.test: .* allow it$/)
  expect(await openSaved(firefox, "example.test")).toEqual(before)
})

test("a container is a store of its own: the popup names it, and proposes an account for it", async () => {
  firefox = await start()
  const tab = await firefox.openTab(site().url("app.example.test", "/?mine"))
  const work = await firefox.openTab(site().url("app.example.test", "/?work"), { container: 2 })
  await work.evaluate(() => (document.cookie = "where=work"))
  await firefox.allow(everyPage)
  const popup = await openPopup(work)
  await expectText(popup, "Container: Work")
  expect(await accountOf(popup)).toBe("Work")
  await trust(popup)
  await press(popup, "Save session")
  await expectStatus(popup, /^Saved/)
  const saved = await openSaved(firefox, "example.test", "Work")
  expect(saved.capturedBy.store).toEqual({ id: "firefox-container-2", name: "Work", isPrivate: false })
  expect(saved.cookies?.map(({ name }) => name)).toContain("where")
  expect(saved.tabs?.map(({ url }) => new URL(url).search)).toEqual(["?work"])

  // The tab beside it is another login, and does not take this one's place.
  const beside = await openPopup(tab)
  expect(await textOf(beside)).not.toContain("Container")
  expect(await accountOf(beside)).toBe("default")
  await press(beside, "Save session")
  await expect.poll(async () => (await sessionObjects()).length).toBe(2)
  await expectStatus(beside, /^Saved/)
  expect((await openSaved(firefox, "example.test")).cookies?.map(({ name }) => name)).not.toContain("where")

  // Whoever named the container's account before finds that name again.
  const again = await openPopup(work)
  await (await again.$("input[type=text]"))?.click({ count: 3 })
  await again.keyboard.type("ann@work")
  await press(again, "Save session")
  await expect.poll(async () => (await sessionObjects()).length).toBe(3)
  await expect.poll(async () => accountOf(await openPopup(work))).toBe("ann@work")
})

test("a private window is named, is a store of its own, and gets an account of its own", async () => {
  firefox = await start({ isAllowedInPrivate: true })
  const tab = await firefox.openTab(site().url("app.example.test", "/?private"), { isPrivate: true })
  await firefox.allow(everyPage)
  const popup = await openPopup(tab)
  await expectText(popup, "Private window")
  expect(await accountOf(popup)).toBe("Private window")
  await trust(popup)
  await press(popup, "Save session")
  await expectStatus(popup, /^Saved/)
  const saved = await openSaved(firefox, "example.test", "Private window")
  expect(saved.capturedBy.store).toEqual({ id: "firefox-private", name: null, isPrivate: true })
  expect(saved.cookies).toHaveLength(3)
  // A normal window must not replace it.
  const beside = await openPopup(await firefox.openTab(site().url("app.example.test", "/?normal")))
  expect(await accountOf(beside)).toBe("default")
})

test("with first-party isolation, cookies are saved with the first party they belong to", async () => {
  firefox = await start({ prefs: { "privacy.firstparty.isolate": true } })
  const tab = await firefox.openTab(site().url("app.example.test"))
  await firefox.allow(everyPage)
  const popup = await openPopup(tab)
  await trust(popup)
  await press(popup, "Save session")
  await expectStatus(popup, /^Saved/)
  const { cookies = [] } = await openSaved(firefox, "example.test")
  expect(cookies.map(({ name, firstPartyDomain }) => [name, firstPartyDomain]).sort()).toEqual([
    ["deep", "example.test"],
    ["sid", "example.test"],
    ["wide", "example.test"],
  ])
})

test("in Firefox a frame of the site inside another site's frame is not taken for the site itself", async () => {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://site.test")
    const frame = searchParams.get("frame")
    response.setHeader("content-type", "text/html; charset=utf-8")
    response.end(`<!doctype html><title>A site</title><script>localStorage.setItem("at", location.search)</script>
      ${frame === null ? "" : `<iframe src="${frame}" onload="document.title = 'framed'"></iframe>`}`)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const url = (host: string, query: Record<string, string> = {}) =>
    `http://${host}:${port}/?${new URLSearchParams(query).toString()}`
  try {
    firefox = await start()
    const inner = url("www.example.test", { inner: "yes" })
    const tab = await firefox.openTab(url("app.example.test", { frame: url("other.test", { frame: inner }) }))
    await firefox.allow(everyPage)
    const popup = await openPopup(tab)
    await trust(popup)
    await press(popup, "Save session")
    await expectStatus(popup, /^Saved/)
    const { origins = [], report } = await openSaved(firefox, "example.test")
    const own = origins.filter(({ partition }) => partition === null)
    expect(own.map(({ origin }) => origin)).toEqual([`http://app.example.test:${port}`])
    expect(report.gaps).toContainEqual(expect.objectContaining({ kind: "site", where: "other.test", count: 1 }))
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test("a Firefox joins the vault of the Chromium beside it through the computer that both trust", async () => {
  firefox = await start()
  const store = createFsProvider(path.join(firefox.home, "vault"))
  const chromium = await createIdentity("Chromium on Linux")
  const first = await openVault(store, { identity: chromium, memory: createMemory() })
  await first.save(exampleSnapshot("old.example"))
  await first.addOwner(await createCard(firefox.computer))
  // The computer joins, as \`psp trust\` does, and shows a card of that vault from then on.
  const identity = { ...firefox.computer, vault: first.id }
  const memory = createMemory()
  const computer = await openVault(store, { identity, owner: first.card.text, memory })
  await computer.refresh()
  await writeFile(path.join(firefox.home, "card"), `${await createCard(identity)}\n`)

  const tab = await firefox.openTab(site().url("app.example.test"))
  await firefox.allow(everyPage)
  const popup = await openPopup(tab)
  await press(popup, "Trust this computer")
  await expectText(popup, "This computer already owns a vault. Run “psp trust” on it")
  await press(popup, "Save session")
  await expectStatus(popup, /^Saved example\.test/)

  const [offer = ""] = await readdir(path.join(firefox.home, "offers"))
  await computer.addOwner((await readFile(path.join(firefox.home, "offers", offer), "utf8")).trim())
  await expect.poll(() => textOf(popup), { timeout: 15_000 }).toContain("Trusted")
  // What Firefox had saved came along, and what Chromium had saved is Firefox's too.
  const seen = await openVault(store, { identity: chromium, memory: createMemory() })
  await seen.refresh()
  await expect
    .poll(async () => (await seen.list()).map((entry) => entry.site).sort())
    .toEqual(["example.test", "old.example"])
  expect((await seen.load("example.test"))?.capturedBy.browser.engine).toBe("firefox")
  const dashboard = await firefox.openPage("dashboard")
  await expectText(dashboard, "old.example")
})

/**
 * Keeps a page's only thread from answering. Not from a timer: those of a tab behind the popup are held back, and the page
 * would be read before it is busy.
 */
function keepBusy(page: Page, ms: number): void {
  const loop = page.evaluate((duration) => {
    const until = Date.now() + duration
    while (Date.now() < until);
  }, ms)
  // The browser is closed while the page is busy still.
  loop.catch(() => undefined)
}

function createMemory(): VaultMemory {
  let kept: string | null = null
  return {
    read: () => Promise.resolve(kept),
    write: (text) => {
      kept = text
      return Promise.resolve()
    },
  }
}

/** `localhost` may set Secure cookies without a certificate; below `top.test` it is a third party. */
async function startEmbeddedSite(): Promise<{ own: string; framed: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo
    response.setHeader("content-type", "text/html; charset=utf-8")
    if (request.headers.host?.startsWith("top.test") === true) {
      response.end(`<!doctype html><title>top</title>
        <iframe src="http://localhost:${port}/frame" onload="document.title = 'framed'"></iframe>`)
      return
    }
    const cookies =
      request.url === "/frame"
        ? ["plain=third party", "chips=third party; Secure; SameSite=None; Partitioned"]
        : ["plain=first party"]
    response.setHeader("set-cookie", cookies)
    response.end("<!doctype html><title>embedded</title>")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    own: `http://localhost:${port}/`,
    framed: `http://top.test:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
