import { rm } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { readIdentity } from "../../native-host/identity-file.js"
import { runCli } from "../../native-host/run-cli.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { temporaryFolder } from "./bundle.js"

const site = "example.com"

let folder: string
let home: string
let owner: Vault
let bot: Vault
/** What happens while psp waits. */
let pauses: number[]
let onPause: () => Promise<void>

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  pauses = []
  onPause = () => Promise.resolve()
  await psp("keygen", "--name", "laptop")
  const provider = createFsProvider(join(home, "vault"))
  owner = await openVault(provider, { identity: await readIdentity(home, {}) })
  await owner.save(exampleSnapshot(site))
  const identity = await createIdentity("ci-1")
  await owner.grant(await createCard(identity), { site, saveBack: true })
  bot = await openVault(provider, { identity, owner: owner.card.text })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function psp(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""]
  const code = await runCli(args, {
    env: { HOME: folder, PSP_HOME: home, TMPDIR: folder, PATH: process.env["PATH"] },
    out: (text) => (out += text),
    err: (text) => (err += text),
    ask: () => Promise.resolve(null),
    programs: folder,
    now: Date.now,
    pause: async (ms) => {
      pauses.push(ms)
      await onPause()
    },
  })
  return { code, out, err }
}

const restore = (...args: string[]) => psp("restore", site, "--format", "netscape", ...args)
const inUse = /example\.com is in use by bot ci-1 until \d\d:\d\d/

describe("a session that somebody else uses", () => {
  it("is restored all the same, and who uses it is told", async () => {
    const held = await bot.lease(site, { tool: "test" })
    const text = await restore()
    expect(text).toMatchObject({ code: 0 })
    expect(text.err).toMatch(inUse)
    const { out } = await restore("--json")
    expect(JSON.parse(out)).toMatchObject({ inUse: [{ holder: "ci-1", isBot: true, until: held.until }] })
    expect(pauses).toEqual([])
    await held.release()
    expect((await restore()).err).not.toContain("in use")
  })

  it("is waited for with --wait, and then restored as it is by then", async () => {
    const held = await bot.lease(site, { tool: "test" })
    onPause = async () => {
      if (pauses.length < 3) return
      await owner.save(exampleSnapshot(site, "default", "newer"))
      await held.release()
    }
    const { code, out, err } = await psp("restore", "--wait", site, "--format", "playwright")
    expect([code, pauses.length]).toEqual([0, 3])
    expect(pauses[1]).toBeGreaterThan(pauses[0] ?? 0)
    expect(err.match(new RegExp(inUse, "g"))).toHaveLength(1)
    expect(out).toContain("newer")
  })

  it("is waited for so many seconds and no longer", async () => {
    await bot.lease(site, { tool: "test" })
    const { code, err } = await restore("--wait=0")
    expect([code, pauses]).toEqual([1, []])
    expect(err).toMatch(/still in use by bot ci-1 until \d\d:\d\d; --steal takes it all the same\n$/)
    expect(await restore("--wait=soon")).toMatchObject({ code: 2 })
  })

  it("is waited for no longer than its lease lasts", async () => {
    await bot.lease(site, { ttlMs: 30, tool: "test" })
    onPause = () => new Promise((resolve) => setTimeout(resolve, 31))
    expect(await restore("--wait")).toMatchObject({ code: 0 })
    expect(Math.max(0, ...pauses)).toBeLessThanOrEqual(30)
  })

  it("is taken over with --steal, which others are told", async () => {
    const held = await bot.lease(site, { tool: "test" })
    const { code, err } = await restore("--steal")
    expect([code, err.includes("taken over")]).toEqual([0, true])
    await held.renew()
    expect(await owner.leases(site)).toMatchObject([{ holder: "laptop", tool: "psp restore" }])
  })

  it("shows in psp list and psp inspect", async () => {
    expect((await psp("list")).out).not.toContain("IN USE")
    await bot.lease(site, { tool: "npm\u001b test" })
    expect((await psp("list")).out).toMatch(/in use by bot ci-1 until \d\d:\d\d$/m)
    expect((await psp("inspect", site)).out).toMatch(/in use by bot ci-1 until \d\d:\d\d \(npm\\u001b test\)/)
    const { sessions } = JSON.parse((await psp("list", "--json")).out) as { sessions: { leases: unknown[] }[] }
    expect(sessions[0]?.leases).toMatchObject([{ holder: "ci-1", isBot: true, isOwn: false }])
  })
})

describe("psp run", () => {
  /** Asks psp's own store who uses the session, from inside the command. */
  const seenWithin = async (env: Record<string, string>, ...args: string[]) => {
    let seen: unknown
    const seeing = setInterval(() => void owner.leases(site).then((leases) => (seen ??= leases[0])), 20)
    let err = ""
    const code = await runCli(["run", site, ...args, "--", process.execPath, "-e", "setTimeout(() => {}, 400)"], {
      env: { HOME: folder, TMPDIR: folder, PATH: process.env["PATH"], ...env },
      out: () => undefined,
      err: (text) => (err += text),
      ask: () => Promise.resolve(null),
      programs: folder,
      now: Date.now,
    })
    clearInterval(seeing)
    return { code, err, seen }
  }

  it("says that the session is in use while the command runs, and no longer", async () => {
    const { code, seen } = await seenWithin({ PSP_HOME: home })
    expect(code).toBe(0)
    expect(seen).toMatchObject({ holder: "laptop", tool: "psp run", isBot: false })
    expect(await owner.leases(site)).toEqual([])
  })

  it("runs for a bot that may only read, which says nothing", async () => {
    const there = join(folder, "there")
    await owner.grant(await readerCard(there), { site })
    const env = { PSP_HOME: there, PSP_OWNER: owner.card.text, PSP_STORE: pathToFileURL(join(home, "vault")).href }
    expect(await seenWithin(env, "--quiet")).toEqual({ code: 0, err: "", seen: undefined })
  })

  async function readerCard(there: string): Promise<string> {
    let card = ""
    await runCli(["keygen", "--name", "reader"], {
      env: { HOME: folder, PSP_HOME: there },
      out: (text) => (card += text),
      err: () => undefined,
      ask: () => Promise.resolve(null),
      programs: folder,
      now: Date.now,
    })
    return (
      card
        .trim()
        .split(/\s/)
        .find((word) => word.startsWith("psp1")) ?? ""
    )
  }
})
