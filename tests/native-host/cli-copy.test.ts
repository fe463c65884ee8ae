import { mkdirSync, writeFileSync } from "node:fs"
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { beforeEach, describe, expect, it } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { fileMemory } from "../../native-host/home-vault.js"
import { readIdentity } from "../../native-host/identity-file.js"
import { runCli } from "../../native-host/run-cli.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { temporaryFolder } from "./bundle.js"

let folder: string
let home: string
let vault: Vault
let other: string
const password = "canary-password"

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  other = pathToFileURL(join(folder, "other")).href
  await psp(["keygen", "--name", "computer"])
  vault = await vaultIn("home/vault")
  for (const site of ["example.com", "example.org"]) await vault.save(exampleSnapshot(site))
  return () => rm(folder, { recursive: true, force: true })
})

/** The vault of this machine over a folder. */
async function vaultIn(path: string, now = Date.now): Promise<Vault> {
  const identity = await readIdentity(home, {})
  return openVault(createFsProvider(join(folder, path)), { identity, memory: fileMemory(home), now })
}

interface Outcome {
  code: number
  out: string
  err: string
}

interface PspOptions {
  env?: Record<string, string>
  signal?: AbortSignal
  isTerminal?: boolean
  /** Called with each text on stderr. */
  onTalk?: (text: string) => void
}

async function psp(args: string[], { env = {}, signal, isTerminal, onTalk }: PspOptions = {}): Promise<Outcome> {
  let [out, err] = ["", ""]
  let time = Date.now()
  const code = await runCli(args, {
    env: { HOME: folder, PSP_HOME: home, ...env },
    out: (text) => (out += text),
    err: (text) => {
      err += text
      onTalk?.(text)
    },
    ask: () => Promise.resolve(null),
    programs: folder,
    // So that each progress is drawn.
    now: () => (time += 1000),
    ...(isTerminal === true ? { columns: () => 100 } : {}),
    ...(signal === undefined ? {} : { interrupted: () => signal }),
  })
  return { code, out, err }
}

const json = ({ out }: Outcome) => JSON.parse(out) as Record<string, unknown>

/** Files below a folder, relative to it. */
async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(join(folder, path), { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, path).length + 1))
    .sort()
}

const objectsIn = async (path: string) => (await filesIn(path)).filter((name) => name.endsWith(".psp"))

async function damageOne(path: string): Promise<string> {
  const name = (await objectsIn(path)).find((file) => file.includes("/sessions/")) ?? ""
  const bytes = await readFile(join(folder, path, name))
  await writeFile(join(folder, path, name), bytes.with(100, (bytes[100] ?? 0) ^ 1))
  return name
}

