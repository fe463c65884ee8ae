import { spawnSync } from "node:child_process"
import { chmod, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest"
import { createPortProvider } from "../../extension/port-provider.js"
import { keepCredentials } from "../../native-host/credentials.js"
import { runCli } from "../../native-host/run-cli.js"
import { openHomeStore } from "../../native-host/stores.js"
import type { KvNamespace } from "../../shared/providers/cloudflare-kv.js"
import { folderOf, testObject } from "../contracts/provider-contract.js"
import { startKvRest, type KvRest } from "../servers/kv-rest.js"
import { hasRedis, needsRedis, startRedis, type RedisServer } from "../servers/redis.js"
import { startS3StandIn, type S3Fault, type S3StandIn } from "../servers/s3-stand-in.js"
import { bundle, temporaryFolder } from "./bundle.js"
import { connectToHost, startHost } from "./host-process.js"
import { bundlePsp } from "./psp.js"

const canary = "canary-S3CRET/+%@:x"
const { name, bytes } = testObject(folderOf())

let folder: string
let home: string
/** Everything that any command of the test said. */
let said: string

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  said = ""
  return () => rm(folder, { recursive: true })
})

interface PspOptions {
  env?: Record<string, string>
  /** What is typed unseen or piped in. */
  secret?: string
}

async function psp(args: string[], { env = {}, secret }: PspOptions = {}) {
  let [out, err] = ["", ""]
  const code = await runCli(args, {
    env: { HOME: folder, PSP_HOME: home, ...env },
    out: (text) => (out += text),
    err: (text) => (err += text),
    ask: () => Promise.resolve(null),
    ...(secret !== undefined && { readSecret: () => Promise.resolve(secret) }),
    programs: folder,
    now: Date.now,
  })
  said += out + err
  return { code, out, err }
}

const json = ({ out }: { out: string }) => JSON.parse(out) as Record<string, unknown>
const textOf = (file: string) => readFile(join(home, file), "utf8")
const configured = async () => json(await psp(["config", "get", "--json"]))["store"]

async function standIn(): Promise<{ server: S3StandIn; address: string }> {
  const server = await startS3StandIn()
  onTestFinished(server.dispose)
  return { server, address: `s3://bucket/p?endpoint=${server.endpoint}&region=x&pathStyle=1` }
}

const s3Keys = { accessKeyId: "AKIACANARYID", secretAccessKey: "canary-S3CRET-key" }

/** The store that an address in the tests has, with keys kept for it. */
async function s3Store() {
  const { server, address } = await standIn()
  await keepCredentials(home, `s3://bucket?endpoint=${server.endpoint}`, s3Keys)
  return { server, address }
}

