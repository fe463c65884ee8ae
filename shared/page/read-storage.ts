/**
 * Reads a document's localStorage and sessionStorage. Runs inside the page (isolated world, or a blank page of the origin),
 * so it is self-contained, and answers with one string of ASCII JSON: `executeScript` and BiDi lose lone surrogates.
 *
 *     { "origin": "https://app.example.com", "url": …, "local": [[key, value], …] | null, "session": …,
 *       "errors": { "localStorage"?: "SecurityError" }, "ancestors": ["https://example.com"], "frames": ["https://…"] }
 *
 * Keys come from `Storage.prototype.key`: `Object.keys` loses one that is called `length`, and a page may have put its own
 * functions on the instance. A list is null when the browser refuses the storage (blocked cookies, sandboxed frames).
 *
 * `ancestors` are the origins of the documents around a frame, its parent first: below another site, storage is another
 * one (partitioned). null for a frame where the browser does not tell. `frames` are the origins this document embeds.
 */
export function readStorage({ local, session }: { local: boolean; session: boolean }): string {
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
  const { ancestorOrigins } = location as { ancestorOrigins?: ArrayLike<string> }
  const ancestors = window.top === window ? [] : ancestorOrigins === undefined ? null : Array.from(ancestorOrigins)
  const frames = Array.from(document.querySelectorAll("iframe"), ({ src }) => {
    try {
      return new URL(src).origin
    } catch {
      return "null"
    }
  })
  const state = {
    origin: location.origin,
    url: location.href,
    local: local ? read("localStorage") : undefined,
    session: session ? read("sessionStorage") : undefined,
    errors,
    ancestors,
    frames,
  }
  return JSON.stringify(state).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}
