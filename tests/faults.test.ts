import { spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "psp-faults-"))
})
afterEach(() => rm(dir, { recursive: true }))

/** Beside a README of its own, and where no runner of tests is found. */
async function run(readme: string): Promise<{ code: number | null; said: string }> {
  await writeFile(join(dir, "README.md"), readme)
  const tsx = resolve("node_modules/tsx/dist/cli.mjs")
  const child = spawn(process.execPath, [tsx, resolve("tests/faults.ts"), "--readme"], {
    cwd: dir,
    env: { PATH: dir },
    stdio: ["ignore", "ignore", "pipe"],
  })
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text))
  const code = await new Promise<number | null>((done) => child.once("close", done))
  return { code, said }
}

describe("the run of all faults", () => {
  it("says at once that a README has no place for its table", async () => {
    const { code, said } = await run("# Nothing here\n")
    expect(code).toBe(1)
    expect(said).toBe("Cannot write the table: README.md has no <!-- faults --> … <!-- /faults --> block for it\n")
  }, 30_000)

  it("begins with the first fault where there is one", async () => {
    const { said } = await run("# Title\n\n<!-- faults -->\n<!-- /faults -->\n")
    expect(said).toMatch(/^SIGKILL of the browser at every step of a save…\n[\s\S]*spawn playwright ENOENT/)
  }, 30_000)
})
