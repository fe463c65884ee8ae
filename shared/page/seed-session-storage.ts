/**
 * Fills the sessionStorage of the tab that visits an origin first, before the site's first script. Runs in every new document
 * until somebody takes it away, which cannot be at once; until then these hold:
 *
 * - a document that leaves before it was told to keep the seed leaves a mark, whatever the site did to its storage before, so
 *   that the next one in this tab does not seed again (a logout followed by a reload) and takes the mark away;
 * - the event `mark` with detail `keep` ends the watch, `undo` takes the seed back, and `ask` is answered by `preventDefault`.
 *
 * Frames are seeded when every frame above them is of the same site: otherwise their storage is another one, partitioned.
 */
export function seedSessionStorage({ mark, origin, site, items, replace }: Seed): void {
  if (self.origin !== origin || !dispatchEvent(new CustomEvent(mark, { detail: "ask", cancelable: true }))) return
  const isOfSite = (above: string) => {
    const { protocol, hostname } = new URL(above)
    return protocol === location.protocol && (hostname === site || hostname.endsWith(`.${site}`))
  }
  try {
    // `ancestorOrigins` is missing in Firefox: there only the top document is sure.
    const above = "ancestorOrigins" in location ? [...location.ancestorOrigins] : null
    if (window !== window.top && above?.every(isOfSite) !== true) return
    const storage = window.sessionStorage
    if (storage.getItem(mark) !== null) {
      storage.removeItem(mark)
      return
    }
    const before: [string, string][] = []
    for (let i = 0; i < storage.length; i++) {
      const key = storage.key(i) ?? ""
      before.push([key, storage.getItem(key) ?? ""])
    }
    const put = (key: string, value: string) => {
      try {
        storage.setItem(key, value)
      } catch {
        // Over the quota: the restore tried all of it before and reported.
      }
    }
    if (replace) storage.clear()
    for (const [key, value] of items) put(key, value)

    const leave = () => put(mark, "")
    const listen = (event: Event) => {
      const { detail } = event as CustomEvent<unknown>
      if (detail === "ask") event.preventDefault()
      if (detail !== "keep" && detail !== "undo") return
      removeEventListener("beforeunload", leave)
      removeEventListener("pagehide", leave)
      removeEventListener(mark, listen)
      storage.removeItem(mark)
      if (detail === "keep") return
      for (const [key, value] of items) if (storage.getItem(key) === value) storage.removeItem(key)
      for (const [key, value] of before) if (storage.getItem(key) === null) put(key, value)
    }
    addEventListener("beforeunload", leave)
    addEventListener("pagehide", leave)
    addEventListener(mark, listen)
  } catch {
    // A document without storage (sandboxed, cookies blocked) has nothing to seed.
  }
}

/** Tells the document whether its seed is for good (`keep`) or not for it (`undo`); true when it is at the seed's origin. */
export function settleSeed({
  mark,
  origin,
  detail,
}: {
  mark: string
  origin: string
  detail: "keep" | "undo" | "sweep"
}): boolean {
  if (self.origin !== origin) return false
  dispatchEvent(new CustomEvent(mark, { detail }))
  try {
    sessionStorage.removeItem(mark)
  } catch {
    // No storage, no mark.
  }
  return true
}

export interface Seed {
  /** A random name: of the event, and of the mark in sessionStorage. */
  mark: string
  origin: string
  /** Site of the origin. */
  site: string
  items: [string, string][]
  /** Empty the storage before. */
  replace: boolean
}
