export interface StoredFiles {
  files: number
  bytes: number
  entries: { path: string; data: string | null }[]
  /** Paths of files that were not read (over the limit, or refused), and of folders that could not be listed to their end. */
  left: string[]
}

/**
 * Reads the origin private file system: files as Base64, folders as null; self-contained, answers with one string of ASCII
 * JSON of `StoredFiles`, or null where the origin has none (insecure origins have no such thing).
 *
 * @param argument `max`: most bytes of all files together
 */
export async function readFiles({ max }: { max: number }): Promise<string> {
  const found: StoredFiles = { files: 0, bytes: 0, entries: [], left: [] }
  const base64 = (bytes: Uint8Array) => {
    const modern = (bytes as { toBase64?: () => string }).toBase64
    if (modern !== undefined) return modern.call(bytes)
    let text = ""
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
    return btoa(text)
  }
  const read = async (folder: FileSystemDirectoryHandle, prefix: string): Promise<void> => {
    // Step by step: through Firefox's Xrays an iterator has no Symbol.asyncIterator.
    const entries = (folder as unknown as { values(): AsyncIterator<FileSystemHandle> }).values()
    for (let step = await entries.next(); step.done !== true; step = await entries.next()) {
      const entry = step.value
      const path = `${prefix}${entry.name}`
      if (entry.kind === "directory") {
        found.entries.push({ path, data: null })
        // What cannot be listed costs no other folder.
        await read(entry as FileSystemDirectoryHandle, `${path}/`).catch(() => found.left.push(path))
        continue
      }
      found.files++
      try {
        const file = await (entry as FileSystemFileHandle).getFile()
        if (found.bytes + file.size > max) {
          found.left.push(path)
          continue
        }
        found.bytes += file.size
        found.entries.push({ path, data: base64(new Uint8Array(await file.arrayBuffer())) })
      } catch {
        found.left.push(path)
      }
    }
  }
  try {
    await read(await navigator.storage.getDirectory(), "")
  } catch {
    if (found.files === 0) return "null"
    found.left.push("")
  }
  return JSON.stringify(found).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}
