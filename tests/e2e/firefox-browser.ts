import { existsSync } from "node:fs"
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { expect } from "@playwright/test"
import puppeteer, { type Browser, type Page } from "puppeteer-core"
import { manifestOf } from "../../native-host/install.js"
import { createCard, createIdentity, type Identity } from "../../shared/keys.js"
import { firefoxAddonId } from "../../shared/names.js"
import { hostName } from "../../shared/protocol.js"
import { hostProgram } from "./browser.js"
import { contextOf, privilegedDoor, type Evaluated, type PrivilegedDoor } from "./firefox-door.js"
import {
  allowInPrivateScript,
  answerScript,
  forgetScript,
  lowMemoryScript,
  openTabScript,
  originScript,
  permissionScript,
  profileScript,
  stopBackgroundScript,
  tabIdScript,
} from "./firefox-scripts.js"

const root = fileURLToPath(new URL("../..", import.meta.url))
const extension = path.join(root, "dist/firefox-mv3")
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
  /** A page that somebody else than the test opens, once it is there. */
  findPage(part: string): Promise<Page>
  profile(): Promise<string>
  /** What nobody holds any more goes, as when memory is low. */
  tidyUp(): Promise<void>
  stop(): Promise<void>
}

export interface PersonOptions {
  hasHost?: boolean
  /** The extension may also work in private windows, which the person allows at about:addons. */
  isAllowedInPrivate?: boolean
}

export interface LaunchOptions {
  /** Names that lead to 127.0.0.1. */
  hostnames?: string[]
  prefs?: Record<string, unknown>
}

export type FirefoxOptions = PersonOptions & LaunchOptions

/** A Firefox without the extension: for one person, and when that one has stopped, for another who knows nothing of the first. */
export interface LaunchedFirefox {
  begin(options?: PersonOptions): Promise<TestFirefox>
  close(): Promise<void>
}

const defaultNames = ["example.test", "app.example.test", "www.example.test", "other.test", "top.test"]

/** A Firefox for one person. */
export async function startFirefox(options: FirefoxOptions = {}): Promise<TestFirefox> {
  const launched = await launchFirefox(options)
  const firefox = await launched.begin(options)
  return { ...firefox, stop: () => launched.close() }
}

export async function launchFirefox({
  hostnames = defaultNames,
  prefs = {},
}: LaunchOptions = {}): Promise<LaunchedFirefox> {
  const machine = await mkdtemp(path.join(tmpdir(), "psp-firefox-"))
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: firefoxPath ?? "",
    headless: true,
    acceptInsecureCerts: true,
    args: ["--remote-allow-system-access"],
    // Firefox reads $HOME/.mozilla/native-messaging-hosts: the test has a HOME of its own.
    env: { ...process.env, HOME: machine },
    extraPrefsFirefox: {
      "network.dns.localDomains": hostnames.join(),
      // Firefox's questions cannot be answered in their first half second, lest a person clicks without reading.
      "security.notification_enable_delay": 0,
      ...prefs,
    },
  })
  const door = await privilegedDoor(browser)
  return {
    begin: (options = {}) => beginIn({ browser, machine, ...door }, options),
    async close() {
      await browser.close()
      await rm(machine, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
}

interface Machine extends PrivilegedDoor {
  browser: Browser
  /** What HOME is to the browser. */
  machine: string
}

async function beginIn({ browser, machine, send, inChrome }: Machine, options: PersonOptions): Promise<TestFirefox> {
  const folder = await mkdtemp(path.join(machine, "person-"))
  const home = path.join(folder, "psp")
  await mkdir(home, { mode: 0o700 })
  const computer = { ...(await createIdentity("test computer")), vault: null }
  await writeFile(path.join(home, "card"), `${await createCard(computer)}\n`, { mode: 0o644 })

  const hosts = path.join(machine, ".mozilla", "native-messaging-hosts")
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

  const uuid = crypto.randomUUID()
  await inChrome(originScript, firefoxAddonId, uuid)
  if (options.isAllowedInPrivate === true) await inChrome(allowInPrivateScript, firefoxAddonId)
  await send("webExtension.install", { extensionData: { type: "path", path: extension } })

  /** In a sandbox: the page may have replaced every builtin. Null where it does not answer, as a tab that goes to another process may never do. */
  async function evaluateApart(context: string, expression: string): Promise<unknown> {
    const target = { context, sandbox: "test" }
    const answer = send("script.evaluate", { expression, target, awaitPromise: false }) as Promise<Evaluated>
    const late = setTimeout(2_000, null, { ref: false })
    return Promise.race([answer.then(({ result }) => result?.value).catch(() => null), late])
  }
  async function openPage(url: string, place = { container: 0, isPrivate: false }): Promise<Page> {
    const context = await inChrome<string>(openTabScript, url, place)
    // Asked of the page itself: of an extension's page Firefox reports no navigation to Puppeteer.
    const state = "location.href + ' ' + document.readyState"
    await expect.poll(() => evaluateApart(context, state)).toBe(`${url} complete`)
    // Puppeteer may hear of a tab a moment after the tab has loaded.
    let page: Page | undefined
    await expect
      .poll(async () => (page = (await browser.pages()).find((one) => contextOf(one) === context)) !== undefined)
      .toBe(true)
    if (page === undefined) throw new Error(`No page at ${url}`)
    return page
  }

  async function findPage(part: string): Promise<Page> {
    let found: Page | undefined
    await expect
      .poll(async () => {
        for (const one of await browser.pages()) {
          const address = await evaluateApart(contextOf(one), "location.href")
          if (String(address).includes(part)) found = one
        }
        return found !== undefined
      })
      .toBe(true)
    if (found === undefined) throw new Error(`No page at ${part}`)
    return found
  }

  // The extension shows it to whoever installs it, in front: a page that was opened before would be in the back from then on.
  await findPage(`${uuid}/welcome.html`)
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
    findPage,
    profile: () => inChrome(profileScript),
    tidyUp: () => inChrome(lowMemoryScript),
    async stop() {
      await send("webExtension.uninstall", { extension: firefoxAddonId })
      await inChrome(forgetScript, firefoxAddonId)
      await rm(manifest, { force: true })
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
}
