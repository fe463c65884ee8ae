import { readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest"
import { createPortProvider } from "../../extension/port-provider.js"
import { logLevels } from "../../native-host/config.js"
import { runCli } from "../../native-host/run-cli.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { openVault } from "../../shared/vault.js"
import { faultCount } from "../fault-count.js"
import { cookie, richSession } from "../shared/formats/session.js"
import { bundle, temporaryFolder } from "./bundle.js"
import { connectToHost, startHost } from "./host-process.js"

/** In every value; also as it would be found in base64, whatever stands before it, in hex and in UTF-16. */
const mark = "c4n4ryS3cretValue"
const traces = [
  Buffer.from(mark),
  ...["", "x", "xx"].map((before) =>
    Buffer.from(
      Buffer.from(before + mark)
        .toString("base64")
        .slice(4, -4),
    ),
  ),
  Buffer.from(Buffer.from(mark).toString("hex")),
  Buffer.from(mark, "utf16le"),
]
/** Values in one session. */
const perSite = 20
const password = `${mark}-password`

let programs: string
let host: string
let folder: string
let home: string
/** All that was said but what was asked for. */
let said: string

beforeAll(async () => {
  programs = await temporaryFolder()
  host = await bundle(programs, "psp-host.mjs", ['import "./native-host/host.ts"'])
})
afterAll(() => rm(programs, { recursive: true }))

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  said = ""
  return () => rm(folder, { recursive: true, force: true })
})

/** One command line. What it says is kept, unless it is what was asked for. */
async function psp(args: string[], { isAskedFor = false, env = {} } = {}): Promise<{ code: number; out: string }> {
  let [out, err] = ["", ""]
  const code = await runCli(args, {
    env: { HOME: folder, PSP_HOME: home, ...env },
    out: (text) => (out += text),
    err: (text) => (err += text),
    ask: () => Promise.resolve("yes"),
    readSecret: () => Promise.resolve(password),
    programs,
    now: Date.now,
    columns: () => 100,
  })
  said += `$ ${args[0]}\n${isAskedFor ? "" : out}${err}`
  return { code, out }
}

/** Every command line again and again, as every format of talk has its own ways to say too much. */
async function pspEachWay(args: string[]): Promise<void> {
  for (const extra of [["--debug"], ["--json", "--debug"]]) await psp([...args, ...extra])
}

/** What values look like: each shape is cut, escaped and printed in ways of its own. */
function valueOf(at: number): string {
  const value = `${mark}-${at}-end`
  const shapes = [
    value,
    `"${value}"`,
    `\u001b[2J${value}\r\n${value}`,
    JSON.stringify({ token: value, list: [value] }),
    `https://user:${value}@example.com/?token=${value}#${value}`,
    `${"x".repeat(5000)}${value}`,
    `\ud800${value}\udfff`,
    Buffer.from(value).toString("base64"),
    `eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify({ sub: value })).toString("base64url")}.${value}`,
    `k=${value}; Path=/; Domain=${value}`,
  ]
  return shapes[at % shapes.length] ?? value
}

const siteOf = (at: number) => `site${at}.example`

/** A session with that many values, in all the kinds that a session has. */
function sessionOf(at: number): Snapshot {
  const site = siteOf(at)
  const rich = JSON.parse(JSON.stringify(richSession()).replaceAll("example.com", site)) as Snapshot
  const values = Array.from({ length: perSite }, (_, place) => valueOf(at * perSite + place))
  const [first = "", second = "", third = "", fourth = "", ...rest] = values
  for (const { localStorage, indexedDB } of rich.origins ?? []) {
    localStorage?.push(
      ["first", first],
      ["fifth", rest[0] ?? ""],
      ...rest.map((value, n): [string, string] => [`${n}`, value]),
    )
    for (const record of indexedDB?.[0]?.stores[0]?.records ?? []) record.value = JSON.stringify(second)
  }
  for (const { sessionStorage } of rich.tabs ?? []) sessionStorage[0]?.items.push(["third", third], ["fourth", fourth])
  const plain = values.map((value, n) =>
    cookie({ name: `c${n}`, value: encodeURIComponent(value.replace(/[\ud800-\udfff]/g, "")), domain: `app.${site}` }),
  )
  rich.cookies?.push(...plain.filter(({ value }) => value.length < 4000))
  return rich
}

/** Names and contents of all files but those that are to hold a value. */
async function findTraces(isMeant: (name: string) => boolean): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = path.slice(folder.length + 1)
    if (traces.some((trace) => name.includes(trace.toString("latin1")))) found.push(`the name ${name}`)
    if (!entry.isFile() || isMeant(name)) continue
    const bytes = await readFile(path)
    if (traces.some((trace) => bytes.includes(trace))) found.push(name)
  }
  return found
}

