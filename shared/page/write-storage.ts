/**
 * Puts an origin's storage into the state it had, reads it back, and answers with one string of ASCII JSON:
 *
 *     { "origin": "https://app.example.com", "isBlank": true, "local": [3] | "QuotaExceededError" | null, "session": … }
 *
 * A list names the items (by place in the list that came in) that are not there afterwards; a string is the error that kept
 * all of them out. Runs in a blank page of the origin that carries `mark` on its root element: when it does not, something
 * else answered (a service worker, a redirect) and nothing is written. sessionStorage is only tried out here and emptied
 * again, because it belongs to the tab that comes later.
 */
export function writeStorage({ mark, local, session, replace }: WriteStorage): string {
  const write = (area: "localStorage" | "sessionStorage", items: [string, string][] | null) => {
    if (items === null) return null
    try {
      const storage = window[area]
      if (replace) storage.clear()
      for (const [key, value] of items) {
        try {
          storage.setItem(key, value)
        } catch {
          // Over the quota: smaller ones may still fit, and the list tells.
        }
      }
      return items.flatMap(([key, value], index) => (storage.getItem(key) === value ? [] : [index]))
    } catch (error) {
      return error instanceof Error || error instanceof DOMException ? error.name : "Error"
    }
  }
  const isBlank = document.documentElement.getAttribute("data-psp") === mark
  const answer = {
    origin: location.origin,
    isBlank,
    local: isBlank ? write("localStorage", local) : null,
    session: isBlank ? write("sessionStorage", session) : null,
  }
  if (isBlank && session !== null && typeof answer.session !== "string") sessionStorage.clear()
  return JSON.stringify(answer)
}

export interface WriteStorage {
  mark: string
  local: [string, string][] | null
  session: [string, string][] | null
  /** Empty each area before writing to it. */
  replace: boolean
}
