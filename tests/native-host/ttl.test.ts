import { readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { runCli } from "../../native-host/run-cli.js"
import { temporaryFolder } from "./bundle.js"

let folder: string
let home: string
let file: string
let now: number

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  file = join(folder, "state.json")
  now = Math.floor(Date.now() / 1000) * 1000
  const cookie = { domain: "app.example.com", path: "/", httpOnly: true, secure: true, sameSite: "Lax", expires: -1 }
  const origins = [{ origin: "https://app.example.com", localStorage: [{ name: "token", value: "canary" }] }]
  await writeFile(file, JSON.stringify({ cookies: [{ ...cookie, name: "sid", value: "canary" }], origins }))
  await psp("keygen")
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function psp(...args: string[]) {
  let [out, err] = ["", ""]
  const code = await runCli(args, {
    env: { HOME: folder, PSP_HOME: home },
    out: (text) => (out += text),
    err: (text) => (err += text),
    ask: () => Promise.resolve(null),
    programs: folder,
    now: () => now,
  })
  return { code, out, err }
}

const endOf = async () => {
  const { out } = await psp("inspect", "example.com", "--json")
  return (JSON.parse(out) as { cookies: { expiresAt: number | null }[] }).cookies[0]?.expiresAt
}
const capture = () => psp("capture", "example.com", "--from", file)

describe("psp config set ttl", () => {
  it("ends what the next capture saves of that kind, and not what was saved before", async () => {
    await capture()
    expect(await psp("config", "set", "ttl.cookies", "8h")).toMatchObject({ code: 0, out: "ttl.cookies 8h\n" })
    expect(await endOf()).toBeNull()
    await capture()
    expect(await endOf()).toBe(now + 8 * 3_600_000)
    expect(await psp("config", "unset", "ttl.cookies")).toMatchObject({ code: 0 })
    await capture()
    expect(await endOf()).toBeNull()
  })

  it("of one site goes before that of all, and other sites keep theirs", async () => {
    await psp("config", "set", "ttl.cookies", "8h")
    await psp("config", "set", "ttl.example.com.cookies", "30m")
    await psp("config", "set", "ttl.other.example.cookies", "1m")
    await capture()
    expect(await endOf()).toBe(now + 30 * 60_000)
    expect((await psp("config", "get", "ttl")).out).toBe(
      "ttl.cookies 8h\nttl.example.com.cookies 30m\nttl.other.example.cookies 1m\n",
    )
    expect(JSON.parse(await readFile(join(home, "config.json"), "utf8"))).toHaveProperty("ttl.cookies", "8h")
  })

  it.each([
    ["ttl.cookies", "soon"],
    ["ttl.cookies", "0h"],
    ["ttl.cookies"],
    ["ttl.cake", "8h"],
    ["ttl.not a site.cookies", "8h"],
    ["ttl.www.example.com.cookies", "8h"],
  ])("refuses %s %s", async (...args) => {
    expect(await psp("config", "set", ...args)).toMatchObject({ code: 2 })
    expect((await psp("config", "get", "ttl")).out.trim()).toBe("")
  })
})
