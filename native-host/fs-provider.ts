import { randomUUID } from "node:crypto"
import { constants, type Dirent, type Stats } from "node:fs"
import * as nodeFs from "node:fs/promises"
import { hostname } from "node:os"
import { dirname, isAbsolute, join, sep } from "node:path"
import { equalBytes } from "../shared/bytes.js"
import { isPspError, PspError, type ErrorCode } from "../shared/errors.js"
import {
  isObjectName,
  isObjectPrefix,
  maxObjectBytes,
  type CallOptions,
  type Provider,
  type StoredObject,
} from "../shared/provider.js"
import { isRunning } from "./processes.js"

/**
 * A folder as a store:
 *
 *     <dir>/a/b/object          0600, in folders of 0700 whatever the umask is
 *     <dir>/.partial/<machine>-<process>-<random>      what is being written
 *
 * A commit is: write all of a new temporary, fsync it, link it to its name (which never replaces), fsync the folder.
 * A crash before the link leaves nothing but the temporary, which the next process sweeps; a crash after it leaves all.
 * `write-file-atomic` put a truncated file in place of the good one on a full disk, and follows symbolic links.
 *
 * Symbolic links are not followed anywhere from `dir` itself downwards, and nothing but object names is listed, so other
 * files in the folder do no harm.
 */
export interface FsProviderOptions {
  /** The file system; tests break it in the middle. */
  fs?: FileSystem
}

export type FileSystem = Pick<
  typeof nodeFs,
  "access" | "chmod" | "link" | "lstat" | "mkdir" | "open" | "readdir" | "rename" | "rmdir" | "unlink"
>

const partialFolder = ".partial"
/** A temporary of another machine, or of a process that cannot be asked, is stale after this long (ms). */
const staleAfter = 60 * 60 * 1000
const isWindows = process.platform === "win32"

/**
 * A provider over a folder of this machine, which is made when it is missing.
 *
 * Beside the errors of every provider it throws `unsafe-permissions` for a folder of another user or one that everybody
 * may write to, and `bad-config` for a path that is not absolute or not a folder.
 */