describe("psp config set store", () => {
  it("says what it found in plain sentences, and sets the store", async () => {
    const address = `file://${join(folder, "elsewhere")}`
    expect(await psp(["config", "set", "store", address])).toEqual({
      code: 0,
      err: "",
      out: [
        `store ${address}`,
        "A small object was written, read back, listed and removed.",
        "Create-only: yes, it gives no name to other bytes.",
        "Largest object: 96.0 MiB; larger sessions are kept in parts.",
        "",
      ].join("\n"),
    })
    expect(await configured()).toBe(address)
    expect(await readdir(home)).toEqual(["config.json"])
  })

  it("says the same to programs", async () => {
    const address = `file://${join(folder, "elsewhere")}`
    expect(json(await psp(["config", "set", "store", address, "--json"]))).toEqual({
      store: address,
      kind: "file",
      checked: true,
      isCreateOnly: true,
      maxObjectBytes: 96 * 1024 * 1024,
      warnings: [],
    })
  })

  it("sets memory, which ends with each command, only for who insists", async () => {
    const { code, err } = await psp(["config", "set", "store", "memory:"])
    expect(code).toBe(2)
    expect(err).toMatch(/ends with each command.*--no-check/)
    expect(await configured()).toBeUndefined()
    expect((await psp(["config", "set", "store", "memory:", "--no-check"])).code).toBe(0)
    expect(await configured()).toBe("memory:")
  })

  it("refuses a folder with NUL in its name in words of its own", async () => {
    for (const extra of [[], ["--no-check"]]) {
      const { code, err } = await psp(["config", "set", "store", "file:///a%00b", ...extra])
      expect(code).toBe(2)
      expect(err).toMatch(/NUL \(%00\)/)
      expect(err).not.toContain("\0")
    }
  })

  it("sets a store that replaces objects, and warns", async () => {
    const { server, address } = await s3Store()
    server.condition = "ignores"
    const { code, out } = await psp(["config", "set", "store", address])
    expect(code).toBe(0)
    expect(out).toContain("Create-only: no, it may give a name to other bytes.")
    expect(out).toMatch(/^Warning: This store does not keep to create-if-absent/m)
    expect(out.match(/^Warning: /gm)).toHaveLength(1)
    expect(await configured()).toBe(address)
    expect(server.objects.size).toBe(0)
  })

  const refusal: S3Fault = { kind: "answer", status: 403, code: "AccessDenied" }
  const empty = "<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
  it.each<[string, number, S3Fault, string, number]>([
    ["may not be looked at", 0, refusal, "looking at it", 6],
    ["refuses a write", 1, refusal, "writing an object", 6],
    ["refuses a read", 2, refusal, "reading it back", 6],
    ["gives other bytes", 2, { kind: "answer", status: 200, body: "other" }, "reading it back", 5],
    ["does not list it", 3, { kind: "answer", status: 200, body: empty }, "listing it", 5],
    ["refuses a removal", 7, refusal, "removing it", 6],
    ["has lost its bucket", 8, { kind: "answer", status: 404, code: "NoSuchBucket" }, "looking whether it is gone", 2],
  ])("sets nothing when the store %s", async (_title, before, fault, what, status) => {
    const old = `file://${join(folder, "old")}`
    await psp(["config", "set", "store", old])
    const { server, address } = await s3Store()
    server.faults = [...Array.from({ length: before }, () => null), fault]
    const { code, out, err } = await psp(["config", "set", "store", address, "--debug"])
    expect({ code, out }).toEqual({ code: status, out: "" })
    expect(err).toContain(`psp: Cannot use the store, ${what} failed: `)
    expect(err).toContain("; nothing was set")
    expect(server.faults).toEqual([])
    expect(server.objects.size).toBe(0)
    expect(await configured()).toBe(old)
  })

  it("believes a store untried with --no-check, but no address that is none", async () => {
    const address = "redis://ada:canary-S3CRET@127.0.0.1:1/0"
    expect((await psp(["config", "set", "store", address])).code).toBe(6)
    expect(await readdir(folder)).toEqual([])
    const { code, out } = await psp(["config", "set", "store", address, "--no-check"])
    expect(code).toBe(0)
    expect(out).toContain("It was not tried.")
    expect(await configured()).toBe("redis://ada@127.0.0.1:1/0")
    expect((await psp(["config", "set", "store", "cloudflare-kv://account/namespace", "--no-check"])).code).toBe(0)
    for (const bad of ["vault", "ftp://h", "redis://h/x", "s3://", "cloudflare-kv://a", "file://h/x"]) {
      expect((await psp(["config", "set", "store", bad, "--no-check"])).code, bad).toBe(2)
    }
    expect(await configured()).toBe("cloudflare-kv://account/namespace")
    expect(said).not.toContain("canary")
  })

  it("says that PSP_STORE wins, when it is set", async () => {
    const { err } = await psp(["config", "set", "store", "memory:", "--no-check"], { env: { PSP_STORE: "memory:" } })
    expect(err).toContain("PSP_STORE is set here")
  })

  it("warns of credentials that only this shell has, until they are kept", async () => {
    const { server, address } = await standIn()
    const env = { AWS_ACCESS_KEY_ID: "AKIASHELL", AWS_SECRET_ACCESS_KEY: "canary-shell" }
    const before = { ...process.env }
    Object.assign(process.env, env)
    onTestFinished(() => {
      process.env = before
    })
    const alone = await psp(["config", "set", "store", address], { env })
    expect(alone.out).toContain("The credentials come from this shell")
    expect(server.requests.at(-1)?.headers.authorization).toContain("AKIASHELL")
    await keepCredentials(home, `s3://bucket?endpoint=${server.endpoint}`, s3Keys)
    expect((await psp(["config", "set", "store", address], { env })).out).not.toContain("shell")
    // Kept for this very server, which the shell may know nothing of.
    expect(server.requests.at(-1)?.headers.authorization).toContain(s3Keys.accessKeyId)
    expect(said).not.toContain("canary")
  })

  it("goes back to the folder of this machine when it is unset", async () => {
    await psp(["config", "set", "store", "memory:", "--no-check"])
    expect((await psp(["config", "unset", "store"])).code).toBe(0)
    expect(await configured()).toBeUndefined()
  })
})

