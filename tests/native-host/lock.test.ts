import { spawn, spawnSync } from "node:child_process"
import { access, open, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { armor, Encrypter } from "age-encryption"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { identityPath, readIdentity, writeIdentity } from "../../native-host/identity-file.js"
import { lockByPassphrase, unlockByPassphrase } from "../../native-host/identity-lock.js"
import { passphraseOf } from "../../native-host/unlock.js"
import { identityToText, parseCard } from "../../shared/keys.js"
import { openWithPassphrase } from "../../shared/passphrase.js"
import { inputsOf, temporaryFolder } from "./bundle.js"
import { bundlePsp, runPsp } from "./psp.js"

const passphrase = "seven canaries at dawn"
const now = Date.UTC(2027, 0, 31, 12)

let folder: string
let home: string

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  return () => rm(folder, { recursive: true, force: true })
})

/** A person who answers every question with the next of these; nobody is there without them. */
function psp(args: string[], { answers, env = {} }: { answers?: string[]; env?: Record<string, string> } = {}) {
  const left = [...(answers ?? [])]
  const asked: string[] = []
  const askSecret = (question: string) => {
    asked.push(question)
    return Promise.resolve(answers === undefined ? null : (left.shift() ?? ""))
  }
  const said = runPsp(args, { HOME: folder, PSP_HOME: home, ...env }, { askSecret, now: () => now })
  return said.then((outcome) => ({ ...outcome, asked }))
}

const fileText = () => readFile(identityPath(home), "utf8")

/** Locked by any age, and with little work, of which there would be much in these tests. */
async function lockedHome() {
  await psp(["keygen", "--name", "desk"])
  const before = await readIdentity(home, {})
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  encrypter.setScryptWorkFactor(10)
  const file = await encrypter.encrypt(identityToText(before))
  await writeFile(identityPath(home), armor.encode(file), { mode: 0o600 })
  return before
}

describe("psp lock", () => {
  it("leaves no word of the secret in PSP_HOME, and its passphrase opens it again", async () => {
    await psp(["keygen", "--name", "desk"])
    const before = await readIdentity(home, {})
    // What was there keeps its bytes for whoever still has the old file open.
    const old = await open(identityPath(home), "r")
    const locked = await psp(["lock"], { answers: [passphrase, passphrase] })
    expect(locked).toMatchObject({ code: 0, asked: ["New passphrase: ", "The same again: "] })
    const bytes = Buffer.alloc(1000)
    await old.read(bytes, 0, 1000, 0)
    await old.close()
    expect(bytes.toString("latin1").replaceAll("\0", "")).toBe("")
    expect(await fileText()).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/)
    expect((await stat(identityPath(home))).mode & 0o777).toBe(0o600)
    const opened = await psp(["list"], { answers: [passphrase] })
    expect(opened).toMatchObject({ code: 0, asked: ["Passphrase of this machine's identity: "] })
    expect(await psp(["unlock"], { answers: [passphrase] })).toMatchObject({ code: 0 })
    expect(await readIdentity(home, {})).toEqual(before)
  })

  it("is an age file, which other code opens with the passphrase", async () => {
    const text = await lockByPassphrase("a secret", passphrase)
    // Derived by other code than it was locked with.
    expect(await openWithPassphrase(armor.decode(text), passphrase)).toBe("a secret")
    expect(Buffer.from(armor.decode(text)).toString("latin1")).toMatch(/^age-encryption\.org\/v1\n-> scrypt \S+ 18\n/)
  })

  it("changes the passphrase, by the old one", async () => {
    const before = await lockedHome()
    const changed = await psp(["lock"], { answers: [passphrase, "another one, longer", "another one, longer"] })
    expect(changed.code).toBe(0)
    expect(await unlockByPassphrase(await fileText(), passphrase)).toBeNull()
    await psp(["lock", "--off"], { answers: ["another one, longer"] })
    expect(await readIdentity(home, {})).toEqual(before)
  })

  it.each([
    { answers: ["seven canaries at dawn", "seven canaries at down"], why: "the two passphrases differ" },
    { answers: ["short"], why: "it is shorter than 8 characters" },
    { why: "there is no terminal" },
  ])("changes nothing when $why", async ({ answers, why }) => {
    await psp(["keygen", "--name", "desk"])
    const before = await fileText()
    const refused = await psp(["lock"], answers === undefined ? {} : { answers })
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.err).toContain(why)
    expect(await fileText()).toBe(before)
  })

  it("is there from the first moment with keygen --passphrase", async () => {
    const made = await psp(["keygen", "--name", "desk", "--passphrase"], { answers: [passphrase, passphrase] })
    expect(made.code).toBe(0)
    expect(await fileText()).not.toContain("PSP-IDENTITY")
    const refused = await psp(["keygen", "--passphrase", "--keychain"])
    expect(refused.code).toBe(2)
  })
})

