import { existsSync } from "node:fs"
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { expect } from "@playwright/test"
import puppeteer, { type Browser, type Page } from "puppeteer-core"
import { manifestOf } from "../../native-host/install.js"
import { createCard, createIdentity, type Identity } from "../../shared/keys.js"
import { firefoxAddonId } from "../../shared/names.js"
import { hostName } from "../../shared/protocol.js"
import { hostProgram } from "./browser.js"

const root = fileURLToPath(new URL("../..", import.meta.url))
const extension = path.join(root, "dist/firefox-mv3")
const uuid = "3b9cf1c2-6b44-4c3e-9a5e-0d5a1f3c7e21"
const candidates = [process.env["PSP_FIREFOX"], "/usr/bin/firefox-esr", "/usr/bin/firefox"]

/** The Firefox of this machine; undefined where there is none, which a test says when it is skipped. */
export const firefoxPath = candidates.find((candidate) => candidate !== undefined && existsSync(candidate))
export const noFirefox = "no Firefox on this machine: say where one is in PSP_FIREFOX"

/** A person's Firefox with the extension, in a profile of its own, beside a computer with a home of its own. */
export interface TestFirefox {
  home: string
  computer: Identity
  /** Registers a native host for this HOME only; the default is the real one. */
  registerHost(options?: { script?: string; path?: string }): Promise<void>
  unregisterHost(): Promise<void>
  /** @param options.container position of a container as Firefox comes with them: 1 Personal, 2 Work */
  openTab(url: string, options?: { container?: number; isPrivate?: boolean }): Promise<Page>
  /** The popup for the tab with that address, as a page of its own, 320 px wide. */
  openPopup(tab: Page): Promise<Page>
  openPage(name: "dashboard" | "welcome"): Promise<Page>
  /** Presses a button of Firefox's own question about a permission. */
  answerPermission(answer: "allow" | "refuse"): Promise<void>
  /** As the person would at about:addons: gives or takes back the permission for a site. */
  allow(pattern: string): Promise<void>
  takeBack(pattern: string): Promise<void>
  /** Ends the event page, as Firefox does when it was idle for a while. */
  stopBackground(): Promise<void>
  stop(): Promise<void>
}

export interface FirefoxOptions {
  hasHost?: boolean
  /** Names that lead to 127.0.0.1. */
  hostnames?: string[]
  prefs?: Record<string, unknown>
  /** The extension may also work in private windows, which the person allows at about:addons. */
  isAllowedInPrivate?: boolean
}

const defaultNames = ["example.test", "app.example.test", "www.example.test", "other.test", "top.test"]

