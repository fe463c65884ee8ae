/** As `lookAtLogin` answers. */
export interface LoginSight {
  url: string
  /** HTTP; 0 where the browser does not tell. */
  status: number
  /** The document and all it named have come. */
  isLoaded: boolean
  /** null: not looked for. */
  hasText: boolean | null
  hasElement: boolean | null
  asksPassword: boolean
}

/**
 * Looks whether the page shows what is there when one is logged in; self-contained, answers with JSON of `LoginSight`. Only
 * what a person could see counts: an element that is not drawn is not there.
 */
export function lookAtLogin({ text, selector }: { text: string | null; selector: string | null }): string {
  const [navigation] = performance.getEntriesByType("navigation") as (PerformanceEntry & { responseStatus?: number })[]
  const isDrawn = (element: Element) => element.getClientRects().length > 0
  const plain = (words: string) => words.replace(/\s+/g, " ").trim()
  const find = (css: string) => {
    try {
      return Array.from(document.querySelectorAll(css)).some(isDrawn)
    } catch {
      // No CSS at all.
      return false
    }
  }
  return JSON.stringify({
    url: location.href,
    status: navigation?.responseStatus ?? 0,
    isLoaded: document.readyState === "complete",
    // The body is missing while the document begins.
    hasText: text === null ? null : plain((document.body as HTMLElement | null)?.innerText ?? "").includes(plain(text)),
    hasElement: selector === null ? null : find(selector),
    asksPassword: find("input[type=password]"),
  } satisfies LoginSight)
}
