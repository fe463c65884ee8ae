import { chmod, chown, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { createHash } from "node:crypto"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { createPortProvider } from "../../extension/port-provider.js"
import { folderOf } from "../contracts/provider-contract.js"
import { encodeFrame } from "../../native-host/framing.js"
import { createHostLog } from "../../native-host/host-log.js"
import { bundle, temporaryFolder } from "./bundle.js"
import { connectToHost, helloFrame, startHost, type HostProcess } from "./host-process.js"

const isRoot = process.getuid?.() === 0
const canary = "c4n4ry0secret"

let scripts: string
let script: string
let crashing: string
let home: string
let hosts: HostProcess[]

beforeAll(async () => {
  scripts = await temporaryFolder()
  await chmod(scripts, 0o755)
  script = await bundle(scripts, "psp-host.mjs", [`import "./native-host/host.ts"`])
  crashing = await bundle(scripts, "crashing.mjs", [
    `import { runHost } from "./native-host/run-host.ts"`,
    `import { createHandlers } from "./native-host/handlers.ts"`,
    `import { homeDir } from "./native-host/home.ts"`,
    `import { crashes } from "./tests/native-host/crashes.ts"`,
    `const crash = crashes(process.env.CANARY)[Number(process.env.CRASH)]`,
    `runHost({ handlers: { ...createHandlers(homeDir()), list: () => new Promise(() => crash()) } })`,
  ])
})
afterAll(() => rm(scripts, { recursive: true, force: true }))

beforeEach(async () => {
  home = await temporaryFolder()
  hosts = []
})
afterEach(async () => {
  for (const { child, exited } of hosts) {
    child.kill("SIGKILL")
    await exited
  }
  await rm(home, { recursive: true, force: true })
})

function start(env: Record<string, string> = {}, file = script, options = {}): HostProcess {
  const host = startHost(file, { PSP_HOME: home, ...env }, options)
  hosts.push(host)
  return host
}

const inLog = (name: string) => join(home, "log", name)

async function logText(): Promise<string> {
  return readFile(inLog("host.jsonl"), "utf8").catch(() => "")
}

async function events(): Promise<Record<string, unknown>[]> {
  return (await logText())
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** Everything in the folder of the log, names and contents. */
async function everything(): Promise<string> {
  const names = await readdir(join(home, "log"))
  const texts = await Promise.all(names.map((name) => readFile(inLog(name), "utf8")))
  return [...names, ...texts].join("\n")
}

function withoutTimeAndPid(line: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(line).filter(([key]) => key !== "time" && key !== "pid"))
}

/** A name as the vault gives it. */
function envelopeOf(text: string) {
  const bytes = Buffer.from(text)
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 32)
  return { name: `${folderOf()}/${"0".repeat(16)}-${"a".repeat(32)}-${digest}.psp`, bytes, digest }
}

