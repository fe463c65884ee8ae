/** What to look at; the rest is left alone. */
export interface ReadPage {
  local: boolean
  session: boolean
  /** Names the databases and counts what cannot be carried; nothing is opened. */
  counts: boolean
}

/** What `readPage` answers for one document, as JSON. */
export interface PageReading {
  /** `"null"` for a document without storage of its own: sandboxed, `about:blank`, `srcdoc`. Nothing is read there. */
  origin: string
  url: string
  /** Key and value; null when the browser refuses the storage (blocked cookies, sandboxed frames). */
  local?: [string, string][] | null
  session?: [string, string][] | null
  /** Names of the exceptions, by area. */
  errors: Record<string, string>
  /** Origins of the documents around a frame, its parent first; null for a frame where the browser does not tell. */
  ancestors: string[] | null
  /** Origins that this document embeds. */
  frames: string[]
  /** Origin of the page that led here; "" when there is none. */
  referrer: string
  counts?: PageCounts
}

export interface PageCounts {
  /** Null where the browser does not tell. */
  databases: { name: string; version: number }[] | null
  /** Files in the origin's private file system; null where the browser does not tell. */
  opfs: { files: number; bytes: number } | null
  cacheStorage: { caches: number; entries: number } | null
  serviceWorkers: { scopes: number } | null
}

/**
 * Reads a document's localStorage and sessionStorage, and counts what else its origin holds. Runs inside the page (isolated
 * world, or a blank page of the origin), so it is self-contained, and answers with one string of ASCII JSON:
 * `executeScript` and BiDi lose lone surrogates.
 *
 * Keys come from `Storage.prototype.key`: `Object.keys` loses one that is called `length`, and a page may have put its own
 * functions on the instance. No count may hold up the rest: each has two seconds.
 */
export async function readPage({ local, session, counts }: ReadPage): Promise<string> {
  const errors: Record<string, string> = {}
  const read = (area: "localStorage" | "sessionStorage") => {
    try {
      const storage = window[area]
      const count = Object.getOwnPropertyDescriptor(Storage.prototype, "length")?.get?.call(storage) as number
      const items: [string, string][] = []
      for (let i = 0; i < count; i++) {
        const key = Storage.prototype.key.call(storage, i)
        const value = key === null ? null : Storage.prototype.getItem.call(storage, key)
        // null: another tab removed it while we read.
        if (key !== null && value !== null) items.push([key, value])
      }
      return items
    } catch (error) {
      errors[area] = error instanceof Error || error instanceof DOMException ? error.name : "Error"
      return null
    }
  }
  const originOf = (url: string) => {
    try {
      return new URL(url).origin
    } catch {
      return "null"
    }
  }
  const within = <T>(work: () => Promise<T>): Promise<T | null> => {
    const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), 2000))
    return Promise.race([late, work().catch(() => null)])
  }
  const countFiles = async (folder: FileSystemDirectoryHandle, total: { files: number; bytes: number }) => {
    // Step by step: through Firefox's Xrays an iterator has no Symbol.asyncIterator.
    const entries = (folder as unknown as { values(): AsyncIterator<FileSystemHandle> }).values()
    for (let step = await entries.next(); step.done !== true; step = await entries.next()) {
      const entry = step.value
      if (entry.kind === "directory") await countFiles(entry as FileSystemDirectoryHandle, total)
      else {
        total.files++
        total.bytes += (await (entry as FileSystemFileHandle).getFile()).size
      }
    }
    return total
  }
  const countAll = async () => {
    const [databases, opfs, cacheStorage, serviceWorkers] = await Promise.all([
      within(async () => (await indexedDB.databases()).map(({ name = "", version = 0 }) => ({ name, version }))),
      within(async () => {
        const none = { files: 0, bytes: 0 }
        // Insecure origins have no such thing.
        return isSecureContext ? countFiles(await navigator.storage.getDirectory(), none) : none
      }),
      within(async () => {
        if (!isSecureContext) return { caches: 0, entries: 0 }
        const names = await caches.keys()
        const sizes = await Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).length))
        return { caches: names.length, entries: sizes.reduce((sum, size) => sum + size, 0) }
      }),
      // Private windows of Firefox have none.
      within(async () =>
        "serviceWorker" in navigator
          ? { scopes: (await navigator.serviceWorker.getRegistrations()).length }
          : { scopes: 0 },
      ),
    ])
    return { databases, opfs, cacheStorage, serviceWorkers }
  }
  // A sandboxed document keeps its address and loses its origin; `about:blank` shows its parent's storage as its own.
  const isOwn = self.origin === location.origin
  const { ancestorOrigins } = location as { ancestorOrigins?: ArrayLike<string> }
  const reading: PageReading = {
    origin: isOwn ? location.origin : "null",
    url: location.href,
    ...(local && isOwn ? { local: read("localStorage") } : {}),
    ...(session && isOwn ? { session: read("sessionStorage") } : {}),
    errors,
    ancestors: window.top === window ? [] : ancestorOrigins === undefined ? null : Array.from(ancestorOrigins),
    frames: Array.from(document.querySelectorAll("iframe"), ({ src }) => originOf(src)),
    referrer: document.referrer === "" ? "" : originOf(document.referrer),
    ...(counts && isOwn ? { counts: await countAll() } : {}),
  }
  return JSON.stringify(reading).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}
