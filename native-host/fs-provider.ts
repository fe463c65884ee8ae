import { constants, type Dirent, type Stats } from "node:fs"
import * as nodeFs from "node:fs/promises"
import { dirname, isAbsolute, join } from "node:path"
import { equalBytes } from "../shared/bytes.js"
import { PspError } from "../shared/errors.js"
import { isObjectName, isObjectPrefix, maxObjectBytes, type CallOptions, type Provider } from "../shared/provider.js"
import { codeOf, ignore, typedFsError } from "./fs-errors.js"
import { auditFolder } from "./fs-audit.js"
import { createNoFollow, ifSupported, type FileSystem } from "./fs-nofollow.js"
import { isStalePartial, newPartialName, partialFolder } from "./fs-partials.js"
import { watchNames, type WatchOptions } from "./fs-watch.js"

export interface FsOptions {
  fs?: FileSystem
  watching?: WatchOptions
}

/**
 * A folder of this machine as a store; it is made when it is missing.
 *
 *     <dir>/a/b/object                                 0600, in folders of 0700, whatever the umask is
 *     <dir>/.partial/<machine>-<process>-<random>      what is being written
 *
 * A commit is: write all of a new temporary, fsync it, link it to its name (which never replaces), fsync the folder. A
 * crash before the link leaves a temporary, which the next process sweeps; a crash after it leaves the object.
 * Symbolic links are not followed from `dir` downwards, and only object names are listed, so other files do no harm.
 *
 * Beside the errors of every provider it throws `unsafe-permissions` for a folder of another user or one that everybody
 * may write to, `bad-config` for a path that is not absolute or not a folder, `bad-message` for what is no object name.
 */
