import { describe, expect, it } from "vitest"
import { contextGaps, contextOptions } from "../../../shared/adapters/context-options.js"
import type { BrowserContextState } from "../../../shared/snapshot.js"

const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
const engine = { name: "chromium", version: "156.0.8078.79" }

function state(fields: Partial<BrowserContextState> = {}): BrowserContextState {
  return {
    userAgent: chrome,
    clientHints: null,
    languages: ["de-AT"],
    timezone: "Europe/Vienna",
    viewport: { width: 1280, height: 720, scale: 2 },
    colorScheme: "dark",
    ...fields,
  }
}

describe("options of a context", () => {
  it("are empty when nothing is known of the browser", () => {
    expect(contextOptions({})).toEqual({})
  })

  it("carry what the site saw", () => {
    expect(contextOptions({ context: state() })).toEqual({
      userAgent: chrome,
      locale: "de-AT",
      timezoneId: "Europe/Vienna",
      viewport: { width: 1280, height: 720 },
      deviceScaleFactor: 2,
      colorScheme: "dark",
    })
  })

  it("carry more than one language in the header, weighed as Chrome does", () => {
    const languages = ["de-AT", "de", "en"]
    const { locale, extraHTTPHeaders } = contextOptions({ context: state({ languages }) })
    expect(locale).toBe("de-AT")
    expect(extraHTTPHeaders).toEqual({ "accept-language": "de-AT,de;q=0.9,en;q=0.8" })
    const many = Array.from({ length: 14 }, (_, index) => `x-${index}`)
    const header = contextOptions({ context: state({ languages: many }) }).extraHTTPHeaders?.["accept-language"] ?? ""
    expect(header.endsWith("x-12;q=0.1,x-13;q=0.1")).toBe(true)
  })

  it("leave out what was never there", () => {
    const empty = state({ languages: [], timezone: "", viewport: { width: 0, height: 0, scale: 0 } })
    expect(contextOptions({ context: empty })).toEqual({ userAgent: chrome, colorScheme: "dark" })
  })

  it("round what zoom makes of a viewport", () => {
    const viewport = { width: 853.33, height: 480.5, scale: 1.5 }
    expect(contextOptions({ context: state({ viewport }) }).viewport).toEqual({ width: 853, height: 481 })
  })
})

describe("a context that differs", () => {
  it("is no gap when it shows what was captured", () => {
    expect(contextGaps(state(), state(), engine)).toEqual([])
    expect(contextGaps(state(), state({ viewport: { width: 1, height: 1, scale: 1 } }), engine)).toEqual([])
  })

  it("is one gap that names everything and the way to do it", () => {
    const [gap, ...others] = contextGaps(state(), state({ timezone: "UTC", languages: ["en-US"] }), engine)
    expect(gap).toMatchObject({ kind: "context", what: "timezone, language", count: 2 })
    expect(gap?.fix).toContain("contextOptions(snapshot)")
    expect(others).toEqual([])
  })

  it("is a gap when the user agent is of another version or engine than the browser", () => {
    const why = (userAgent: string) => contextGaps(state({ userAgent }), null, engine).map((gap) => gap.why)
    expect(why(chrome.replace("Chrome/156", "HeadlessChrome/156"))).toEqual([])
    expect(why(chrome.replace("156", "99"))[0]).toContain("chromium 99, this is chromium 156")
    expect(why("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0")[0]).toContain("firefox 153")
    expect(why("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/19.1 Safari/605.1.15")[0]).toContain("webkit 19")
    expect(why("curl/8.0")).toEqual([])
  })

  it("says nothing of an engine that does not tell its version", () => {
    expect(contextGaps(state({ userAgent: chrome.replace("156", "99") }), null, null)).toEqual([])
  })
})
