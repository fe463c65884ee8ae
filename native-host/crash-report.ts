import { readdir, unlink } from "node:fs/promises"
import { arch, platform } from "node:os"
import { join } from "node:path"
import { version } from "../shared/version.js"
import { factsOf } from "./error-facts.js"
import { logLevelOf } from "./log-level.js"
import { logFolder } from "./log-lines.js"
import { writePrivateFile } from "./private-file.js"

/** How many reports stay; the oldest go. */
export const maxCrashReports = 10

const reportName = /^crash-[0-9TZ]{19}-\d{1,10}\.json$/

/** A fault that nobody caught. */
export interface Crash {
  error: unknown
  /** How it came, as Node says it: `uncaughtException` or `unhandledRejection`. */
  origin: string
  /** ms since epoch. */
  at: number
}

/**
 * Writes `log/crash-<time>-<pid>.json` (0600): which error where, and which versions; no message, no value, no path. With
 * the log switched off nothing is written.
 *
 * @returns the class of the error and the report's name; null for one that could not be written
 */
export async function reportCrash(
  home: string,
  env: Record<string, string | undefined>,
  { error, origin, at }: Crash,
): Promise<{ name: string; report: string | null }> {
  const facts = factsOf(error)
  if ((await logLevelOf(home, env)) === "off") return { name: facts.name, report: null }
  const time = new Date(at).toISOString()
  const report = `crash-${time.replace(/[-:.]/g, "")}-${process.pid}.json`
  const content = {
    time,
    pid: process.pid,
    origin,
    error: facts,
    version,
    node: process.version,
    platform: `${platform()}-${arch()}`,
    uptimeMs: Math.round(performance.now()),
  }
  try {
    await writePrivateFile(join(logFolder(home), report), `${JSON.stringify(content, null, 2)}\n`)
    await dropOldest(home)
    return { name: facts.name, report }
  } catch {
    return { name: facts.name, report: null }
  }
}

/** Names of the reports in `log`, oldest first. */
export async function crashReports(home: string): Promise<string[]> {
  const names = await readdir(logFolder(home)).catch(() => [])
  return names.filter((name) => reportName.test(name)).sort()
}

async function dropOldest(home: string): Promise<void> {
  for (const name of (await crashReports(home)).slice(0, -maxCrashReports)) {
    await unlink(join(logFolder(home), name)).catch(() => undefined)
  }
}