describe("host log", () => {
  it("has a line for each event of a conversation, with times, and nothing of its content", async () => {
    const host = start()
    const connection = await connectToHost(host)
    const provider = createPortProvider(connection)
    const { name, bytes, digest } = envelopeOf("sealed")
    await provider.put(name, bytes)
    await provider.get(name)
    await connection.request("put", { name }, { body: Buffer.from("other") }).catch(() => undefined)
    connection.close()
    await host.exited
    const pid = host.child.pid
    const found = await events()
    expect(found.map(({ time }) => new Date(String(time)).toISOString())).toEqual(found.map(({ time }) => time))
    expect(found.every((line) => line["pid"] === pid)).toBe(true)
    const number = expect.any(Number) as number
    expect(found.map(withoutTimeAndPid)).toEqual([
      {
        event: "start",
        version: expect.stringMatching(/^\d/) as string,
        node: process.version,
        platform: process.platform,
        store: "file",
      },
      { event: "hello", protocol: 1, version: expect.stringMatching(/^\d/) as string, store: "file" },
      { event: "end", type: "hello", bytes: 0, ms: number },
      { event: "end", type: "put", object: digest.slice(0, 16), bytes: 6, ms: number },
      { event: "end", type: "get", object: digest.slice(0, 16), bytes: 6, ms: number },
      { event: "end", type: "put", object: digest.slice(0, 16), bytes: 5, ms: number, code: "bad-message" },
      { event: "leave", why: "stdin-ended", exit: 0 },
    ])
    expect(((await stat(inLog("host.jsonl"))).mode & 0o777).toString(8)).toBe("600")
    expect(((await stat(join(home, "log"))).mode & 0o777).toString(8)).toBe("700")
  })

  it("tells aborts, faults of the other end and why the host left", async () => {
    const host = start()
    host.stdin.write(encodeFrame({ id: 9, seq: 0, last: false, head: { type: "list", prefix: "" }, data: "" }))
    host.stdin.write(encodeFrame({ id: 9, abort: { code: "aborted", message: canary } }))
    host.stdin.write(encodeFrame({ nonsense: canary }))
    host.stdin.write(Buffer.from("no frame"))
    expect((await host.exited).code).toBe(1)
    expect((await events()).map(({ event, of, code, why }) => [event, of ?? code ?? why])).toEqual([
      ["start", undefined],
      ["abort", "request"],
      ["fault", "bad-message"],
      ["fault", "bad-message"],
      ["leave", "garbled"],
    ])
  })

  it("is off, or has only what went wrong, when the environment or the configuration says so", async () => {
    const run = async (env: Record<string, string>) => {
      const host = start(env)
      const { request, close } = await connectToHost(host)
      await request("get", { name: envelopeOf("gone").name }).catch(() => undefined)
      await request("put", { name: "v/s" }).catch(() => undefined)
      close()
      await host.exited
      const found = await events()
      await rm(join(home, "log"), { recursive: true, force: true })
      return found.map(({ event, code }) => [event, code])
    }
    expect(await run({ PSP_LOG: "off" })).toEqual([])
    expect(await run({ PSP_LOG: "error" })).toEqual([["end", "bad-message"]])
    await writeFile(join(home, "config.json"), `{"log":"off"}`)
    expect(await run({})).toEqual([])
    expect(await run({ PSP_LOG: "info" })).toHaveLength(6)
    await writeFile(join(home, "config.json"), `{"log":"loud"}`)
    expect(await run({})).toHaveLength(6)
  })

  it("keeps a mistyped store address to itself", async () => {
    const host = start({ PSP_STORE: `${canary}://user:${canary}@host/${canary}` })
    const { close } = await connectToHost(host)
    close()
    await host.exited
    expect(await events()).toContainEqual(
      expect.objectContaining({ event: "hello", store: "unknown", code: "bad-config" }),
    )
    expect(await everything()).not.toContain(canary)
  })

  it("holds nothing that came with any request or broken frames", async () => {
    const host = start()
    const { request, close } = await connectToHost(host)
    const envelope = envelopeOf(canary)
    await request("put", { name: envelope.name }, { body: envelope.bytes })
    const asks = [
      { name: `v/${canary}` },
      { name: canary, prefix: canary },
      { prefix: `v/${canary}` },
      { card: `psp1${"q".repeat(100)}` },
      { protocol: 1, version: canary },
      { address: `redis://${canary}:${canary}@127.0.0.1:1/0` },
      { address: `s3://${canary}?${canary}=${canary}` },
      { [canary]: canary },
    ]
    for (const type of [
      "put",
      "get",
      "remove",
      "list",
      "offer",
      "hello",
      "store",
      "credentials",
      "set-store",
      canary,
    ]) {
      for (const ask of asks) {
        // What no extension would send.
        await request(type as "get", ask as { name: string }, { body: Buffer.from(canary) }).catch(() => undefined)
      }
    }
    close()
    await host.exited
    const garbled = start()
    for (const broken of [
      canary,
      [canary],
      { id: canary },
      { id: 1, seq: 0, last: true, head: canary, data: canary },
    ]) {
      garbled.stdin.write(encodeFrame(broken))
    }
    garbled.stdin.write(encodeFrame({ id: 3, abort: { code: canary, message: canary } }))
    garbled.stdin.end(canary)
    await garbled.exited
    const found = await events()
    const types = new Set(found.map(({ type }) => type))
    for (const type of ["put", "get", "list", "remove", "offer", "hello", "unknown"]) expect(types).toContain(type)
    expect(found.filter(({ event }) => event === "fault")).toHaveLength(5)
    expect(await everything()).not.toContain(canary)
    for (const { stderr } of hosts) expect(stderr()).not.toContain(canary)
  })

  it("leaves requests alone where nothing can be written", async (context) => {
    const { name, bytes } = envelopeOf("sealed")
    await mkdir(join(home, "vault"), { mode: 0o700 })
    await writeFile(join(home, "log"), "a file in the place of the folder")
    const talk = async (options = {}) => {
      const host = start({}, script, options)
      const connection = await connectToHost(host)
      const provider = createPortProvider(connection)
      await provider.put(name, bytes)
      expect(Buffer.compare((await provider.get(name)) ?? Buffer.of(), bytes)).toBe(0)
      connection.close()
      expect(await host.exited).toEqual({ code: 0, signal: null })
      expect(host.stderr()).toBe("")
    }
    await talk()
    await rm(join(home, "log"))
    await rm(join(home, "vault"), { recursive: true })
    if (!isRoot) return context.skip("only root can be another user")
    await mkdir(join(home, "vault"), { mode: 0o700 })
    await chown(join(home, "vault"), 65534, 65534)
    await chmod(home, 0o555)
    await talk({ uid: 65534, gid: 65534 })
    expect(await readdir(home)).toEqual(["vault"])
  })

  it("waits for no event, and says how many did not fit", async () => {
    const log = createHostLog(home, {})
    for (let n = 0; n < 1500; n++) log.record({ event: "fault", code: "bad-message" })
    expect(await readdir(home)).toEqual([])
    await log.flush()
    const found = await events()
    expect(found).toHaveLength(1001)
    expect(found.at(-1)).toMatchObject({ event: "dropped", count: 500 })
  })
})

