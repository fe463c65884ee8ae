import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, readdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { writeIdentity } from "../../native-host/identity-file.js"
import { createRunFolder, sweepRunFolders } from "../../native-host/run-folder.js"
import { createIdentity } from "../../shared/keys.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { temporaryFolder } from "./bundle.js"
import { bundlePsp, saveAtHome } from "./psp.js"

let folder: string
let home: string
let cli: string
let tmp: string

beforeAll(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  cli = await bundlePsp(folder)
  await writeIdentity(home, await createIdentity("computer"))
  await saveAtHome(home, exampleSnapshot())
})
afterAll(() => rm(folder, { recursive: true }))

beforeEach(async () => {
  tmp = join(folder, "tmp")
  await mkdir(tmp)
})
afterEach(() => rm(tmp, { recursive: true, force: true }))

function start(...args: string[]) {
  return startWith({}, ...args)
}

function startWith(env: Record<string, string>, ...args: string[]) {
  const child = spawn(process.execPath, [cli, ...args], {
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, PSP_HOME: home, TMPDIR: tmp, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const got = { out: "", err: "" }
  const saysSomething = once(child.stdout, "data")
  child.stdout.on("data", (data: Buffer) => (got.out += data.toString()))
  child.stderr.on("data", (data: Buffer) => (got.err += data.toString()))
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...got }))
  return { child, got, ended, saysSomething }
}

const psp = (...args: string[]) => start(...args).ended
const node = (script: string) => ["--", process.execPath, "-e", script]

/** Says its process id, and waits until it is ended. */
const waiting = "process.stdout.write(String(process.pid)); setInterval(() => {}, 1e9)"

describe.skipIf(process.platform === "win32")("psp run", () => {
  it("gives a command the session in a private file, and its status back, and leaves nothing", async () => {
    const script = `
      const fs = require("node:fs"), path = process.env.PSP_STORAGE_STATE
      const mode = (name) => (fs.statSync(name).mode & 0o777).toString(8)
      const state = JSON.parse(fs.readFileSync(path, "utf8"))
      console.log(mode(path), mode(require("node:path").dirname(path)), state.cookies[0].name, process.argv.slice(1).join(" "))
      process.exit(42)`
    const ended = await psp("run", "example.com", ...node(script), "--", "--json", "--quiet", "--debug")
    expect(ended).toMatchObject({ code: 42, out: "600 700 sid --json --quiet --debug\n" })
    expect(ended.err).toContain("Left out")
    expect(ended.err).not.toContain("canary")
    expect(await readdir(tmp)).toEqual([])
  })

  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)("passes %s on, tells it as status %i, and leaves nothing", async (signal, status) => {
    const { child, ended, saysSomething } = start("run", "example.com", "--quiet", ...node(waiting))
    await saysSomething
    expect(await readdir(tmp)).toHaveLength(1)
    child.kill(signal)
    expect(await ended).toMatchObject({ code: status, err: "" })
    expect(await readdir(tmp)).toEqual([])
  })

  it("keeps its own identity and store from the command, unless they are asked for", async () => {
    const script = `console.log(process.env.PSP_STORE ?? "nothing")`
    const env = { PSP_STORE: pathToFileURL(join(home, "vault")).href }
    const run = (...args: string[]) => startWith(env, "run", "example.com", "--quiet", ...args, ...node(script)).ended
    expect(await run()).toMatchObject({ code: 0, out: "nothing\n" })
    expect(await run("--keep-env", "PSP_STORE")).toMatchObject({ code: 0, out: `${env.PSP_STORE}\n` })
  })

  it("lets the command decide what a signal means", async () => {
    const script = `process.on("SIGTERM", () => { console.log("clean end"); process.exit(0) }); ${waiting}`
    const { child, ended, saysSomething } = start("run", "example.com", "--quiet", ...node(script))
    await saysSomething
    child.kill("SIGTERM")
    expect(await ended).toMatchObject({ code: 0, out: expect.stringContaining("clean end") as string })
  })

  it("removes at the next run what a killed one left, and says so", async () => {
    const { child, got, saysSomething } = start("run", "example.com", ...node(waiting))
    await saysSomething
    const gone = once(child, "exit")
    child.kill("SIGKILL")
    await gone
    process.kill(Number(got.out), "SIGKILL")
    expect(await readdir(tmp)).toHaveLength(1)
    const next = await psp("run", "example.com", ...node(""))
    expect(next).toMatchObject({ code: 0 })
    expect(next.err).toContain("Removed 1 session in the clear that a killed run had left behind.")
    expect(await readdir(tmp)).toEqual([])
  })

  it("prints one value with --json, and what the command prints goes to stderr", async () => {
    const ended = await psp("run", "example.com", "--json", ...node('console.log("talk"); process.exitCode = 3'))
    expect(ended.code).toBe(3)
    expect(JSON.parse(ended.out)).toMatchObject({ site: "example.com", account: "default", exitCode: 3, signal: null })
    expect(ended.err).toContain("talk\n")
  })

  it("says when there is no such command or session, and leaves nothing", async () => {
    const missing = await psp("run", "example.com", "--", "no-such-command-here")
    expect(missing).toMatchObject({ code: 2, err: "psp: Cannot run no-such-command-here: there is no such command\n" })
    expect((await psp("run", "never.example", ...node(""))).code).toBe(3)
    expect((await psp("run", "example.com")).code).toBe(2)
    expect(await readdir(tmp)).toEqual([])
  })
})

describe.skipIf(process.platform === "win32")("folders of runs", () => {
  it("stay while their run goes on, and so does what only looks like one", async () => {
    const env = { TMPDIR: tmp }
    const { path, remove } = await createRunFolder(env)
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    for (const name of ["psp-run-other", `psp-run-00000000-1-abcdef`]) await mkdir(join(tmp, name))
    expect(await sweepRunFolders(env)).toBe(0)
    expect(await readdir(tmp)).toHaveLength(3)
    remove()
    expect(await readdir(tmp)).toHaveLength(2)
  })

  it("are made where a login's own files are, when only this user may look there", async () => {
    const runtime = join(tmp, "runtime")
    await mkdir(runtime, { mode: 0o700 })
    const inMemory = await createRunFolder({ TMPDIR: tmp, XDG_RUNTIME_DIR: runtime })
    expect(inMemory.path.startsWith(join(runtime, "psp-run-"))).toBe(true)
    inMemory.remove()
    const open = await createRunFolder({ TMPDIR: tmp, XDG_RUNTIME_DIR: "/" })
    expect(open.path.startsWith(join(tmp, "psp-run-"))).toBe(true)
    open.remove()
  })
})
