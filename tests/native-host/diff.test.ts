import { rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { beforeEach, describe, expect, it } from "vitest"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { temporaryFolder } from "./bundle.js"
import { runPsp, saveAtHome } from "./psp.js"

let folder: string
let home: string

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  await psp("keygen", "--name", "computer")
  await saveAtHome(home, exampleSnapshot(), exampleSnapshot("example.com", "work", "canary-work"))
  return () => rm(folder, { recursive: true, force: true })
})

async function psp(...args: string[]) {
  return runPsp(args, { HOME: folder, PSP_HOME: home })
}

const json = ({ out }: { out: string }) => JSON.parse(out) as Record<string, unknown>

describe("psp diff", () => {
  it("compares two accounts by name, with values as hashes of this run", async () => {
    const told = await psp("diff", "example.com", "example.com#work")
    expect(told).toMatchObject({ code: 0, err: "" })
    expect(told.out).toMatch(/^~ cookies app\.example\.com "sid": value [0-9a-f]{8} → [0-9a-f]{8}$/m)
    expect(told.out).toMatch(/^~ localStorage https:\/\/app\.example\.com "token": value /m)
    expect(told.out).toMatch(/\n2 differences\.\n$/)
    expect(told.out).not.toContain("canary")
    expect((await psp("diff", "example.com", "example.com#work")).out).not.toBe(told.out)
    expect((await psp("diff", "example.com", "example.com")).out).toBe("No differences in what both hold.\n")
    const asJson = await psp("diff", "example.com#work", "example.com", "--json")
    expect(json(asJson)).toMatchObject({ a: { account: "work", from: "vault" }, same: false, notCompared: [] })
    expect(asJson.out).not.toContain("canary")
  })

  it("compares with a sealed file and with other tools' files, and says what those do not hold", async () => {
    const [sealed, state, jar] = ["x.psp", "state.json", "cookies.txt"].map((name) => join(folder, name))
    const card = (await psp("card")).out.trim()
    await psp("export", "example.com", "--to", card, "--out", sealed ?? "")
    await psp("restore", "example.com", "--format", "playwright", "--out", state ?? "", "--quiet")
    await psp("restore", "example.com", "--account", "work", "--format", "netscape", "--out", jar ?? "", "--quiet")
    expect((await psp("diff", "example.com", sealed ?? "")).out).toBe("No differences in what both hold.\n")
    const withState = json(await psp("diff", state ?? "", "example.com", "--json"))
    expect(withState).toMatchObject({ same: true, a: { from: "playwright" } })
    expect(withState["notCompared"]).toMatchObject([{ kind: "sessionStorage", missingIn: "a" }, { kind: "context" }])
    const both = await psp("diff", state ?? "", jar ?? "")
    expect(both.out).toMatch(/^\? localStorage https:\/\/app\.example\.com: not in .*cookies\.txt, so not compared$/m)
    expect(both.out).toMatch(/^~ cookies app\.example\.com "sid": value /m)
  })

  it("says what it cannot find or read, with the status of that fault", async () => {
    await writeFile(join(folder, "other.json"), "[]")
    expect((await psp("diff", "example.com", "never.example")).code).toBe(3)
    expect((await psp("diff", "example.com", "./nothing.json")).code).toBe(3)
    expect((await psp("diff", "example.com", join(folder, "nothing.psp"))).code).toBe(3)
    expect((await psp("diff", join(folder, "other.json"), join(folder, "other.json"))).code).toBe(3)
    expect((await psp("diff", "example.com")).code).toBe(2)
  })
})
