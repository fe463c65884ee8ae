/**
 * Puts an origin's storage into the state it had, reads it back, and answers with one string of ASCII JSON:
 *
 *     { "local": [3] | "SecurityError" | null, "session": … }
 *
 * A list names the items (by place in the list that came in) that are not there afterwards; a string is the error that kept
 * all of them out. Runs in a blank page of the origin. sessionStorage is only tried out there and emptied again, because it
 * belongs to the tab that comes later.
 */
export function writeStorage({ local, session, existing }: WriteStorage): string {
  const removeOthers = (storage: Storage, items: [string, string][]) => {
    const wanted = new Set(items.map(([key]) => key))
    for (let place = storage.length - 1; place >= 0; place--) {
      const key = storage.key(place)
      if (key !== null && !wanted.has(key)) storage.removeItem(key)
    }
  }
  const write = (area: "localStorage" | "sessionStorage", items: [string, string][] | null) => {
    if (items === null) return null
    try {
      const storage = window[area]
      if (existing === "replace") storage.clear()
      if (existing === "update") removeOthers(storage, items)
      // What is the same already wakes no page. Once more for those that found room only when later ones had shrunk.
      for (const round of existing === "update" ? [1, 2] : [1]) {
        for (const [key, value] of items) {
          if (round === 2 && storage.getItem(key) === value) continue
          try {
            storage.setItem(key, value)
          } catch {
            // Over the quota: smaller ones may still fit, and the list tells.
          }
        }
      }
      return items.flatMap(([key, value], index) => (storage.getItem(key) === value ? [] : [index]))
    } catch (error) {
      return error instanceof Error || error instanceof DOMException ? error.name : "Error"
    }
  }
  const answer = { local: write("localStorage", local), session: write("sessionStorage", session) }
  if (Array.isArray(answer.session)) sessionStorage.clear()
  return JSON.stringify(answer)
}

export interface WriteStorage {
  local: [string, string][] | null
  session: [string, string][] | null
  /** What becomes of what is there: it goes before, it stays, or (`update`) only what is to be different changes. */
  existing: "replace" | "keep" | "update"
}