describe("psp config set credentials", () => {
  it("keeps what was piped in or typed for the store that is set, 0600, and prints none of it", async () => {
    const { server, address } = await standIn()
    const store = ["--store", address]
    for (const [key, secret] of Object.entries({ ...s3Keys, sessionToken: "canary-S3CRET-session" })) {
      for (const extra of [[], ["--json"], ["--debug"]]) {
        expect((await psp(["config", "set", `credentials.${key}`, ...store, ...extra], { secret })).code).toBe(0)
      }
    }
    expect((await stat(join(home, "credentials.json"))).mode & 0o777).toBe(0o600)
    expect(await textOf("credentials.json")).toContain(s3Keys.secretAccessKey)
    for (const args of [
      ["config", "set", "store", address],
      ["config", "get"],
      ["config", "get", "credentials"],
      ["doctor"],
      ["list"],
    ]) {
      await psp(args)
      await psp([...args, "--json", "--debug"])
    }
    expect(json(await psp(["config", "get", "--json"]))).toEqual({
      store: address,
      credentials: { [`s3://bucket?endpoint=${server.endpoint}`]: ["accessKeyId", "secretAccessKey", "sessionToken"] },
    })
    const { authorization, "x-amz-security-token": session } = server.requests.at(-1)?.headers ?? {}
    expect(authorization).toContain(s3Keys.accessKeyId)
    expect(session).toBe("canary-S3CRET-session")
    expect(said).not.toMatch(/canary|CANARY/)
  })

  it("takes a value from the pipe of a process", async () => {
    const cli = await bundlePsp(folder)
    const args = [cli, "config", "set", "credentials.password", "--store", "redis://h"]
    const env = { PATH: process.env["PATH"], HOME: folder, PSP_HOME: home }
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      env,
      input: `${canary}\n`,
      encoding: "utf8",
    })
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: "Kept the password for redis://h:6379; psp doctor tries it.\n",
      stderr: "",
    })
    expect(JSON.parse(await textOf("credentials.json"))).toEqual({ "redis://h:6379": { password: canary } })
  })

  it("refuses a value on the command line, and one that is none, without repeating it", async () => {
    const set = ["config", "set", "credentials.token", "--store", "cloudflare-kv://account/namespace"]
    expect(await psp([...set, "canary"])).toMatchObject({ code: 2, out: "" })
    for (const secret of ["", "two\ncanary", "canary space", "canary\u0007"]) {
      expect(await psp(set, { secret }), secret).toMatchObject({ code: 2, out: "" })
    }
    expect(await psp(set)).toMatchObject({ code: 2 })
    expect(await readdir(folder)).toEqual([])
    expect(said).not.toContain("canary")
  })

  it("refuses a name that the store does not ask for, and a store that asks for none", async () => {
    const cases = [
      ["credentials.token", "redis://h"],
      ["credentials.password", "s3://bucket"],
      ["credentials.canary", "s3://bucket"],
      ["credentials.password", "memory:"],
      ["canary:canary@h", "redis://h"],
    ]
    for (const [key = "", store = ""] of cases) {
      expect((await psp(["config", "set", key, "--store", store], { secret: "x" })).code, key).toBe(2)
    }
    expect(said).not.toContain("canary")
  })

  it("forgets one", async () => {
    await keepCredentials(home, "redis://h:6379", { password: canary })
    await psp(["config", "unset", "credentials.password", "--store", "redis://h"])
    expect(await textOf("credentials.json")).toBe("{}\n")
  })

  it("says which half of a key is missing", async () => {
    const { address } = await standIn()
    await psp(["config", "set", "credentials.accessKeyId", "--store", address], { secret: "AKIA" })
    const { code, err } = await psp(["config", "set", "store", address])
    expect(code).toBe(2)
    expect(err).toContain("psp config set credentials.secretAccessKey")
  })

  it("tells the doctor what is wrong with the file", async () => {
    await keepCredentials(home, "redis://h:6379", { password: canary })
    expect((await psp(["doctor"])).out).toContain("ok    credentials: kept for 1 place")
    await chmod(join(home, "credentials.json"), 0o644)
    expect((await psp(["doctor"])).out).toMatch(/FAIL {2}credentials: .* run: chmod 600/)
    expect(said).not.toContain("canary")
  })
})

