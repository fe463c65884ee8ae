import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { Page } from "@playwright/test"
import { openHomeStore } from "../../native-host/stores.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import { defaultKinds } from "../../shared/report.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { startBrowser, type TestBrowser } from "../e2e/browser.js"
import { startRotatingSite, type RotatingSite } from "../e2e/rotating-site.js"
import { ownerOffered } from "../e2e/saving.js"
import { startKvRest } from "../servers/kv-rest.js"
import { hasRedis, startRedis } from "../servers/redis.js"
import { startWorkerd } from "../servers/workerd.js"
import { cpuOfTree } from "./processes.js"
import { startS3 } from "./s3-server.js"
import { median, rangeOf, type BenchRow } from "./table.js"

const site = "rotating.test"
const psp = fileURLToPath(new URL("../../dist/node/psp.mjs", import.meta.url))

/** How soon a bot has what changed in the person's browser, store by store, and what it costs while nothing does. */
export async function benchSync(rounds = 7): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  for (const start of stores) {
    const store = await start()
    if (store === null) continue
    try {
      rows.push(await arrivalRow(store, rounds))
    } finally {
      await store.stop()
    }
  }
  return [...rows, ...(await idleRows(50))]
}

interface Store {
  title: string
  /** Null: the folder that there is without a choice. */
  address: string | null
  credentials: Record<string, string>
  stop(): Promise<void>
}

const stores: (() => Promise<Store | null>)[] = [
  () => Promise.resolve({ title: "folder", address: null, credentials: {}, stop: () => Promise.resolve() }),
  async () => {
    const s3 = await startS3()
    const { title, bucket, region, port } = s3
    // The client adds what it noted for itself.
    const { accessKeyId, secretAccessKey } = s3.credentials
    const endpoint = encodeURIComponent(`http://127.0.0.1:${port}`)
    return {
      title,
      address: `s3://${bucket}?endpoint=${endpoint}&region=${region}&pathStyle=1`,
      credentials: { accessKeyId, secretAccessKey },
      stop: () => s3.stop(),
    }
  },
  async () => {
    if (!hasRedis) return null
    const redis = await startRedis()
    return { title: "Redis", address: redis.url, credentials: {}, stop: () => redis.dispose() }
  },
  async () => {
    const workerd = await startWorkerd()
    const rest = await startKvRest(workerd.namespace)
    return {
      title: "Cloudflare KV (REST stand-in over workerd)",
      address: `cloudflare-kv://${rest.account}/${rest.namespace}?endpoint=${encodeURIComponent(rest.endpoint)}`,
      credentials: { token: rest.token },
      stop: async () => {
        await rest.stop()
        await workerd.stop()
      },
    }
  },
]

/** From the navigation that rotates a token, to a bot that opens the session with it; the bot asks every 50 ms. */
async function arrivalRow(store: Store, rounds: number): Promise<BenchRow> {
  const server = await startRotatingSite()
  const browser = await startBrowser()
  try {
    await chooseStore(browser, store)
    const { page } = await keepInSync(browser, server)
    const bot = await grantBot(browser)
    const times: number[] = []
    for (let round = -1; round < rounds; round++) {
      await page.goto(server.url("/refresh"))
      const started = performance.now()
      const token = await tokenOf(browser)
      while ((await tokenSeenBy(bot)) !== token) await setTimeout(50)
      if (round >= 0) times.push(performance.now() - started)
    }
    return {
      name: `From Set-Cookie in the browser to a bot that has it: ${store.title}`,
      value: `${(median(times) / 1000).toFixed(2)} s`,
      peer: "of it 1.5 s of waiting for more changes",
      ratio: null,
      limit: null,
      range: rangeOf(times),
    }
  } finally {
    await browser.stop()
    await server.close()
  }
}

async function chooseStore({ home }: TestBrowser, { address, credentials }: Store): Promise<void> {
  if (address === null) return
  const env = { ...process.env, PSP_HOME: home }
  for (const [name, value] of Object.entries(credentials)) {
    const asked = promisify(execFile)(
      process.execPath,
      [psp, "config", "set", `credentials.${name}`, "--store", address],
      { env },
    )
    asked.child.stdin?.end(`${value}\n`)
    await asked
  }
  await promisify(execFile)(process.execPath, [psp, "config", "set", "store", address], { env })
}

async function keepInSync(browser: TestBrowser, server: RotatingSite): Promise<{ page: Page }> {
  const page = await browser.context.newPage()
  await page.goto(server.url("/login"))
  await browser.allow(`*://*.${site}/*`)
  const popup = await browser.openPopup(page)
  await popup.getByRole("button", { name: "Trust this computer" }).click()
  await popup.getByRole("button", { name: "Trust this computer" }).waitFor({ state: "hidden" })
  await popup.getByRole("button", { name: "Save session" }).click()
  await popup
    .getByText(/^Saved/)
    .first()
    .waitFor()
  await popup.getByRole("switch", { name: "Keep in sync" }).click()
  await popup.getByText(/^In sync/).waitFor()
  await popup.close()
  return { page }
}

