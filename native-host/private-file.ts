import { randomUUID } from "node:crypto"
import type { Stats } from "node:fs"
import { chmod, mkdir, open, rename, unlink } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { PspError } from "../shared/errors.js"

/**
 * Writes a file that only this user may read: a new temporary beside it (0600), fsync, rename, fsync of the folder, so
 * that a crash or a full disk leaves the old file or the new one. A symbolic link in its place is replaced, not followed.
 * The folder is made (0700) when it is missing.
 */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  const folder = dirname(path)
  if ((await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined) await chmod(folder, 0o700)
  const partial = join(folder, `.${basename(path)}-${process.pid}-${randomUUID()}`)
  const file = await open(partial, "wx", 0o600)
  try {
    try {
      await file.chmod(0o600)
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
  } catch (error) {
    await unlink(partial).catch(() => undefined)
    throw error
  }
  if (process.platform === "win32") return
  const opened = await open(folder, "r")
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}

/**
 * Refuses a file of secrets that others made or may read. `what` is what it holds.
 *
 * @throws `unsafe-permissions`, with the line that mends it
 */
export function refuseForeign(stats: Pick<Stats, "uid" | "mode">, path: string, what: string): void {
  if (process.platform === "win32") return
  const unsafe = (why: string, line: string) =>
    new PspError("unsafe-permissions", `Cannot use ${what}: ${why}; run: ${line} ${path}`)
  if (stats.uid !== process.getuid?.()) throw unsafe(`${path} belongs to another user`, 'chown "$USER"')
  if ((stats.mode & 0o077) !== 0) throw unsafe(`others may read ${path}`, "chmod 600")
}
