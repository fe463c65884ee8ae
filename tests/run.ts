import { spawn } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"

/**
 * `npm test`: builds, then runs the unit and contract tests (with coverage) and the browser tests, and ends with one total
 * of both. A runner that ran no test at all is a failure.
 */
interface Totals {
  passed: number
  failed: number
  skipped: number
}

const folder = await mkdtemp(path.join(tmpdir(), "psp-tests-"))
const files = { unit: path.join(folder, "unit.json"), browser: path.join(folder, "browser.json") }

await run("npm", ["run", "--silent", "build"])
const unit = await run("vitest", [
  "run",
  "--coverage",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${files.unit}`,
])
const browser = await run("playwright", ["test", "--reporter=list,json"], {
  PLAYWRIGHT_JSON_OUTPUT_FILE: files.browser,
})

const totals = [await unitTotals(), await browserTotals()]
const sum = (key: keyof Totals) => totals.reduce((total, one) => total + one[key], 0)
const isGreen = unit === 0 && browser === 0 && totals.every(({ passed }) => passed > 0)
// A runner may fail without a failing test: coverage below its limit, a crash.
const failed = Math.max(sum("failed"), isGreen ? 0 : 1)
await rm(folder, { recursive: true })
process.stdout.write(`\n${sum("passed")} passed, ${failed} failed, ${sum("skipped")} skipped\n`)
process.exitCode = isGreen ? 0 : 1

async function unitTotals(): Promise<Totals> {
  const {
    numPassedTests = 0,
    numFailedTests = 0,
    numPendingTests = 0,
  } = await read<{
    numPassedTests?: number
    numFailedTests?: number
    numPendingTests?: number
  }>(files.unit)
  return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests }
}

async function browserTotals(): Promise<Totals> {
  const { stats } = await read<{ stats?: { expected: number; unexpected: number; flaky: number; skipped: number } }>(
    files.browser,
  )
  return {
    passed: stats?.expected ?? 0,
    failed: (stats?.unexpected ?? 0) + (stats?.flaky ?? 0),
    skipped: stats?.skipped ?? 0,
  }
}

async function read<T extends object>(file: string): Promise<Partial<T>> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Partial<T>
  } catch {
    // The runner died before it could write: counted as nothing passed.
    return {}
  }
}

function run(command: string, args: string[], env: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...env } })
    child.once("error", reject)
    child.once("close", (code) => {
      if (command === "npm" && code !== 0) process.exit(code ?? 1)
      resolve(code ?? 1)
    })
  })
}