export async function startFirefox(options: FirefoxOptions = {}): Promise<TestFirefox> {
  const folder = await mkdtemp(path.join(tmpdir(), "psp-firefox-"))
  const home = path.join(folder, "psp")
  await mkdir(home, { mode: 0o700 })
  const computer = { ...(await createIdentity("test computer")), vault: null }
  await writeFile(path.join(home, "card"), `${await createCard(computer)}\n`, { mode: 0o644 })

  // Firefox reads $HOME/.mozilla/native-messaging-hosts: the test has a HOME of its own.
  const hosts = path.join(folder, ".mozilla", "native-messaging-hosts")
  const manifest = path.join(hosts, `${hostName}.json`)
  const registerHost: TestFirefox["registerHost"] = async ({ script, path: given } = {}) => {
    const wrapper = path.join(folder, "psp-host.sh")
    const real = `exec "${process.execPath}" "${hostProgram}" "$@"`
    const setting = `export PSP_HOME="${home}" PSP_REAL="${hostProgram}"\nunset PSP_STORE`
    await writeFile(wrapper, `#!/bin/sh\n${setting}\n${script ?? real}\n`)
    await chmod(wrapper, 0o755)
    await mkdir(hosts, { recursive: true })
    await writeFile(manifest, JSON.stringify(manifestOf("firefox", given ?? wrapper)))
  }
  if (options.hasHost !== false) await registerHost()

  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: firefoxPath ?? "",
    headless: true,
    acceptInsecureCerts: true,
    args: ["--remote-allow-system-access"],
    env: { ...process.env, HOME: folder },
    extraPrefsFirefox: {
      "extensions.webextensions.uuids": JSON.stringify({ [firefoxAddonId]: uuid }),
      "network.dns.localDomains": (options.hostnames ?? defaultNames).join(),
      // Firefox's questions cannot be answered in their first half second, lest a person clicks without reading.
      "security.notification_enable_delay": 0,
      ...options.prefs,
    },
  })
  const { send, inChrome } = await privilegedDoor(browser)
  await send("webExtension.install", {
    extensionData: { type: "path", path: extension },
    "moz:allowPrivateBrowsing": options.isAllowedInPrivate === true,
  })

  /** In a sandbox: the page may have replaced every builtin. */
  async function evaluateApart(context: string, expression: string): Promise<unknown> {
    const target = { context, sandbox: "test" }
    const answer = (await send("script.evaluate", { expression, target, awaitPromise: false })) as Evaluated
    return answer.result?.value
  }
  async function openPage(url: string, place = { container: 0, isPrivate: false }): Promise<Page> {
    const context = await inChrome<string>(openTabScript, url, place)
    // Asked of the page itself: of an extension's page Firefox reports no navigation to Puppeteer.
    const state = "location.href + ' ' + document.readyState"
    await expect.poll(() => evaluateApart(context, state).catch(() => null)).toBe(`${url} complete`)
    // Puppeteer may hear of a tab a moment after the tab has loaded.
    let page: Page | undefined
    await expect
      .poll(async () => (page = (await browser.pages()).find((one) => contextOf(one) === context)) !== undefined)
      .toBe(true)
    if (page === undefined) throw new Error(`No page at ${url}`)
    return page
  }

  return {
    home,
    computer,
    registerHost,
    unregisterHost: () => rm(manifest, { force: true }),
    openTab: (url, { container = 0, isPrivate = false } = {}) => openPage(url, { container, isPrivate }),
    async openPopup(tab) {
      const id = await inChrome(tabIdScript, contextOf(tab))
      const popup = await openPage(`moz-extension://${uuid}/popup.html?tab=${String(id)}`)
      await popup.setViewport({ width: 320, height: 600 })
      return popup
    },
    openPage: (name) => openPage(`moz-extension://${uuid}/${name}.html`),
    async answerPermission(answer) {
      await expect.poll(() => inChrome(answerScript, answer)).toBe("answered")
    },
    allow: (pattern) => inChrome(permissionScript, firefoxAddonId, pattern, "add"),
    takeBack: (pattern) => inChrome(permissionScript, firefoxAddonId, pattern, "remove"),
    stopBackground: () => inChrome(stopBackgroundScript, firefoxAddonId),
    async stop() {
      await browser.close()
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
}

interface Tree {
  contexts: { context: string; url: string }[]
}

interface Evaluated {
  result?: { value?: unknown }
  exceptionDetails?: { text: string }
}

interface PrivilegedDoor {
  send: (method: string, params: object) => Promise<unknown>
  /** Runs a script in the browser's own window, with its privileges: what a test may use only where a person's click would. */
  inChrome: <T>(script: string, ...args: unknown[]) => Promise<T>
}

/** The frame's id is the one of Firefox's own list of tabs, which Puppeteer's types do not show. */
function contextOf(page: Page): string {
  return (page.mainFrame() as unknown as { _id: string })._id
}

async function privilegedDoor(browser: Browser): Promise<PrivilegedDoor> {
  // Puppeteer's own wire to Firefox; its types do not show it, and Firefox serves no second one.
  const { connection } = browser as unknown as {
    connection: { send(method: string, params: object): Promise<{ result: unknown }> }
  }
  const send: PrivilegedDoor["send"] = async (method, params) => (await connection.send(method, params)).result
  const tree = (await send("browsingContext.getTree", { "moz:scope": "chrome" })) as Tree
  const window = tree.contexts.find(({ url }) => url.endsWith("browser.xhtml"))
  if (window === undefined) throw new Error("Firefox shows no window of its own")
  return {
    send,
    async inChrome<T>(script: string, ...args: unknown[]) {
      const call = args.map((arg) => JSON.stringify(arg)).join()
      const answer = (await send("script.evaluate", {
        expression: `(async () => JSON.stringify((await (${script})(${call})) ?? null))()`,
        target: { context: window.context },
        awaitPromise: true,
      })) as Evaluated
      if (answer.result === undefined) throw new Error(`In Firefox's window: ${answer.exceptionDetails?.text ?? ""}`)
      return JSON.parse(String(answer.result.value)) as T
    },
  }
}

const openTabScript = `async (url, { container, isPrivate }) => {
  const triggeringPrincipal = Services.scriptSecurityManager.getSystemPrincipal()
  let owner = window
  if (isPrivate) {
    owner = OpenBrowserWindow({ private: true })
    await new Promise((loaded) => owner.addEventListener("load", loaded, { once: true }))
    await owner.delayedStartupPromise
  }
  owner.focus()
  const tab = owner.gBrowser.addTab(url, { userContextId: container, triggeringPrincipal })
  owner.gBrowser.selectedTab = tab
  const { NavigableManager } = ChromeUtils.importESModule("chrome://remote/content/shared/NavigableManager.sys.mjs")
  return NavigableManager.getIdForBrowser(tab.linkedBrowser)
}`

const tabIdScript = `(context) => {
  const { NavigableManager } = ChromeUtils.importESModule("chrome://remote/content/shared/NavigableManager.sys.mjs")
  const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs")
  const browser = NavigableManager.getBrowsingContextById(context).top.embedderElement
  const { tabTracker } = ExtensionParent.apiManager.global
  return tabTracker.getId(browser.ownerDocument.defaultView.gBrowser.getTabForBrowser(browser))
}`

const answerScript = `(answer) => {
  for (const { PopupNotifications } of Services.wm.getEnumerator("navigator:browser")) {
    const question = PopupNotifications.panel.firstElementChild
    if (!PopupNotifications.isPanelOpen || question?.id !== "addon-webext-permissions-notification") continue
    const button = answer === "allow" ? question.button : question.secondaryButton
    button.click()
    return "answered"
  }
  return "no question"
}`

const permissionScript = `async (id, pattern, change) => {
  const { ExtensionPermissions } = ChromeUtils.importESModule("resource://gre/modules/ExtensionPermissions.sys.mjs")
  const { extension } = WebExtensionPolicy.getByID(id)
  await ExtensionPermissions[change](id, { permissions: [], origins: [pattern] }, extension)
}`

const stopBackgroundScript = `(id) =>
  WebExtensionPolicy.getByID(id).extension.terminateBackground({ ignoreDevToolsAttached: true })`
