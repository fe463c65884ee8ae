import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest"
import type { Connection } from "../../extension/native-port.js"
import { createPortProvider } from "../../extension/port-provider.js"
import { keepCredentials } from "../../native-host/credentials.js"
import { setOfferedStore } from "../../native-host/offered-store.js"
import { placeOf } from "../../native-host/store-address.js"
import { runCli } from "../../native-host/run-cli.js"
import { folderOf, testObject, vaultOf } from "../contracts/provider-contract.js"
import { startS3StandIn } from "../servers/s3-stand-in.js"
import { bundle, temporaryFolder } from "./bundle.js"
import { connectToHost, startHost, type HostProcess } from "./host-process.js"

const canary = "canary-S3CRET"

let scripts: string
let script: string
let folder: string
let home: string
let hosts: HostProcess[]

beforeAll(async () => {
  scripts = await temporaryFolder()
  // Beside each other, as they are installed: the S3 tools are loaded only when they are asked for.
  script = await bundle(scripts, "psp-host.mjs", [
    `import { createRequire } from "node:module"`,
    `globalThis.require = createRequire(import.meta.url)`,
    `import "./native-host/host.ts"`,
  ])
})
afterAll(() => rm(scripts, { recursive: true, force: true }))

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  await mkdir(home, { mode: 0o700 })
  hosts = []
})
afterEach(async () => {
  for (const { child } of hosts) child.kill("SIGKILL")
  await rm(folder, { recursive: true, force: true })
})

async function host(env: Record<string, string> = {}): Promise<Connection> {
  const started = startHost(script, { PSP_HOME: home, HOME: folder, ...env })
  hosts.push(started)
  return connectToHost(started)
}

/** After the host has ended: its log is written then. */
async function logged(): Promise<string> {
  for (const { stdin, exited } of hosts) {
    stdin.end()
    await exited
  }
  const files = await readdir(join(home, "log")).catch(() => [])
  const texts = await Promise.all(files.map((file) => readFile(join(home, "log", file), "utf8")))
  return [...texts, ...hosts.map(({ stderr }) => stderr())].join("\n")
}

async function psp(...args: string[]): Promise<{ code: number; out: string }> {
  let out = ""
  const code = await runCli(args, {
    env: { HOME: folder, PSP_HOME: home },
    out: (text) => (out += text),
    err: () => undefined,
    ask: () => Promise.resolve(null),
    programs: folder,
    now: Date.now,
  })
  return { code, out }
}

const addressOf = (name: string) => pathToFileURL(join(folder, name)).href
const configured = async () => (JSON.parse((await psp("config", "get", "--json")).out) as { store?: string }).store
const set = async ({ request }: Connection, address: string | null) => (await request("set-store", { address })).answer
const shown = async ({ request }: Connection) => (await request("store", {})).answer

describe("host, asked for its store", () => {
  it("tells the folder that is there without a choice", async () => {
    expect(await shown(await host())).toEqual({
      address: pathToFileURL(join(home, "vault")).href,
      source: "default",
      credentials: [],
      trial: null,
    })
  })

  it("tells where the choice comes from, and what the command line's trial found", async () => {
    const connection = await host()
    await psp("config", "set", "store", addressOf("one"))
    expect(await shown(connection)).toMatchObject({
      address: addressOf("one"),
      source: "config",
      trial: { isCreateOnly: true, maxObjectBytes: 96 * 1024 * 1024, warnings: [] },
    })
    await psp("config", "set", "store", addressOf("two"), "--no-check")
    expect(await shown(connection)).toMatchObject({ address: addressOf("two"), trial: null })
    await psp("config", "unset", "store")
    expect(await shown(connection)).toMatchObject({ source: "default", trial: null })
    expect(await shown(await host({ PSP_STORE: "memory:" }))).toMatchObject({ address: "memory:", source: "variable" })
  })

  it("tells no password of an address that was written by hand", async () => {
    await writeFile(join(home, "config.json"), JSON.stringify({ store: `redis://ada:${canary}@127.0.0.1:1/0` }))
    const facts = await shown(await host())
    expect(facts).toMatchObject({
      address: "redis://ada:…@127.0.0.1:1/0",
      credentials: [{ name: "password", state: "given" }],
    })
    expect(JSON.stringify(facts)).not.toContain(canary)
    expect(await logged()).not.toContain(canary)
  })

  it("names credentials that are kept, missing or not needed, and tells no value", async () => {
    const connection = await host()
    const ask = async (address: string) => (await connection.request("credentials", { address })).answer.credentials
    expect(await ask("cloudflare-kv://account/namespace")).toEqual([{ name: "token", state: "missing" }])
    expect(await ask("redis://ada@127.0.0.1/0")).toEqual([{ name: "password", state: "none" }])
    expect(await ask(addressOf("one"))).toEqual([])
    await keepCredentials(home, "s3://bucket", { accessKeyId: canary })
    expect(await ask("s3://bucket/prefix?region=eu-west-1")).toEqual([
      { name: "accessKeyId", state: "kept" },
      { name: "secretAccessKey", state: "missing" },
      { name: "sessionToken", state: "none" },
    ])
    await keepCredentials(home, "cloudflare-kv://account", { token: canary })
    expect(await ask("cloudflare-kv://account/namespace")).toEqual([{ name: "token", state: "kept" }])
    const variables = await host({ CLOUDFLARE_API_TOKEN: canary, AWS_PROFILE: canary })
    const { answer } = await variables.request("credentials", { address: "cloudflare-kv://other/namespace" })
    expect(answer.credentials).toEqual([{ name: "token", state: "given" }])
  })
})

