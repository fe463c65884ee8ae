import { readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { readIdentity } from "../../native-host/identity-file.js"
import { fileMemory } from "../../native-host/home-vault.js"
import { openStore } from "../../native-host/stores.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { identityToText } from "../../shared/keys.js"
import { openVault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { laterCard } from "../shared/vault/devices.js"
import { hasRedis, needsRedis, startRedis } from "../servers/redis.js"
import { startS3StandIn } from "../servers/s3-stand-in.js"
import { temporaryFolder } from "./bundle.js"
import { runPsp, type Said } from "./psp.js"

interface Store {
  address: string
  env: Record<string, string>
  dispose: () => Promise<void>
}

const stores: [title: string, isThere: boolean, open: () => Promise<Store>][] = [
  [
    "S3",
    true,
    async () => {
      const { endpoint, dispose } = await startS3StandIn()
      const env = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret-canary" }
      // The SDK reads them from the process.
      for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
      return { address: `s3://bucket/p?endpoint=${endpoint}&region=x&pathStyle=1`, env, dispose }
    },
  ],
  [
    `Redis (${needsRedis})`,
    hasRedis,
    async () => {
      const { url, dispose } = await startRedis()
      return { address: `${url}/0`, env: {}, dispose }
    },
  ],
]

let folder: string
const here = { PSP_HOME: "", HOME: "" }
const there = { PSP_HOME: "", HOME: "" }

beforeEach(async () => {
  folder = await temporaryFolder()
  Object.assign(here, { HOME: folder, PSP_HOME: join(folder, "here") })
  Object.assign(there, { HOME: folder, PSP_HOME: join(folder, "there") })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function psp(env: Record<string, string>, args: string[], answer: string | null = null): Promise<Said> {
  return runPsp(args, env, { ask: () => Promise.resolve(answer) })
}

const cardOf = async (env: Record<string, string>) => (await psp(env, ["card"])).out.trim().split(/\s/)[0] ?? ""

/** What a POSIX shell makes of a printed line: words, some between single quotes. */
const wordsOf = (line: string) =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => single ?? double ?? plain ?? "")

/** Saves sessions as the owner, as its browser would. */
async function save(store: string, env: Record<string, string>, token: string, sites = ["example.com"]): Promise<void> {
  const provider = await openStore(store, env, here.PSP_HOME)
  const identity = await readIdentity(here.PSP_HOME, {})
  const vault = await openVault(provider, { identity, memory: fileMemory(here.PSP_HOME) })
  for (const site of sites) await vault.save(exampleSnapshot(site, "default", token))
  await provider.close?.()
}

describe.each(stores)("psp grant over %s", (_title, isThere, open) => {
  it.skipIf(!isThere)(
    "hands a session to a bot on another machine, which restores it at once, until it is revoked",
    async () => {
      const store = await open()
      try {
        const owner = { ...here, ...store.env, PSP_STORE: store.address }
        const bot = { ...there, ...store.env }
        await psp(owner, ["keygen", "--name", "laptop"])
        await psp(bot, ["keygen", "--name", "ci-1"])
        await save(store.address, store.env, "one", ["example.com", "other.example"])
        const granted = await psp(owner, ["grant", await cardOf(bot), "example.com", "--until", "8h", "--yes"])
        expect(granted).toMatchObject({ code: 0 })
        expect(granted.err).toMatch(/^ci-1: (?:[a-z]+ ){5}[a-z]+\n"ci-1" will be able to act as you at example\.com, /)
        const lines = granted.out.split("\n").filter((line) => line.startsWith("  psp "))
        expect(lines).toHaveLength(2)
        // Exactly what was printed, as the bot's shell reads it.
        const [trust = [], restore = []] = lines.map((line) => wordsOf(line).slice(1))
        expect(await psp(bot, [...trust, "--yes"])).toMatchObject({ code: 0 })
        const out = join(folder, "state.json")
        expect(
          await psp(
            bot,
            restore.map((word) => (word === "state.json" ? out : word)),
          ),
        ).toMatchObject({ code: 0 })
        expect(await readFile(out, "utf8")).toContain("canary-cookie-one")
        await save(store.address, store.env, "two")
        // As in CI: no disk, an identity and an owner's card in the environment.
        const ci = {
          ...store.env,
          HOME: folder,
          PSP_HOME: join(folder, "nowhere"),
          PSP_STORE: store.address,
          PSP_IDENTITY: identityToText(await readIdentity(there.PSP_HOME, {})),
          PSP_OWNER: trust[1] ?? "",
        }
        expect((await psp(ci, ["restore", "example.com", "--format", "playwright"])).out).toContain("canary-cookie-two")
        const listed = (await psp(ci, ["list"])).out
        expect(listed).toContain("example.com")
        expect(listed).not.toContain("other.example")
        expect(await psp(ci, ["restore", "other.example", "--format", "curl"])).toMatchObject({ code: 3 })
        expect(await psp(ci, ["grant", await cardOf(bot), "example.com", "--yes"])).toMatchObject({ code: 4 })
        expect((await psp(owner, ["grants"])).out).toMatch(/ci-1 +example\.com +default +all +no +20/)

        const elsewhere = pathToFileURL(join(folder, "elsewhere")).href
        const atBot = { ...bot, PSP_STORE: store.address }
        expect(await psp(atBot, ["push", "example.com", "--to", elsewhere])).toMatchObject({ code: 0 })
        const copied = await psp(atBot, ["restore", "example.com", "--format", "curl", "--store", elsewhere])
        expect(copied).toMatchObject({ code: 0 })
        // From the owner's side the bots' copies go with the session.
        const mirror = pathToFileURL(join(folder, "mirror")).href
        expect(await psp(owner, ["push", "example.com", "--to", mirror])).toMatchObject({ code: 0 })
        const mirrored = await psp(atBot, ["restore", "example.com", "--format", "curl", "--store", mirror])
        expect(mirrored).toMatchObject({ code: 0 })

        expect((await psp(owner, ["revoke", await cardOf(bot)])).out).toContain("log out at example.com")
        await save(store.address, store.env, "three")
        const refused = await psp(ci, ["restore", "example.com", "--format", "curl"])
        expect(refused).toMatchObject({ code: 4, out: "" })
        expect(refused.err).toContain("an owner took it back")
      } finally {
        vi.unstubAllEnvs()
        await store.dispose()
      }
    },
    60_000,
  )
})

describe("psp grant", () => {
  let owner: Record<string, string>
  let card: string

  beforeEach(async () => {
    owner = { ...here, PSP_STORE: pathToFileURL(join(folder, "store")).href }
    await psp(owner, ["keygen", "--name", "laptop"])
    await psp(there, ["keygen", "--name", "ci-1"])
    await save(owner["PSP_STORE"] ?? "", {}, "one")
    card = await cardOf(there)
  })

  it("asks first, and grants nothing without a yes", async () => {
    expect(await psp(owner, ["grant", card, "example.com"])).toMatchObject({ code: 2, out: "" })
    expect(await psp(owner, ["grant", card, "example.com"], "n")).toMatchObject({ code: 4, out: "" })
    expect((await psp(owner, ["grants"])).out).toBe("Nothing is granted to any bot.\n")
    expect(await psp(owner, ["grant", card, "example.com"], "y")).toMatchObject({ code: 0 })
  })

  it("names the other sites that the session holds, before it asks", async () => {
    const provider = await openStore(owner["PSP_STORE"] ?? "", {}, here.PSP_HOME)
    const identity = await readIdentity(here.PSP_HOME, {})
    const vault = await openVault(provider, { identity, memory: fileMemory(here.PSP_HOME) })
    await vault.save({ ...exampleSnapshot("shop.example"), sites: ["shop.example", "idp.example"] })
    const { err } = await psp(owner, ["grant", card, "shop.example"], "n")
    expect(err).toContain(
      "as you at shop.example and at idp.example, which the session holds as well, with what is saved",
    )
  })

  it("lists every site that a bot may act at, and says to log out at each when that is taken back", async () => {
    const provider = await openStore(owner["PSP_STORE"] ?? "", {}, here.PSP_HOME)
    const identity = await readIdentity(here.PSP_HOME, {})
    const vault = await openVault(provider, { identity, memory: fileMemory(here.PSP_HOME) })
    const sites: Snapshot["sites"] = ["shop.example", "idp.example"]
    await vault.save({ ...exampleSnapshot("shop.example"), sites })
    expect(await psp(owner, ["grant", card, "shop.example", "--yes"])).toMatchObject({ code: 0 })
    await vault.save({ ...exampleSnapshot("shop.example"), sites: [...sites, "later.example"] })
    expect((await psp(owner, ["grants"])).out).toMatch(/ci-1 +shop\.example,idp\.example +default/)
    expect(JSON.parse((await psp(owner, ["grants", "--json"])).out)).toMatchObject({ grants: [{ sites }] })
    const { out } = await psp(owner, ["revoke", card])
    expect(out).toContain("log out at shop.example, idp.example.\n")
  })

  it("refuses a card of a newer version, and grants nothing", async () => {
    const granted = await psp(owner, ["grant", laterCard(card), "example.com", "--yes"])
    expect(granted).toEqual({ code: 5, out: "", err: "psp: Cannot read card: it was made by a newer version\n" })
    expect((await psp(owner, ["grants"])).out).toBe("Nothing is granted to any bot.\n")
  })

  it("is taken back by the bot's name where only one is called so", async () => {
    await psp(owner, ["grant", card, "example.com", "--yes"])
    const other = { HOME: folder, PSP_HOME: join(folder, "other") }
    await psp(other, ["keygen", "--name", "ci-1"])
    await psp(owner, ["grant", await cardOf(other), "example.com", "--yes"])
    const words = (await psp(other, ["card"])).err.trim().replace(/^ci-1: /, "")
    const both = await psp(owner, ["revoke", "ci-1"])
    expect(both).toMatchObject({ code: 2, out: "", err: expect.stringContaining(`"${words}"`) as string })
    expect(await psp(owner, ["revoke", words])).toMatchObject({ code: 0 })
    expect(await psp(owner, ["revoke", "ci-2", "example.com"])).toMatchObject({ code: 3, out: "" })
    const one = await psp(owner, ["revoke", "ci-1", "example.com"])
    expect(one).toMatchObject({ code: 0, out: expect.stringMatching(/^Revoked 1 grant of "ci-1"/) as string })
    expect((await psp(owner, ["grants"])).out).toBe("Nothing is granted to any bot.\n")
  })

  it("says in one sentence what the bot will be able to do", async () => {
    const said = async (...args: string[]) => (await psp(owner, ["grant", card, "example.com", "--yes", ...args])).err
    expect(await said()).toContain(
      '"ci-1" will be able to act as you at example.com, with what is saved now and later, until you revoke it.\n',
    )
    expect(await said("--kinds", "cookies,localStorage", "--until", "2099-01-31", "--save-back")).toContain(
      '"ci-1" will be able to act as you at example.com, but of it only cookies, localStorage, with what is saved now ' +
        "and later, until 2099-01-31T00:00:00Z, and save back what its visits change.\n",
    )
    const { grants } = JSON.parse((await psp(owner, ["grants", "--json"])).out) as { grants: unknown[] }
    expect(grants).toMatchObject([
      { site: "example.com", kinds: ["cookies", "localStorage"], saveBack: true, expiresAt: Date.UTC(2099, 0, 31) },
    ])
  })

  it("grants chosen names, says which, lists them and seals nothing else", async () => {
    const chosen = ["--only", "cookies:sid", "--only", "localStorage:token"]
    const { code, err } = await psp(owner, ["grant", card, "example.com", "--yes", ...chosen])
    expect([code, err]).toEqual([
      0,
      expect.stringContaining(
        'as you at example.com, but of it only cookie "sid" and localStorage "token", with what is saved now and later',
      ),
    ])
    expect((await psp(owner, ["grants"])).out).toMatch(
      /ci-1 +example\.com +default +cookies:sid,localStorage:token +no/,
    )
    expect(JSON.parse((await psp(owner, ["grants", "--json"])).out)).toMatchObject({
      grants: [{ kinds: ["cookies", "localStorage"], names: ["cookies:sid", "localStorage:token"] }],
    })
    expect((await psp(owner, ["audit"])).out).toContain(
      '2 chosen names; may only read; until it is revoked; cookie "sid"; localStorage "token"',
    )
    const bot = { ...there, PSP_STORE: owner["PSP_STORE"] ?? "" }
    await psp(bot, ["trust", await cardOf(owner), "--yes"])
    const state = JSON.parse((await psp(bot, ["restore", "example.com", "--format", "playwright"])).out) as {
      cookies: { name: string }[]
      origins: { localStorage: { name: string }[] }[]
    }
    expect(state.cookies.map(({ name }) => name)).toEqual(["sid"])
    expect(state.origins.map(({ localStorage }) => localStorage.map(({ name }) => name))).toEqual([["token"]])
    // New keys of the bot get the same, and no more.
    const other = { HOME: folder, PSP_HOME: join(folder, "other") }
    await psp(other, ["keygen", "--name", "ci-2"])
    const rotated = await psp(owner, ["rotate-key", "--bot", card, await cardOf(other), "--yes"])
    expect(rotated).toMatchObject({ code: 0 })
    expect((await psp(owner, ["grants"])).out).toMatch(/ci-2 +example\.com +default +cookies:sid,localStorage:token/)
  })

  it("says of many names the first, and how many more there are", async () => {
    const provider = await openStore(owner["PSP_STORE"] ?? "", {}, here.PSP_HOME)
    const vault = await openVault(provider, { identity: await readIdentity(here.PSP_HOME, {}) })
    const snapshot = exampleSnapshot("shop.example")
    const [first] = snapshot.cookies ?? []
    if (first === undefined) throw new Error("no cookie")
    const names = Array.from({ length: 12 }, (_, i) => `c${i}`)
    await vault.save({ ...snapshot, cookies: names.map((name) => ({ ...first, name })) })
    const chosen = names.flatMap((name) => ["--only", `cookies:${name}`])
    const { err } = await psp(owner, ["grant", card, "shop.example", "--yes", ...chosen])
    expect(err).toContain('only cookie "c0", cookie "c1", cookie "c2", cookie "c3", cookie "c4" and 7 more, with')
    expect((await psp(owner, ["audit", "--json"])).out).toContain("and 2 more names")
  })

  it.each([
    ["a span that is none", ["--until", "8 moons"]],
    ["a name without a kind", ["--only", "sid"]],
    ["a name of no kind", ["--only", "cakes:sid"]],
    ["a name that the session does not hold", ["--only", "cookies:sid", "--only", "cookies:nope"]],
    ["kinds and names together", ["--kinds", "cookies", "--only", "cookies:sid"]],
    ["an end in the past", ["--until", "2020-01-01"]],
    ["kinds that are none", ["--kinds", "cookies,cakes"]],
    ["a span of nothing", ["--until", "0h"]],
    ["an earlier state", ["--at", "2026-01-01"]],
  ])("refuses %s before it says what the bot will be able to do", async (_what, args) => {
    expect(await psp(owner, ["grant", card, "example.com", "--yes", ...args])).toMatchObject({
      code: 2,
      out: "",
      err: expect.not.stringContaining("will be able to") as string,
    })
  })

  it("prints no password of the store", async () => {
    const address = "redis://bot:canary-password@127.0.0.1:1/0"
    const { out, err } = await psp({ ...owner, PSP_STORE: address }, ["grant", card, "example.com", "--yes"])
    expect(out + err).not.toContain("canary-password")
  })
})

describe("psp restore of a sealed file", () => {
  const file = () => join(folder, "example.com.psp")
  let owner: Record<string, string>

  beforeEach(async () => {
    const store = pathToFileURL(join(folder, "store")).href
    owner = { ...here, PSP_STORE: store }
    await psp(owner, ["keygen", "--name", "laptop"])
    await psp(there, ["keygen", "--name", "ci-1"])
    await save(store, {}, "file")
    expect(await psp(there, ["trust", await cardOf(owner), "--yes"])).toMatchObject({ code: 0 })
  })

  it("opens it where it lies, with nothing but what was granted, and says how it was handed over", async () => {
    const card = await cardOf(there)
    const made = ["export", "example.com", "--to", card, "--out", file(), "--kinds", "cookies", "--until", "8h"]
    expect(await psp(owner, made)).toMatchObject({ code: 0 })
    const state = await psp(there, ["restore", file(), "--format", "playwright"])
    expect(state).toMatchObject({ code: 0 })
    expect(JSON.parse(state.out)).toMatchObject({ origins: [] })
    expect(state.out).toContain("canary-cookie-file")
    expect((await psp(there, ["inspect", file()])).out).toContain("example.com")
    const told = (await psp(owner, ["audit"])).out
    expect(told).toMatch(/granted +example\.com .*to ci-1; as a file; sites example\.com; cookies; until 20/)
  })

  it("opens one of chosen names, with nothing else in it", async () => {
    const made = ["export", "example.com", "--to", await cardOf(there), "--out", file(), "--only", "localStorage:token"]
    expect(await psp(owner, made)).toMatchObject({ code: 0 })
    const { out } = await psp(there, ["restore", file(), "--format", "playwright"])
    expect(out).toContain('"token"')
    expect(out).not.toContain("canary-cookie")
    expect(out).not.toContain('"length"')
    expect((await psp(owner, ["audit"])).out).toMatch(/to ci-1; as a file; .*1 chosen name; .*localStorage "token"/)
    const strange = await psp(owner, [...made.slice(0, -1), "localStorage:nope"])
    expect(strange).toMatchObject({ code: 2, out: "" })
  })

  it("says what is odd about a card before it takes it, and grants nothing to one of the person's own devices", async () => {
    await psp(owner, ["grant", await cardOf(there), "example.com", "--yes"])
    const other = { HOME: folder, PSP_HOME: join(folder, "other") }
    await psp(other, ["keygen", "--name", "CI-1"])
    const card = await cardOf(other)
    for (const line of [
      ["grant", card, "example.com", "--yes"],
      ["export", "example.com", "--to", card, "--out", file()],
    ]) {
      expect((await psp(owner, line)).err).toMatch(/^Look twice: its name looks like that of "ci-1" \(/m)
    }
    const provider = await openStore(owner["PSP_STORE"] ?? "", {}, other.PSP_HOME)
    const theirs = await openVault(provider, { identity: await readIdentity(other.PSP_HOME, {}) })
    const sentence = /^Look twice: somebody keeps sessions of their own under it/m
    expect((await psp(owner, ["grant", card, "example.com", "--yes"])).err).not.toMatch(sentence)
    await theirs.save(exampleSnapshot("theirs.example"))
    expect((await psp(owner, ["grant", card, "example.com", "--yes"])).err).toMatch(sentence)
    const own = await psp(owner, ["grant", await cardOf(owner), "example.com", "--yes"])
    expect(own).toMatchObject({ code: 2, err: expect.stringContaining("one of your own devices") as unknown })
  })

  it("refuses what a file cannot be asked for, one for somebody else, and none", async () => {
    const other = { HOME: folder, PSP_HOME: join(folder, "other") }
    await psp(other, ["keygen", "--name", "other"])
    await psp(owner, ["export", "example.com", "--to", await cardOf(other), "--out", file(), "--until", "8h"])
    for (const [args, code] of [
      [["--at", "2027-01-01"], 2],
      [["--account", "work"], 2],
      [["--steal"], 2],
      [["--wait=3"], 2],
      [[], 4],
    ] as const) {
      const refused = await psp(there, ["restore", file(), "--format", "curl", ...args])
      expect(refused).toMatchObject({ code, out: "" })
    }
    expect(await psp(there, ["restore", join(folder, "none.psp"), "--format", "curl"])).toMatchObject({ code: 3 })
    expect(
      await psp(owner, ["export", "example.com", "--to", await cardOf(other), "--out", file(), "--kinds", "x"]),
    ).toMatchObject({ code: 2 })
  })
})