/** A bot with a client of its own, granted by the computer beside the browser. */
async function grantBot(browser: TestBrowser): Promise<Vault> {
  const owner = await ownerOffered(browser)
  const computer = await openVault(await openHomeStore(browser.home), { identity: browser.computer, owner })
  await computer.refresh()
  const identity = await createIdentity("ci-1")
  await computer.grant(await createCard(identity), { site })
  return openVault(await openHomeStore(browser.home), { identity, owner: computer.card.text })
}

async function tokenSeenBy(bot: Vault): Promise<string | undefined> {
  const snapshot = await bot.load(site)
  return snapshot?.cookies?.find(({ name }) => name === "refresh")?.value
}

async function tokenOf({ context }: TestBrowser): Promise<string | undefined> {
  return (await context.cookies()).find(({ name }) => name === "refresh")?.value
}

/** CPU of the browser and its hosts while nobody does anything, with no site in sync and with so many in both ways. */
async function idleRows(count: number): Promise<BenchRow[]> {
  const server = await startRotatingSite()
  const browser = await startBrowser()
  try {
    const starts = path.join(browser.home, "starts")
    const host = fileURLToPath(new URL("../../dist/node/psp-host.mjs", import.meta.url))
    await browser.registerHost({ script: `echo >> "${starts}"\nexec "${process.execPath}" "${host}" "$@"` })
    const sites = Array.from({ length: count }, (_, at) => `idle-${at}.test`)
    const page = await browser.context.newPage()
    await page.goto(server.url("/login"))
    const popup = await browser.openPopup(page)
    await popup.getByRole("button", { name: "Trust this computer" }).click()
    await popup.getByRole("button", { name: "Trust this computer" }).waitFor({ state: "hidden" })
    await popup.close()
    const asker = await browser.openPage("welcome")
    const idle = await idleFor(browser, starts)
    for (const one of sites) await syncSite(browser, server, asker, one)
    await asker.close()
    const synced = await idleFor(browser, starts)
    const perHour = ({ cpu }: Idle) => (cpu * 3600) / idleSeconds / 1000
    return [
      {
        name: `Three minutes after the last of ${count} sites was switched to both ways: CPU of the browser and its hosts`,
        value: `${perHour(synced).toFixed(0)} s per hour`,
        peer: `none in sync ${perHour(idle).toFixed(0)} s per hour`,
        ratio: null,
        limit: null,
        range: "",
      },
      {
        name: "These three minutes: starts of the native host",
        value: `${((synced.starts * 3600) / idleSeconds).toFixed(0)} per hour`,
        peer: `none in sync ${((idle.starts * 3600) / idleSeconds).toFixed(0)} per hour`,
        ratio: null,
        limit: null,
        range: "",
      },
    ]
  } finally {
    await browser.stop()
    await server.close()
  }
}

/** Three rings of the alarm that looks for changes of others. */
const idleSeconds = 180

interface Idle {
  /** ms */
  cpu: number
  /** Of the native host. */
  starts: number
}

async function idleFor(browser: TestBrowser, startsFile: string): Promise<Idle> {
  const running = browser.context.browser()
  if (running === null) throw new Error("The profile has no browser")
  const startsOf = async () => (await readFile(startsFile, "utf8").catch(() => "")).length
  const [cpu, starts] = [await cpuOfTree(running), await startsOf()]
  // What is measured is time in which nothing happens.
  await setTimeout(idleSeconds * 1000)
  return { cpu: (await cpuOfTree(running)) - cpu, starts: (await startsOf()) - starts }
}

async function syncSite(browser: TestBrowser, server: RotatingSite, asker: Page, of: string): Promise<void> {
  await browser.allow(`*://*.${of}/*`)
  const page = await browser.context.newPage()
  await page.goto(server.url("/login").replace(`app.${site}`, `app.${of}`))
  const scope = { alsoSites: [], kinds: [...defaultKinds], withoutOrigins: [], storeId: "0" }
  const failed = await asker.evaluate(
    async ([message, origins]) => {
      if (!(await chrome.permissions.request({ origins: [...origins] }))) return "no permission"
      const reply: unknown = await chrome.runtime.sendMessage(message)
      return "error" in (reply as object) ? JSON.stringify(reply) : null
    },
    [{ type: "sync", site: of, account: "default", mode: "both", scope }, [`*://*.${of}/*`]] as const,
  )
  if (failed !== null) throw new Error(`Cannot keep ${of} in sync: ${failed}`)
  await page.close()
}
