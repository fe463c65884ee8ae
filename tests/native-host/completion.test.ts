import { spawnSync } from "node:child_process"
import { readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { readableFormats } from "../../shared/formats/detect.js"
import { temporaryFolder } from "./bundle.js"
import { runPsp } from "./psp.js"

async function completion(shell: string): Promise<{ code: number; out: string; err: string }> {
  return runPsp(["completion", shell], {})
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
    expect(await complete("rec")).toEqual(["recovery", "recover"])
    expect(await complete("co")).toEqual(["config", "compact", "completion"])
  })

  it("gives a command's own options and the common ones", async () => {
    expect(await complete("restore", "example.com", "--")).toEqual(
      expect.arrayContaining(["--cdp", "--bidi", "--format", "--out", "--json"]),
    )
    expect(await complete("list", "--")).not.toContain("--cdp")
    expect(await complete("audit", "--")).toEqual(
      expect.arrayContaining(["--bot", "--site", "--since", "--until", "--follow", "--csv", "--json"]),
    )
  })

  it("gives the values of an option that has only some, and nothing where it has any", async () => {
    expect(await complete("restore", "example.com", "--format", "p")).toEqual(["playwright", "puppeteer"])
    expect(await complete("list", "--account", "")).toEqual([])
  })

  it("gives the values of a format that can be read", async () => {
    expect(await complete("capture", "--format", "")).toEqual([...readableFormats])
  })

  it("takes no value of an option for the command", async () => {
    expect(await complete("--account", "work", "res")).toEqual(["restore"])
    const options = await complete("--store", "list", "--account", "work", "restore", "--")
    expect(options).toContain("--cdp")
  })

  it("knows commands below commands", async () => {
    expect(await complete("config", "s")).toEqual(["set"])
    expect(await complete("devices", "")).toEqual(expect.arrayContaining(["add", "remove", "--yes"]))
    expect(await complete("recovery", "c")).toEqual(["create"])
  })
})

describe.skipIf(spawnSync("fish", ["--version"]).status !== 0)(
  "completion in fish (skipped where there is none)",
  () => {
    async function complete(line: string): Promise<string[]> {
      const { out } = await completion("fish")
      const script = `${out}\ncomplete -C ${JSON.stringify(line)}`
      const { stdout } = spawnSync("fish", ["--no-config", "-c", script], { encoding: "utf8" })
      return stdout
        .split("\n")
        .filter((shown) => shown !== "")
        .map((shown) => shown.replace(/\t.*/, ""))
    }

    it("gives commands, the options of each, and values, whatever options stand before", async () => {
      expect(await complete("psp res")).toEqual(["restore"])
      expect(await complete("psp --account work res")).toEqual(["restore"])
      const options = await complete("psp --store list --account work restore --")
      expect(options).toEqual(expect.arrayContaining(["--cdp", "--account"]))
      expect(options).not.toContain("--all")
      expect(await complete("psp capture --format ")).toEqual([...readableFormats].sort())
      expect(await complete("psp config ")).toEqual(expect.arrayContaining(["get", "set", "unset"]))
    })
  },
)

describe.skipIf(spawnSync("zsh", ["--version"]).status !== 0)("completion in zsh (skipped where there is none)", () => {
  /** zsh completes in a terminal only: an inner one notes in a file what it would offer, and leaves. */
  async function complete(...lines: string[]): Promise<string[][]> {
    const folder = await temporaryFolder()
    const at = (name: string) => join(folder, name)
    await writeFile(at("script"), (await completion("zsh")).out)
    await writeFile(
      at("inner"),
      `PROMPT=
autoload -Uz compinit; compinit -u -D; source ${at("script")}
bindkey '^I' complete-word
leave() { exit }; comppostfuncs=( leave )
compadd() {
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
    local -a hits; builtin compadd -A hits "$@"; (( $#hits )) && print -rl -- $hits >> ${at("hits")}
  fi
  builtin compadd "$@"
}
print READY
`,
    )
    const outer = `zmodload zsh/zpty; zpty inner zsh -f -i; zpty -w inner "source $1"; zpty -r -m inner got '*READY*'
zpty -w -n inner "$2"$'\t'; while zpty -r inner got; do :; done`
    const offered: string[][] = []
    for (const line of lines) {
      await writeFile(at("hits"), "")
      spawnSync("zsh", ["-f", "-c", outer, "zsh", at("inner"), line], { timeout: 5_000 })
      offered.push((await readFile(at("hits"), "utf8")).split("\n").filter((word) => word !== ""))
    }
    await rm(folder, { recursive: true })
    return offered
  }

  it("gives commands, the options of each, and values, whatever options stand before", async () => {
    expect(
      await complete(
        "psp --account work res",
        "psp --store list --account work restore --c",
        "psp capture --format ",
        "psp config ",
      ),
    ).toEqual([["restore"], ["--cdp", "--check"], [...readableFormats], ["get", "set", "unset"]])
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
