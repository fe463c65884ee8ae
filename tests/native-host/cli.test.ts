import { spawn } from "node:child_process"
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createCard, createIdentity, identityToText } from "../../shared/keys.js"
import { openVault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { richSession } from "../shared/formats/session.js"
import { bundle, temporaryFolder } from "./bundle.js"
import { bundlePsp, runPsp } from "./psp.js"

let programs: string
let cli: string
let folder: string
let home: string

beforeAll(async () => {
  programs = await temporaryFolder()
  cli = await bundlePsp(programs)
  await bundle(programs, "psp-host.mjs", ['import "./native-host/host.ts"'])
})
afterAll(() => rm(programs, { recursive: true }))

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  return () => rm(folder, { recursive: true, force: true })
})

interface Outcome {
  code: number | null
  out: string
  err: string
}

interface PspOptions {
  env?: Record<string, string>
  /** What a person answers; nobody is there without it. */
  answer?: string
  /** Another user: then, and only then, as a process of its own. */
  uid?: number
}

/** One command line, in this process: the same as `psp` but for its pipes, which the first test looks at. */
async function psp(args: string[], { env = {}, answer, uid }: PspOptions = {}): Promise<Outcome> {
  if (uid !== undefined) return pspProcess(args, { env, uid })
  const ask = () => Promise.resolve(answer ?? null)
  return runPsp(args, { HOME: folder, PSP_HOME: home, ...env }, { ask, programs })
}

function pspProcess(args: string[], { env = {}, uid }: { env?: Record<string, string>; uid?: number } = {}) {
  return new Promise<Outcome>((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], {
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, PSP_HOME: home, ...env },
      cwd: folder,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    })
    let [out, err] = ["", ""]
    child.stdout.on("data", (data: Buffer) => (out += data.toString()))
    child.stderr.on("data", (data: Buffer) => (err += data.toString()))
    child.once("error", reject)
    child.once("close", (code) => resolve({ code, out, err }))
    child.stdin.end()
  })
}

const json = ({ out }: Outcome) => JSON.parse(out) as Record<string, unknown>

/** A browser that owns a vault in this machine's store, with one session, and that offered its card. */
async function offeredBrowser({ trusts }: { trusts?: string } = {}) {
  const browser = await createIdentity("Chromium on Linux")
  const vault = await openVault(createFsProvider(join(home, "vault")), { identity: browser })
  await vault.save(exampleSnapshot())
  await mkdir(join(home, "offers"), { recursive: true, mode: 0o700 })
  await writeFile(join(home, "offers", `${vault.card.writerId}.card`), `${vault.card.text}\n`)
  if (trusts !== undefined) await vault.addOwner(trusts)
  return { browser, vault }
}

async function keygen(name = "computer"): Promise<string> {
  return String(json(await psp(["keygen", "--name", name, "--json"]))["card"])
}

/** This machine, sharing the vault of a browser that saved example.com. */
async function trustedMachine() {
  const card = await keygen()
  const { vault } = await offeredBrowser({ trusts: card })
  return { card, vault }
}

