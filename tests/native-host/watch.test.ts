import { once } from "node:events"
import { readFile, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { spawn } from "node:child_process"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { readIdentity, writeIdentity } from "../../native-host/identity-file.js"
import { runCli } from "../../native-host/run-cli.js"
import { createIdentity } from "../../shared/keys.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { bundle, temporaryFolder } from "./bundle.js"

const site = "example.com"
let programs: string
let cli: string
let folder: string
let home: string
let vault: Vault
let now: number

beforeAll(async () => {
  programs = await temporaryFolder()
  cli = await bundle(programs, "psp.mjs", [
    'import { createRequire } from "node:module"',
    "globalThis.require = createRequire(import.meta.url)",
    'await import("./native-host/cli.ts")',
  ])
})
afterAll(() => rm(programs, { recursive: true }))

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  now = Date.now()
  await writeIdentity(home, await createIdentity("laptop"))
  const identity = await readIdentity(home, {})
  vault = await openVault(createFsProvider(join(home, "vault")), { identity, now: () => now })
  await vault.save(exampleSnapshot(site))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

type Event = Record<string, unknown>

/** `psp watch --json` in this process, until it is interrupted. */
function watch(...args: string[]) {
  const interruption = new AbortController()
  const events: Event[] = []
  let wake = (): void => undefined
  let [out, err] = ["", ""]
  const ended = runCli(["watch", site, "--json", ...args], {
    env: { HOME: folder, PSP_HOME: home, TMPDIR: folder, PATH: process.env["PATH"] },
    out: (text) => {
      out += text
      events.push(
        ...text
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as Event),
      )
      wake()
    },
    err: (text) => (err += text),
    ask: () => Promise.resolve(null),
    programs: folder,
    now: Date.now,
    interrupted: () => interruption.signal,
  }).then((code) => ({ code, out, err }))
  return {
    ended,
    stop: () => {
      interruption.abort()
      return ended
    },
    /** The next line that was not asked for yet. */
    async next(): Promise<Event> {
      while (events.length === 0) {
        const isOver = await Promise.race([
          new Promise<false>((resolve) => (wake = () => resolve(false))),
          ended.then(() => events.length === 0),
        ])
        if (isOver) throw new Error(`psp watch ended: ${err}`)
      }
      return events.shift() ?? {}
    },
  }
}

const save = (token: string) => {
  now += 1000
  return vault.save(exampleSnapshot(site, "default", token))
}

describe("psp watch", () => {
  it("keeps a private file current from the first look on, and tells each change by name", async () => {
    const out = join(folder, "state.json")
    await writeFile(out, "old", { mode: 0o644 })
    const watching = watch("--out", out, "--format", "playwright")
    expect(await watching.next()).toMatchObject({
      event: "changed",
      isFirst: true,
      savedBy: "laptop",
      out,
      changes: [],
    })
    expect((await stat(out)).mode & 0o777).toBe(0o600)
    await save("rotated-canary")
    const changed = await watching.next()
    expect(changed).toMatchObject({
      event: "changed",
      isFirst: false,
      changes: [
        { kind: "cookies", name: "sid", change: "changed" },
        { kind: "localStorage", name: "token", change: "changed" },
      ],
    })
    expect(await readFile(out, "utf8")).toContain("rotated-canary")
    expect(await watching.stop()).toMatchObject({ code: 0, err: "" })
    expect(JSON.stringify(changed)).not.toContain("canary")
  })

  it("leaves one event in the access history for each state that it gets", async () => {
    const watching = watch()
    await watching.next()
    await save("rotated")
    await watching.next()
    await watching.stop()
    const events: unknown[] = []
    for await (const item of vault.events()) events.push(item)
    expect(events).toMatchObject([1, 2].map(() => ({ type: "event", kind: "opened", site, tool: "psp watch" })))
  })

  it("does nothing for a save of the same state", async () => {
    const watching = watch()
    await watching.next()
    const { cookies = [], ...rest } = exampleSnapshot(site)
    now += 1000
    await vault.save({ ...rest, cookies, capturedAt: rest.capturedAt + 1000 })
    await save("another")
    expect(await watching.next()).toMatchObject({ changes: [{ name: "sid" }, { name: "token" }] })
    await watching.stop()
  })

  it("says that the session was removed, and when it is there again", async () => {
    const out = join(folder, "state.json")
    const watching = watch("--out", out)
    await watching.next()
    const before = await readFile(out, "utf8")
    await vault.remove(site)
    expect(await watching.next()).toMatchObject({ event: "not-found", site })
    expect(await readFile(out, "utf8")).toBe(before)
    await save("next login")
    expect(await watching.next()).toMatchObject({ event: "changed" })
    await watching.stop()
  })

  it("waits for a session that is not there yet", async () => {
    await vault.remove(site)
    const watching = watch("--every", "1")
    expect(await watching.next()).toMatchObject({ event: "not-found" })
    await save("first")
    expect(await watching.next()).toMatchObject({ event: "changed" })
    await watching.stop()
  })

  it("says when the session ends, at that time", async () => {
    now += 1000
    await vault.save(exampleSnapshot(site), { expiresAt: Date.now() + 700 })
    const watching = watch()
    expect(await watching.next()).toMatchObject({ event: "changed" })
    expect(await watching.next()).toMatchObject({ event: "expired" })
    await watching.stop()
  })

  it("runs a command at once and after each change, which finds the state, whatever it exits with", async () => {
    const log = join(folder, "log")
    const script = `const fs = require("node:fs")
      const text = fs.readFileSync(process.env.PSP_STORAGE_STATE, "utf8")
      fs.appendFileSync(${JSON.stringify(log)}, (/two/.test(text) ? "two" : "one") + process.argv[1] + "\\n")
      process.exit(3)`
    const watching = watch("--exec", process.execPath, "-e", script, "--", "--json")
    expect(await watching.next()).toMatchObject({ exitCode: 3 })
    await save("two")
    expect(await watching.next()).toMatchObject({ exitCode: 3 })
    await watching.stop()
    expect(await readFile(log, "utf8")).toBe("one--json\ntwo--json\n")
  })

  it("gives a line with blanks to the shell", async () => {
    const watching = watch("--exec", "test -s $PSP_STORAGE_STATE && exit 7")
    expect(await watching.next()).toMatchObject({ exitCode: 7 })
    await watching.stop()
  })

  it.each([
    ["--exec"],
    ["--format", "playwright"],
    ["--out", "x", "--format", "har"],
    ["--every", "0"],
    ["--at", "2027-01-01"],
  ])("refuses %s %s", async (...args) => {
    expect(await watch(...args).ended).toMatchObject({ code: 2 })
  })

  it.skipIf(process.platform === "win32").each(["SIGINT", "SIGTERM"] as const)("ends cleanly by %s", async (signal) => {
    const child = spawn(process.execPath, [cli, "watch", site], {
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, PSP_HOME: home },
      stdio: ["ignore", "pipe", "pipe"],
    })
    const ended = once(child, "close")
    let err = ""
    child.stderr.on("data", (data: Buffer) => (err += data.toString()))
    const [line] = (await once(child.stdout, "data")) as [Buffer]
    expect(line.toString()).toMatch(/^example\.com: as it was saved .* by laptop\n$/)
    child.kill(signal)
    expect(await ended).toEqual([0, null])
    expect(err).toBe("")
  })
})
