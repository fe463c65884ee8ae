import { join } from "node:path"
import { meaningOf } from "../code-meanings.js"
import type { LogLevel } from "../config.js"
import { logFile } from "../log-file.js"
import type { LogSummary } from "../log-summary.js"
import type { Finding } from "./doctor.js"

/** What the host wrote down about its past. Only a crash is bad news of today: its report stays until somebody looked at it. */
export function logFindings(log: LogSummary, level: LogLevel): Finding[] {
  const findings = [startFinding(log, level)]
  for (const { code, count, last } of log.errors) {
    findings.push({
      what: "host log",
      ok: true,
      detail: `${code} ${times(count)}, last at ${last}`,
      fix: meaningOf(code),
    })
  }
  if (log.vanished > 0) {
    const fix =
      "it was killed, by the browser or the system, or ran out of memory; sessions are kept whole all the same"
    findings.push({ what: "host log", ok: true, detail: `ended without a word ${times(log.vanished)}`, fix })
  }
  const newest = log.crashes.at(-1)
  if (newest !== undefined) {
    findings.push({
      what: "host crashes",
      ok: false,
      detail: `${log.crashes.length} ${log.crashes.length === 1 ? "report" : "reports"}, the newest is ${join(log.folder, newest)}`,
      fix: "send it with a bug report (it holds places in our code, no values), then remove it",
    })
  }
  return findings
}

function startFinding({ folder, lastStart, starts, requests }: LogSummary, level: LogLevel): Finding {
  const what = "host log"
  const path = join(folder, logFile)
  if (level === "off") return { what, ok: true, detail: "switched off", fix: "psp config set log info" }
  if (level === "error") return { what, ok: true, detail: `only errors are written down, in ${path}`, fix: "" }
  if (lastStart === null) return { what, ok: true, detail: `no browser has started the host yet; ${path}`, fix: "" }
  const { time, version, store } = lastStart
  const counts = `${starts} ${starts === 1 ? "start" : "starts"}, ${requests} ${requests === 1 ? "request" : "requests"}`
  return {
    what,
    ok: true,
    detail: `last start at ${time}, version ${version}, store ${store}; ${counts} in ${path}`,
    fix: "",
  }
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`
}
