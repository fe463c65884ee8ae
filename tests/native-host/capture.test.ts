import { readFile, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { beforeEach, describe, expect, it } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { readIdentity } from "../../native-host/identity-file.js"
import { openVault } from "../../shared/vault.js"
import { richSession } from "../shared/formats/session.js"
import { temporaryFolder } from "./bundle.js"
import { runPsp, saveAtHome } from "./psp.js"

let folder: string
let home: string

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  await psp("keygen", "--name", "computer")
  return () => rm(folder, { recursive: true, force: true })
})

async function psp(...args: string[]) {
  return runPsp(args, { HOME: folder, PSP_HOME: home })
}

const json = ({ out }: { out: string }) => JSON.parse(out) as Record<string, unknown>

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name)
  await writeFile(
    path,
    typeof content === "string" || content instanceof Uint8Array ? content : JSON.stringify(content),
  )
  return path
}

/** A vault with a session of two sites in it. */
async function saveRichSession() {
  await saveAtHome(home, richSession())
}

const cookies = [
  { name: "sid", value: "canary-sid", domain: ".example.com", path: "/", secure: true, httpOnly: true, expires: -1 },
  { name: "idp", value: "canary-idp", domain: "login.other.example", path: "/" },
]

describe("psp capture --from", () => {
  it("tells without a site what is in the file, and saves nothing", async () => {
    const from = await file("state", { cookies, origins: [] })
    const told = await psp("capture", "--from", from)
    expect(told).toMatchObject({ code: 0, err: "" })
    expect(told.out).toContain("(playwright) holds 2 sites; nothing was saved")
    expect(told.out).toMatch(/^example\.com +1 +0/m)
    expect(json(await psp("capture", "--from", from, "--json"))).toMatchObject({
      format: "playwright",
      sites: [
        { site: "example.com", cookies: 1 },
        { site: "other.example", cookies: 1 },
      ],
    })
    expect((await psp("list")).out).toBe("Nothing is saved for this identity.\n")
    expect(told.out).not.toContain("canary")
  })

  it("saves the site that was asked for, sealed, under the account that was named", async () => {
    const from = await file("state", {
      cookies,
      origins: [{ origin: "https://app.example.com", localStorage: [{ name: "k", value: "canary-k" }] }],
    })
    const saved = await psp("capture", "app.example.com", "--from", from, "--account", "work", "--json")
    expect(saved.code).toBe(0)
    expect(json(saved)).toMatchObject({
      site: "example.com",
      account: "work",
      format: "playwright",
      captured: { cookies: 1, localStorage: 1 },
      gaps: [],
    })
    expect(saved.out).not.toContain("canary")
    const back = json(await psp("restore", "example.com", "--account", "work", "--format", "playwright", "--quiet"))
    expect(back).toEqual({
      cookies: [cookies[0]],
      origins: [{ origin: "https://app.example.com", localStorage: [{ name: "k", value: "canary-k" }] }],
    })
    expect((await psp("inspect", "example.com", "--account", "work", "--json")).out).not.toContain("idp")
  })

  it("names what was lost on the way, and what is of no site it holds", async () => {
    const from = await file(
      "cookies.txt",
      "# Netscape HTTP Cookie File\r\napp.example.com\tFALSE\t/\tTRUE\t0\tsid\tcanary\r\nbroken\r\n",
    )
    const saved = await psp("capture", "example.com", "--from", from, "--strict")
    expect(saved).toMatchObject({ code: 8 })
    expect(saved.out).toMatch(/^Saved example\.com, account "default", from .* \(netscape\): cookies 1; ends \d{4}/)
    expect(saved.err).toContain("cookies at the file: 1 line: it does not have seven fields")
    const other = await psp("capture", "never.example", "--from", from, "--json")
    expect(other.code).toBe(3)
    expect(json(other)).toMatchObject({
      error: { code: "not-found", message: expect.stringContaining("of example.com") as string },
    })
  })

  it("refuses what it cannot read in one line, with a code and nothing of the content", async () => {
    const cases: [string, string[], number][] = [
      ["canary\u0000canary", [], 5],
      ['{"cookies":[{"name":"canary', [], 5],
      ["Cookie: sid=canary", [], 5],
      ['[{"name":"canary"}]', ["--format", "har"], 5],
      ['{"cookies":[]}', ["--format", "nonsense"], 2],
    ]
    for (const [content, more, code] of cases) {
      const refused = await psp("capture", "example.com", "--from", await file("x", content), ...more)
      expect(refused).toMatchObject({ code, out: "" })
      expect(refused.err).toMatch(/^psp: Cannot [^\n]+\n$/)
      expect(refused.err).not.toContain("canary")
    }
    expect((await psp("capture", "example.com", "--from", join(folder, "nothing"))).code).toBe(3)
    expect((await psp("capture", "example.com", "--from", folder)).code).toBe(2)
    expect((await psp("capture", "example.com")).code).toBe(2)
    if (process.platform === "linux") expect((await psp("capture", "--from", "/dev/zero")).code).toBe(2)
  })

  it("finds nothing to save in cookies that have all ended", async () => {
    const from = await file("state", { cookies: [{ ...cookies[0], expires: 5 }] })
    expect(await psp("capture", "example.com", "--from", from)).toMatchObject({ code: 3, out: "" })
  })
})

