export interface StoredFiles {
  files: number
  bytes: number
  entries: { path: string; data: string | null }[]
  /** How many files were not read (over the limit, or refused), and folders that could not be listed to their end. */
  left: number
}

/**
 * Reads the origin private file system: files as Base64, folders as null; self-contained, answers with one string of ASCII
 * JSON of `StoredFiles`, or null where the origin has none (insecure origins have no such thing).
 *
 * @param argument `max`: most bytes that all entries together may have in the sealed JSON
 */
export async function readFiles({ max }: { max: number }): Promise<string> {
  const found: StoredFiles = { files: 0, bytes: 0, entries: [], left: 0 }
  const base64 = (bytes: Uint8Array) => {
    const modern = (bytes as { toBase64?: () => string }).toBase64
    if (modern !== undefined) return modern.call(bytes)
    let text = ""
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
    return btoa(text)
  }
  let size = 0
  /** An entry as it is sealed: `{"path":…,"data":"…"},`, its bytes in Base64. */
  const takes = (path: string, bytes: number) => {
    const more = ascii(JSON.stringify(path)).length + Math.ceil(bytes / 3) * 4 + 21
    if (size + more > max) return false
    size += more
    return true
  }
  const ascii = (text: string) =>
    text.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
  const read = async (folder: FileSystemDirectoryHandle, prefix: string): Promise<void> => {
    // Step by step: through Firefox's Xrays an iterator has no Symbol.asyncIterator.
    const entries = (folder as unknown as { values(): AsyncIterator<FileSystemHandle> }).values()
    for (let step = await entries.next(); step.done !== true; step = await entries.next()) {
      const entry = step.value
      const path = `${prefix}${entry.name}`
      if (entry.kind === "directory") {
        if (!takes(path, 0)) {
          found.left++
          continue
        }
        found.entries.push({ path, data: null })
        // What cannot be listed costs no other folder.
        await read(entry as FileSystemDirectoryHandle, `${path}/`).catch(() => {
          found.left++
        })
        continue
      }
      found.files++
      try {
        const file = await (entry as FileSystemFileHandle).getFile()
        if (!takes(path, file.size)) {
          found.left++
          continue
        }
        found.bytes += file.size
        found.entries.push({ path, data: base64(new Uint8Array(await file.arrayBuffer())) })
      } catch {
        found.left++
      }
    }
  }
  try {
    await read(await navigator.storage.getDirectory(), "")
  } catch {
    if (found.files === 0) return "null"
    found.left++
  }
  return ascii(JSON.stringify(found))
}