const commandsOf = (site: string, card: string): string[][] => {
  const file = join(folder, `${site}.psp`)
  const other = pathToFileURL(join(folder, "other")).href
  return [
    ["list"],
    ["inspect", site],
    ["inspect", site, "--all"],
    ...["playwright", "netscape", "curl"].map((format) => [
      "restore",
      site,
      "--format",
      format,
      "--out",
      join(folder, "wanted"),
    ]),
    ["restore", site, "--format", "playwright", "--tool-version", "1.50", "--out", join(folder, "wanted")],
    ["restore", site, "--format", "nonsense"],
    [
      "restore",
      site,
      "--format",
      "curl",
      "--url",
      `https://user:${password}@app.${site}/`,
      "--out",
      join(folder, "wanted"),
    ],
    ["restore", site, "--format", "netscape", "--out", home],
    ["export", site, "--to", card, "--out", file],
    ["export", site, "--to", `${card}x`, "--out", file],
    ["import", file],
    ["push", site, "--to", other],
    ["push", file, "--to", other],
    ["pull", site, "--from", other],
    ["verify"],
    ["verify", "--store", other],
    ["compact"],
    ["doctor"],
  ]
}

const commandsOnce = (card: string): string[][] => {
  const secret = `redis://user:${password}@127.0.0.1:1/0`
  return [
    ["keygen"],
    ["card"],
    ["trust"],
    ["trust", card, "--yes"],
    ["install", "--manifest-dir", join(folder, "manifests")],
    ["uninstall"],
    ["config", "get"],
    ["config", "set", "store", secret],
    ["config", "set", "store", secret, "--no-check"],
    ["config", "get"],
    ["list"],
    ["doctor"],
    ["config", "unset", "store"],
    ["config", "set", "credentials.password", "--store", secret],
    ["config", "set", "credentials.password", password, "--store", secret],
    ["config", "unset", "credentials.password", "--store", secret],
    ["config", "set", "credentials.secretAccessKey", "--store", "s3://bucket"],
    ["config", "set", "credentials.token", "--store", "cloudflare-kv://account/namespace"],
    ["config", "get", "credentials"],
    ["config", "set", "log", password],
    ["config", "set", "nonsense", password],
    ["push", "--all", "--to", pathToFileURL(join(folder, "all")).href],
    ["pull", "--all", "--from", pathToFileURL(join(folder, "all")).href],
    ["pull", "--all", "--from", `s3://user:${password}@bucket`],
    ["migrate", "--to", secret],
    ["migrate", "--to", pathToFileURL(join(folder, "moved")).href],
    ["verify"],
  ]
}

it(
  "no value of a session or a store is in what any command says, in the log at any level, in errors, names or stores",
  async () => {
    const computer = (await psp(["keygen", "--name", "computer"])).out.trim()
    const bot = await createCard(await createIdentity("bot"))
    const identity = await createIdentity("browser")
    const sites = Math.ceil(faultCount(perSite) / perSite)
    for (let at = 0; at < sites; at++) {
      const site = siteOf(at)
      const level = logLevels[at % logLevels.length] ?? "info"
      await psp(["config", "set", "log", level])
      const process = startHost(host, { PSP_HOME: home, ...(at % 2 === 0 ? { PSP_LOG: level } : {}) })
      const connection = await connectToHost(process)
      const vault = await openVault(createPortProvider(connection), { identity })
      await vault.refresh()
      await vault.save(sessionOf(at))
      if (at === 0) {
        await vault.addOwner(computer)
        await connection.request("offer", { card: vault.card.text })
      }
      // What no extension would send.
      await connection.request("put", { name: `v/${mark}` }, { body: Buffer.from(valueOf(at)) }).catch(() => undefined)
      await connection.request(mark as "get", { name: mark }).catch(() => undefined)
      connection.close()
      await process.exited
      said += process.stderr()

      // They are there, and would be found.
      const { out } = await psp(["inspect", site, "--show-values", "--all"], { isAskedFor: true })
      for (let place = 0; place < perSite; place++) {
        const value = `${mark}-${at * perSite + place}-end`
        expect(
          [value, Buffer.from(value).toString("base64")].some((text) => out.includes(text)),
          value,
        ).toBe(true)
      }
      for (const args of commandsOf(site, bot)) await pspEachWay(args)
    }
    for (const args of commandsOnce(computer)) await pspEachWay(args)
    expect(await findTraces((name) => name === "wanted" || name === "home/credentials.json")).toEqual([])

    // What is damaged is talked about more.
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.name.endsWith(".psp")) continue
      const bytes = await readFile(join(entry.parentPath, entry.name))
      await writeFile(
        join(entry.parentPath, entry.name),
        bytes.with(bytes.length / 2, (bytes[bytes.length / 2] ?? 0) ^ 1),
      )
    }
    await writeFile(join(home, "config.json"), `{"store":"${mark}://${mark}"}`)
    await pspEachWay(["doctor"])
    await writeFile(join(home, "config.json"), `{"store":`)
    await pspEachWay(["doctor"])
    await rm(join(home, "config.json"))
    for (let at = 0; at < sites; at++) {
      for (const args of commandsOf(siteOf(at), bot)) await pspEachWay(args)
      await pspEachWay(["remove", siteOf(at)])
    }
    expect(await findTraces((name) => name === "wanted" || name === "home/credentials.json")).toEqual([])
    for (const line of said.split("\n")) {
      expect(
        traces.some((trace) => line.includes(trace.toString("latin1"))),
        line,
      ).toBe(false)
    }
    expect(said).not.toContain(identity.age)
    expect(said).not.toContain((await readFile(join(home, "identity"), "utf8")).trim().slice(14, 60))
  },
  3000 * faultCount(perSite),
)