describe("a password", () => {
  it("that somebody typed in a wrong place is not repeated", async () => {
    const address = "redis://ada:canary@h/0"
    for (const args of [
      [address],
      ["config", "get", address],
      ["config", "set", address],
      ["config", "set", address, address],
      ["config", "unset", address],
      ["config", address],
      ["list", `--stroe=${address}`],
      ["config", "set", "store", address, address],
    ]) {
      for (const extra of [[], ["--json"], ["--debug"]]) expect((await psp([...args, ...extra])).code).toBe(2)
    }
    expect(said).not.toContain("canary")
  })

  it("that is in a configuration of before is used, and not printed", async () => {
    await psp(["config", "set", "store", "memory:", "--no-check"])
    await writeFile(join(home, "config.json"), JSON.stringify({ store: `redis://ada:${encodeURIComponent(canary)}@h` }))
    expect((await psp(["config", "get"])).out).toBe("store redis://ada:…@h\n")
    expect(said).not.toContain("canary")
  })
})

describe("kept credentials of Cloudflare KV", () => {
  let server: KvRest
  beforeAll(async () => {
    server = await startKvRest(keysInMemory())
  })
  afterAll(() => server.stop())

  it("open the store without a variable of the shell, and before one, since the server is not Cloudflare's", async () => {
    const address = `cloudflare-kv://${server.account}/${server.namespace}?endpoint=${server.endpoint}`
    expect((await psp(["config", "set", "store", address])).err).toContain("psp config set credentials.token")
    await psp(["config", "set", "credentials.token", "--store", address], { secret: server.token })
    const { code, out } = await psp(["config", "set", "store", address])
    expect(code).toBe(0)
    expect(out).toContain("Create-only: no")
    expect(out).toContain("Largest object: 25.0 MiB")
    const provider = await openHomeStore(home, {})
    await provider.put(name, bytes)
    expect(await provider.get(name)).toEqual(bytes)
    const other = await openHomeStore(home, { CLOUDFLARE_API_TOKEN: "another" })
    expect(await other.get(name)).toEqual(bytes)
    await psp(["config", "unset", "credentials.token"])
    const shell = await openHomeStore(home, { CLOUDFLARE_API_TOKEN: "another" })
    await expect(shell.get(name)).rejects.toMatchObject({ code: "denied" })
    expect(said).not.toContain(server.token)
  })
})