describe("psp", () => {
  it("alone prints a short map, and --version the version", async () => {
    const map = await psp([])
    const table = await readFile("README.md", "utf8")
    for (const way of ["--cdp URL", "--bidi URL"]) {
      expect(map.out).toContain(way)
      expect(table).toMatch(new RegExp(`^psp restore SITE .*${way}`, "m"))
    }
    expect(map).toMatchObject({ code: 0, err: "" })
    expect(map.out).toContain("psp restore SITE")
    expect((await psp(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect((await psp(["--help"])).out).toContain("inspect")
  })

  it("keeps results on stdout, talk on stderr, and the status, as a process", async () => {
    expect(await pspProcess(["list"])).toEqual({
      code: 3,
      out: "",
      err: "psp: Cannot find an identity on this machine; run: psp keygen\n",
    })
    const card = await pspProcess(["keygen", "--name", "ci-1"])
    expect(card).toMatchObject({ code: 0, err: "" })
    expect(await pspProcess(["trust", card.out.trim()])).toMatchObject({ code: 2, out: "" })
    expect(JSON.parse((await pspProcess(["list", "--json"])).out)).toEqual({ sessions: [] })
  })

  it("tells a wrong command line in one line, with status 2", async () => {
    for (const args of [
      ["lst"],
      ["restore"],
      ["restore", "example.com"],
      ["list", "--nonsense"],
      ["config", "get", "nonsense"],
    ]) {
      const outcome = await psp(args)
      expect(outcome).toMatchObject({ code: 2, out: "" })
      expect(outcome.err).toMatch(/^psp: [^\n]+\n$/)
      const asJson = await psp([...args, "--json"])
      expect(json(asJson)).toMatchObject({ error: { code: "usage" } })
    }
  })
})

describe("psp keygen and card", () => {
  it("make one identity, 0600 in a 0700 folder, and print its card", async () => {
    const made = await psp(["keygen", "--name", "ci-1"])
    expect(made).toMatchObject({ code: 0, err: "" })
    expect(made.out).toMatch(/^psp1\w+\n$/)
    expect((await stat(join(home, "identity"))).mode & 0o777).toBe(0o600)
    expect((await stat(home)).mode & 0o777).toBe(0o700)
    const card = await psp(["card"])
    expect(card.out).toBe(made.out)
    expect(card.err).toMatch(/^ci-1: (\w+ ){5}\w+\n$/)
    expect(await psp(["card", "--quiet"])).toMatchObject({ err: "" })
  })

  it("never replace an identity", async () => {
    await keygen()
    const before = await readFile(join(home, "identity"), "utf8")
    expect(await psp(["keygen"])).toMatchObject({ code: 2, out: "" })
    expect(await readFile(join(home, "identity"), "utf8")).toBe(before)
  })

  it("say what to do when the identity is missing, readable by others, damaged, a folder or a link", async () => {
    expect(await psp(["card"])).toMatchObject({
      code: 3,
      err: "psp: Cannot find an identity on this machine; run: psp keygen\n",
    })
    await keygen()
    const path = join(home, "identity")
    const text = await readFile(path, "utf8")
    await chmod(path, 0o644)
    const open = await psp(["list"])
    expect(open).toMatchObject({ code: 4, out: "" })
    expect(open.err).toContain("run: chmod 600")
    await chmod(path, 0o600)
    await writeFile(path, text.slice(0, -10))
    const damaged = await psp(["list", "--json"])
    expect(damaged.code).toBe(4)
    expect(json(damaged)).toMatchObject({ error: { code: "bad-identity" } })
    expect(damaged.out + damaged.err).not.toContain(text.slice(20, 40))
    await rm(path)
    await mkdir(path)
    expect((await psp(["list"])).err).toContain("not a plain file")
  })

  it("are the environment's where there is no disk, and print nothing of it", async () => {
    const identity = await createIdentity("worker")
    const env = { PSP_IDENTITY: identityToText(identity), PSP_HOME: join(folder, "nowhere") }
    expect((await psp(["card"], { env })).out.trim()).toBe(await createCard(identity))
    const listed = await psp(["list", "--debug"], { env })
    expect(listed.code).toBe(0)
    expect(listed.out + listed.err).not.toContain(identity.age)
    const bad = await psp(["list", "--debug"], { env: { ...env, PSP_IDENTITY: `${env.PSP_IDENTITY}X` } })
    expect(bad.code).toBe(4)
    expect(bad.out + bad.err).not.toContain(env.PSP_IDENTITY)
  })
})

describe("psp with a trusted browser", () => {
  it("joins the one vault that was offered, says so once, and lists it", async () => {
    const { vault } = await trustedMachine()
    const first = await psp(["list"])
    expect(first.code).toBe(0)
    expect(first.err).toContain(`shares the vault of "Chromium on Linux". Fingerprint: ${vault.card.fingerprint}`)
    expect(first.out).toMatch(/^SITE +ACCOUNT +SAVED +ENDS +SIZE\nexample\.com +default +\d{4}-/)
    expect((await psp(["list"])).err).toBe("")
    expect(await readdir(join(home, "offers"))).toEqual([])
    expect(json(await psp(["list", "--json"]))).toMatchObject({ sessions: [{ site: "example.com", from: "vault" }] })
    // What the host shows from now on names the shared vault.
    expect((await psp(["card", "--quiet"])).out.trim()).toBe((await readFile(join(home, "card"), "utf8")).trim())
  })

  it("does not join what does not name this machine as an owner, nor one of two that wait", async () => {
    await keygen()
    await offeredBrowser()
    expect(await psp(["list"])).toMatchObject({ code: 0, out: "Nothing is saved for this identity.\n", err: "" })
  })

  it("writes the session for other tools, and names what each cannot hold", async () => {
    await trustedMachine()
    const playwright = await psp(["restore", "example.com", "--format", "playwright", "--quiet"])
    expect(playwright).toMatchObject({ code: 0, err: expect.stringContaining("") as string })
    expect(json(playwright)).toMatchObject({
      cookies: [{ name: "sid", value: "canary-cookie-canary-token", httpOnly: true }],
    })
    const netscape = await psp(["restore", "example.com", "--format", "netscape"])
    expect(netscape.out).toContain("#HttpOnly_app.example.com")
    expect(netscape.err).toMatch(/Left out \(\d+\):/)
    const curl = await psp(["restore", "example.com", "--format", "curl", "--url", "https://app.example.com/"])
    expect(curl.out).toBe("Cookie: sid=canary-cookie-canary-token\n")
    expect((await psp(["restore", "example.com", "--format", "netscape", "--strict"])).code).toBe(8)
    expect((await psp(["restore", "example.com", "--format", "nonsense"])).code).toBe(2)
    const one = json(await psp(["restore", "example.com", "--format", "curl", "--json"]))
    expect(Object.keys(one)).toEqual(["format", "content", "gaps"])
  })

  it("writes files that only this user may read, in the place of nothing or of a plain file", async () => {
    await trustedMachine()
    const out = join(folder, "state.json")
    const args = ["restore", "example.com", "--format", "playwright", "--out", out]
    expect(await psp(args)).toMatchObject({ code: 0, out: `Wrote ${out}\n` })
    expect((await stat(out)).mode & 0o777).toBe(0o600)
    await mkdir(join(folder, "dir"))
    expect(await psp([...args.slice(0, -1), join(folder, "dir")])).toMatchObject({ code: 2 })
  })

  it("inspects names, sizes and ends, and shows values only when asked", async () => {
    await trustedMachine()
    const shown = await psp(["inspect", "example.com"])
    expect(shown.code).toBe(0)
    for (const name of [
      "    app.example.com\n",
      '"sid"  host-only',
      "HttpOnly",
      '"token"  12 B',
      "sessionStorage of",
      "gaps: none",
    ])
      expect(shown.out).toContain(name)
    expect(shown.out).not.toContain("canary")
    expect((await psp(["inspect", "example.com", "--json"])).out).not.toContain("canary")
    expect((await psp(["inspect", "example.com", "--show-values"])).out).toContain("canary-cookie")
    expect((await psp(["inspect", "example.com", "--show-values", "--json"])).out).toContain("canary-cookie")
  })

  it("inspects, restores and exports with the same lines for what is missing", async () => {
    const { vault } = await trustedMachine()
    const gap = { where: "https://app.example.com", why: "it is too large", fix: "raise the limit", count: 1 }
    const snapshot = exampleSnapshot()
    snapshot.report.gaps = [
      { ...gap, kind: "indexedDB", what: 'database "\u001b[2Jkv"' },
      { ...gap, kind: "portability", what: "the login", why: "it is bound to this computer", fix: "" },
    ]
    await vault.save(snapshot)
    const lines = [
      'indexedDB at https://app.example.com: database "\\u001b[2Jkv": it is too large (raise the limit)',
      "https://app.example.com: the login: it is bound to this computer",
    ]
    const card = await createCard(await createIdentity("bot"))
    const said = [
      (await psp(["inspect", "example.com"])).out.replaceAll("\n  ", "\n"),
      (await psp(["restore", "example.com", "--format", "netscape"])).err,
      (await psp(["export", "example.com", "--to", card, "--out", join(folder, "x.psp")])).err,
    ]
    for (const text of said) {
      expect(text).toMatch(/Left out \(\d\):\n/)
      expect(text).toContain(`  ${lines[0] ?? ""}\n`)
      expect(`${text}\n`).toContain(`May not work elsewhere (1):\n  ${lines[1] ?? ""}\n`)
      expect(text).not.toContain("\u001b")
    }
    expect((await psp(["export", "example.com", "--to", card, "--out", join(folder, "x.psp"), "--strict"])).code).toBe(
      8,
    )
    const earlier = await psp(["export", "example.com", "--to", card, "--out", "x.psp", "--at", "2999-01-01"])
    expect(earlier).toMatchObject({ code: 2, out: "" })
  })

  it("shows names of a hostile site harmlessly, as text and as JSON, cut unless all is asked for", async () => {
    const { vault } = await trustedMachine()
    const snapshot = exampleSnapshot()
    const hostile = "\u009b31m\u001b]0;pwned\u0007\u202eevil\r\n"
    const keys = Array.from({ length: 52 }, (_, at): [string, string] => [`${hostile}${at}`, "canary"])
    snapshot.origins?.[0]?.localStorage?.push(...keys)
    await vault.save(snapshot)
    const text = await psp(["inspect", "example.com"])
    expect(text.out).toContain('"\\u009b31m\\u001b]0;pwned\\u0007\\u202eevil\\u000d\\u000a0"')
    expect(text.out).toContain("… and 39 more")
    const all = await psp(["inspect", "example.com", "--all", "--show-values"])
    expect(all.out).toContain('u000a51"')
    const asJson = await psp(["inspect", "example.com", "--json"])
    for (const { out } of [text, all, asJson]) expect(out).not.toMatch(/[^\P{C}\n]/u)
    const [origin] = json(asJson)["origins"] as { localStorage: { key: string }[] }[]
    expect(origin?.localStorage.at(-1)?.key).toBe(`${hostile}51`)
  })

  it("restores databases for the version of Playwright that was named", async () => {
    const { vault } = await trustedMachine()
    await vault.save(richSession())
    const args = ["restore", "example.com", "--format", "playwright"]
    expect((await psp([...args, "--quiet"])).out).toContain("canary-record")
    const old = await psp([...args, "--tool-version", "1.50"])
    expect(old.out).not.toContain("canary-record")
    expect(old.err).toContain("1 database: Playwright 1.50 does not know them (use Playwright 1.51 or newer)")
    expect(await psp([...args, "--tool-version", "old"])).toMatchObject({ code: 2, out: "" })
  })

  it("says that a site was never saved, with status 3, for every command that needs one", async () => {
    await trustedMachine()
    const card = await createCard(await createIdentity("bot"))
    const commands = [
      ["inspect", "never.example"],
      ["restore", "never.example", "--format", "curl"],
      ["export", "never.example", "--to", card, "--out", join(folder, "x.psp")],
      ["remove", "never.example"],
      ["inspect", "example.com", "--account", "nobody"],
    ]
    for (const args of commands) {
      const outcome = await psp([...args, "--json"])
      expect(outcome.code, args[0]).toBe(3)
      expect(json(outcome)).toMatchObject({ error: { code: "not-found" } })
    }
    expect((await psp(["inspect", "co.uk"])).code).toBe(2)
  })

  it("opens an earlier state with --at", async () => {
    await trustedMachine()
    expect((await psp(["inspect", "example.com", "--at", "2999-01-01"])).code).toBe(0)
    expect((await psp(["inspect", "example.com", "--at", "2001-01-01"])).code).toBe(3)
    expect((await psp(["inspect", "example.com", "--at", "yesterday-ish"])).code).toBe(2)
  })

  it("removes a session for good", async () => {
    await trustedMachine()
    expect((await psp(["remove", "example.com"])).out).toMatch(/^Removed \d object\(s\) of example\.com/)
    expect((await psp(["list"])).out).toBe("Nothing is saved for this identity.\n")
    expect((await psp(["remove", "example.com"])).code).toBe(3)
  })

  it("verifies the store, and names a damaged object with status 5", async () => {
    const { vault } = await trustedMachine()
    expect(await psp(["verify"])).toMatchObject({ code: 0, out: expect.stringContaining("0 defect(s)") as string })
    const sessions = join(home, "vault", vault.id, "sessions")
    const [sid = ""] = await readdir(sessions)
    // The newest: names sort by time, and the one before was saved when this machine was no owner yet.
    const name = (await readdir(join(sessions, sid))).sort().at(-1) ?? ""
    const bytes = await readFile(join(sessions, sid, name))
    await writeFile(join(sessions, sid, name), bytes.subarray(0, -50))
    const damaged = await psp(["verify"])
    expect(damaged.code).toBe(5)
    expect(damaged.out).toContain("1 defect(s)")
    const loaded = await psp(["inspect", "example.com", "--debug"])
    expect(loaded.code).toBe(5)
    expect(loaded.err).toContain("refused at: JSON")
    expect(await psp(["list"])).toMatchObject({ code: 0 })
  })
})

describe("psp trust", () => {
  it("asks on a terminal only, needs --yes without one, and refuses a changed card", async () => {
    await keygen()
    const owner = await createIdentity("owner")
    const card = await createCard(owner)
    expect(await psp(["trust", card])).toMatchObject({ code: 2, out: "" })
    expect(await psp(["trust", card], { answer: "no" })).toMatchObject({ code: 4, out: "" })
    const trusted = await psp(["trust", card, "--yes"])
    expect(trusted.code).toBe(0)
    expect(trusted.out).toMatch(/^Trusted: owner \((\w+ ){5}\w+\)\n$/)
    expect((await psp(["trust", card, "--yes"])).code).toBe(0)
    const impostor = await createCard({ ...(await createIdentity("owner")), vault: owner.vault })
    const refused = await psp(["trust", impostor, "--yes", "--json"])
    expect(refused.code).toBe(4)
    expect(json(refused)).toMatchObject({ error: { code: "card-changed" } })
    const mistyped = `${card.slice(0, -1)}${card.endsWith("q") ? "p" : "q"}`
    expect((await psp(["trust", mistyped, "--yes"])).code).toBe(4)
  })

  it("adopts a second browser into the vault of this machine", async () => {
    const { vault } = await trustedMachine()
    await psp(["list"])
    const second = await createIdentity("Firefox on Linux")
    const store = createFsProvider(join(home, "vault"))
    const own = await openVault(store, { identity: second })
    await writeFile(join(home, "offers", `${own.card.writerId}.card`), `${own.card.text}\n`)
    const adopted = await psp(["trust", "--yes"])
    expect(adopted).toMatchObject({ code: 0, out: `Trusted: Firefox on Linux (${own.card.fingerprint})\n` })
    const machine = (await readFile(join(home, "card"), "utf8")).trim()
    const joined = await openVault(store, { identity: second, owner: machine })
    expect(await joined.load("example.com")).toEqual(exampleSnapshot())
    expect(joined.id).toBe(vault.id)
    expect((await psp(["trust", "--yes"])).out).toContain("No browser is waiting")
  })
})

describe("psp export and import", () => {
  /** Another machine, with a home of its own. */
  async function bot(): Promise<{ env: Record<string, string>; card: string }> {
    const env = { PSP_HOME: join(folder, "bot") }
    return { env, card: (await psp(["keygen", "--name", "bot"], { env })).out.trim() }
  }

  it("hand a session to another machine that trusts this one, by file alone", async () => {
    const { card: ours } = await trustedMachine()
    await psp(["list"])
    const machine = (await psp(["card", "--quiet"])).out.trim()
    expect(machine).not.toBe(ours)
    const { env, card } = await bot()
    const file = join(folder, "session.psp")
    expect((await psp(["export", "example.com", "--to", card, "--out", file])).out).toMatch(
      /^Sealed example\.com to "bot"/,
    )
    expect((await stat(file)).mode & 0o777).toBe(0o600)

    expect(await psp(["import", file], { env })).toMatchObject({ code: 4 })
    expect((await psp(["trust", machine, "--yes"], { env })).code).toBe(0)
    const imported = await psp(["import", file], { env })
    expect(imported).toMatchObject({ code: 0, out: expect.stringContaining("Imported example.com") as string })
    expect((await psp(["list"], { env })).out).toContain("imported")
    expect(json(await psp(["restore", "example.com", "--format", "playwright", "--quiet"], { env }))).toHaveProperty(
      "cookies",
    )
    expect((await psp(["remove", "example.com"], { env })).code).toBe(0)
    expect((await psp(["inspect", "example.com"], { env })).code).toBe(3)

    // Back into the vault it came from.
    await psp(["remove", "example.com"])
    expect(json(await psp(["import", file, "--json"]))).toMatchObject({ site: "example.com", into: "vault" })
    expect((await psp(["inspect", "example.com"])).code).toBe(0)
  })

  it("refuse an envelope for somebody else, from a stranger, past its end, of a newer version, cut off, or no file", async () => {
    await trustedMachine()
    await psp(["list"])
    const machine = (await psp(["card", "--quiet"])).out.trim()
    const { env, card } = await bot()
    await psp(["trust", machine, "--yes"], { env })
    const file = join(folder, "session.psp")
    const other = await createCard(await createIdentity("other"))
    await psp(["export", "example.com", "--to", other, "--out", file])
    expect(json(await psp(["import", file, "--json"], { env }))).toMatchObject({ error: { code: "not-for-me" } })

    await psp(["export", "example.com", "--to", card, "--out", file])
    const good = await readFile(file)
    await writeFile(file, good.subarray(0, good.length / 2))
    expect(await psp(["import", file], { env })).toMatchObject({ code: 5 })
    await writeFile(file, good.toString().replace('{"psp":1', '{"psp":2'))
    expect(json(await psp(["import", file, "--json"], { env }))).toMatchObject({ error: { code: "too-new" } })
    expect((await psp(["import", join(folder, "missing.psp")], { env })).code).toBe(3)
    expect((await psp(["export", "example.com", "--to", card, "--out", file, "--until", "2001-01-01"])).code).toBe(2)

    const stranger = await createIdentity("stranger")
    const strange = await openVault(createFsProvider(join(folder, "strange")), { identity: stranger })
    await strange.save(exampleSnapshot())
    await writeFile(file, await strange.exportTo(card, "example.com"))
    expect(json(await psp(["import", file, "--json"], { env }))).toMatchObject({ error: { code: "not-trusted" } })
    await writeFile(file, await strange.exportTo(card, "example.com", { expiresAt: Date.now() + 1 }))
    const strangeBot = {
      PSP_HOME: join(folder, "bot"),
      PSP_OWNER: strange.card.text,
      PSP_IDENTITY: (await readFile(join(folder, "bot", "identity"), "utf8")).trim(),
    }
    expect(await psp(["import", file], { env: strangeBot })).toMatchObject({ code: 7 })
  })
})

describe("psp config and the store", () => {
  it("sets a store only when it can be used, and never prints a password", async () => {
    await keygen()
    const dir = join(folder, "elsewhere")
    expect((await psp(["config", "set", "store", `file://${dir}`])).code).toBe(0)
    expect((await psp(["config", "get", "store"])).out).toBe(`store file://${dir}\n`)
    expect((await stat(join(home, "config.json"))).mode & 0o777).toBe(0o600)
    for (const [address, code] of [
      ["mongodb://user:canary-password@localhost/0", 2],
      ["redis://user:canary-password@localhost/canary", 2],
      ["redis://user:canary-password@127.0.0.1:1/0", 6],
    ] as const) {
      const refused = await psp(["config", "set", "store", address])
      expect(refused.code).toBe(code)
      expect(refused.out + refused.err).not.toContain("canary")
    }
    await writeFile(join(folder, "plain"), "")
    expect((await psp(["config", "set", "store", `file://${join(folder, "plain")}`])).code).not.toBe(0)
  })

  it.skipIf(process.getuid?.() !== 0)(
    "tells a store that may not be written, in one line (run as another user)",
    async () => {
      await trustedMachine()
      await psp(["list"])
      await chmod(folder, 0o755)
      const chown = (path: string) =>
        new Promise<void>((done) => void spawn("chown", ["-R", "65534:65534", path]).once("close", () => done()))
      await chown(home)
      await chmod(programs, 0o755)
      await new Promise<void>(
        (done) => void spawn("chmod", ["-R", "a-w", join(home, "vault")]).once("close", () => done()),
      )
      const outcome = await psp(["remove", "example.com"], { uid: 65534 })
      expect(outcome.code).toBe(6)
      expect(outcome.err).toMatch(/^psp: [^\n]+\n$/)
      expect((await psp(["inspect", "example.com"], { uid: 65534 })).code).toBe(0)
    },
  )
})

describe("psp install, uninstall and doctor", () => {
  it("register for a folder, start the host, and are content", async () => {
    const manifests = join(folder, "manifests")
    const installed = await psp(["install", "--manifest-dir", manifests, "--extension-id", "a".repeat(32)])
    expect(installed.code).toBe(0)
    expect(installed.out).toContain("press Trust this computer")
    const manifest = JSON.parse(await readFile(join(manifests, "org.persistent_sessions.host.json"), "utf8")) as Record<
      string,
      unknown
    >
    expect(manifest["allowed_origins"]).toEqual([
      "chrome-extension://gfmpdiibfllfjoljigngdakmnfepcejf/",
      `chrome-extension://${"a".repeat(32)}/`,
    ])
    expect(manifest["path"]).toBe(join(home, "host", "psp-host"))
    expect((await stat(join(home, "host", "psp-host"))).mode & 0o777).toBe(0o700)
    // Installing again keeps the ids that were allowed.
    await psp(["install", "--manifest-dir", manifests])
    expect(await readFile(join(manifests, "org.persistent_sessions.host.json"), "utf8")).toContain("a".repeat(32))
    expect(await psp(["doctor"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("native host: answers") as string,
    })
  })

  it("find the browsers of this user, and take everything back", async () => {
    await mkdir(join(folder, ".config", "chromium"), { recursive: true })
    await mkdir(join(folder, ".mozilla"))
    const before = json(await psp(["doctor", "--json"]))
    expect(before["ok"]).toBe(false)
    const installed = json(await psp(["install", "--json"]))
    expect((installed["registered"] as { browser: string }[]).map(({ browser }) => browser)).toEqual([
      "chromium",
      "firefox",
    ])
    const firefox = await readFile(
      join(folder, ".mozilla/native-messaging-hosts/org.persistent_sessions.host.json"),
      "utf8",
    )
    expect(JSON.parse(firefox)).toMatchObject({ allowed_extensions: ["psp@persistent-sessions.org"] })
    expect((await psp(["doctor"])).code).toBe(0)
    await rm(join(home, "host", "psp-host.mjs"))
    expect((await psp(["doctor"])).out).toContain("FAIL  native host")
    expect(json(await psp(["uninstall", "--json"]))["removed"]).toHaveLength(2)
    expect((await stat(join(home, "identity"))).isFile()).toBe(true)
  })

  it("refuse a browser or an extension id that is none, and say when no browser is there", async () => {
    expect((await psp(["install", "--browser", "netscape"])).code).toBe(2)
    expect((await psp(["install", "--extension-id", "../evil"])).code).toBe(2)
    expect(await psp(["install"])).toMatchObject({
      code: 3,
      out: expect.stringContaining("No browser was found") as string,
    })
  })
})
