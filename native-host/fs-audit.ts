import type { Stats } from "node:fs"
import { join } from "node:path"
import { isObjectName, type StoreDefect } from "../shared/provider.js"
import { createNoFollow, type FileSystem } from "./fs-nofollow.js"
import { isStalePartial, partialFolder } from "./fs-partials.js"

const isWindows = process.platform === "win32"
const openToOthers = 0o077

/**
 * What is wrong with the folder of a store, beside what is in its objects: temporaries that a process left behind, modes
 * that let others in, and what is neither a file nor a folder of ours. It looks into the folders of vaults only, so that
 * what else lies beside them (a sync tool's own files) is nobody's defect. Changes nothing.
 */
export async function* auditFolder(
  dir: string,
  fs: FileSystem,
  signal: AbortSignal | undefined,
): AsyncGenerator<StoreDefect> {
  const { statOf, entriesOf } = createNoFollow(fs)

  async function* auditPartials(): AsyncGenerator<StoreDefect> {
    for (const entry of await entriesOf(join(dir, partialFolder))) {
      signal?.throwIfAborted()
      const path = join(dir, partialFolder, entry.name)
      const stats = await statOf(path)
      if (stats !== null && isStalePartial(entry.name, stats.mtimeMs)) yield staleTemporary(path)
    }
  }

  async function* walk(folder: string): AsyncGenerator<StoreDefect> {
    for (const entry of await entriesOf(join(dir, folder))) {
      signal?.throwIfAborted()
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`
      const isVault = folder !== "" || (entry.isDirectory() && /^[0-9a-f]{32}$/.test(entry.name))
      const stats = isVault ? await statOf(join(dir, name)) : null
      if (stats === null) continue
      const path = join(dir, name)
      if (!isObjectName(name) || !(stats.isFile() || stats.isDirectory())) {
        yield extra(path)
        continue
      }
      if (isOpenToOthers(stats)) yield wrongMode(path, stats)
      if (stats.isDirectory()) yield* walk(name)
    }
  }

  signal?.throwIfAborted()
  yield* auditPartials()
  yield* walk("")
}

function isOpenToOthers({ mode }: Stats): boolean {
  return !isWindows && (mode & openToOthers) !== 0
}

function staleTemporary(path: string): StoreDefect {
  return {
    code: "stale-temporary",
    name: path,
    message: "It is half an object, and the process that wrote it is gone",
    advice: "nothing: it was never part of the vault, and the next use of the store removes it",
  }
}

function wrongMode(path: string, stats: Stats): StoreDefect {
  const [is, should] = [stats.mode & 0o777, stats.isDirectory() ? 0o700 : 0o600].map((mode) => mode.toString(8))
  return {
    code: "wrong-mode",
    name: path,
    message: `Other users may come to it: its mode is ${is}, expected ${should}`,
    advice: `run: chmod ${should} '${path}'`,
  }
}

function extra(path: string): StoreDefect {
  return {
    code: "extra",
    name: path,
    message: "It is no object of this project, and is never read",
    advice: "look where it comes from, and remove it",
  }
}
