import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { chromium, type BrowserContext, type Page } from "@playwright/test"
import type * as NodeEntry from "../../native-host/node.js"
import type * as PlaywrightEntry from "../../shared/adapters/playwright.js"
import { chromeExtensionId } from "../../shared/names.js"
import { parseSite, permissionPatterns } from "../../shared/site.js"
import { startSite } from "../site/site.js"

/**
 * `npm start`: the whole way once, with the built extension, the registered native host and two real Chromiums. A person
 * logs in and presses two buttons; a clean browser elsewhere is then greeted by name. `--headed` shows the first browser.
 */
const root = fileURLToPath(new URL("../..", import.meta.url))
const isHeaded = process.argv.includes("--headed")
const run = promisify(execFile)

const browserArgs = [
  // Chromium refuses to start its sandbox as root.
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  "--disable-quic",
  "--disable-background-networking",
]

const cleanups: (() => Promise<unknown>)[] = []
const startedAt = performance.now()
let lastAt = startedAt

process.once("SIGINT", () => void cleanUp().then(() => process.exit(130)))
process.once("SIGTERM", () => void cleanUp().then(() => process.exit(143)))

try {
  await demo()
} catch (error) {
  process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
} finally {
  await cleanUp()
}

async function demo(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "psp-demo-"))
  cleanups.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }))
  const pictures = await mkdtemp(path.join(tmpdir(), "psp-demo-pictures-"))
  const [profile, home] = [path.join(folder, "profile"), path.join(folder, "home")]
  await mkdir(profile, { mode: 0o700 })
  await mkdir(home, { mode: 0o700 })

  const site = await startSite()
  cleanups.push(() => site.close())
  step("A demo site is up", `${site.origin} (greets whoever has its cookie, its localStorage token and its tab's key)`)

  await psp(home, "install", "--manifest-dir", path.join(profile, "NativeMessagingHosts"))
  step("psp install registered the native host", "for a throw-away profile only")

  const person = await startPerson(profile, home, site.origin)
  const page = await person.newPage()
  await page.goto(`${site.origin}/login`)
  await page.getByLabel("Name").fill("Ada")
  await page.getByLabel("Password").fill("demo password")
  await page.getByRole("button", { name: "Log in" }).click()
  const greeting = await greetingOn(page)
  const before = path.join(pictures, "1-person.png")
  await page.screenshot({ path: before })
  step("A person logged in", `"${greeting}"`)
  const secrets = await secretsOf(page)

  const popup = await openPopup(person, page)
  await popup.getByRole("button", { name: "Trust this computer" }).click()
  await popup.getByRole("button", { name: "Trust this computer" }).waitFor({ state: "hidden" })
  step("They pressed Trust this computer", "browser and command line share the vault now")
  await popup.getByRole("button", { name: "Save session" }).click()
  const status = popup.getByRole("status").filter({ hasText: /^(?:Saved|Not saved)/ })
  await status.waitFor()
  const said = (await status.textContent()) ?? ""
  await popup.screenshot({ path: path.join(pictures, "2-popup.png") })
  if (!said.startsWith("Saved")) throw new Error(said)
  step("They pressed Save session", `"${said}"`)
  await person.close()

  const stored = await storedFiles(home)
  const [sealed] = stored.filter(({ name }) => name.includes("/sessions/"))
  if (sealed === undefined) throw new Error("Nothing was stored")
  const leaks = stored.filter(({ name, bytes }) =>
    secrets.some((secret) => name.includes(secret) || bytes.includes(secret)),
  )
  if (leaks.length > 0) throw new Error(`A secret of the session stands in ${leaks.length} stored file(s)`)
  step(
    "What is stored",
    `${sealed.name}\n      ${sealed.bytes.length} bytes: ${sealed.bytes.subarray(0, 60).toString()}…`,
  )
  step("No secret in it", `${secrets.length} secrets looked for in ${stored.length} files, in clear, Base64 and hex`)

  const [{ openHomeVault }, { contextOptions, restore }] = await Promise.all([
    import(path.join(root, "dist/node/node.mjs")) as Promise<typeof NodeEntry>,
    import(path.join(root, "dist/node/playwright.mjs")) as Promise<typeof PlaywrightEntry>,
  ])
  const vault = await openHomeVault({ home, env: {}, notice: () => undefined })
  const snapshot = await vault.load(parseSite(site.origin))
  if (snapshot === null) throw new Error("The saved session was not found")
  step("A bot opened it", "the vault of this machine, found as the command line finds it")

  const bot = await chromium.launch({ executablePath: browserPath(), args: browserArgs })
  cleanups.push(() => bot.close())
  const context = await bot.newContext(contextOptions(snapshot))
  const report = await restore(context, snapshot)
  step("Restored in a clean headless Chromium", `${describe(report.set)}, ${report.gaps.length} gap(s)`)
  for (const { where, what, why } of report.gaps) process.stdout.write(`      gap: ${where}: ${what}: ${why}\n`)

  const botPage = await context.newPage()
  await botPage.goto(site.origin)
  const botGreeting = await greetingOn(botPage)
  const after = path.join(pictures, "3-bot.png")
  await botPage.screenshot({ path: after })
  if (botGreeting !== greeting) throw new Error(`The bot got "${botGreeting}"`)
  step("The bot is greeted by name", `"${botGreeting}"`)
  process.stdout.write(`\nScreenshots: ${before}\n             ${after}\n`)
  process.stdout.write(
    `Done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s; everything else was removed.\n`,
  )
}

