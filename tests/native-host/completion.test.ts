import { spawnSync } from "node:child_process"
import { rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { runCli } from "../../native-host/run-cli.js"
import { temporaryFolder } from "./bundle.js"

async function completion(shell: string): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""]
  const code = await runCli(["completion", shell], {
    env: {},
    out: (text) => (out += text),
    err: (text) => (err += text),
    ask: () => Promise.resolve(null),
    programs: "",
    now: Date.now,
  })
  return { code, out, err }
}

describe("completion in bash", () => {
  async function complete(...words: string[]): Promise<string[]> {
    const { out } = await completion("bash")
    const line = words.map((word) => `'${word}'`).join(" ")
    const script = `${out}\nCOMP_WORDS=(psp ${line}); COMP_CWORD=${words.length}; _psp; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, status } = spawnSync("bash", ["--norc"], { input: script, encoding: "utf8" })
    expect(status).toBe(0)
    return stdout.split("\n").filter((word) => word !== "")
  }

  it("gives the commands that begin so", async () => {
    expect(await complete("res")).toEqual(["restore"])
    expect(await complete("co")).toEqual(["config", "compact", "completion"])
  })

  it("gives a command's own options and the common ones", async () => {
    expect(await complete("restore", "example.com", "--")).toEqual(
      expect.arrayContaining(["--cdp", "--bidi", "--format", "--out", "--json"]),
    )
    expect(await complete("list", "--")).not.toContain("--cdp")
  })

  it("gives the values of an option that has only some, and nothing where it has any", async () => {
    expect(await complete("restore", "example.com", "--format", "p")).toEqual(["playwright", "puppeteer"])
    expect(await complete("list", "--account", "")).toEqual([])
  })

  it("knows commands below commands", async () => {
    expect(await complete("config", "s")).toEqual(["set"])
  })
})

for (const shell of ["zsh", "fish"]) {
  const isThere = spawnSync(shell, ["--version"]).status === 0
  describe(`completion in ${shell}`, () => {
    it("names every command and every option that takes some values", async () => {
      const { code, out } = await completion(shell)
      expect(code).toBe(0)
      for (const word of ["restore", "capture", "completion", "playwright", "cdp"]) expect(out).toContain(word)
    })
    it.skipIf(!isThere)(`is a script that ${shell} can read (skipped where there is no ${shell})`, async () => {
      const { out } = await completion(shell)
      const folder = await temporaryFolder()
      const file = join(folder, "script")
      await writeFile(file, out)
      expect(spawnSync(shell, ["-n", file], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" })
      await rm(folder, { recursive: true })
    })
  })
}

it("another shell is refused with those that are known", async () => {
  const { code, err } = await completion("tcsh")
  expect([code, err]).toEqual([2, 'psp: Cannot complete in "tcsh": expected bash, zsh, fish\n'])
})
