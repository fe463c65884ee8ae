import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { expect, test, type BrowserContext } from "@playwright/test"
import { openHomeVault } from "../../native-host/node.js"
import { runCli } from "../../native-host/run-cli.js"
import { restore } from "../../shared/adapters/playwright.js"
import { startChromium } from "./browser.js"

const site = "keeping.test"
const url = `https://app.${site}`
const minute = 60_000
let chromium: Awaited<ReturnType<typeof startChromium>>
let folder: string

test.beforeAll(async () => {
  chromium = await startChromium()
  folder = await mkdtemp(path.join(tmpdir(), "psp-ends-"))
})
test.afterAll(async () => {
  await chromium.stop()
  await rm(folder, { recursive: true, force: true })
})

const env = () => ({ HOME: folder, PSP_HOME: path.join(folder, "home") })

async function psp(args: string[], now = Date.now): Promise<void> {
  const code = await runCli(args, {
    env: env(),
    out: () => undefined,
    err: () => undefined,
    ask: () => Promise.resolve(null),
    programs: folder,
    now,
  })
  expect(code).toBe(0)
}

/** When each cookie ends in this browser (ms since epoch). */
async function endsIn(context: BrowserContext): Promise<Record<string, number>> {
  return Object.fromEntries((await context.cookies(url)).map(({ name, expires }) => [name, expires * 1000]))
}

test("a bot's browser drops a cookie when the person's time for it has come, and nobody restores it after that", async () => {
  const bot = await chromium.browser.newContext()
  await bot.newPage()
  await psp(["keygen"])
  await psp(["config", "set", "ttl.cookies", "1m"])
  // So much is left of a minute when the bot begins: enough for a slow machine to restore.
  const end = Date.now() + 15_000
  const savedAt = end - minute
  const soon = end - 1_000
  const cookie = { domain: `app.${site}`, path: "/", httpOnly: true, secure: true, sameSite: "Lax", value: "v" }
  const cookies = [
    { ...cookie, name: "session", expires: -1 },
    { ...cookie, name: "soon", expires: soon / 1000 },
    { ...cookie, name: "late", expires: end / 1000 + 3600 },
  ]
  const file = path.join(folder, "state.json")
  const origins = [{ origin: url, localStorage: [{ name: "kept", value: "on" }] }]
  await writeFile(file, JSON.stringify({ cookies, origins }))
  await psp(["capture", site, "--from", file], () => savedAt)
  const vault = await openHomeVault({ env: env() })

  const before = await vault.load(site)
  if (before === null) throw new Error("Nothing was saved")
  expect(await restore(bot, before)).toMatchObject({ ok: true, set: { cookies: 3 } })
  const ends = await endsIn(bot)
  for (const [name, expected] of Object.entries({ session: end, soon, late: end }))
    expect(Math.abs((ends[name] ?? 0) - expected)).toBeLessThan(1_000)

  await expect.poll(() => endsIn(bot), { timeout: 30_000 }).toEqual({})
  const after = await vault.load(site)
  if (after === null) throw new Error("The session is gone")
  expect(after.cookies).toEqual([])
  expect(after.report.gaps).toContainEqual(
    expect.objectContaining({ kind: "cookies", what: 'cookie "late"', why: "it was to be kept until now" }),
  )
  const next = await chromium.browser.newContext()
  expect(await restore(next, after)).toMatchObject({ set: { localStorage: 1 } })
  expect(await next.storageState()).toEqual({ cookies: [], origins })
  await Promise.all([bot.close(), next.close()])
})
