import { rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { fileMemory } from "../../native-host/home-vault.js"
import { readIdentity } from "../../native-host/identity-file.js"
import { parseCard } from "../../shared/keys.js"
import { openVault, type EventSays, type Vault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { namesIn } from "../shared/vault/devices.js"
import { temporaryFolder } from "./bundle.js"
import { runPsp, type Said } from "./psp.js"

const site = "example.com"
let folder: string
let store: string
let card: string

beforeEach(async () => {
  folder = await temporaryFolder()
  store = join(folder, "store")
  for (const who of ["laptop", "ci-1"]) await psp(who, "keygen", "--name", who)
  await (await vaultOf("laptop")).save(exampleSnapshot(site))
  card = (await psp("ci-1", "card")).out.trim().split(/\s/)[0] ?? ""
  await psp("ci-1", "trust", (await psp("laptop", "card")).out.trim().split(/\s/)[0] ?? "", "--yes")
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** One command line of one of the two machines that share the store. */
function psp(who: string, ...args: string[]): Promise<Said> {
  const env = { HOME: folder, PSP_HOME: join(folder, who), PSP_STORE: `file://${store}`, TMPDIR: folder }
  return runPsp(args, { ...env, PATH: process.env["PATH"] })
}

async function vaultOf(who: string): Promise<Vault> {
  const home = join(folder, who)
  const identity = await readIdentity(home, {})
  return openVault(createFsProvider(store), { identity, memory: fileMemory(home) })
}

async function recordAsBot(event: Partial<EventSays>): Promise<void> {
  const vault = await vaultOf("ci-1")
  await vault.refresh()
  await vault.record({ kind: "opened", site, account: "default", tool: "test", ...event })
}

const linesOf = ({ out }: Said) => out.trim().split("\n")
const told = async (...args: string[]) =>
  linesOf(await psp("laptop", "audit", "--json", ...args)).map((line) => JSON.parse(line) as Record<string, unknown>)
const eventNames = async () => (await namesIn(createFsProvider(store))).filter((name) => name.includes("/events/"))

/** Does whatever leaves an event, and says who did. */
async function doEverything(): Promise<[who: string, kind: string, tool: string][]> {
  const file = join(folder, "state.json")
  await psp("laptop", "grant", card, site, "--until", "8h", "--yes")
  await psp("ci-1", "restore", site, "--format", "playwright", "--out", file)
  await psp("ci-1", "run", site, "--", process.execPath, "-e", "")
  await psp("ci-1", "inspect", site)
  await psp("laptop", "capture", site, "--from", file)
  await psp("laptop", "export", site, "--to", card, "--out", join(folder, "x.psp"))
  await psp("ci-1", "restore", "other.example", "--format", "playwright")
  await psp("laptop", "revoke", card)
  await psp("ci-1", "restore", site, "--format", "playwright")
  return [
    ["laptop", "granted", "psp grant"],
    ["ci-1", "restored", "psp restore"],
    ["ci-1", "opened", "psp run"],
    ["ci-1", "opened", "psp inspect"],
    ["laptop", "saved", "psp capture"],
    ["laptop", "granted", "psp export"],
    ["ci-1", "refused", "psp restore"],
    ["laptop", "revoked", "psp revoke"],
    ["ci-1", "refused", "psp restore"],
  ]
}

describe("psp audit", () => {
  it("tells each thing that either machine did, and holds no value of the session", async () => {
    const done = await doEverything()
    const lines = await told()
    expect(lines.map(({ by, kind, tool }) => [(by as { name: string }).name, kind, tool])).toEqual(done)
    expect(lines.filter(({ kind }) => kind === "refused").map(({ reason }) => reason)).toEqual([
      "not-granted",
      "not-granted",
    ])
    const { out, err } = await psp("laptop", "audit")
    expect(linesOf({ code: 0, out, err })).toHaveLength(done.length)
    expect(err).toBe(`${done.length} events of the last 90 days\n`)
    expect(out).toMatch(
      /^\S+Z +granted +example\.com +laptop +psp grant \d\S+: to ci-1; sites example\.com; all kinds; may only read; until /,
    )
    for (const way of [[], ["--json"], ["--csv"]])
      expect((await psp("laptop", "audit", ...way)).out).not.toMatch(/canary/)
  })

  it("chooses by bot, site and time", async () => {
    const done = await doEverything()
    const times = (await told()).map(({ time }) => String(time))
    const ofBot = await told("--bot", "ci-1")
    // What the bot did, what it was granted, and what was taken back from it.
    expect(ofBot).toHaveLength(done.length - 1)
    expect(await told("--bot", card)).toEqual(ofBot)
    expect(await told("--site", "https://app.other.example/x")).toHaveLength(1)
    expect(await told("--since", times[3] ?? "", "--until", times[5] ?? "")).toHaveLength(3)
    expect(await told("--since", "1h")).toHaveLength(done.length)
    expect((await psp("laptop", "audit", "--until", "1h")).out).toBe("")
  })

  it("writes a CSV in which no cell is a formula, and lines that no name can bend", async () => {
    await psp("laptop", "grant", card, site, "--yes")
    const tool = '=cmd|"x",\u202e\u001b[31m\n'
    await recordAsBot({ site: "exämple.com", tool, names: ["\u2066cookie"] })
    const [heading, , row] = linesOf(await psp("laptop", "audit", "--csv"))
    expect(heading).toMatch(/^time,what,site,/)
    expect(row).toContain(String.raw`"'=cmd|""x"",\u202e\u001b[31m\u000a"`)
    const { out } = await psp("laptop", "audit")
    expect(linesOf({ code: 0, out, err: "" })).toHaveLength(2)
    expect(out).toMatch(/ex\\u00e4mple\.com/)
    expect(out).not.toMatch(/[^\n -~]/)
    expect(out).toContain("without a grant")
  })

  it("exits with 5 and says so where an event was removed", async () => {
    await psp("laptop", "grant", card, site, "--yes")
    for (let n = 0; n < 3; n++) await recordAsBot({})
    expect(await psp("laptop", "audit")).toMatchObject({ code: 0 })
    const { writerId } = await parseCard(card)
    const [, gone = ""] = (await eventNames()).filter((name) => name.includes(`/events/${writerId}/`))
    await createFsProvider(store).remove(gone)
    const said = await psp("laptop", "audit")
    expect(said.code).toBe(5)
    expect(said.out).toMatch(/ {2}! missing: An event of "ci-1" is missing before this/)
    expect((await told()).filter(({ type }) => type === "gap")).toMatchObject([{ code: "missing", count: 1 }])
  })

  it("goes on with what comes, each once, until it is interrupted", async () => {
    await psp("laptop", "grant", card, site, "--yes")
    const interruption = new AbortController()
    let out = ""
    let wake = (): void => undefined
    const env = { HOME: folder, PSP_HOME: join(folder, "laptop"), PSP_STORE: `file://${store}` }
    const ended = runPsp(["audit", "--follow", "--json"], env, {
      out: (text) => {
        out += text
        wake()
      },
      interrupted: () => interruption.signal,
    })
    const until = async (lines: number) => {
      while (out.split("\n").length - 1 < lines) await new Promise<void>((resolve) => (wake = resolve))
    }
    await until(1)
    await recordAsBot({ tool: "one" })
    await until(2)
    await recordAsBot({ tool: "two" })
    await until(3)
    interruption.abort()
    expect((await ended).code).toBe(0)
    const tools = out
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { tool: string }).tool)
    expect(tools).toEqual(["psp grant", "one", "two"])
  })

  it("is for owner devices, and its ways of writing exclude each other", async () => {
    await psp("laptop", "grant", card, site, "--yes")
    expect(await psp("ci-1", "audit")).toMatchObject({ code: 4, out: "" })
    for (const args of [
      ["--csv", "--json"],
      ["--follow", "--until", "1h"],
      ["--since", "yesterday"],
    ])
      expect(await psp("laptop", "audit", ...args)).toMatchObject({ code: 2 })
  })

  it("goes along with everything else to another store, and verify and compact know it", async () => {
    const done = await doEverything()
    const before = await told()
    const other = join(folder, "other")
    expect(await psp("laptop", "migrate", "--to", `file://${other}`)).toMatchObject({ code: 0 })
    store = other
    expect(await told()).toEqual(before)
    expect(done).toHaveLength(before.length)
    expect((await psp("laptop", "verify")).out).toMatch(/, 0 defect\(s\)/)
    expect(await psp("laptop", "compact")).toMatchObject({ code: 0 })
    expect(await told()).toEqual(before)
    expect((await psp("laptop", "list")).out).toContain(site)
  })
})

describe("a store that takes no events", () => {
  it("keeps no bot from its session, and the tool says so in one sentence", async () => {
    await psp("laptop", "grant", card, site, "--yes")
    const events = join(store, (await vaultOf("laptop")).id, "events")
    await rm(events, { recursive: true })
    // Where a folder has to be.
    await writeFile(events, "", { mode: 0o600 })
    const file = join(folder, "state.json")
    const said = await psp("ci-1", "restore", site, "--format", "playwright", "--out", file)
    expect(said).toMatchObject({ code: 0, out: `Wrote ${file}\n` })
    expect(said.err).toMatch(/^The access history does not tell of this: [^\n]+\n/)
    expect(said.err).not.toMatch(/The access history[^]*The access history/)
  })
})
