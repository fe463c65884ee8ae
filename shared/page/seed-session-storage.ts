/**
 * Fills the sessionStorage of the tab that visits an origin first, before the site's first script. Runs in every new document
 * until somebody takes it away, which cannot be at once; until then these hold:
 *
 * - a document that leaves before it was told to keep the seed leaves a mark, whatever the site did to its storage before, so
 *   that the next one in this tab does not seed again (a logout followed by a reload), and leaves one in its turn;
 * - the event `mark` with detail `keep` ends the watch, `undo` takes the seed back, and `ask` is answered by `preventDefault`.
 *
 * First-party seeds are for documents that have only frames of their own site above them. Below another site, storage is
 * partitioned: seeds with `top` are for documents that have that site at the top, and another than their own above them.
 */
export function seedSessionStorage({ mark, origin, site, top, items, replace }: Seed): void {
  if (self.origin !== origin || !dispatchEvent(new CustomEvent(mark, { detail: "ask", cancelable: true }))) return
  const isOf = (wanted: string) => (above: string) => {
    const { protocol, hostname } = new URL(above === "null" ? "about:blank" : above)
    const [scheme, host] = wanted.split("//") as [string, string]
    return protocol === scheme && (hostname === host || hostname.endsWith(`.${host}`))
  }
  try {
    // `ancestorOrigins` is missing in Firefox before 153: there only the top document is sure.
    const above = "ancestorOrigins" in location ? [...location.ancestorOrigins] : null
    const isOwn = isOf(`${location.protocol}//${site}`)
    const isFirstParty = window === window.top || above?.every(isOwn) === true
    if (top === null ? !isFirstParty : isFirstParty || !isOf(top)(above?.at(-1) ?? "null")) return
    const storage = window.sessionStorage
    const wasSeeded = storage.getItem(mark) !== null
    storage.removeItem(mark)
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
    if (replace && !wasSeeded) storage.clear()
    for (const [key, value] of wasSeeded ? [] : items) put(key, value)

    const leave = () => put(mark, "")
    const listen = (event: Event) => {
      const { detail } = event as CustomEvent<unknown>
      if (detail === "ask") event.preventDefault()
      if (detail !== "keep" && detail !== "undo") return
      removeEventListener("beforeunload", leave)
      removeEventListener("pagehide", leave)
      removeEventListener(mark, listen)
      storage.removeItem(mark)
      if (detail === "keep" || wasSeeded) return
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
  /** Scheme and site of the page at the top, for partitioned storage; null for first-party storage. */
  top: string | null
  items: [string, string][]
  /** Empty the storage before. */
  replace: boolean
}
