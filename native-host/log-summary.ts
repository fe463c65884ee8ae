import { readFile } from "node:fs/promises"
import { errorCodeOf, type ErrorCode } from "../shared/errors.js"
import { crashReports } from "./crash-report.js"
import { logFiles } from "./log-file.js"
import { logFolder } from "./log-lines.js"
import { isRunning } from "./processes.js"
import { knownStoreKind } from "./stores.js"

/** What the log of the host says as a whole; times are ISO. */
export interface LogSummary {
  folder: string
  lastStart: { time: string; version: string; store: string } | null
  starts: number
  requests: number
  /** Most frequent first. */
  errors: { code: ErrorCode; count: number; last: string }[]
  /** Hosts that neither left nor crashed and are gone: killed, or out of memory. */
  vanished: number
  /** Names of the reports in `folder`, oldest first. */
  crashes: string[]
}

/** Reads what the host wrote down; lines that are none (a disk that was full, a newer build) are left out. Never throws. */
export async function summarizeLog(home: string): Promise<LogSummary> {
  const folder = logFolder(home)
  const lines = (await Promise.all(logFiles(folder).map(linesOf))).flat()
  const starts = lines.filter(({ event }) => event === "start")
  const last = starts.reduce<Line | null>((a, b) => (a === null || b.time >= a.time ? b : a), null)
  return {
    folder,
    lastStart: last === null ? null : { time: last.time, version: versionIn(last), store: storeIn(last) },
    starts: starts.length,
    requests: lines.filter(({ event }) => event === "end").length,
    errors: errorsIn(lines),
    vanished: vanishedIn(lines),
    crashes: await crashReports(home),
  }
}

type Line = Record<string, unknown> & { time: string; pid: number; event: string }

async function linesOf(path: string): Promise<Line[]> {
  const text = await readFile(path, "utf8").catch(() => "")
  return text.split("\n").flatMap((line) => parseLine(line) ?? [])
}

function parseLine(text: string): Line | null {
  try {
    const value = JSON.parse(text) as unknown
    return isLine(value) ? value : null
  } catch {
    return null
  }
}

function isLine(value: unknown): value is Line {
  if (typeof value !== "object" || value === null) return false
  const { time, pid, event } = value as Record<string, unknown>
  const isTime = typeof time === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(time)
  return isTime && typeof pid === "number" && typeof event === "string"
}

function versionIn({ version }: Line): string {
  return typeof version === "string" && /^[0-9A-Za-z.+-]{1,64}$/.test(version) ? version : "unknown"
}

function storeIn({ store }: Line): string {
  return typeof store === "string" ? knownStoreKind(`${store}:`) : "unknown"
}

function errorsIn(lines: Line[]): LogSummary["errors"] {
  const byCode = new Map<ErrorCode, { count: number; last: string }>()
  for (const { time, code: text } of lines) {
    if (text === undefined) continue
    const code = errorCodeOf(text)
    // Who closes a popup gives its requests up: that is no trouble.
    if (code === "aborted") continue
    const { count, last } = byCode.get(code) ?? { count: 0, last: "" }
    byCode.set(code, { count: count + 1, last: time > last ? time : last })
  }
  return [...byCode].map(([code, seen]) => ({ code, ...seen })).sort((a, b) => b.count - a.count)
}

function vanishedIn(lines: Line[]): number {
  const open = new Set<number>()
  let vanished = 0
  for (const { pid, event } of lines) {
    if (event === "leave" || event === "crash") open.delete(pid)
    if (event !== "start") continue
    // The number was given to another host since.
    if (open.has(pid)) vanished++
    open.add(pid)
  }
  return vanished + [...open].filter((pid) => !isRunning(pid)).length
}
