import { constants } from "node:fs"
import { chmod, lstat, mkdir, open, rename, unlink } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { codeOf, ignore } from "./fs-errors.js"

/**
 * Lines of several processes in one file that stays small:
 *
 *     host.jsonl     what is written now; a batch of whole lines is one write at its end (O_APPEND), so none is torn
 *     host.jsonl.1   what was written before, up to .3, the oldest
 *     .rotating      is there while one process makes room
 */
export const logFile = "host.jsonl"

export interface LogLimits {
  /** Room is made before a file grows beyond this (bytes). */
  maxBytes?: number
  /** How many old files stay. */
  kept?: number
}

const lockFile = ".rotating"
/** Whoever makes room needs milliseconds; after this long it was killed (ms). */
const staleAfter = 10_000
/** How long to wait for the room that another process makes (ms). */
const pause = 20

/** Oldest first. */
export function logFiles(folder: string, kept = 3): string[] {
  const old = Array.from({ length: kept }, (_, i) => join(folder, `${logFile}.${kept - i}`))
  return [...old, join(folder, logFile)]
}

/**
 * Appends whole lines, 0600 in a folder 0700. No line of another process is lost or torn by it. Where room cannot be made,
 * the file grows to twice its size and no more.
 *
 * @throws what the system says; when nothing was written because there is no room
 */
export async function appendToLog(folder: string, lines: string, limits: LogLimits = {}): Promise<void> {
  const { maxBytes = 1024 * 1024 } = limits
  const path = join(folder, logFile)
  const bytes = Buffer.from(lines)
  await makeFolder(folder)
  for (let tries = 0; tries < 5; tries++) {
    if (await isTooLarge(path, bytes.length, maxBytes)) await makeRoom(folder, bytes.length, limits)
    const outcome = await append(path, bytes, maxBytes * 2)
    if (outcome === "written") return
    // Somebody is making room right now, or nobody can.
    if (outcome === "no-room") await setTimeout(pause)
  }
  throw new Error("Cannot write the log: no room could be made in it")
}

/** `removed`: the file was rotated away, and off the end, while this was written to it. */
async function append(path: string, bytes: Uint8Array, limit: number): Promise<"written" | "removed" | "no-room"> {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants
  const file = await open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0o600)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error("Cannot write the log: something else than a file is in its place")
    if (stats.size > 0 && stats.size + bytes.length > limit) return "no-room"
    if ((stats.mode & 0o777) !== 0o600 && process.platform !== "win32") await file.chmod(0o600)
    await file.write(bytes)
    return (await file.stat()).nlink > 0 ? "written" : "removed"
  } finally {
    await file.close()
  }
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const stats = await lstat(folder)
  if (!stats.isDirectory()) throw new Error("Cannot write the log: something else than a folder is in its place")
  if ((stats.mode & 0o777) !== 0o700 && process.platform !== "win32") await chmod(folder, 0o700)
}

async function isTooLarge(path: string, more: number, maxBytes: number): Promise<boolean> {
  const stats = await lstat(path).catch(() => null)
  return stats !== null && stats.size > 0 && stats.size + more > maxBytes
}

/** Moves every file one place on, unless another process is at it: then the lines go where they go, and none is lost. */
async function makeRoom(folder: string, more: number, { maxBytes = 1024 * 1024, kept = 3 }: LogLimits): Promise<void> {
  const lock = join(folder, lockFile)
  if (!(await isMine(lock))) return
  try {
    // The one who was here before may have made the room.
    if (!(await isTooLarge(join(folder, logFile), more, maxBytes))) return
    const files = logFiles(folder, kept)
    for (const [i, older] of files.entries()) {
      const newer = files[i + 1]
      if (newer !== undefined) await rename(newer, older).catch(ignore("ENOENT"))
    }
  } finally {
    await unlink(lock).catch(() => undefined)
  }
}

async function isMine(lock: string): Promise<boolean> {
  try {
    await (await open(lock, "wx", 0o600)).close()
    return true
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error
    const stats = await lstat(lock).catch(() => null)
    // Two who find it stale at once make room twice at worst: an old file goes early.
    if (stats !== null && Date.now() - stats.mtimeMs > staleAfter) await unlink(lock).catch(() => undefined)
    return false
  }
}
