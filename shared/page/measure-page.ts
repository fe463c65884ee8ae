/** Sizes and names, no values: what is shown before anything is saved. Sizes in UTF-16 units, databases in bytes. */
export interface PageMeasure {
  origin: string
  local: { items: number; size: number }
  session: { items: number; size: number }
  /** Names of keys, for what they tell of the login; at most 500. */
  keys: string[]
  /** Null where the browser does not tell. */
  databases: number | null
  /** Of all databases of the origin, where the browser tells it (Chromium). */
  databaseBytes: number | null
  /** In the private file system, in all its folders; null where the browser does not tell in time. */
  files: { items: number; size: number } | null
  /** Origins of the documents around a frame, its parent first; null for a frame where the browser does not tell. */
  ancestors: string[] | null
  /** Origin of the page that led here; "" when there is none. */
  referrer: string
  frames: string[]
}

/** Measures a document's storage; self-contained, answers with one string of ASCII JSON of `PageMeasure`. */
export async function measurePage(): Promise<string> {
  const keys: string[] = []
  const measure = (area: "localStorage" | "sessionStorage") => {
    const found = { items: 0, size: 0 }
    try {
      const storage = window[area]
      const count = Object.getOwnPropertyDescriptor(Storage.prototype, "length")?.get?.call(storage) as number
      for (let i = 0; i < count; i++) {
        const key = Storage.prototype.key.call(storage, i)
        if (key === null) continue
        found.items++
        found.size += key.length + (Storage.prototype.getItem.call(storage, key) ?? "").length
        if (keys.length < 500) keys.push(key.slice(0, 300))
      }
    } catch {
      // Refused: the save names it.
    }
    return found
  }
  const originOf = (url: string) => {
    try {
      return new URL(url).origin
    } catch {
      return ""
    }
  }
  const within = <T>(work: () => Promise<T>): Promise<T | null> => {
    const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), 1000))
    return Promise.race([late, work().catch(() => null)])
  }
  const countFiles = async (folder: FileSystemDirectoryHandle, total: { items: number; size: number }) => {
    // Step by step: through Firefox's Xrays an iterator has no Symbol.asyncIterator.
    const entries = (folder as unknown as { values(): AsyncIterator<FileSystemHandle> }).values()
    for (let step = await entries.next(); step.done !== true; step = await entries.next()) {
      const entry = step.value
      if (entry.kind === "directory") await countFiles(entry as FileSystemDirectoryHandle, total)
      else {
        total.items++
        total.size += (await (entry as FileSystemFileHandle).getFile()).size
      }
    }
    return total
  }
  const none = { items: 0, size: 0 }
  const { ancestorOrigins } = location as { ancestorOrigins?: ArrayLike<string> }
  const [databases, databaseBytes, files] = await Promise.all([
    within(async () => (await indexedDB.databases()).length),
    within(async () => {
      const { usageDetails } = (await navigator.storage.estimate()) as { usageDetails?: { indexedDB?: number } }
      return usageDetails?.indexedDB ?? null
    }),
    // Insecure origins have no such thing.
    within(async () => (isSecureContext ? countFiles(await navigator.storage.getDirectory(), none) : none)),
  ])
  const found: PageMeasure = {
    origin: location.origin,
    local: measure("localStorage"),
    session: measure("sessionStorage"),
    keys,
    databases,
    databaseBytes,
    files,
    ancestors: window.top === window ? [] : ancestorOrigins === undefined ? null : Array.from(ancestorOrigins),
    referrer: document.referrer === "" ? "" : originOf(document.referrer),
    frames: Array.from(document.querySelectorAll("iframe"), ({ src }) => originOf(src)),
  }
  return JSON.stringify(found).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}
