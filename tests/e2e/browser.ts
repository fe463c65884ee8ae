import { existsSync } from "node:fs"
import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { chromium, type Browser, type BrowserContext, type Page, type Worker } from "@playwright/test"
import { createCard, createIdentity, type Identity } from "../../shared/keys.js"
import { chromeExtensionId } from "../../shared/names.js"
import { hostName } from "../../shared/protocol.js"
import { killTree, pidsWithArgument } from "../process-tree.js"

const root = fileURLToPath(new URL("../..", import.meta.url))
const extension = path.join(root, "dist/chrome-mv3")
export const hostProgram = path.join(root, "dist/node/psp-host.mjs")

/** The Chromium of this machine: Playwright's own downloads are not used. */
export function chromiumPath(): string {
  const candidates = [
    process.env["PSP_CHROMIUM"],
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
  ]
  const found = candidates.find((candidate) => candidate !== undefined && existsSync(candidate))
  if (found === undefined) throw new Error("No Chromium found: install one, or say where it is in PSP_CHROMIUM")
  return found
}

export const chromiumArgs = [
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  "--disable-quic",
  "--disable-background-networking",
  "--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.invalid ~NOTFOUND",
  // Takes the place of Playwright's own list, which turns the partitions of third-party storage off.
  "--disable-features=Translate",
]

/**
 * Debian's Chromium blocks what is third-party altogether, which is not the norm elsewhere: with 0 it keeps such storage
 * apart, below its top-level site.
 */
export async function keepThirdPartyStorage(profile: string): Promise<void> {
  await mkdir(path.join(profile, "Default"), { recursive: true, mode: 0o700 })
  const preferences = { profile: { cookie_controls_mode: 0 } }
  await writeFile(path.join(profile, "Default", "Preferences"), JSON.stringify(preferences))
}

/** A Chromium without the extension, for contexts; contexts take the preferences of its profile. */
export async function startChromium(args: string[] = []): Promise<{ browser: Browser; stop(): Promise<void> }> {
  const profile = await mkdtemp(path.join(tmpdir(), "psp-chromium-"))
  await keepThirdPartyStorage(profile)
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    headless: false,
    args: ["--headless=new", ...chromiumArgs, ...args],
  })
  const browser = context.browser()
  if (browser === null) throw new Error("The profile has no browser")
  return {
    browser,
    async stop() {
      await context.close()
      await rm(profile, { recursive: true, force: true })
    },
  }
}

/** A person's browser with the extension, in a profile of its own, beside a computer with a home of its own. */
export interface TestBrowser {
  context: BrowserContext
  background: Worker
  home: string
  computer: Identity
  /** Registers a native host for this profile only; the default is the real one. */
  registerHost(options?: { script?: string; extensionId?: string; path?: string }): Promise<void>
  unregisterHost(): Promise<void>
  /** The computer's public card becomes that of another identity. */
  exchangeCard(): Promise<void>
  /** The next time the browser would ask about it, it counts as allowed. */
  allow(pattern: string): Promise<void>
  /** As the person does on the extension's own settings page of the browser. */
  takeBack(pattern: string): Promise<void>
  /** The popup for a tab, as a page of its own. */
  openPopup(page: Page): Promise<Page>
  openPage(name: "dashboard" | "welcome"): Promise<Page>
  tabIdOf(page: Page): Promise<number>
  /** SIGKILL for the browser and all it started, its native hosts too. */
  kill(): Promise<void>
  /** Starts it again with the profile it had, after it was killed or closed. */
  restart(): Promise<void>
  stop(): Promise<void>
}

interface BrowserOptions {
  args?: string[]
  hasHost?: boolean
  /** Folders of more extensions, beside ours. */
  extensions?: string[]
  /** Of what the extension may ask for later, what counts as allowed: the browser's own question cannot be answered from here. */
  allowed?: string[]
}

