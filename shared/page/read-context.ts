/**
 * Reads what a site can see of the browser; self-contained, answers with one string of ASCII JSON of
 * `BrowserContextState` (see snapshot.ts). `clientHints` is null where the browser has none.
 */
export async function readContext(): Promise<string> {
  interface UserAgentData {
    brands: { brand: string; version: string }[]
    mobile: boolean
    platform: string
    getHighEntropyValues(names: string[]): Promise<Record<string, unknown>>
  }
  const data = (navigator as { userAgentData?: UserAgentData }).userAgentData
  const brandsOf = (list: unknown) =>
    Array.isArray(list)
      ? list.map((item: { brand?: unknown; version?: unknown }) => ({
          brand: String(item.brand),
          version: String(item.version),
        }))
      : []
  const textOf = (value: unknown) => (typeof value === "string" ? value : "")
  let clientHints = null
  if (data !== undefined) {
    const names = ["architecture", "bitness", "fullVersionList", "model", "platformVersion", "wow64"]
    const nothing: Record<string, unknown> = {}
    const high = await data.getHighEntropyValues(names).catch(() => nothing)
    clientHints = {
      brands: brandsOf(data.brands),
      fullVersionList: brandsOf(high["fullVersionList"]),
      platform: data.platform,
      platformVersion: textOf(high["platformVersion"]),
      architecture: textOf(high["architecture"]),
      bitness: textOf(high["bitness"]),
      model: textOf(high["model"]),
      mobile: data.mobile,
      wow64: high["wow64"] === true,
    }
  }
  const state = {
    userAgent: navigator.userAgent,
    clientHints,
    languages: [...navigator.languages],
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    viewport: { width: window.innerWidth, height: window.innerHeight, scale: window.devicePixelRatio },
    colorScheme: window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
  }
  return JSON.stringify(state).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}
