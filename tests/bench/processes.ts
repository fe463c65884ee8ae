import { readdir, readFile, writeFile } from "node:fs/promises"
import type { Browser } from "@playwright/test"

/**
 * Peaks of a browser's processes since `watchMemory` was called, in bytes above what each had then; a new page has what the
 * smallest page had. Of each kind those count together that run at the same time, each at its own peak.
 */
export interface MemoryPeaks {
  background: number
  pages: number
  /** Native hosts, whole: each is a process of its own that has hardly begun when it is idle. */
  hosts: number
}

/**
 * Follows the memory of a browser on Linux until it is stopped. The kernel keeps the peak of each process (`VmHWM`, which
 * writing 5 to `clear_refs` sets back, proc(5)), so nothing is missed between two looks but the last moment of a process.
 */
export async function watchMemory(browser: Browser): Promise<() => Promise<MemoryPeaks>> {
  const root = await rootOf(browser)
  const found = new Map<number, { role: Role; idle: number; peak: number }>()
  const most: Record<Role, number> = { background: 0, page: 0, host: 0 }
  let blank = 0
  const look = async () => {
    const now: Record<Role, number> = { background: 0, page: 0, host: 0 }
    for (const pid of await descendantsOf(root)) {
      const role = found.get(pid)?.role ?? (await roleOf(pid))
      const peak = role === null ? null : await peakOf(pid)
      if (role === null || peak === null) continue
      const known = found.get(pid)
      const idle = known?.idle ?? (role === "page" ? blank : 0)
      found.set(pid, { role, idle, peak: Math.max(known?.peak ?? 0, peak) })
      now[role] += Math.max(peak - idle, 0)
    }
    for (const role of ["background", "page", "host"] as const) most[role] = Math.max(most[role], now[role])
  }
  await look()
  for (const [pid, known] of found) {
    await resetPeak(pid)
    known.idle = known.peak = (await peakOf(pid)) ?? 0
  }
  blank = Math.min(...[...found.values()].flatMap(({ role, idle }) => (role === "page" ? [idle] : [])))
  if (blank === Infinity) throw new Error("Open a page first: a new one is measured against it")
  for (const role of ["background", "page", "host"] as const) most[role] = 0
  const watch = { isStopped: false }
  const watching = (async () => {
    while (!watch.isStopped) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  return async () => {
    watch.isStopped = true
    await watching
    await look()
    return { background: most.background, pages: most.page, hosts: most.host }
  }
}

/** CPU that a browser and all it ever started have used (ms). */
export async function cpuOfTree(browser: Browser): Promise<number> {
  const root = await rootOf(browser)
  let ticks = 0
  for (const pid of [root, ...(await descendantsOf(root))]) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")
    // After the name in brackets: user, system, and both of children that have ended (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    for (const at of [11, 12, 13, 14]) ticks += Number(fields[at] ?? 0)
  }
  return ticks * msPerTick
}

/** `getconf CLK_TCK` says 100 on every Linux of today. */
const msPerTick = 10

type Role = "background" | "page" | "host"

/** Peak resident memory of a process (bytes); null when it is gone. */
export async function peakOf(pid: number | "self"): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "")
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) * 1024
}

/** The peak of a process becomes what it has now. */
export async function resetPeak(pid: number | "self"): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, "5").catch(() => undefined)
}

async function rootOf(browser: Browser): Promise<number> {
  const cdp = await browser.newBrowserCDPSession()
  const { processInfo } = await cdp.send("SystemInfo.getProcessInfo")
  const root = processInfo.find(({ type }) => type === "browser")?.id
  await cdp.detach()
  if (root === undefined) throw new Error("The browser does not name its process")
  return root
}

async function roleOf(pid: number): Promise<Role | null> {
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")
  if (command.includes("psp-host.mjs")) return "host"
  if (!command.includes("--type=renderer")) return null
  return command.includes("--extension-process") ? "background" : "page"
}

async function descendantsOf(root: number): Promise<number[]> {
  const parents = new Map<number, number>()
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "")
    // The second field is a name in brackets that may hold anything.
    const parent = /^.*\) \S (\d+)/s.exec(stat)?.[1]
    if (parent !== undefined) parents.set(Number(name), Number(parent))
  }
  const isBelow = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined && at > 1; at = parents.get(at)) if (at === root) return true
    return false
  }
  return [...parents.keys()].filter(isBelow)
}