export async function startBrowser(options: BrowserOptions = {}): Promise<TestBrowser> {
  const folder = await mkdtemp(path.join(tmpdir(), "psp-e2e-"))
  const [profile, home] = [path.join(folder, "profile"), path.join(folder, "home")]
  await keepThirdPartyStorage(profile)
  await mkdir(home, { mode: 0o700 })
  const computer = { ...(await createIdentity("test computer")), vault: null }
  await writeFile(path.join(home, "card"), `${await createCard(computer)}\n`, { mode: 0o644 })
  const manifests = path.join(profile, "NativeMessagingHosts")
  const manifest = path.join(manifests, `${hostName}.json`)

  const registerHost: TestBrowser["registerHost"] = async ({
    script,
    extensionId = chromeExtensionId,
    path: given,
  } = {}) => {
    const wrapper = path.join(folder, "psp-host.sh")
    const real = `exec "${process.execPath}" "${hostProgram}" "$@"`
    // Not written over: the one that is there may be running.
    const written = `${wrapper}.new`
    await writeFile(
      written,
      `#!/bin/sh\nexport PSP_HOME="${home}" PSP_REAL="${hostProgram}"\nunset PSP_STORE\n${script ?? real}\n`,
    )
    await chmod(written, 0o755)
    await rename(written, wrapper)
    await mkdir(manifests, { recursive: true })
    const text = {
      name: hostName,
      description: "test",
      path: given ?? wrapper,
      type: "stdio",
      allowed_origins: [`chrome-extension://${extensionId}/`],
    }
    await writeFile(manifest, JSON.stringify(text))
  }
  if (options.hasHost !== false) await registerHost()

  const own = options.allowed === undefined ? extension : await copyAllowing(options.allowed, folder)
  const extensions = [own, ...(options.extensions ?? [])].join(",")
  const launch = async () => {
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: chromiumPath(),
      headless: false,
      args: [
        "--headless=new",
        `--load-extension=${extensions}`,
        `--disable-extensions-except=${extensions}`,
        ...chromiumArgs,
        ...(options.args ?? []),
      ],
    })
    const background = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"))
    return { context, background }
  }
  const changePermission = async (method: "addHostPermission" | "removeHostPermission", pattern: string) => {
    const settings = await browser.context.newPage()
    await settings.goto("chrome://extensions/")
    await settings.evaluate(
      async ([id, host, change]) => {
        const { developerPrivate } = chrome as unknown as {
          developerPrivate: Record<typeof change, (id: string, host: string) => Promise<void>>
        }
        await developerPrivate[change](id, host)
      },
      [chromeExtensionId, pattern, method] as const,
    )
    await settings.close()
  }
  const browser: TestBrowser = {
    ...(await launch()),
    home,
    computer,
    registerHost,
    async exchangeCard() {
      const other = { ...(await createIdentity("test computer")), vault: null }
      await writeFile(path.join(home, "card"), `${await createCard(other)}\n`)
    },
    unregisterHost: () => rm(manifest, { force: true }),
    allow: (pattern) => changePermission("addHostPermission", pattern),
    takeBack: (pattern) => changePermission("removeHostPermission", pattern),
    async tabIdOf(page) {
      const worker = browser.context.serviceWorkers()[0] ?? browser.background
      await page.bringToFront()
      const tabs = await worker.evaluate(async () => chrome.tabs.query({}))
      const found = tabs.find(({ url }) => url === page.url())
      if (found?.id === undefined) throw new Error("No such tab")
      return found.id
    },
    async openPopup(page) {
      const tab = await browser.tabIdOf(page)
      const popup = await browser.context.newPage()
      await popup.setViewportSize({ width: 320, height: 600 })
      await popup.goto(`chrome-extension://${chromeExtensionId}/popup.html?tab=${tab}`)
      return popup
    },
    async openPage(name) {
      const page = await browser.context.newPage()
      await page.goto(`chrome-extension://${chromeExtensionId}/${name}.html`)
      return page
    },
    async kill() {
      // The browser is the first; it hands the argument on to some of its children.
      const [pid] = await pidsWithArgument(`--user-data-dir=${profile}`)
      if (pid === undefined) throw new Error("The browser is not running")
      const { context } = browser
      const closed = new Promise<void>((resolve) => context.once("close", () => resolve()))
      await killTree(pid)
      await closed
    },
    async restart() {
      Object.assign(browser, await launch())
    },
    async stop() {
      await browser.context.close()
      // A host of another browser may still write into it for as long as it takes to end.
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 500 })
    },
  }
  return browser
}

/** The extension as it is built, but for its manifest: these permissions are there from the start. */
async function copyAllowing(permissions: string[], folder: string): Promise<string> {
  const copy = path.join(folder, "extension")
  await cp(extension, copy, { recursive: true })
  const file = path.join(copy, "manifest.json")
  const manifest = JSON.parse(await readFile(file, "utf8")) as Record<"permissions" | "optional_permissions", string[]>
  manifest.permissions.push(...permissions)
  manifest.optional_permissions = manifest.optional_permissions.filter((one) => !permissions.includes(one))
  await writeFile(file, JSON.stringify(manifest))
  return copy
}