describe("host, asked to change its store", () => {
  it("tries it, sets it, says what it found, and uses it from then on; the old one stays as it was", async () => {
    const connection = await host()
    const [before, after] = [testObject(folderOf(), 100), testObject(folderOf(), 101)]
    const provider = createPortProvider(connection)
    await provider.put(before.name, before.bytes)
    expect(await set(connection, addressOf("one"))).toMatchObject({
      address: addressOf("one"),
      source: "config",
      credentials: [],
      trial: { at: expect.any(Number) as number, isCreateOnly: true, maxObjectBytes: 96 * 1024 * 1024, warnings: [] },
    })
    expect(await configured()).toBe(addressOf("one"))
    await provider.put(after.name, after.bytes)
    expect(await readdir(join(folder, "one", folderOf()))).toHaveLength(1)
    expect(await readdir(join(home, "vault", folderOf()))).toHaveLength(1)
    expect(await provider.get(before.name)).toBeNull()

    expect(await set(connection, null)).toMatchObject({ source: "default", trial: { isCreateOnly: true } })
    expect(await configured()).toBeUndefined()
    expect(await provider.get(before.name)).not.toBeNull()
  })

  it.skipIf(process.platform === "win32")("sets no folder that has other things in it than a vault", async () => {
    const refused = { code: "bad-config", message: expect.stringMatching(/; nothing was set$/) as string }
    await mkdir(join(folder, "documents", "letters"), { recursive: true })
    await mkdir(join(folder, "mixed", vaultOf()), { recursive: true })
    await writeFile(join(folder, "mixed", "identity"), "")
    await mkdir(join(home, "imports"))
    await symlink(home, join(folder, "link"))
    await symlink(folder, join(folder, "up"))
    const connection = await host()
    for (const name of [
      ...["home", "home/", "home/imports", "home/vault/below", "home/new", "home/new/deeper", "link", "link/imports"],
      ...["up/home", "documents", "mixed", ".", "one/../home", "one/%2e%2e/home", "%68ome", "up/up/link"],
    ]) {
      await expect(set(connection, `${pathToFileURL(folder).href}/${name}`), name).rejects.toMatchObject(refused)
    }
    expect(await configured()).toBeUndefined()
    // The folder of hello's own look.
    expect((await readdir(home)).filter((name) => name !== "log")).toEqual(["imports", "vault"])
    expect(await readdir(join(home, "vault"))).toEqual([])
  })

  it("sets a folder that holds nothing, or only what stores of this project leave there", async () => {
    const connection = await host()
    await mkdir(join(folder, "empty"))
    for (const name of [vaultOf(), "probe", ".partial"]) await mkdir(join(folder, "used", name), { recursive: true })
    for (const name of ["empty", "used", "new/and/deep", "home/vault"]) {
      expect(await set(connection, addressOf(name))).toMatchObject({ address: addressOf(name), source: "config" })
    }
  })

  it("gives, lists and removes nothing of a folder but the objects of a vault", async () => {
    await psp("config", "set", "store", pathToFileURL(home).href, "--no-check")
    await writeFile(join(home, "identity"), canary)
    const { request } = await host()
    const { name, bytes } = testObject("v/s")
    const refused = { code: "bad-message" }
    for (const other of ["identity", "config.json", `${vaultOf()}/identity`, `${folderOf()}/identity`, name]) {
      await expect(request("get", { name: other })).rejects.toMatchObject(refused)
      await expect(request("remove", { name: other })).rejects.toMatchObject(refused)
    }
    for (const prefix of ["", "i", "log/", vaultOf(), vaultOf().slice(0, 8)]) {
      await expect(request("list", { prefix })).rejects.toMatchObject(refused)
    }
    await expect(request("put", { name }, { body: bytes })).rejects.toMatchObject(refused)
    expect(await readFile(join(home, "identity"), "utf8")).toBe(canary)
  })

  it("uses the store that another host or the command line set since it began", async () => {
    const [old, changing] = [await host(), await host()]
    const [before, after, last] = [10, 11, 12].map((length) => testObject(folderOf(), length))
    if (before === undefined || after === undefined || last === undefined) throw new Error("three objects")
    const provider = createPortProvider(old)
    await provider.put(before.name, before.bytes)
    await set(changing, addressOf("one"))
    await provider.put(after.name, after.bytes)
    expect(await readdir(join(folder, "one", folderOf()))).toEqual([after.name.split("/").at(-1)])
    expect(await readdir(join(home, "vault", folderOf()))).toHaveLength(1)
    await psp("config", "set", "store", addressOf("two"))
    await provider.put(last.name, last.bytes)
    expect(await readdir(join(folder, "two", folderOf()))).toEqual([last.name.split("/").at(-1)])
    expect(await provider.get(after.name)).toBeNull()
  })

  it("keeps what else is configured", async () => {
    await psp("config", "set", "log", "error")
    await set(await host(), addressOf("one"))
    expect((await psp("config", "get", "log")).out).toBe("log error\n")
  })

  it.each<[string, string, string, RegExp]>([
    ["has a password", `redis://ada:${canary}@127.0.0.1:1/0`, "bad-config", /psp config set credentials\.password/],
    ["has an empty user and a password", `rediss://:${canary}@127.0.0.1:1/0`, "bad-config", /a browser is no place/],
    ["has keys of S3", `s3://AKIA:${canary}@bucket/p`, "bad-config", /credentials\.secretAccessKey/],
    ["has a token after it", `cloudflare-kv://a/n?token=${canary}`, "bad-config", /credentials\.token/],
    ["has a user in its endpoint", `s3://bucket?endpoint=https://u:${canary}@h`, "bad-config", /no place for it/],
    ["has an @ in its path", `redis://127.0.0.1:1/${canary}@h`, "bad-config", /no place for it/],
    ["names a certificate", "rediss://127.0.0.1:1/0?ca=/dev/zero", "bad-config", /leave \?ca= out/],
    ["has a word for a server", "cloudflare-kv://a/n?endpoint=notaurl", "bad-config", /endpoint is no address/],
    ["has a NUL in its path", "file:///tmp/a%00b", "bad-config", /NUL/],
    ["is a relative folder", "file:vault", "bad-config", /whole path of a folder/],
    ["is a folder of another computer", "file://server/share", "bad-config", /whole path of a folder/],
    ["is a path with a question mark", "file:///tmp/a?b", "bad-config", /%3F for a \?/],
    ["is a plain path", "/tmp/vault", "bad-config", /begins with file:\/\/\//],
    ["is of memory", "memory:", "bad-config", /ends with the process/],
    ["is of no known kind", `ftp://${canary}`, "bad-config", /begins with file:\/\/\//],
    ["is only a word", canary, "bad-config", /begins with file:\/\/\//],
    ["has no bucket", "s3://", "bad-config", /./],
    ["has no namespace", "cloudflare-kv://account", "bad-config", /./],
    ["has two lines", `file:///tmp/a\nb`, "bad-message", /one line/],
    ["is empty", "", "bad-message", /one line/],
    ["is too long", `file:///${"a".repeat(3000)}`, "bad-message", /one line/],
  ])("sets nothing when the address %s", async (_title, address, code, says) => {
    await psp("config", "set", "store", addressOf("old"))
    const connection = await host()
    const refused = set(connection, address)
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(says) as string })
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining(canary) as string })
    expect(await configured()).toBe(addressOf("old"))
    expect(await logged()).not.toContain(canary)
  })

  it("sets nothing when the trial fails, and says which step did", async () => {
    const server = await startS3StandIn()
    onTestFinished(server.dispose)
    server.faults = [null, { kind: "answer", status: 403, code: "AccessDenied" }]
    await keepCredentials(home, `s3://bucket?endpoint=${server.endpoint}`, {
      accessKeyId: "AKIAID",
      secretAccessKey: canary,
    })
    const connection = await host()
    const address = `s3://bucket/p?endpoint=${server.endpoint}&region=x&pathStyle=1`
    await expect(set(connection, address)).rejects.toMatchObject({
      code: "denied",
      message: expect.stringMatching(/writing an object failed: .*; nothing was set$/) as string,
    })
    expect(await shown(connection)).toMatchObject({ source: "default" })
    expect(await set(connection, address)).toMatchObject({
      address,
      credentials: [
        { name: "accessKeyId", state: "kept" },
        { name: "secretAccessKey", state: "kept" },
        { name: "sessionToken", state: "none" },
      ],
    })
    expect(server.objects.size).toBe(0)
    expect(await logged()).not.toContain(canary)
  })

  it.skipIf(process.platform === "win32")("refuses a folder that everybody may write to", async () => {
    await mkdir(join(folder, "open"))
    await chmod(join(folder, "open"), 0o777)
    const connection = await host()
    await expect(set(connection, addressOf("open"))).rejects.toMatchObject({ code: "unsafe-permissions" })
    expect(await configured()).toBeUndefined()
  })

  it("changes nothing while PSP_STORE decides", async () => {
    const connection = await host({ PSP_STORE: addressOf("chosen") })
    await expect(set(connection, addressOf("one"))).rejects.toMatchObject({
      code: "bad-config",
      message: expect.stringContaining("PSP_STORE") as string,
    })
    expect(await readdir(folder)).not.toContain("one")
  })

  it("sends what this computer's environment has to no server that the browser names", async () => {
    const asked: (string | undefined)[] = []
    const server = createServer(({ headers }, response) => {
      asked.push(headers.authorization)
      response.writeHead(403).end()
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    onTestFinished(() => void server.close())
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const connection = await host({
      CLOUDFLARE_API_TOKEN: canary,
      AWS_ACCESS_KEY_ID: canary,
      AWS_SECRET_ACCESS_KEY: canary,
    })
    const kv = `cloudflare-kv://account/namespace?endpoint=${endpoint}`
    const s3 = `s3://bucket?endpoint=${endpoint}&region=x&pathStyle=1`
    for (const [address, says] of [
      [kv, /psp config set credentials\.token --store ADDRESS$/],
      [s3, /psp config set credentials\.accessKeyId --store ADDRESS and psp config set credentials\.secretAccessKey/],
    ] as const) {
      await expect(set(connection, address)).rejects.toMatchObject({
        code: "bad-config",
        message: expect.stringMatching(says) as string,
      })
    }
    expect(asked).toEqual([])

    await keepCredentials(home, placeOf(kv) ?? "", { token: "kept-token" })
    await keepCredentials(home, placeOf(s3) ?? "", { accessKeyId: "KEPTID", secretAccessKey: "kept" })
    for (const address of [kv, s3]) {
      const { answer } = await connection.request("credentials", { address })
      expect(answer.credentials[0]).toMatchObject({ state: "kept" })
      await expect(set(connection, address)).rejects.toMatchObject({ code: "denied" })
      await psp("config", "set", "store", address, "--no-check")
      await expect(connection.request("get", { name: testObject(folderOf()).name })).rejects.toMatchObject({
        code: "denied",
      })
    }
    expect(asked.length).toBeGreaterThanOrEqual(4)
    expect(asked.filter((text) => !/kept-token|KEPTID/.test(text ?? ""))).toEqual([])
  })

  it("writes down that it was asked, and no address", async () => {
    await set(await host(), addressOf("one"))
    const log = await logged()
    expect(log).toMatch(/"type":"set-store"/)
    expect(log).not.toContain(folder)
  })

  it("can be called off, and sets nothing then", async () => {
    const server = await startS3StandIn()
    onTestFinished(server.dispose)
    await keepCredentials(home, `s3://bucket?endpoint=${server.endpoint}`, { accessKeyId: "a", secretAccessKey: "b" })
    server.faults = [{ kind: "silence" }]
    const controller = new AbortController()
    const address = `s3://bucket/p?endpoint=${server.endpoint}&region=x&pathStyle=1`
    const changing = setOfferedStore(home, {}, address, { signal: controller.signal })
    await expect.poll(() => server.faults).toEqual([])
    controller.abort()
    await expect(changing).rejects.toMatchObject({ code: "aborted" })
    expect(await configured()).toBeUndefined()
  })

  it("gives up a store that does not answer before the browser gives up the host", async () => {
    const server = await startS3StandIn()
    onTestFinished(server.dispose)
    await keepCredentials(home, `s3://bucket?endpoint=${server.endpoint}`, { accessKeyId: "a", secretAccessKey: "b" })
    server.faults = [{ kind: "silence" }]
    const { signal } = new AbortController()
    const address = `s3://bucket/p?endpoint=${server.endpoint}&region=x&pathStyle=1`
    await expect(setOfferedStore(home, {}, address, { signal, patience: 300 })).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringMatching(/; nothing was set$/) as string,
    })
    expect(await configured()).toBeUndefined()
  })
})