export function createFsProvider(dir: string, { fs = nodeFs }: FsProviderOptions = {}): Provider {
  if (!isAbsolute(dir)) throw new PspError("bad-config", "Cannot use a folder as store: expected an absolute path")
  let opening: Promise<void> | null = null

  /** Makes and checks the folder, once; a folder that was refused is looked at again by the next call. */
  function open(): Promise<void> {
    opening ??= prepare().catch((error: unknown) => {
      opening = null
      throw error
    })
    return opening
  }

  async function prepare(): Promise<void> {
    const stats = (await statOf(dir)) ?? (await makeRoot())
    checkRoot(dir, stats)
    await sweep()
  }

  async function makeRoot(): Promise<Stats> {
    await fs.mkdir(dirname(dir), { recursive: true, mode: 0o700 })
    await makeFolder(dir)
    return fs.lstat(dir)
  }

  async function sweep(): Promise<void> {
    const folder = join(dir, partialFolder)
    for (const name of await namesIn(folder)) {
      const path = join(folder, name)
      const stats = await statOf(path)
      if (stats !== null && isStale(name, stats.mtimeMs)) await fs.unlink(path).catch(ignore("ENOENT"))
    }
  }

  async function write(name: string, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const path = pathOf(name)
    if (await isStored(path, name, bytes)) return syncFolder(dirname(path))
    await makeFolders(name)
    const partial = await writePartial(bytes, signal)
    try {
      signal?.throwIfAborted()
      await commit(partial, path, name, bytes)
    } finally {
      await fs.unlink(partial).catch(ignore("ENOENT"))
    }
    await syncFolder(dirname(path))
  }

  async function writePartial(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<string> {
    await makeFolderIfMissing(join(dir, partialFolder))
    const path = join(dir, partialFolder, `${machine()}-${process.pid}-${randomUUID()}`)
    const file = await fs.open(path, "wx", 0o600)
    try {
      await file.chmod(0o600)
      await file.writeFile(bytes, signal === undefined ? {} : { signal })
      await file.sync()
      await file.close()
      return path
    } catch (error) {
      await file.close().catch(() => {})
      await fs.unlink(path).catch(ignore("ENOENT"))
      throw error
    }
  }

  /** Gives the temporary its name, unless the name is taken. */
  async function commit(partial: string, path: string, name: string, bytes: Uint8Array): Promise<void> {
    try {
      await fs.link(partial, path)
    } catch (error) {
      const code = codeOf(error)
      if (code === "EEXIST" && (await isStored(path, name, bytes))) return
      if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code)) throw error
      // FAT and some network folders have no hard links. The name ends in the digest, so whoever comes between the look
      // and the rename writes the same bytes.
      if (!(await isStored(path, name, bytes))) await fs.rename(partial, path)
    }
  }

  /** True when the object is there with these bytes. @throws `corrupt` when it is there with others */
  async function isStored(path: string, name: string, bytes: Uint8Array): Promise<boolean> {
    const stored = await read(path, name)
    if (stored === null) return false
    if (equalBytes(stored, bytes)) return true
    throw new PspError("corrupt", `Cannot store ${name}: the store holds other bytes under this name`)
  }

  async function read(path: string, name: string): Promise<Uint8Array | null> {
    if (!(await hasRealFolders(name))) return null
    const file = await openToRead(path)
    if (file === null) return null
    try {
      const stats = await file.stat()
      if (!stats.isFile()) throw notAnObject(name)
      if (stats.size > maxObjectBytes) {
        throw new PspError("corrupt", `Cannot read ${name}: ${stats.size} bytes are more than an object can have`)
      }
      const bytes = await file.readFile()
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    } finally {
      await file.close()
    }
  }

  async function openToRead(path: string): Promise<nodeFs.FileHandle | null> {
    // Without O_NONBLOCK a FIFO in the folder would hold the thread for ever.
    const flags = isWindows ? constants.O_RDONLY : constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    if (isWindows && (await statOf(path))?.isSymbolicLink() === true) throw linkFound(path)
    try {
      return await fs.open(path, flags)
    } catch (error) {
      if (codeOf(error) === "ENOENT") return null
      if (codeOf(error) === "ELOOP" || codeOf(error) === "EMLINK") throw linkFound(path)
      throw error
    }
  }

  async function* walk(folder: string, prefix: string, signal: AbortSignal | undefined): AsyncGenerator<StoredObject> {
    // "a-b" sorts before what is in the folder "a": compare folders as their contents begin.
    const key = (entry: Dirent) => (entry.isDirectory() ? `${entry.name}/` : entry.name)
    const entries = await entriesOf(pathOf(folder))
    entries.sort((a, b) => (key(a) < key(b) ? -1 : 1))
    for (const entry of entries) {
      signal?.throwIfAborted()
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`
      if (!isObjectName(name)) continue
      if (entry.isDirectory() && (name.startsWith(prefix) || prefix.startsWith(`${name}/`))) {
        yield* walk(name, prefix, signal)
      } else if (entry.isFile() && name.startsWith(prefix)) {
        const stats = await statOf(pathOf(name))
        if (stats?.isFile() === true) yield { name, size: stats.size }
      }
    }
  }

  async function unlink(name: string): Promise<void> {
    if (!(await hasRealFolders(name))) return
    try {
      await fs.unlink(pathOf(name))
    } catch (error) {
      if (codeOf(error) === "ENOENT") return
      throw error
    }
    await syncFolder(dirname(pathOf(name)))
    // A folder is named after a session: when its last object goes, so does the folder.
    for (let folder = parentOf(name); folder !== ""; folder = parentOf(folder)) {
      try {
        await fs.rmdir(pathOf(folder))
      } catch {
        return
      }
      await syncFolder(dirname(pathOf(folder)))
    }
  }

  async function makeFolders(name: string): Promise<void> {
    const folders: string[] = []
    for (let folder = parentOf(name); folder !== ""; folder = parentOf(folder)) folders.unshift(folder)
    for (const folder of folders) await makeFolderIfMissing(pathOf(folder))
  }

  async function makeFolderIfMissing(path: string): Promise<void> {
    const stats = await statOf(path)
    if (stats === null) return makeFolder(path)
    if (stats.isSymbolicLink()) throw linkFound(path)
    if (!stats.isDirectory()) throw new PspError("corrupt", `Cannot store in ${path}: expected a folder, found a file`)
  }

  async function makeFolder(path: string): Promise<void> {
    try {
      await fs.mkdir(path, { mode: 0o700 })
      await fs.chmod(path, 0o700)
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error
    }
    await syncFolder(dirname(path))
  }

  /** False when a folder on the way is missing. @throws `corrupt` when one is a symbolic link or a file */
  async function hasRealFolders(name: string): Promise<boolean> {
    for (let folder = parentOf(name); folder !== ""; folder = parentOf(folder)) {
      const stats = await statOf(pathOf(folder))
      if (stats === null) return false
      if (stats.isSymbolicLink()) throw linkFound(pathOf(folder))
      if (!stats.isDirectory()) return false
    }
    return true
  }

  async function entriesOf(path: string): Promise<Dirent[]> {
    try {
      if ((await statOf(path))?.isSymbolicLink() === true) return []
      return await fs.readdir(path, { withFileTypes: true })
    } catch (error) {
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return []
      throw error
    }
  }

  async function namesIn(path: string): Promise<string[]> {
    return (await entriesOf(path)).map((entry) => entry.name)
  }

  async function statOf(path: string): Promise<Stats | null> {
    try {
      return await fs.lstat(path)
    } catch (error) {
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return null
      throw error
    }
  }

  /** Makes names in a folder survive a power cut. Windows cannot, and does not need to: NTFS journals them. */
  async function syncFolder(path: string): Promise<void> {
    if (isWindows) return
    const folder = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  function pathOf(name: string): string {
    return join(dir, ...name.split("/"))
  }

  /** Opens the folder, does the work, and turns what the system says into an error with a code. */
  async function call<T>(doing: string, options: CallOptions | undefined, work: () => Promise<T>): Promise<T> {
    try {
      options?.signal?.throwIfAborted()
      await open()
      return await work()
    } catch (error) {
      throw typed(error, doing, options)
    }
  }

  function typed(error: unknown, doing: string, options: CallOptions | undefined): unknown {
    if (isPspError(error)) return error
    if (options?.signal?.aborted === true) return new PspError("aborted", `Cannot ${doing}: it was called off`)
    const [code, why] = faults[codeOf(error)] ?? ["unreachable", `the system answered ${codeOf(error) || "nothing known"}`]
    return new PspError(code, `Cannot ${doing} in ${dir}: ${why}`, { cause: error })
  }

  return {
    put: (name, bytes, options) =>
      call(`store ${checked(name)}`, options, async () => {
        for (let attempt = 1; ; attempt++) {
          try {
            return await write(name, bytes, options?.signal)
          } catch (error) {
            // Somebody removed the last object beside this one, and the folder with it.
            if (codeOf(error) !== "ENOENT" || attempt === 3) throw error
          }
        }
      }),
    get: (name, options) => call(`read ${checked(name)}`, options, () => read(pathOf(name), name)),
    async *list(prefix, options) {
      if (!isObjectPrefix(prefix)) throw new PspError("internal", "Cannot list: expected the beginning of an object name")
      await call("list", options, async () => {})
      try {
        yield* walk("", prefix, options?.signal)
      } catch (error) {
        throw typed(error, "list", options)
      }
    },
    remove: (name, options) => call(`remove ${checked(name)}`, options, () => unlink(name)),
    check: (options) => call("store", options, () => fs.access(dir, constants.R_OK | constants.W_OK | constants.X_OK)),
  }
}

const faults: Partial<Record<string, [ErrorCode, string]>> = {
  ENOSPC: ["full", "the disk is full; make room and try again"],
  EDQUOT: ["full", "the disk quota is used up; make room and try again"],
  EFBIG: ["full", "the file would be larger than the system allows"],
  EACCES: ["denied", "permission was denied; make the folder writable for you"],
  EPERM: ["denied", "the system does not permit it; make the folder writable for you"],
  EROFS: ["denied", "the file system is read-only"],
  ENOENT: ["unreachable", "the folder went away; is its disk still there?"],
  ENOTDIR: ["bad-config", "a part of the path is a file, expected folders"],
  EISDIR: ["corrupt", "a folder lies where an object is expected"],
}

/** The vault is ours alone: who may write there may withhold and delete, who owns it may change everything. */
function checkRoot(dir: string, stats: Stats): void {
  if (stats.isSymbolicLink()) {
    throw new PspError("bad-config", `Cannot use ${dir} as store: it is a symbolic link; name the folder it leads to`)
  }
  if (!stats.isDirectory()) throw new PspError("bad-config", `Cannot use ${dir} as store: it is a file, expected a folder`)
  const user = process.getuid?.()
  if (user === undefined) return
  if (stats.uid !== user) {
    throw new PspError(
      "unsafe-permissions",
      `Cannot use ${dir} as store: it belongs to user ${stats.uid}, expected ${user}; take another folder or chown it`,
    )
  }
  if ((stats.mode & 0o002) !== 0) {
    throw new PspError(
      "unsafe-permissions",
      `Cannot use ${dir} as store: everybody may write to it; run: chmod 700 '${dir}'`,
    )
  }
}

/** True when whoever wrote this temporary is gone. */
function isStale(name: string, mtimeMs: number): boolean {
  if (Date.now() - mtimeMs > staleAfter) return true
  const [, owner, pid] = /^([A-Za-z0-9]*)-(\d+)-/.exec(name) ?? []
  return owner === machine() && !isRunning(Number(pid))
}

function machine(): string {
  return hostname()
    .replace(/[^A-Za-z0-9]/g, "")
    .slice(0, 32)
}

function parentOf(name: string): string {
  const slash = name.lastIndexOf("/")
  return slash < 0 ? "" : name.slice(0, slash)
}

function checked(name: string): string {
  if (isObjectName(name)) return name
  throw new PspError("internal", "Cannot use a name in a folder: expected the name of an object")
}

function notAnObject(name: string): PspError {
  return new PspError("corrupt", `Cannot read ${name}: it is not a file`)
}

function linkFound(path: string): PspError {
  return new PspError("corrupt", `Cannot use ${path.split(sep).at(-1)} in the store: it is a symbolic link`)
}

function ignore(expected: string): (error: unknown) => void {
  return (error) => {
    if (codeOf(error) !== expected) throw error
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
}