describe("host that crashes", () => {
  const kinds = 10

  async function crash(kind: number, env: Record<string, string> = {}): Promise<HostProcess> {
    const host = start({ CRASH: String(kind), CANARY: canary, ...env }, crashing)
    host.stdin.write(encodeFrame(helloFrame))
    host.stdin.write(encodeFrame({ id: 2, seq: 0, last: true, head: { type: "list", prefix: canary }, data: "" }))
    expect(await host.exited).toEqual({ code: 1, signal: null })
    return host
  }

  const reports = async () => (await readdir(join(home, "log"))).filter((name) => name.startsWith("crash-")).sort()

  it("leaves a report with the class and place of the error, exits with 1 and says so in the log", async () => {
    await crash(0)
    const [name = "", ...others] = await reports()
    expect(others).toEqual([])
    expect(((await stat(inLog(name))).mode & 0o777).toString(8)).toBe("600")
    const report = JSON.parse(await readFile(inLog(name), "utf8")) as Record<string, unknown>
    expect(report).toMatchObject({
      origin: "uncaughtException",
      version: expect.stringMatching(/^\d/) as string,
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
      error: {
        name: "TypeError",
        frames: expect.arrayContaining([expect.stringMatching(/crashing\.mjs:\d+:\d+$/)]) as [],
      },
    })
    expect((await events()).at(-1)).toMatchObject({ event: "crash", name: "TypeError", report: name })
  })

  it("keeps ten reports, and no value in any of 50", async () => {
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: kinds }, (_, kind) => crash(kind)))
      const said = await everything()
      expect(said).not.toContain(canary)
      expect(said).not.toContain(home)
      expect(said).not.toContain(scripts)
      expect((await reports()).length).toBeLessThanOrEqual(10)
    }
    for (const { stderr } of hosts) expect(stderr()).not.toContain(canary)
    expect(await reports()).toHaveLength(10)
    const names = new Set((await events()).filter(({ event }) => event === "crash").map(({ name }) => name))
    expect([...names].sort()).toEqual([
      "Error",
      "PspError",
      "TypeError",
      "UnhandledPromiseRejection",
      "object",
      "string",
    ])
  }, 60_000)

  it("leaves nothing where the log is off, and still exits with 1", async () => {
    await crash(0, { PSP_LOG: "off" })
    expect(await readdir(home)).not.toContain("log")
  })

  it("exits with 1 where no report can be written", async () => {
    await writeFile(join(home, "log"), "a file in the place of the folder")
    await crash(0)
  })
})
