import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { readIdentity } from "../../native-host/identity-file.js"
import { runCli } from "../../native-host/run-cli.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import type { Provider } from "../../shared/provider.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { temporaryFolder } from "./bundle.js"

const site = "example.com"
const minute = 60_000

let folder: string
let home: string
let now: number
let provider: Provider
let vault: Vault
/** When each state was saved, oldest first. */
let times: string[]

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  // In the past, and not at a whole second.
  now = Math.floor((Date.now() - 60 * minute) / 1000) * 1000 + 500
  times = []
  await psp("keygen", "--name", "laptop")
  provider = createFsProvider(join(home, "vault"))
  vault = await openVault(provider, { identity: await readIdentity(home, {}), now: () => now })
  await vault.save(sessionOf("one-canary"))
  noteTime()
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function noteTime(): void {
  times.push(new Date(now).toISOString())
  now += minute
}

function sessionOf(token: string): Snapshot {
  const snapshot = exampleSnapshot(site)
  return {
    ...snapshot,
    origins: [{ origin: `https://app.${site}`, partition: null, localStorage: [["token", token]] }],
  }
}

/** As small changes beside the base. */
async function change(by: Vault, snapshot: Snapshot): Promise<void> {
  const session = await by.loadSession(site)
  const { prepared } = await by.prepareChanges(snapshot, session?.since() ?? { known: new Map(), digestOf: String })
  if (prepared === null) throw new Error("nothing changed")
  await by.commit(prepared)
  noteTime()
}

async function openBot(): Promise<Vault> {
  const identity = await createIdentity("ci-1")
  await vault.grant(await createCard(identity), { site, saveBack: true })
  now += minute
  return openVault(provider, { identity, owner: vault.card.text, now: () => now })
}

async function psp(...args: string[]) {
  let [out, err] = ["", ""]
  const code = await runCli(args, {
    env: { HOME: folder, PSP_HOME: home },
    out: (text) => (out += text),
    err: (text) => (err += text),
    ask: () => Promise.resolve(null),
    programs: folder,
    now: Date.now,
  })
  return { code, out, err }
}

interface Told {
  states: {
    time: string
    by: { name: string; isBot: boolean }[]
    opens: boolean
    fault: string | null
    changes: object[]
  }[]
}

const tokenAt = async (...at: string[]) =>
  /"token","value":"([^"]*)"/.exec(
    (await psp("restore", site, "--format", "playwright", ...at)).out.replace(/\s+/g, ""),
  )?.[1]

describe("psp history", () => {
  it("tells when and by whom each state was saved and what changed, deltas and bots' included, and no value", async () => {
    const bot = await openBot()
    await change(bot, sessionOf("two-canary"))
    await change(vault, { ...sessionOf("two-canary"), cookies: [] })
    const { code, out } = await psp("history", site)
    expect(code).toBe(0)
    expect(out.split("\n")).toEqual([
      `${times[2] ?? ""}  laptop`,
      '  - cookies app.example.com "sid"',
      `${times[1] ?? ""}  bot ci-1`,
      '  ~ localStorage https://app.example.com "token"',
      `${times[0] ?? ""}  laptop  the oldest that opens`,
      "",
    ])
    const { states } = JSON.parse((await psp("history", site, "--json")).out) as Told
    expect(states.map(({ time, opens }) => [time, opens])).toEqual(times.toReversed().map((time) => [time, true]))
    expect(states[1]).toMatchObject({
      by: [{ name: "ci-1", isBot: true }],
      changes: [{ kind: "localStorage", name: "token", change: "changed" }],
    })
    expect(JSON.stringify(states) + out).not.toContain("canary")
  })

  it("gives times that --at opens, each as it was then", async () => {
    const bot = await openBot()
    await change(bot, sessionOf("two"))
    await change(vault, sessionOf("three"))
    const { states } = JSON.parse((await psp("history", site, "--json")).out) as Told
    const tokens: (string | undefined)[] = []
    for (const { time } of states) tokens.push(await tokenAt("--at", time))
    expect(tokens).toEqual(["three", "two", "one-canary"])
    expect(await tokenAt()).toBe("three")
    const before = new Date(Date.parse(times[0] ?? "") - 1).toISOString()
    const early = await psp("restore", site, "--format", "playwright", "--at", before)
    expect([early.code, early.err]).toEqual([3, expect.stringContaining("psp history example.com shows what is")])
  })

  it("says which states cannot be opened", async () => {
    await vault.save(sessionOf("short"), { expiresAt: now + 1000 })
    noteTime()
    await vault.save(sessionOf("last"))
    noteTime()
    const { states } = JSON.parse((await psp("history", site, "--json")).out) as Told
    expect(states.map(({ opens, fault }) => [opens, fault])).toEqual([
      [true, null],
      [false, "expired"],
      [true, null],
    ])
    expect((await psp("history", site)).out).toContain(`${times[1] ?? ""}  laptop  cannot be opened (expired)`)
  })

  it("is of no session that is not there", async () => {
    expect(await psp("history", "other.example")).toMatchObject({ code: 3 })
    expect((await readdir(folder)).length).toBe(1)
  })
})

describe("psp diff with --at", () => {
  it("compares an earlier state with the newest, or two times, of one session", async () => {
    await change(vault, sessionOf("two"))
    await change(vault, { ...sessionOf("two"), cookies: [] })
    const [first = "", second = ""] = times
    const lines = async (...args: string[]) =>
      (await psp("diff", ...args)).out
        .trim()
        .split("\n")
        .map((line) => line.split(":")[0])
    const whole = ['- cookies app.example.com "sid"', "~ localStorage https", "2 differences."]
    expect(await lines(site, site, "--at", first)).toEqual(whole)
    expect(await lines(site, "--at", first)).toEqual(whole)
    expect(await lines(site, site, "--at", first, "--at", second)).toEqual(["~ localStorage https", "1 difference."])
    const { out } = await psp("diff", site, site, "--at", second, "--at", first, "--json")
    expect(JSON.parse(out)).toMatchObject({ a: { at: second }, b: { at: first } })
  })

  it.each([[[site]], [[site, "--at", "2027-01-01", "--at", "2027-01-02", "--at", "2027-01-03"]]])(
    "refuses %j",
    async (args) => {
      expect(await psp("diff", ...args)).toMatchObject({ code: 2 })
    },
  )
})