export function createFsProvider(dir: string, { fs = nodeFs, watching = {} }: FsOptions = {}): Provider {
  if (!isAbsolute(dir)) throw new PspError("bad-config", "Cannot use a folder as store: expected an absolute path")
  const { statOf, openToRead, entriesOf, makeFolder, makeFolderIfMissing, isRealFolder, syncFolder } =
    createNoFollow(fs)
  const partials = join(dir, partialFolder)
  let opening: Promise<void> | null = null

  /** Makes and checks the folder, once; one that was refused is looked at again by the next call. */
  function open(): Promise<void> {
    opening ??= prepare().catch((error: unknown) => {
      opening = null
      throw error
    })
    return opening
  }

  async function prepare(): Promise<void> {
    if ((await statOf(dir)) === null) {
      await fs.mkdir(dirname(dir), { recursive: true, mode: 0o700 })
      await makeFolder(dir)
    }
    checkRoot(dir, await fs.lstat(dir))
    for (const { name } of await entriesOf(partials)) {
      const path = join(partials, name)
      const stats = await statOf(path)
      if (stats !== null && isStalePartial(name, stats.mtimeMs)) await fs.unlink(path).catch(ignore("ENOENT"))
    }
  }

  async function store(name: string, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const path = pathOf(name)
    if (!(await isStored(name, bytes))) {
      for (const folder of foldersOf(name)) await makeFolderIfMissing(pathOf(folder))
      const partial = await writePartial(bytes, signal)
      try {
        signal?.throwIfAborted()
        await commit(partial, name, bytes)
      } finally {
        await fs.unlink(partial).catch(ignore("ENOENT"))
      }
    }
    await syncFolder(dirname(path))
  }

  async function writePartial(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<string> {
    await makeFolderIfMissing(partials)
    const path = join(partials, newPartialName())
    const file = await fs.open(path, "wx", 0o600)
    try {
      await ifSupported(file.chmod(0o600))
      await file.writeFile(bytes, signal === undefined ? {} : { signal })
      await file.sync()
      await file.close()
      return path
    } catch (error) {
      await file.close().catch(() => undefined)
      await fs.unlink(path).catch(ignore("ENOENT"))
      throw error
    }
  }

  /** Gives the temporary its name, unless the name is taken. */
  async function commit(partial: string, name: string, bytes: Uint8Array): Promise<void> {
    try {
      await fs.link(partial, pathOf(name))
    } catch (error) {
      const code = codeOf(error)
      if (code === "EEXIST" && (await isStored(name, bytes))) return
      if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code)) throw error
      // FAT and some network folders have no hard links. The vault's names end in the digest, so whoever comes between
      // the look and the rename writes the same bytes.
      if (!(await isStored(name, bytes))) await fs.rename(partial, pathOf(name))
    }
  }

  /** True when the object is there with these bytes. @throws `corrupt` when it is there with others */
  async function isStored(name: string, bytes: Uint8Array): Promise<boolean> {
    const stored = await read(name)
    if (stored === null) return false
    if (equalBytes(stored, bytes)) return true
    throw new PspError("corrupt", `Cannot store ${name}: the store holds other bytes under this name`)
  }

  async function read(name: string): Promise<Uint8Array | null> {
    if (!(await isInRealFolders(name))) return null
    const file = await openToRead(pathOf(name))
    if (file === null) return null
    try {
      const stats = await file.stat()
      if (!stats.isFile()) throw new PspError("corrupt", `Cannot read ${name}: it is not a file`)
      if (stats.size > maxObjectBytes) {
        throw new PspError("corrupt", `Cannot read ${name}: ${stats.size} bytes are more than an object can have`)
      }
      const { buffer, byteOffset, length } = await file.readFile()
      return new Uint8Array(buffer, byteOffset, length)
    } finally {
      await file.close()
    }
  }

  /** Reads the folder that the prefix names and not those above it, which may hold ten thousand others. */
  async function* namesUnder(prefix: string, signal: AbortSignal | undefined): AsyncGenerator<string> {
    const above = foldersOf(prefix)
    for (const folder of above) if ((await statOf(pathOf(folder)))?.isDirectory() !== true) return
    yield* walk(above.at(-1) ?? "", prefix, signal)
  }

  async function* walk(folder: string, prefix: string, signal: AbortSignal | undefined): AsyncGenerator<string> {
    const entries = await entriesOf(pathOf(folder))
    for (const entry of entries.sort(byFullName)) {
      signal?.throwIfAborted()
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`
      if (!isObjectName(name)) continue
      if (entry.isDirectory() && (name.startsWith(prefix) || prefix.startsWith(`${name}/`))) {
        yield* walk(name, prefix, signal)
      } else if (entry.isFile() && name.startsWith(prefix)) {
        yield name
      }
    }
  }

  async function remove(name: string): Promise<void> {
    if (!(await isInRealFolders(name))) return
    try {
      await fs.unlink(pathOf(name))
    } catch (error) {
      if (codeOf(error) === "ENOENT") return
      throw error
    }
    await syncFolder(dirname(pathOf(name)))
    // A folder is named after a session: when its last object goes, so does the folder.
    for (const folder of foldersOf(name).reverse()) {
      try {
        await fs.rmdir(pathOf(folder))
      } catch {
        return
      }
      await syncFolder(dirname(pathOf(folder)))
    }
  }

  async function isInRealFolders(name: string): Promise<boolean> {
    for (const folder of foldersOf(name)) if (!(await isRealFolder(pathOf(folder)))) return false
    return true
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

  function typed(error: unknown, doing: string, options: CallOptions | undefined): PspError {
    // Once called off, whatever error came of it says the same.
    if (options?.signal?.aborted === true) return new PspError("aborted", `Cannot ${doing}: it was called off`)
    return typedFsError(error, `${doing} in ${dir}`)
  }

  return {
    put: async (name, bytes, options) => {
      checkName("store", isObjectName(name))
      await call(`store ${name}`, options, async () => {
        for (let attempt = 1; ; attempt++) {
          try {
            await store(name, bytes, options?.signal)
            return
          } catch (error) {
            // Somebody removed the last object beside this one, and the folder with it.
            if (codeOf(error) !== "ENOENT" || attempt === 3) throw error
          }
        }
      })
    },
    get: async (name, options) => {
      checkName("read", isObjectName(name))
      return call(`read ${name}`, options, () => read(name))
    },
    async *list(prefix, options) {
      checkName("list", isObjectPrefix(prefix))
      await call("list", options, () => Promise.resolve())
      try {
        for await (const name of namesUnder(prefix, options?.signal)) {
          const stats = await statOf(pathOf(name))
          if (stats?.isFile() === true) yield { name, size: stats.size }
        }
      } catch (error) {
        throw typed(error, "list", options)
      }
    },
    remove: async (name, options) => {
      checkName("remove", isObjectName(name))
      await call(`remove ${name}`, options, () => remove(name))
    },
    async *audit(options) {
      // Before the folder is opened, which would sweep what is to be named.
      try {
        yield* auditFolder(dir, fs, options?.signal)
      } catch (error) {
        throw typed(error, "look through the store", options)
      }
    },
    async *watch(prefix, options) {
      checkName("watch", isObjectPrefix(prefix))
      const signal = options?.signal
      const folder = await call("watch", options, async () => {
        await makeFolderIfMissing(partials).catch(() => undefined)
        return (await isRealFolder(partials).catch(() => false)) ? partials : null
      })
      try {
        yield* watchNames({ namesOf: () => allOf(namesUnder(prefix, signal)), folder, signal, ...watching })
      } catch (error) {
        throw typed(error, "watch", options)
      }
    },
    check: (options) => call("store", options, () => fs.access(dir, constants.R_OK | constants.W_OK | constants.X_OK)),
  }
}

/** The vault is its owner's alone: who may write to the folder may withhold and remove everything in it. */
function checkRoot(dir: string, stats: Stats): void {
  const cannot = `Cannot use ${dir} as store`
  if (stats.isSymbolicLink()) {
    throw new PspError("bad-config", `${cannot}: it is a symbolic link; name the folder that it leads to`)
  }
  if (!stats.isDirectory()) throw new PspError("bad-config", `${cannot}: it is a file, expected a folder`)
  const user = process.getuid?.()
  if (user !== undefined && stats.uid !== user) {
    throw new PspError(
      "unsafe-permissions",
      `${cannot}: it belongs to user ${stats.uid}, expected ${user}; choose another folder, or change its owner`,
    )
  }
  if (user !== undefined && (stats.mode & 0o002) !== 0) {
    throw new PspError("unsafe-permissions", `${cannot}: everybody may write to it; run: chmod 700 '${dir}'`)
  }
}

/** The folders above an object, the outermost first. */
function foldersOf(name: string): string[] {
  const segments = name.split("/")
  return segments.slice(1).map((_, i) => segments.slice(0, i + 1).join("/"))
}

/** "a-b" sorts before what is in the folder "a", so folders compare as their contents begin. */
function byFullName(a: Dirent, b: Dirent): number {
  const key = (entry: Dirent) => (entry.isDirectory() ? `${entry.name}/` : entry.name)
  return key(a) < key(b) ? -1 : 1
}

async function allOf(names: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = []
  for await (const name of names) all.push(name)
  return all
}

function checkName(doing: string, isGood: boolean): void {
  if (!isGood) throw new PspError("bad-message", `Cannot ${doing} an object: expected the name of one`)
}
