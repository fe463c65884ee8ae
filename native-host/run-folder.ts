import { createHash } from "node:crypto"
import { readlinkSync, rmSync } from "node:fs"
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { isRunning } from "./processes.js"

/**
 * A folder of one run for what lies in the clear while a command uses it: `psp-run-<machine>-<process>-<random>`, 0700, where the
 * system keeps what ends with a login (in memory, `XDG_RUNTIME_DIR`), else its temporary files. `remove` takes it away at once,
 * and so does the end of this process, however it comes about; only SIGKILL and a power cut leave it to the next run.
 */
export async function createRunFolder(env: Env): Promise<{ path: string; remove: () => void }> {
  const path = await mkdtemp(join(await parentOf(env), `${prefix()}${process.pid}-`))
  const remove = () => {
    process.off("exit", remove)
    rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  }
  process.once("exit", remove)
  return { path, remove }
}

/**
 * Removes folders of runs on this machine that were killed and had no time for it: those of this user, whose process is gone.
 *
 * @returns how many there were
 */
export async function sweepRunFolders(env: Env): Promise<number> {
  const parent = await parentOf(env)
  const names = await readdir(parent).catch(() => [])
  let swept = 0
  for (const name of names) {
    const pid = name.startsWith(prefix()) ? /^(\d+)-\w{6}$/.exec(name.slice(prefix().length))?.[1] : undefined
    if (pid === undefined || isRunning(Number(pid))) continue
    const path = join(parent, name)
    const stats = await lstat(path).catch(() => null)
    // Whoever else may write there could put a name like ours.
    if (stats === null || !stats.isDirectory() || (process.getuid && stats.uid !== process.getuid())) continue
    const isGone = await rm(path, { recursive: true, force: true }).then(
      () => true,
      () => false,
    )
    if (isGone) swept++
  }
  return swept
}

type Env = Record<string, string | undefined>

async function parentOf(env: Env): Promise<string> {
  const runtime = env["XDG_RUNTIME_DIR"] ?? ""
  const stats = runtime === "" ? null : await lstat(runtime).catch(() => null)
  const isPrivate = stats?.isDirectory() === true && stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0
  return isPrivate ? runtime : (env["TMPDIR"] ?? tmpdir())
}

/** Process ids mean nothing in another container that shares the folder. */
function prefix(): string {
  const machine = createHash("sha256").update(`${hostname()}\n${processSpace()}`).digest("hex").slice(0, 8)
  return `psp-run-${machine}-`
}

function processSpace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid")
  } catch {
    return ""
  }
}
