import { spawnSync } from "node:child_process"
import { cp, lstat, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { armor, Encrypter } from "age-encryption"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { fileMemory } from "../../native-host/home-vault.js"
import { identityPath, readIdentity } from "../../native-host/identity-file.js"
import { beginRotation, rotationPath } from "../../native-host/rotation.js"
import { createCard, createIdentity, identityToText, parseCard } from "../../shared/keys.js"
import { openVault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { temporaryFolder } from "./bundle.js"
import { bundlePsp, runPsp, type Said } from "./psp.js"

/** Ends the process without a word, right before its so-many-th change of a file. */
const killer = `
import { createRequire, syncBuiltinESMExports } from "node:module"
const fs = createRequire(import.meta.url)("node:fs/promises")
let left = Number(process.env.KILL_AT)
for (const name of ["open", "rename", "link", "unlink"]) {
  const real = fs[name]
  fs[name] = (path, ...rest) => {
    const isOurs = String(path).includes(process.env.KILL_UNDER) && rest[0] !== "r"
    if (isOurs && left-- === 0) process.kill(process.pid, "SIGKILL")
    return real(path, ...rest)
  }
}
syncBuiltinESMExports()
`

/** Ends the process right before it puts the file of that name in its place, or removes it; keeps all of PSP_HOME before every change. */
const looker = `
import { appendFileSync, readdirSync, readFileSync } from "node:fs"
import { createRequire, syncBuiltinESMExports } from "node:module"
const fs = createRequire(import.meta.url)("node:fs/promises")
const { PSP_HOME, SEEN, KILL_AT } = process.env
for (const name of ["open", "rename", "link", "unlink"]) {
  const real = fs[name]
  fs[name] = (path, ...rest) => {
    if (String(path).includes(PSP_HOME) && rest[0] !== "r") {
      for (const file of readdirSync(PSP_HOME, { recursive: true, withFileTypes: true })) {
        if (!file.isFile()) continue
        appendFileSync(SEEN, file.name + "\\n" + readFileSync(file.parentPath + "/" + file.name, "latin1") + "\\n", "latin1")
      }
      if (String(name === "unlink" ? path : rest[0]).endsWith("/" + KILL_AT)) process.kill(process.pid, "SIGKILL")
    }
    return real(path, ...rest)
  }
}
syncBuiltinESMExports()
`

const passphrase = "seven canaries at dawn"

let base: string
let cli: string
let folder: string
let count = 0
type Env = Record<string, string> & { PSP_HOME: string }

beforeAll(async () => {
  base = await temporaryFolder()
  cli = await bundlePsp(base)
  await writeFile(join(base, "killer.mjs"), killer)
  await writeFile(join(base, "looker.mjs"), looker)
})
afterAll(() => rm(base, { recursive: true, force: true }))
beforeEach(() => {
  folder = join(base, `world-${count++}`)
})

const homeOf = (name: string, at = folder): Env => ({
  PSP_HOME: join(at, name),
  HOME: base,
  PSP_STORE: pathToFileURL(join(at, "store")).href,
})
const psp = (env: Env, ...args: string[]): Promise<Said> => runPsp(args, env)
const cardOf = async (env: Env) => parseCard((await psp(env, "card")).out.trim())

async function vaultAt(env: Env, at = folder) {
  const identity = await readIdentity(env.PSP_HOME, {})
  return openVault(createFsProvider(join(at, "store")), { identity, memory: fileMemory(env.PSP_HOME) })
}

async function makeLaptop(): Promise<Env> {
  const env = homeOf("laptop")
  await psp(env, "keygen", "--name", "laptop")
  const vault = await vaultAt(env)
  await vault.save(exampleSnapshot("example.com", "default", "one"))
  await vault.save(exampleSnapshot("other.example", "default", "one"))
  return env
}

describe("psp rotate-key", () => {
  it("gives this machine new keys under the same name, and the old ones open nothing any more", async () => {
    const env = await makeLaptop()
    await psp(homeOf("bot"), "keygen", "--name", "ci-1")
    const bot = await cardOf(homeOf("bot"))
    await psp(env, "grant", bot.text, "example.com", "--yes")
    const before = await cardOf(env)
    const old = identityToText(await readIdentity(env.PSP_HOME, {}))
    expect(await psp(env, "rotate-key")).toMatchObject({ code: 0 })
    const after = await cardOf(env)
    expect(after.name).toBe("laptop")
    expect(after.fingerprint).not.toBe(before.fingerprint)
    expect(await readFile(join(env.PSP_HOME, "card"), "utf8")).toBe(`${after.text}\n`)
    expect((await psp(env, "devices")).out).toContain(after.fingerprint)
    expect((await psp(env, "devices")).out).not.toContain(before.fingerprint)
    expect((await psp(env, "restore", "example.com", "--format", "playwright")).out).toContain("canary-cookie-one")
    expect((await psp(env, "grants")).out).toContain("ci-1")
    expect((await psp(env, "verify")).code).toBe(0)
    expect((await psp(env, "audit")).out).toMatch(/rotated +laptop +psp rotate-key/)
    const thief = { ...homeOf("thief"), PSP_IDENTITY: old, PSP_OWNER: before.text }
    const stolen = await psp(thief, "restore", "example.com", "--format", "playwright")
    expect(stolen).toMatchObject({ out: "" })
    expect(stolen.code).not.toBe(0)
    const names = await readdir(env.PSP_HOME)
    expect(names).not.toContain("rotation.json")
    for (const name of ["identity", "card", "vault-memory.json"]) {
      expect(await readFile(join(env.PSP_HOME, name), "utf8")).not.toContain(old.trim())
    }
    // A bot that remembers follows.
    await psp(homeOf("bot"), "trust", after.text, "--yes")
    expect((await psp(homeOf("bot"), "restore", "example.com", "--format", "playwright")).out).toContain("canary")
  })

  it.skipIf(process.platform === "win32")(
    "goes on where it was killed, and never leaves the machine without an owner's keys",
    async () => {
      const world = folder
      await makeLaptop()
      let kills = 0
      for (let at = 0; at < 400; at += at < 4 ? 1 : 9) {
        folder = join(base, `killed-${at}`)
        await cp(world, folder, { recursive: true })
        const env = homeOf("laptop")
        const before = await cardOf(env)
        const run = spawnSync(process.execPath, ["--import", join(base, "killer.mjs"), cli, "rotate-key"], {
          env: { ...env, PATH: process.env["PATH"], KILL_AT: String(at), KILL_UNDER: folder },
          encoding: "utf8",
        })
        const between = await vaultAt(env)
        await between.refresh()
        expect(between.isOwner).toBe(true)
        expect(await between.load("example.com")).not.toBeNull()
        if (run.signal === null) {
          expect(run).toMatchObject({ status: 0 })
          break
        }
        kills++
        const journal = await lstat(join(env.PSP_HOME, "rotation.json")).catch(() => null)
        if (journal !== null) expect(journal.mode & 0o777).toBe(0o600)
        expect(await psp(env, "rotate-key")).toMatchObject({ code: 0 })
        expect((await cardOf(env)).fingerprint).not.toBe(before.fingerprint)
        const { out } = await psp(env, "devices", "--json")
        expect((JSON.parse(out) as { devices: unknown[] }).devices).toHaveLength(1)
        expect(await (await vaultAt(env)).load("other.example")).not.toBeNull()
        await rm(folder, { recursive: true })
      }
      expect(kills).toBeGreaterThan(6)
    },
    60_000,
  )

  it.skipIf(process.platform === "win32")(
    "of a locked identity leaves no word of the new secret at any step, goes on after a kill, and locks the new one the same way",
    async () => {
      const env = await makeLaptop()
      const [before, card] = [await readIdentity(env.PSP_HOME, {}), await cardOf(env)]
      const encrypter = new Encrypter()
      encrypter.setPassphrase(passphrase)
      // With little work: there is much to unlock here.
      encrypter.setScryptWorkFactor(10)
      const locked = armor.encode(await encrypter.encrypt(identityToText(before)))
      await writeFile(identityPath(env.PSP_HOME), locked, { mode: 0o600 })
      const told = { ...env, SEEN: join(folder, "seen"), PSP_PASSPHRASE_FILE: join(folder, "passphrase") }
      await writeFile(told.PSP_PASSPHRASE_FILE, passphrase, { mode: 0o600 })
      // Put in place, in this order: the journal, the identity, the card; then the journal is removed.
      for (const name of ["identity", "card", "rotation.json", ""]) {
        const run = spawnSync(process.execPath, ["--import", join(base, "looker.mjs"), cli, "rotate-key"], {
          env: { ...told, PATH: process.env["PATH"], KILL_AT: name },
          encoding: "utf8",
        })
        expect(run, name).toMatchObject(name === "" ? { status: 0 } : { signal: "SIGKILL" })
      }
      const text = await readFile(identityPath(env.PSP_HOME), "utf8")
      expect(text).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/)
      const after = await readIdentity(env.PSP_HOME, told)
      const now = await parseCard(await createCard(after))
      expect(now.writerId).not.toBe(card.writerId)
      expect(await readFile(join(env.PSP_HOME, "card"), "utf8")).toBe(`${now.text}\n`)
      expect(JSON.parse((await psp(told, "devices", "--json")).out)).toMatchObject({
        devices: [{ fingerprint: now.fingerprint }],
      })
      expect(await readdir(env.PSP_HOME)).not.toContain("rotation.json")
      const seen = await readFile(told.SEEN, "latin1")
      // It looked at the right time and place.
      for (const public_ of ["rotation.json", now.text]) expect(seen).toContain(public_)
      for (const { age, writer } of [before, after]) {
        const bytes = Buffer.from(writer)
        for (const secret of [
          age,
          ...["hex", "base64", "base64url", "latin1"].map((as) => bytes.toString(as as "hex")),
        ])
          expect(seen.toLowerCase().includes(secret.toLowerCase())).toBe(false)
      }
      expect(seen).not.toContain("PSP-IDENTITY-1")
    },
    60_000,
  )

  it("asks once for the passphrase", async () => {
    const env = await makeLaptop()
    const encrypter = new Encrypter()
    encrypter.setPassphrase(passphrase)
    encrypter.setScryptWorkFactor(10)
    const before = identityToText(await readIdentity(env.PSP_HOME, {}))
    await writeFile(identityPath(env.PSP_HOME), armor.encode(await encrypter.encrypt(before)), { mode: 0o600 })
    let asked = 0
    const askSecret = () => {
      asked++
      return Promise.resolve(passphrase)
    }
    expect(await runPsp(["rotate-key"], env, { askSecret })).toMatchObject({ code: 0 })
    expect(asked).toBe(1)
  })

  it("takes no keys from a journal that others could have written", async () => {
    const env = await makeLaptop()
    const [own, stranger] = [await readIdentity(env.PSP_HOME, {}), await createIdentity("laptop")]
    const journal = () => readFile(rotationPath(env.PSP_HOME), "utf8")
    // As whoever knows the card alone could: another's keys, sealed to it.
    await beginRotation(env.PSP_HOME, { ...own, writer: stranger.writer }, { ...stranger, vault: own.vault })
    const forged = { ...(JSON.parse(await journal()) as object), old: (await cardOf(env)).text }
    await writeFile(rotationPath(env.PSP_HOME), JSON.stringify(forged))
    for (const text of [await journal(), '{"v":2}', "", "{"]) {
      await writeFile(rotationPath(env.PSP_HOME), text)
      const refused = await psp(env, "rotate-key")
      expect(refused.code, text).not.toBe(0)
      expect(refused.err).toContain("rotation.json in PSP_HOME is damaged")
    }
    await beginRotation(env.PSP_HOME, stranger, await createIdentity("laptop"))
    expect((await psp(env, "rotate-key")).err).toContain("about other keys than this machine's")
    const { out } = await psp(env, "devices", "--json")
    expect((JSON.parse(out) as { devices: unknown[] }).devices).toHaveLength(1)
  })

  it("of a bot gives the new card what the old one had, and takes that back from the old one", async () => {
    const env = await makeLaptop()
    for (const name of ["old", "new"]) await psp(homeOf(name), "keygen", "--name", "ci-1")
    const [before, after] = [await cardOf(homeOf("old")), await cardOf(homeOf("new"))]
    await psp(env, "grant", before.text, "example.com", "--kinds", "cookies", "--save-back", "--until", "8h", "--yes")
    await psp(env, "grant", before.text, "other.example", "--yes")
    expect(await psp(env, "rotate-key", "--bot", before.text, after.text)).toMatchObject({ code: 2, out: "" })
    const rotated = await psp(env, "rotate-key", "--bot", before.text, after.text, "--yes")
    expect(rotated).toMatchObject({ code: 0, out: expect.stringContaining('2 grants of "ci-1"') as string })
    const { grants } = JSON.parse((await psp(env, "grants", "--json")).out) as { grants: unknown[] }
    expect(grants).toMatchObject([
      { bot: { fingerprint: after.fingerprint }, site: "example.com", kinds: ["cookies"], saveBack: true },
      {
        bot: { fingerprint: after.fingerprint },
        site: "other.example",
        kinds: "all",
        saveBack: false,
        expiresAt: null,
      },
    ])
    for (const name of ["old", "new"]) await psp(homeOf(name), "trust", (await cardOf(env)).text, "--yes")
    const restored = (name: string) => psp(homeOf(name), "restore", "example.com", "--format", "playwright")
    expect((await restored("new")).out).toContain("canary-cookie-one")
    expect(await restored("old")).toMatchObject({ code: 4, out: "" })
    // Run again, as after it broke off, it has nothing left to do.
    expect(await psp(env, "rotate-key", "--bot", before.text, after.text, "--yes")).toMatchObject({ code: 0 })
    expect(await psp(env, "rotate-key", "--bot", after.text, after.text, "--yes")).toMatchObject({ code: 2 })
    expect(await psp(homeOf("new"), "rotate-key")).toMatchObject({
      code: 4,
      err: expect.stringContaining("--bot OLD-CARD NEW-CARD") as string,
    })
  })
})

describe("psp revoke", () => {
  it("lists where to log out, with links, once for each site", async () => {
    const env = await makeLaptop()
    await psp(homeOf("bot"), "keygen", "--name", "ci-1")
    const { text } = await cardOf(homeOf("bot"))
    for (const site of ["example.com", "other.example"]) await psp(env, "grant", text, site, "--yes")
    const both = await psp(env, "revoke", text, "--json")
    expect(JSON.parse(both.out)).toMatchObject({
      logout: [
        { site: "example.com", url: "https://example.com/" },
        { site: "other.example", url: "https://other.example/" },
      ],
    })
    const again = await psp(env, "revoke", text, "example.com")
    expect(again.out).toMatch(/log out at example\.com\.\n\n {2}https:\/\/example\.com\/\n$/)
  })
})