describe("the host with kept credentials", () => {
  let script: string
  let scripts: string
  beforeAll(async () => {
    scripts = await temporaryFolder()
    script = await bundle(scripts, "psp-host.mjs", [
      'import { createRequire } from "node:module"',
      "globalThis.require = createRequire(import.meta.url)",
      'await import("./native-host/host.ts")',
    ])
  })
  afterAll(() => rm(scripts, { recursive: true }))

  async function hostStores(): Promise<string> {
    const host = startHost(script, { PSP_HOME: home })
    onTestFinished(() => void host.child.kill("SIGKILL"))
    const connection = await connectToHost(host)
    const provider = createPortProvider(connection)
    await provider.put(name, bytes)
    expect(Buffer.compare((await provider.get(name)) ?? Buffer.of(), bytes)).toBe(0)
    return JSON.stringify(connection.hello) + host.stderr()
  }

  it("opens an S3 store, as a browser starts it: without a variable of the shell", async () => {
    const { server, address } = await s3Store()
    expect((await psp(["config", "set", "store", address])).code).toBe(0)
    expect(await hostStores()).not.toContain("canary")
    expect(server.objects.has(`p/${name}`)).toBe(true)
    expect(server.requests.at(-1)?.headers.authorization).toContain(s3Keys.accessKeyId)
  })

  describe.skipIf(!hasRedis)(`and Redis (${needsRedis})`, () => {
    let server: RedisServer
    beforeAll(async () => {
      server = await startRedis(["--requirepass", canary], ["--no-auth-warning", "-a", canary])
    })
    afterAll(() => server.dispose())

    it("opens it with the password that stood in the address, which the configuration has no more", async () => {
      const address = `redis://default:${encodeURIComponent(canary)}@127.0.0.1:${server.port}/0?prefix=t`
      const { code, out } = await psp(["config", "set", "store", address])
      expect(code).toBe(0)
      expect(out).toContain("Its password is kept in credentials.json")
      expect(await textOf("config.json")).not.toContain("canary")
      expect((await stat(join(home, "credentials.json"))).mode & 0o777).toBe(0o600)
      expect(server.run("KEYS", "*probe*")).toBe("")
      said += await hostStores()
      expect((await psp(["doctor", "--debug"])).out).toContain("ok    store: redis")
      await psp(["doctor", "--json"])
      expect(said).not.toContain("canary")
    })

    it("opens it with a password that was set alone, also through the same server's other addresses", async () => {
      const address = `redis://127.0.0.1:${server.port}/3`
      expect((await psp(["config", "set", "store", address])).code).toBe(6)
      await psp(["config", "set", "credentials.password", "--store", address], { secret: canary })
      expect((await psp(["config", "set", "store", address])).code).toBe(0)
      said += await hostStores()
      expect(said).not.toContain("canary")
    })

    it("gives a kept password to no other server", async () => {
      const other = await startRedis(["--requirepass", canary], ["--no-auth-warning", "-a", canary])
      onTestFinished(other.dispose)
      await keepCredentials(home, `redis://127.0.0.1:${server.port}`, { password: canary })
      await expect((await openHomeStore(home, {}, `redis://127.0.0.1:${other.port}`)).get(name)).rejects.toMatchObject({
        code: "denied",
      })
    })
  })
})

/** What is asked of a namespace, kept in memory. */
function keysInMemory(): KvNamespace {
  const values = new Map<string, { value: Uint8Array<ArrayBuffer>; metadata: unknown }>()
  return {
    get: async (key) => values.get(key)?.value.slice().buffer ?? null,
    put: async (key, value, { metadata }) => void values.set(key, { value: new Uint8Array(value), metadata }),
    list: async ({ prefix }) => ({
      keys: [...values]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, { metadata }]) => ({ name: key, metadata })),
      list_complete: true,
    }),
    delete: async (key) => void values.delete(key),
  }
}