describe("psp push and pull", () => {
  it("push a session or everything, and say what was copied and what was there", async () => {
    const one = await psp(["push", "example.com", "--to", other])
    expect(one).toMatchObject({ code: 0, err: "" })
    expect(one.out).toMatch(/^Copied 2 objects \([\d.]+ KiB\) to file:\/\/\S+other; 0 there already\n$/)
    const all = await psp(["push", "--all", "--to", other, "--json"])
    expect(json(all)).toMatchObject({ copied: 1, skipped: 2, failed: [], to: other })
    expect(await objectsIn("other")).toEqual(await objectsIn("home/vault"))
    expect((await psp(["list", "--store", other])).out).toContain("example.org")
    expect((await psp(["verify", "--store", other])).code).toBe(0)
  })

  it("pull brings back what the own store lost", async () => {
    await psp(["push", "--all", "--to", other])
    const all = await objectsIn("home/vault")
    await rm(join(home, "vault"), { recursive: true })
    expect(await psp(["pull", "example.com", "--from", other])).toMatchObject({ code: 0 })
    expect(await psp(["restore", "example.com", "--format", "playwright"])).toMatchObject({ code: 0 })
    expect(json(await psp(["pull", "--all", "--from", other, "--json"]))).toMatchObject({ copied: 1, skipped: 2 })
    // But for what the restore left in the access history.
    expect((await objectsIn("home/vault")).filter((name) => !name.includes("/events/"))).toEqual(all)
    expect((await psp(["verify"])).code).toBe(0)
  })

  it("push a file that was exported, with the members, so that it is found there", async () => {
    const file = join(folder, "session.psp")
    await psp(["export", "example.com", "--to", vault.card.text, "--out", file])
    expect(json(await psp(["push", file, "--to", other, "--json"]))).toMatchObject({ copied: 2, failed: [] })
    await rm(join(home, "vault-memory.json"))
    const listed = json(await psp(["list", "--store", other, "--json"]))["sessions"] as {
      site: string
      objects: number
    }[]
    expect(listed.map(({ site, objects }) => [site, objects])).toEqual([
      ["example.com", 1],
      ["example.org", 0],
    ])
    expect((await psp(["restore", "example.com", "--format", "curl", "--store", other])).code).toBe(0)
    expect((await psp(["push", join(folder, "none.psp"), "--to", other])).code).toBe(3)
  })

  it("refuse a file of another vault", async () => {
    const file = join(folder, "session.psp")
    await psp(["export", "example.com", "--to", vault.card.text, "--out", file])
    await psp(["keygen", "--name", "other"], { env: { PSP_HOME: join(folder, "second") } })
    const refused = await psp(["push", file, "--to", other, "--json"], { env: { PSP_HOME: join(folder, "second") } })
    expect(refused.code).toBe(4)
    expect(json(refused)).toMatchObject({ error: { code: "not-trusted" } })
    expect(await objectsIn("other")).toEqual([])
  })

  it("tell what is not there, with status 3, and a wrong command line with 2", async () => {
    expect((await psp(["push", "nothing.example", "--to", other])).code).toBe(3)
    expect((await psp(["pull", "--all", "--from", other])).code).toBe(3)
    for (const args of [
      ["push", "--to", other],
      ["push", "example.com", "--all", "--to", other],
      ["push", "example.com"],
      ["pull", "--all"],
      ["push", "--all", "--to", "memory:"],
      ["push", "--all", "--to", pathToFileURL(join(home, "vault")).href],
      ["push", "example.com", "--at", "2027-01-01", "--to", other],
    ]) {
      expect(await psp(args), args.join(" ")).toMatchObject({ code: 2, out: "" })
    }
  })

  it("name what is damaged at the source, copy all others, and exit with 5", async () => {
    const damaged = await damageOne("home/vault")
    const pushed = await psp(["push", "--all", "--to", other])
    expect(pushed.code).toBe(5)
    expect(pushed.out).toContain(`damaged  ${damaged}\n`)
    expect(pushed.out).toContain("1 object could not be copied; all others were.")
    expect(await objectsIn("other")).toEqual((await objectsIn("home/vault")).filter((name) => name !== damaged))
    const again = await psp(["push", "--all", "--to", other, "--json"])
    expect(again.code).toBe(5)
    expect(json(again)).toMatchObject({ copied: 0, skipped: 2, failed: [{ name: damaged, code: "damaged" }] })
  })

  it("stop at Ctrl-C with what was copied in place, and go on with the same command", async () => {
    for (let at = 0; at < 20; at++) await vault.save(exampleSnapshot("example.com", `account ${at}`))
    const stop = new AbortController()
    const onTalk = (text: string) => {
      if (/ 5\/\d+ /.test(text)) stop.abort()
    }
    const stopped = await psp(["push", "--all", "--to", other], { signal: stop.signal, isTerminal: true, onTalk })
    expect(stopped).toMatchObject({ code: 1, out: "" })
    expect(stopped.err).toMatch(
      /\r\u001b\[Kpsp: Stopped: \d+ of 23 objects are done.*the same command goes on from there\n$/,
    )
    const there = await objectsIn("other")
    expect(there.length).toBeGreaterThanOrEqual(5)
    expect(there.length).toBeLessThan(23)
    const again = await psp(["push", "--all", "--to", other, "--json"])
    expect(json(again)).toMatchObject({ copied: 23 - there.length, skipped: there.length, failed: [] })
    expect(await filesIn("other")).toEqual(await objectsIn("home/vault"))
  })

  it("draw their progress on a terminal only, and not with --quiet or --json", async () => {
    const drawn = await psp(["push", "--all", "--to", other], { isTerminal: true })
    expect(drawn.err).toMatch(/\r\u001b\[KCopying \[#{24}\] 3\/3 [\d.]+ KiB of [\d.]+ KiB, [\d.]+ \w+\/s\r\u001b\[K$/)
    for (const extra of [["--quiet"], ["--json"]]) {
      expect((await psp(["push", "--all", "--to", other, ...extra], { isTerminal: true })).err).toBe("")
    }
    expect((await psp(["push", "--all", "--to", other])).err).toBe("")
  })
})

describe("psp migrate", () => {
  it("copies, verifies, switches the store, and leaves the old one as it was", async () => {
    const before = await filesIn("home/vault")
    const done = await psp(["migrate", "--to", other])
    expect(done).toMatchObject({ code: 0, err: "" })
    expect(done.out).toContain(`This machine's store is now ${other}.`)
    expect(done.out).toContain("yours to remove")
    expect(json(await psp(["config", "get", "store", "--json"]))).toEqual({ store: other })
    expect(await filesIn("home/vault")).toEqual(before)
    expect(await filesIn("other")).toEqual(before)
    await rm(join(home, "vault"), { recursive: true })
    expect((await psp(["list"])).out).toContain("example.org")
    expect((await psp(["verify"])).code).toBe(0)
  })

  it("does not switch while something is damaged, unless it is told to", async () => {
    const damaged = await damageOne("home/vault")
    const kept = await psp(["migrate", "--to", other])
    expect(kept.code).toBe(5)
    expect(kept.out).toContain(damaged)
    expect(kept.out).toContain("Not switched")
    expect(json(await psp(["config", "get", "--json"]))).toEqual({})
    const moved = await psp(["migrate", "--to", other, "--despite-defects", "--json"])
    expect(moved.code).toBe(0)
    expect(json(moved)).toMatchObject({ switched: true, copy: { failed: [{ name: damaged }] } })
    expect(json(await psp(["config", "get", "--json"]))).toEqual({ store: other })
  })

  it("does not switch when what is there already does not verify", async () => {
    await psp(["push", "--all", "--to", other])
    const damaged = await damageOne("other")
    const kept = await psp(["migrate", "--to", other, "--json"])
    expect(kept.code).toBe(5)
    expect(json(kept)).toMatchObject({ switched: false, defects: [{ code: "bit-rot", name: damaged }] })
    expect(json(await psp(["config", "get", "--json"]))).toEqual({})
  })

  it("stopped while it copies or verifies, still has the old store, and goes on", async () => {
    for (const doing of ["Copying", "Verifying"]) {
      const stop = new AbortController()
      const onTalk = (text: string) => {
        if (text.includes(doing)) stop.abort()
      }
      const stopped = await psp(["migrate", "--to", other], { signal: stop.signal, isTerminal: true, onTalk })
      expect(stopped.code).toBe(1)
      expect(stopped.err).toContain("the same command goes on")
      expect(json(await psp(["config", "get", "--json"]))).toEqual({})
    }
    expect(await psp(["migrate", "--to", other])).toMatchObject({ code: 0 })
  })

  it("copies what was saved between the first copy and the switch", async () => {
    const { objects } = await vault.prepare(exampleSnapshot("example.net"))
    let isSaved = false
    const onTalk = (text: string) => {
      if (isSaved || !text.includes("Verifying")) return
      isSaved = true
      for (const { name, bytes } of objects) {
        const path = join(home, "vault", name)
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
        writeFileSync(path, bytes, { mode: 0o600 })
      }
    }
    const moved = await psp(["migrate", "--to", other], { isTerminal: true, onTalk })
    expect(moved.code).toBe(0)
    expect(moved.out).toContain(`Saved meanwhile and copied after that: ${objects.length} objects.`)
    expect(await objectsIn("other")).toEqual(await objectsIn("home/vault"))
    expect((await psp(["restore", "example.net", "--format", "curl"])).code).toBe(0)
  })

  it("refuses the same store under another address, and writes nothing but a trial", async () => {
    const same = `${pathToFileURL(join(home, "vault")).href}/`
    const refused = await psp(["migrate", "--to", same])
    expect(refused).toMatchObject({ code: 2, out: "" })
    expect(refused.err).toContain("same store")
    expect(await filesIn("home/vault")).toEqual(await objectsIn("home/vault"))
  })

  it("says that PSP_STORE still wins over the new store", async () => {
    const env = { PSP_STORE: pathToFileURL(join(home, "vault")).href }
    const moved = await psp(["migrate", "--to", other], { env })
    expect(moved.out).toContain("PSP_STORE is set")
  })
})

describe("psp compact and verify", () => {
  it("compact removes older saves and says so", async () => {
    const before = Date.now() - 20 * 24 * 60 * 60 * 1000
    for (const path of ["vault", "vault-memory.json"]) await rm(join(home, path), { recursive: true })
    const early = await vaultIn("home/vault", () => before)
    for (let at = 0; at < 12; at++) await early.save(exampleSnapshot("example.com", "default", `save ${at}`))
    await (await vaultIn("home/vault")).save(exampleSnapshot())
    const compacted = await psp(["compact"], { isTerminal: true })
    expect(compacted.code).toBe(0)
    expect(compacted.err).toContain("Compacting [")
    expect(compacted.out).toMatch(/^Removed [1-9]\d* older saves?, \d+ member envelopes? that later ones replace/)
    const again = json(await psp(["compact", "--json"]))
    expect(again).toMatchObject({ removed: { bases: 0 }, skipped: [], kept: (await objectsIn("home/vault")).length })
    expect((await psp(["verify"])).out).toContain(" 0 defect(s)")
  })

  it("verify draws its progress, tells what to do about a defect, and exits with 5", async () => {
    const damaged = await damageOne("home/vault")
    const verified = await psp(["verify"], { isTerminal: true })
    expect(verified.code).toBe(5)
    expect(verified.err).toMatch(/Verifying \[#{24}\] 3\/3 /)
    expect(verified.out).toContain(`bit-rot  ${damaged}\n`)
    expect(verified.out).toContain("What to do: ")
  })

  it("stopped, say so with a code", async () => {
    for (const command of ["verify", "compact"]) {
      const stopped = await psp([command, "--json"], { signal: AbortSignal.abort() })
      expect(stopped.code).toBe(1)
      expect(json(stopped)).toMatchObject({ error: { code: "aborted" } })
    }
  })
})

describe("no password of an address", () => {
  it("is in anything that is printed", async () => {
    const secret = `redis://user:${password}@127.0.0.1:1/0`
    for (const args of [
      ["push", "--all", "--to", secret],
      ["pull", "--all", "--from", secret],
      ["migrate", "--to", secret],
      ["push", secret, "--to", other],
      ["pull", secret, "--from", other],
      ["push", `https://user:${password}@`, "--to", other],
      ["push", "--all", "--store", secret, "--to", secret],
      ["verify", "--store", secret],
      ["compact", "--store", secret],
      ["push", "--all", "--to", `redis://user:1/${password}@127.0.0.1:1/0`],
      ["push", "--all", "--store", `redis://user:1/${password}@h`, "--to", `redis://user:1/${password}@h`],
      ["push", "--all", "--to", `nonsense://user:${password}@hostname`],
    ]) {
      for (const extra of [["--debug"], ["--json"]]) {
        const { code, out, err } = await psp([...args, ...extra], { isTerminal: true })
        expect(code, args.join(" ")).not.toBe(0)
        expect(out + err, args.join(" ")).not.toContain(password)
      }
    }
  }, 60_000)

  it("keeps the mode of what it configures", async () => {
    await psp(["migrate", "--to", other])
    expect((await stat(join(home, "config.json"))).mode & 0o777).toBe(0o600)
  })
})