describe("a locked identity", () => {
  it("shows its card, and what doctor says of it, without being unlocked", async () => {
    await lockedHome()
    const card = await psp(["card"])
    expect(card).toMatchObject({ code: 0, asked: [] })
    expect((await parseCard(card.out)).name).toBe("desk")
    const looked = await psp(["doctor"])
    expect(looked.asked).toEqual([])
    expect(looked.out).toContain("ok    identity: desk, locked by a passphrase")
  })

  it("counts wrong passphrases, tells of them with the next right one, and loses nothing by them", async () => {
    await lockedHome()
    const before = await fileText()
    const wrong = await psp(["list", "--json"], { answers: ["wrong one", "wrong two", "wrong three"] })
    expect(wrong.code).toBe(4)
    expect(JSON.parse(wrong.out)).toMatchObject({ error: { code: "wrong-passphrase" } })
    expect(wrong.asked).toHaveLength(3)
    expect(await fileText()).toBe(before)
    expect(wrong.out + wrong.err).not.toContain("wrong one")
    const right = await psp(["list"], { answers: ["wrong four", passphrase] })
    expect(right.code).toBe(0)
    expect(right.err).toContain("4 wrong passphrases since 2027-01-31T12:00:00Z")
    expect((await psp(["list"], { answers: [passphrase] })).err).not.toContain("wrong passphrase")
  })

  it("is `locked` where nobody can be asked, and opens with the file that PSP_PASSPHRASE_FILE names", async () => {
    await lockedHome()
    const refused = await psp(["list", "--json"])
    expect(refused.code).toBe(4)
    expect(JSON.parse(refused.out)).toMatchObject({ error: { code: "locked" } })
    const file = join(folder, "passphrase")
    await writeFile(file, `${passphrase}\n`, { mode: 0o600 })
    expect(await psp(["list"], { env: { PSP_PASSPHRASE_FILE: file } })).toMatchObject({ code: 0, asked: [] })
    const gone = await psp(["list", "--json"], { env: { PSP_PASSPHRASE_FILE: join(folder, "none") } })
    expect(JSON.parse(gone.out)).toMatchObject({ error: { code: "locked" } })
  })

  it.skipIf(process.platform === "win32")(
    "takes no passphrase out of a file of ours that others may read",
    async () => {
      const file = join(folder, "passphrase")
      await writeFile(file, passphrase, { mode: 0o644 })
      await expect(passphraseOf({ PSP_PASSPHRASE_FILE: file })).rejects.toMatchObject({ code: "unsafe-permissions" })
    },
  )

  it("stays locked by the same passphrase when something in it changes, and is not written by who never opened it", async () => {
    const before = await lockedHome()
    await expect(writeIdentity(home, before)).rejects.toMatchObject({ code: "locked" })
    const identity = await readIdentity(home, {}, { ask: () => Promise.resolve(passphrase) })
    await writeIdentity(home, { ...identity, vault: "0".repeat(31) + "1" })
    expect(await fileText()).not.toContain("PSP-IDENTITY")
    const again = await readIdentity(home, {}, { ask: () => Promise.resolve(passphrase) })
    expect(again.vault).toBe("0".repeat(31) + "1")
  })

  it("is told from one that is damaged, which no passphrase opens", async () => {
    await lockedHome()
    const text = await fileText()
    await writeFile(identityPath(home), text.slice(0, 200))
    const refused = await psp(["list", "--json"], { answers: [passphrase] })
    expect(JSON.parse(refused.out)).toMatchObject({ error: { code: "bad-identity" } })
  })

  it("is never opened by the native host, which has no code for it", async () => {
    const inputs = await inputsOf("native-host/host.ts")
    expect(inputs.length).toBeGreaterThan(10)
    const opening = ["identity-file", "identity-lock", "unlock", "keychain"].map((name) => `native-host/${name}.ts`)
    expect(inputs.filter((file) => opening.includes(file))).toEqual([])
  })
})

/** One command of its own, with a terminal or descriptors. */
function run(command: string, args: string[], options: { env?: Record<string, string>; type?: string } = {}) {
  return new Promise<{ code: number | null; out: string }>((resolve, reject) => {
    const env = { PATH: process.env["PATH"] ?? "", HOME: folder, PSP_HOME: home, ...options.env }
    const child = spawn(command, args, { env, cwd: folder })
    let out = ""
    let typed = false
    const hear = (data: Buffer) => {
      out += data.toString()
      if (typed || options.type === undefined || !out.includes("Passphrase of")) return
      typed = true
      child.stdin.write(options.type)
    }
    child.stdout.on("data", hear)
    child.stderr.on("data", hear)
    child.once("error", reject)
    child.once("close", (code) => resolve({ code, out }))
    if (options.type === undefined) child.stdin.end()
  })
}

