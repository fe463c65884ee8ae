import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { appendToLog, logFiles } from "../../native-host/log-file.js"
import { bundle, temporaryFolder } from "./bundle.js"

let home: string
let folder: string
beforeEach(async () => {
  home = await temporaryFolder()
  folder = join(home, "log")
})
afterEach(() => rm(home, { recursive: true, force: true }))

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

/** Every line of every file, oldest first. */
async function linesIn(kept = 3): Promise<string[]> {
  const texts = await Promise.all(logFiles(folder, kept).map((path) => readFile(path, "utf8").catch(() => "")))
  return texts.join("").split("\n").slice(0, -1)
}

async function largest(): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size)
  return Math.max(...(await Promise.all(sizes)))
}

/** Four processes that write `rounds` batches of three lines each, at once. */
async function writeFromFour(rounds: number, maxBytes: number, kept = 3): Promise<void> {
  const script = await bundle(home, "writer.mjs", [
    `import { appendToLog } from "./native-host/log-file.ts"`,
    `const [, , folder, writer, rounds, maxBytes, kept] = process.argv`,
    `for (let round = 0; round < Number(rounds); round++) {`,
    `  const lines = [0, 1, 2].map((i) => JSON.stringify({ writer, n: round * 3 + i, pad: writer.repeat(50 + (round % 70)) }) + "\\n")`,
    `  const write = () => appendToLog(folder, lines.join(""), { maxBytes: Number(maxBytes), kept: Number(kept) })`,
    // Where a machine is so busy that room comes late, a batch is refused: then it is written again.
    `  while (!(await write().then(() => true, (error) => { if (error.code) throw error }))) continue`,
    `}`,
  ])
  const exits = ["a", "b", "c", "d"].map((writer) => {
    const child = spawn(process.execPath, [script, folder, writer, String(rounds), String(maxBytes), String(kept)], {
      stdio: "inherit",
    })
    return once(child, "exit")
  })
  for (const [code] of await Promise.all(exits)) expect(code).toBe(0)
}

interface Line {
  writer: string
  n: number
  pad: string
}

function parsed(lines: string[]): Line[] {
  return lines.map((line) => {
    const value = JSON.parse(line) as Line
    expect(value.pad).toBe(value.writer.repeat(value.pad.length))
    return value
  })
}

describe("log file", () => {
  it("is readable by this user only, in a folder that is too, also where both were open to others", async () => {
    await mkdir(folder)
    await chmod(folder, 0o755)
    await writeFile(join(folder, "host.jsonl"), "", { mode: 0o644 })
    await appendToLog(folder, "{}\n")
    expect(await modeOf(folder)).toBe("700")
    expect(await modeOf(join(folder, "host.jsonl"))).toBe("600")
  })

  it("is not written through a symbolic link, to a folder's or a file's place", async () => {
    const elsewhere = join(home, "elsewhere")
    await mkdir(elsewhere)
    await symlink(elsewhere, folder)
    await expect(appendToLog(folder, "{}\n")).rejects.toThrow()
    await rm(folder)
    await mkdir(folder)
    await symlink(join(elsewhere, "file"), join(folder, "host.jsonl"))
    await expect(appendToLog(folder, "{}\n")).rejects.toThrow()
    expect(await readdir(elsewhere)).toEqual([])
  })

  it("keeps three old files beside the one that grows, none larger than the limit", async () => {
    const line = `${"x".repeat(99)}\n`
    for (let n = 0; n < 100; n++) await appendToLog(folder, line, { maxBytes: 1000 })
    expect((await readdir(folder)).sort()).toEqual(["host.jsonl", "host.jsonl.1", "host.jsonl.2", "host.jsonl.3"])
    expect(await largest()).toBe(1000)
    expect(await linesIn()).toHaveLength(40)
    for (const path of logFiles(folder)) expect(await modeOf(path)).toBe("600")
  })

  it("goes on after a process was killed while it made room", async () => {
    await appendToLog(folder, `${"x".repeat(99)}\n`, { maxBytes: 100 })
    const lock = join(folder, ".rotating")
    await writeFile(lock, "")
    const long = new Date(Date.now() - 60_000)
    await utimes(lock, long, long)
    for (const text of ["1", "2", "3"]) await appendToLog(folder, `${text}\n`, { maxBytes: 100 })
    expect(await readdir(folder)).toContain("host.jsonl.1")
    expect(await linesIn()).toEqual(["x".repeat(99), "1", "2", "3"])
  })

  it("stays small where no room can be made", async () => {
    await mkdir(join(folder, "host.jsonl.1", "inside"), { recursive: true })
    for (let n = 0; n < 30; n++) await appendToLog(folder, `${"x".repeat(99)}\n`, { maxBytes: 1000 }).catch(() => null)
    expect((await stat(join(folder, "host.jsonl"))).size).toBeLessThanOrEqual(2000)
  })

  it("loses and tears no line of 4 processes that write and rotate at once", async () => {
    // So many files are kept that nothing may be missing.
    await writeFromFour(150, 12_000, 40)
    const lines = parsed(await linesIn(40))
    expect((await readdir(folder)).length).toBeGreaterThan(10)
    for (const writer of ["a", "b", "c", "d"]) {
      const numbers = lines.filter((line) => line.writer === writer).map(({ n }) => n)
      expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 450 }, (_, n) => n))
    }
  })

  it("stays within its size, and whole, when 4 processes write many times what it keeps", async () => {
    await writeFromFour(300, 8000)
    expect((await readdir(folder)).sort()).toEqual(["host.jsonl", "host.jsonl.1", "host.jsonl.2", "host.jsonl.3"])
    expect(await largest()).toBeLessThanOrEqual(16_000)
    expect(parsed(await linesIn()).length).toBeGreaterThan(20)
  })
})