async function startPerson(profile: string, home: string, origin: string): Promise<BrowserContext> {
  const extension = path.join(root, "dist/chrome-mv3")
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: browserPath(),
    headless: false,
    env: { ...definedEnv(), PSP_HOME: home },
    args: [
      ...(isHeaded ? [] : ["--headless=new"]),
      `--load-extension=${extension}`,
      `--disable-extensions-except=${extension}`,
      ...browserArgs,
    ],
  })
  cleanups.push(() => context.close())
  // The browser's own question needs a person: this is the answer "Allow" for this one site.
  const settings = await context.newPage()
  await settings.goto("chrome://extensions/")
  await settings.evaluate(
    async ([id, host]) => {
      const { developerPrivate } = chrome as unknown as {
        developerPrivate: { addHostPermission(id: string, host: string): Promise<void> }
      }
      await developerPrivate.addHostPermission(id, host)
    },
    [chromeExtensionId, permissionPatterns(parseSite(origin))[0] ?? ""] as const,
  )
  await settings.close()
  return context
}

async function openPopup(context: BrowserContext, page: Page): Promise<Page> {
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"))
  const tabs = await worker.evaluate(async () => chrome.tabs.query({}))
  const tab = tabs.find(({ url }) => url === page.url())
  if (tab?.id === undefined) throw new Error("The site's tab is gone")
  const popup = await context.newPage()
  await popup.setViewportSize({ width: 320, height: 640 })
  await popup.goto(`chrome-extension://${chromeExtensionId}/popup.html?tab=${tab.id}`)
  return popup
}

async function greetingOn(page: Page): Promise<string> {
  const greeting = page.locator("#greeting").filter({ hasNotText: "One moment" })
  await greeting.waitFor()
  return (await greeting.textContent()) ?? ""
}

/** Every secret of the login, as it is and as it could be written down otherwise. */
async function secretsOf(page: Page): Promise<string[]> {
  const cookies = (await page.context().cookies()).map(({ value }) => value)
  const stored = await page.evaluate(() =>
    [localStorage, sessionStorage].flatMap((area) => Object.values(area).map(String)),
  )
  const plain = [...cookies, ...stored].filter((secret) => secret.length >= 6)
  if (plain.length < 3) throw new Error("Expected a cookie, a token and a tab key")
  return plain.flatMap((secret) => [
    secret,
    Buffer.from(secret).toString("base64").replace(/=+$/, ""),
    Buffer.from(secret).toString("hex"),
  ])
}

async function storedFiles(home: string): Promise<{ name: string; bytes: Buffer }[]> {
  const vault = path.join(home, "vault")
  const names = await readdir(vault, { recursive: true })
  const files = await Promise.all(
    names.map(async (name) => ((await stat(path.join(vault, name))).isFile() ? [name] : [])),
  )
  return Promise.all(files.flat().map(async (name) => ({ name, bytes: await readFile(path.join(vault, name)) })))
}

async function psp(home: string, ...args: string[]): Promise<void> {
  await run(process.execPath, [path.join(root, "dist/node/psp.mjs"), ...args], {
    env: { ...process.env, PSP_HOME: home },
  })
}

function browserPath(): string {
  const places = [
    process.env["PSP_CHROMIUM"],
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
  ]
  const found = places.find((place) => place !== undefined && existsSync(place))
  if (found === undefined) throw new Error("no Chromium found; say where it is in PSP_CHROMIUM")
  return found
}

function definedEnv(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

function describe(set: object): string {
  return Object.entries(set)
    .map(([kind, count]) => `${kind} ${String(count)}`)
    .join(", ")
}

function step(title: string, detail: string): void {
  const now = performance.now()
  process.stdout.write(`${((now - lastAt) / 1000).toFixed(2).padStart(6)} s  ${title}\n      ${detail}\n`)
  lastAt = now
}

async function cleanUp(): Promise<void> {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop())
    await cleanup().catch(() => undefined)
}