const hasScript = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0
const keyringPrograms = ["gnome-keyring-daemon", "dbus-run-session"]
const hasKeyring =
  process.platform === "linux" && keyringPrograms.every((one) => spawnSync(one, ["--version"]).status === 0)

describe("psp as a program", () => {
  let programs: string
  let cli: string

  beforeAll(async () => {
    programs = await temporaryFolder()
    cli = await bundlePsp(programs)
    await symlink(fileURLToPath(new URL("../../node_modules", import.meta.url)), join(programs, "node_modules"))
  })
  afterAll(() => rm(programs, { recursive: true }))

  it.skipIf(!hasScript)(
    "asks at a terminal, and shows nothing of what is typed (skipped without `script`)",
    async () => {
      await lockedHome()
      const { code, out } = await run("script", ["-qec", `"${process.execPath}" "${cli}" list --json`, "/dev/null"], {
        type: `${passphrase}\r`,
      })
      expect(code).toBe(0)
      expect(out).toContain("Passphrase of this machine's identity: ")
      expect(out).not.toContain("canar")
    },
  )

  it.skipIf(process.platform === "win32")("reads the passphrase from a descriptor", async () => {
    await lockedHome()
    const file = join(folder, "passphrase")
    await writeFile(file, passphrase, { mode: 0o600 })
    const line = `cat "${file}" | "${process.execPath}" "${cli}" list --json 3<&0 </dev/null`
    const { code, out } = await run("sh", ["-c", line], { env: { PSP_PASSPHRASE_FILE: "/dev/fd/3" } })
    expect(JSON.parse(out)).toEqual({ sessions: [] })
    expect(code).toBe(0)
  })

  it("says that there is no keychain, and changes nothing", async () => {
    await psp(["keygen", "--name", "desk"])
    const before = await fileText()
    const env = { DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(folder, "none")}`, XDG_RUNTIME_DIR: folder }
    if (process.platform !== "linux") return
    const { code, out } = await run(process.execPath, [cli, "lock", "--keychain"], { env })
    expect(out).toContain("no Secret Service answers in this login session")
    expect(code).toBe(6)
    expect(await fileText()).toBe(before)
  })

  describe.skipIf(!hasKeyring)("with GNOME Keyring (skipped where gnome-keyring is not installed)", () => {
    /** A login session with a keyring of its own in this folder: unlocked by its password, or left locked. */
    function inSession(line: string, isUnlocked = true) {
      const start = isUnlocked
        ? "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null"
        : "gnome-keyring-daemon --start --components=secrets >/dev/null"
      const env = {
        XDG_DATA_HOME: join(folder, "data"),
        XDG_RUNTIME_DIR: join(folder, "run"),
        CLI: cli,
        NODE: process.execPath,
      }
      const all = `mkdir -p -m 700 "$XDG_RUNTIME_DIR" "$XDG_DATA_HOME"; ${start} 2>/dev/null; ${line}`
      return run("dbus-run-session", ["--", "sh", "-c", all], { env })
    }

    it("keeps the key there: it opens while that is unlocked, and not without it", async () => {
      await psp(["keygen", "--name", "desk"])
      const before = await readIdentity(home, {})
      const locked = await inSession(`"$NODE" "$CLI" lock --keychain && "$NODE" "$CLI" list --json`)
      expect(locked.code).toBe(0)
      expect(locked.out).toContain("[]")
      expect(await fileText()).toMatch(/^psp-keychain-1 [0-9a-f]{32}\n-----BEGIN AGE/)
      await expect(access(join(folder, "data", "keyrings", "login.keyring"))).resolves.toBeUndefined()

      const closed = await inSession(`"$NODE" "$CLI" list --json`, false)
      expect(closed.code).toBe(4)
      expect(closed.out).toContain('"code":"keychain-locked"')

      const file = await fileText()
      await writeFile(identityPath(home), file.replace(/[0-9a-f]{32}/, "0".repeat(32)))
      const other = await inSession(`"$NODE" "$CLI" list --json`)
      expect(other.code).toBe(6)
      expect(other.out).toContain('"code":"keychain-missing"')

      await writeFile(identityPath(home), file)
      const opened = await inSession(`"$NODE" "$CLI" unlock`)
      expect(opened.code).toBe(0)
      expect(await readIdentity(home, {})).toEqual(before)
    })
  })
})
