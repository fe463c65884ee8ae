import { constants, type Dirent, type Stats } from "node:fs"
import type * as nodeFs from "node:fs/promises"
import { dirname, sep } from "node:path"
import { PspError } from "../shared/errors.js"
import { codeOf } from "./fs-errors.js"

/** What of the file system a vault uses; tests break it in the middle. */
export type FileSystem = Pick<
  typeof nodeFs,
  "access" | "chmod" | "link" | "lstat" | "mkdir" | "open" | "readdir" | "rename" | "rmdir" | "unlink"
>

/** The few operations on files and folders, none of which goes through a symbolic link. Absent is null. */
export interface NoFollow {
  statOf: (path: string) => Promise<Stats | null>
  /** @throws `corrupt` for a symbolic link */
  openToRead: (path: string) => Promise<nodeFs.FileHandle | null>
  /** What is in a folder; nothing when it is missing, a file or a symbolic link. */
  entriesOf: (path: string) => Promise<Dirent[]>
  /** Makes a folder of mode 0700 whatever the umask is; one that is there already stays. */
  makeFolder: (path: string) => Promise<void>
  /** @throws `corrupt` when a symbolic link or a file is in its place */
  makeFolderIfMissing: (path: string) => Promise<void>
  /** True for a folder, false for nothing or a file. @throws `corrupt` for a symbolic link */
  isRealFolder: (path: string) => Promise<boolean>
  /** Makes the names in a folder survive a power cut. */
  syncFolder: (path: string) => Promise<void>
}

const isWindows = process.platform === "win32"

export function createNoFollow(fs: FileSystem): NoFollow {
  async function statOf(path: string): Promise<Stats | null> {
    try {
      return await fs.lstat(path)
    } catch (error) {
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return null
      throw error
    }
  }

  async function isRealFolder(path: string): Promise<boolean> {
    const stats = await statOf(path)
    if (stats?.isSymbolicLink() === true) throw linkFound(path)
    return stats?.isDirectory() === true
  }

  async function syncFolder(path: string): Promise<void> {
    // Windows cannot open folders, and NTFS journals their names.
    if (isWindows) return
    const folder = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await ifSupported(folder.sync())
    } finally {
      await folder.close()
    }
  }

  async function makeFolder(path: string): Promise<void> {
    try {
      await fs.mkdir(path, { mode: 0o700 })
      await ifSupported(fs.chmod(path, 0o700))
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error
    }
    await syncFolder(dirname(path))
  }

  return {
    statOf,
    isRealFolder,
    syncFolder,
    makeFolder,

    async openToRead(path) {
      if (isWindows && (await statOf(path))?.isSymbolicLink() === true) throw linkFound(path)
      // Without O_NONBLOCK a FIFO in the folder would hold the thread for ever.
      const flags = isWindows ? constants.O_RDONLY : constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
      try {
        return await fs.open(path, flags)
      } catch (error) {
        if (codeOf(error) === "ENOENT") return null
        if (codeOf(error) === "ELOOP" || codeOf(error) === "EMLINK") throw linkFound(path)
        throw error
      }
    },

    async entriesOf(path) {
      try {
        return (await statOf(path))?.isDirectory() === true ? await fs.readdir(path, { withFileTypes: true }) : []
      } catch (error) {
        if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return []
        throw error
      }
    },

    async makeFolderIfMissing(path) {
      const stats = await statOf(path)
      if (stats === null) return makeFolder(path)
      if (stats.isSymbolicLink()) throw linkFound(path)
      if (!stats.isDirectory())
        throw new PspError("corrupt", `Cannot store in ${path}: expected a folder, found a file`)
    },
  }
}

/**
 * Network drives and FAT may have no modes of files and no fsync of folders. Without a mode nothing is more open than it
 * was made (the umask only takes away), and the mode of the store's folder is checked where it is opened.
 */
export async function ifSupported(work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!["EPERM", "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(codeOf(error))) throw error
  })
}

function linkFound(path: string): PspError {
  return new PspError("corrupt", `Cannot use ${path.split(sep).at(-1)} in the store: it is a symbolic link`)
}
