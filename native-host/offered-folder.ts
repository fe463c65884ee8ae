import { lstat, readdir, realpath, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { PspError } from "../shared/errors.js"
import { isVaultId } from "../shared/object-names.js"
import { codeOf } from "./fs-errors.js"
import { partialFolder } from "./fs-partials.js"

/**
 * Refuses, before anything is opened or made there, a folder that a browser may not choose: PSP_HOME, what is in it but
 * its own `vault`, what it is in, and one that holds anything but what stores of this project leave behind. Links are
 * followed first. Whoever got hold of a page of the extension must not reach the person's files through the host.
 *
 * @param path absolute
 * @throws `bad-config`, without a word of the path
 */
export async function checkOfferedFolder(path: string, home: string): Promise<void> {
  const { existing, missing } = await existingPart(path)
  const own = await existingPart(home)
  if (own.missing.length === 0) {
    const whole = join(existing, ...missing)
    const mayBeDefault = basename(whole) === "vault" && missing.length <= 1
    if (mayBeDefault && (await isSame(dirname(whole), own.existing))) return
    if (
      (await isWithin(existing, own.existing)) ||
      (missing.length === 0 && (await isWithin(own.existing, existing)))
    ) {
      throw bad("it is the folder of PSP's own settings, or has to do with it")
    }
  } else if (`${join(existing, ...missing)}/`.startsWith(`${join(own.existing, ...own.missing)}/`)) {
    throw bad("it is the folder of PSP's own settings, or has to do with it")
  }
  if (missing.length > 0) return
  const entries = await readdir(existing).catch((error: unknown) => {
    throw bad(
      codeOf(error) === "ENOTDIR" ? "it is a file, expected a folder" : "the system does not let us look into it",
    )
  })
  if (entries.every((name) => isVaultId(name) || name === "probe" || name === partialFolder)) return
  throw bad(
    "the folder holds other things than saved sessions; choose an empty one, or set it on this computer with psp config set store",
  )
}

/** A path without links, as far as it is there, and the names after that. */
async function existingPart(path: string): Promise<{ existing: string; missing: string[] }> {
  const missing: string[] = []
  for (let existing = join(path, "."); ; existing = dirname(existing)) {
    try {
      return { existing: await realpath(existing), missing }
    } catch (error) {
      // A link that leads nowhere yet could lead anywhere later.
      if (codeOf(error) !== "ENOENT" || (await isThere(existing)) || dirname(existing) === existing) {
        throw bad("the system does not let us look at it")
      }
      missing.unshift(basename(existing))
    }
  }
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

/** By what the file system says and not by name: letter case and mounts give one folder several names. */
async function isSame(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([stat(a, { bigint: true }), stat(b, { bigint: true })])
  return one.dev === other.dev && one.ino === other.ino
}

/** Also for the folder itself. */
async function isWithin(path: string, folder: string): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    if (await isSame(at, folder)) return true
    if (dirname(at) === at) return false
  }
}

function bad(why: string): PspError {
  return new PspError("bad-config", `Cannot use this folder as store: ${why}; nothing was set`)
}
