/**
 * Writes files (Base64) and folders (null) into the origin private file system of a blank page; self-contained, answers with
 * one string of ASCII JSON: the places of the entries that are not there afterwards.
 */
export async function writeFiles({ entries, replace }: WriteFiles): Promise<string> {
  const failed: number[] = []
  try {
    const root = await navigator.storage.getDirectory()
    if (replace) {
      const names: string[] = []
      for await (const name of (root as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name)
      for (const name of names) await root.removeEntry(name, { recursive: true }).catch(() => undefined)
    }
    for (const [index, { path, data }] of entries.entries()) {
      try {
        const steps = path.split("/")
        const name = steps.pop() ?? ""
        let folder = root
        for (const step of steps) folder = await folder.getDirectoryHandle(step, { create: true })
        if (data === null) {
          await folder.getDirectoryHandle(name, { create: true })
          continue
        }
        const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0))
        const handle = await folder.getFileHandle(name, { create: true })
        const stream = await handle.createWritable()
        await stream.write(bytes)
        await stream.close()
        if ((await handle.getFile()).size !== bytes.length) failed.push(index)
      } catch {
        failed.push(index)
      }
    }
  } catch {
    return JSON.stringify(entries.map((_, index) => index))
  }
  return JSON.stringify(failed)
}

export interface WriteFiles {
  entries: { path: string; data: string | null }[]
  /** Empty it before. */
  replace: boolean
}
