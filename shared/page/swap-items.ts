/** Items of localStorage; requests and answers travel as JSON, which keeps lone surrogates. */
export interface ReadItems {
  origin: string
  /** Which keys; null: all that begin with `prefix`. */
  keys: string[] | null
  prefix: string
}

/**
 * The wanted items that are there, as JSON; `"null"` for a document of another origin, and where the browser refuses the
 * storage. Runs inside the page, beside its own scripts, so it is self-contained.
 */
export function readItems(request: string): string {
  const { origin, keys, prefix } = JSON.parse(request) as ReadItems
  try {
    if (self.origin !== origin || location.origin !== origin) return "null"
    const storage = window.localStorage
    const wanted = keys ?? []
    if (keys === null) {
      const count = Object.getOwnPropertyDescriptor(Storage.prototype, "length")?.get?.call(storage) as number
      for (let place = 0; place < count; place++) {
        const key = Storage.prototype.key.call(storage, place)
        if (key?.startsWith(prefix) === true) wanted.push(key)
      }
    }
    const items: [string, string][] = []
    for (const key of wanted) {
      const value = Storage.prototype.getItem.call(storage, key)
      if (value !== null) items.push([key, value])
    }
    return JSON.stringify(items)
  } catch {
    return "null"
  }
}

/** Null stands for no item. */
export type Swap = [key: string, from: string | null, to: string | null]

export interface SwapItems {
  origin: string
  swaps: Swap[]
}

/**
 * Puts values in the place of those that are there, all of them or none: what is not `from` any more was changed by the site since,
 * and stays. Read back; what was there comes back when one could not be written. `"true"` when all are as wanted. Self-contained.
 */
export function swapItems(request: string): string {
  const { origin, swaps } = JSON.parse(request) as SwapItems
  const done: Swap[] = []
  try {
    if (self.origin !== origin || location.origin !== origin) return "false"
    const storage = window.localStorage
    const get = (key: string) => Storage.prototype.getItem.call(storage, key)
    const put = (key: string, value: string | null) => {
      if (value === null) Storage.prototype.removeItem.call(storage, key)
      else Storage.prototype.setItem.call(storage, key, value)
    }
    if (swaps.some(([key, from]) => get(key) !== from)) return "false"
    try {
      for (const swap of swaps) {
        done.push(swap)
        put(swap[0], swap[2])
      }
      if (swaps.every(([key, , to]) => get(key) === to)) return "true"
    } catch {
      // No room, say: undone below.
    }
    // What only shrinks first: the storage may be full to the last byte.
    for (const round of [1, 2]) {
      for (const [key, from] of done) {
        try {
          if (round === 1) put(key, null)
          else put(key, from)
        } catch {
          // The browser took it before; nothing more can be done here.
        }
      }
    }
    return "false"
  } catch {
    return "false"
  }
}