describe("psp restore and psp capture", () => {
  it("carry a session through every format that can be read again", async () => {
    await saveRichSession()
    for (const format of [
      "playwright",
      "puppeteer",
      "cookie-editor",
      "netscape",
      "curl-jar",
      "browser-use",
      "agent-browser",
    ]) {
      const out = join(folder, `through-${format}`)
      expect((await psp("restore", "example.com", "--format", format, "--out", out)).code, format).toBe(0)
      expect((await stat(out)).mode & 0o777).toBe(0o600)
      const saved = await psp("capture", "example.com", "--from", out, "--account", format, "--json")
      expect(json(saved), format).toMatchObject({ format, captured: { cookies: 1 } })
      const again = join(folder, `again-${format}`)
      await psp("restore", "example.com", "--account", format, "--format", "netscape", "--out", again)
      expect(await readFile(again, "utf8"), format).toContain(
        "#HttpOnly_app.example.com\tFALSE\t/\tTRUE\t0\tsid\tcanary-cookie",
      )
    }
  })
})

describe("psp capture over a session that remembers how being logged in looks", () => {
  const check = { url: "https://app.example.com/home", text: "canary-text" }
  const open = async () => openVault(createFsProvider(join(home, "vault")), { identity: await readIdentity(home, {}) })
  const saved = async () => (await open()).load("example.com")
  const dead = { cookies: [{ name: "theme", value: "dark", domain: "www.example.com", path: "/" }], origins: [] }

  it("passes it on to the next save, whatever file that comes from", async () => {
    await (await open()).save({ ...richSession(), check })
    const from = await file("state", { cookies, origins: [] })
    expect(await psp("capture", "example.com", "--from", from)).toMatchObject({ code: 0, err: "" })
    expect(await saved()).toMatchObject({ check, capturedBy: { tool: "playwright file" } })
  })

  it("refuses a capture that holds nothing of the remembered page, and saves it all the same with --force", async () => {
    await (await open()).save({ ...richSession(), check })
    const before = await saved()
    const from = await file("state", dead)
    const refused = await psp("capture", "example.com", "--from", from, "--json")
    expect(refused.code).toBe(3)
    expect(json(refused)).toEqual({
      error: { code: "logged-out", message: expect.stringContaining("add --force") as string },
    })
    expect(refused.err + refused.out).not.toContain("canary")
    expect(await saved()).toEqual(before)
    expect((await psp("capture", "example.com", "--from", from, "--force")).code).toBe(0)
    expect(await saved()).toMatchObject({ check, cookies: [{ name: "theme" }] })
  })

  it("saves as before where nothing is remembered, and under another account", async () => {
    await (await open()).save(richSession())
    const from = await file("state", dead)
    expect(await psp("capture", "example.com", "--from", from)).toMatchObject({ code: 0 })
    await (await open()).save({ ...richSession(), check })
    expect(await psp("capture", "example.com", "--from", from, "--account", "work")).toMatchObject({ code: 0 })
  })

  it("names a check that is at a site which was not captured this time", async () => {
    const session = richSession()
    const other = session.sites[1]
    if (other === undefined) throw new Error("The rich session has two sites")
    await (await open()).save({ ...session, check: { url: `https://${other}/me` } })
    const from = await file("state", { cookies, origins: [] })
    const { code, err } = await psp("capture", "example.com", "--from", from)
    expect([code, err]).toEqual([0, expect.stringContaining("the login check")])
    expect((await saved())?.check).toBeUndefined()
  })

  it("needs a browser for --check", async () => {
    const asked = await psp("restore", "example.com", "--format", "curl", "--check")
    expect(asked).toMatchObject({
      code: 2,
      err: expect.stringContaining("--check goes with --cdp or --bidi") as string,
    })
  })
})
