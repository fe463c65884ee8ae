import type { StoredObject } from "../provider.js"

export interface OwnPut {
  size: number
  /** A copy; null when there was no room to keep it. */
  bytes: Uint8Array | null
  /** ms ago. */
  age: number
}

/** What one provider wrote and removed a short while ago. */
export interface OwnWrites {
  put(name: string, bytes: Uint8Array): void
  remove(name: string): void
  /** Null for a name that was not written lately. */
  of(name: string): OwnPut | "removed" | null
  /** Own objects under the prefix, in ascending order. */
  putsUnder(prefix: string): StoredObject[]
  clear(): void
}

export interface OwnWritesOptions {
  /** After this time the store shows a write to everybody (ms). */
  settlesAfter: number
  /** Most bytes that are kept; of older objects, and of one that is larger than this, only the name and the size. */
  keepBytes: number
  /** ms, only ever going up. */
  now?: () => number
}

/**
 * For stores that show a write late, also to the one who wrote: the provider adds this to what the store says, so that
 * whoever saved a session finds it, and whoever removed one does not.
 */
export function createOwnWrites({
  settlesAfter,
  keepBytes,
  now = () => performance.now(),
}: OwnWritesOptions): OwnWrites {
  /** The oldest first. */
  const writes = new Map<string, Entry>()
  let kept = 0

  function add(name: string, entry: Entry): void {
    forget(name)
    writes.set(name, entry)
    kept += entry.bytes?.length ?? 0
    for (const [older, { at }] of writes) {
      if (now() - at < settlesAfter) break
      forget(older)
    }
    for (const other of writes.values()) {
      if (kept <= keepBytes) break
      kept -= other.bytes?.length ?? 0
      other.bytes = null
    }
  }

  function forget(name: string): void {
    kept -= writes.get(name)?.bytes?.length ?? 0
    writes.delete(name)
  }

  function find(name: string): Entry | null {
    const entry = writes.get(name)
    return entry !== undefined && now() - entry.at < settlesAfter ? entry : null
  }

  return {
    put: (name, bytes) => {
      add(name, { at: now(), size: bytes.length, bytes: bytes.length > keepBytes ? null : bytes.slice() })
    },
    remove: (name) => add(name, { at: now(), size: null, bytes: null }),
    of: (name) => {
      const entry = find(name)
      if (entry === null) return null
      const { size, bytes, at } = entry
      return size === null ? "removed" : { size, bytes: bytes?.slice() ?? null, age: now() - at }
    },
    putsUnder: (prefix) =>
      [...writes.keys()]
        .filter((name) => name.startsWith(prefix))
        .sort()
        .flatMap((name) => {
          const size = find(name)?.size ?? null
          return size === null ? [] : [{ name, size }]
        }),
    clear: () => {
      writes.clear()
      kept = 0
    },
  }
}

interface Entry {
  at: number
  /** Null for one that was removed. */
  size: number | null
  bytes: Uint8Array | null
}
