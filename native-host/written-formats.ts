import type { Export } from "../shared/formats/export.js"
import type { LoadedSession } from "../shared/vault.js"

/** What other tools read, in their own words. */
export const writtenFormats = [
  "playwright",
  "puppeteer",
  "cookie-editor",
  "netscape",
  "curl",
  "curl-jar",
  "browser-use",
  "agent-browser",
] as const
export type WrittenFormat = (typeof writtenFormats)[number]

export interface FormatOptions {
  /** For curl: what its header is for. */
  url?: string
  /** Of Playwright. */
  targetVersion?: string
  /** What `--target-version` was called before. */
  toolVersion?: string
}

/** Null for what is none. */
export function writtenFormat(name: string | undefined): WrittenFormat | null {
  return writtenFormats.find((known) => known === name) ?? null
}

/** The session in that format, and what it could not hold. */
export async function writeFormat(
  format: WrittenFormat,
  { snapshot, site }: Pick<LoadedSession, "snapshot" | "site">,
  { url = `https://${site}/`, targetVersion, toolVersion }: FormatOptions,
): Promise<Export> {
  const version = targetVersion ?? toolVersion
  switch (format) {
    case "playwright":
      return (await import("../shared/formats/playwright.js")).snapshotToPlaywright(
        snapshot,
        version === undefined ? {} : { version },
      )
    case "puppeteer":
      return (await import("../shared/formats/puppeteer.js")).snapshotToPuppeteer(snapshot)
    case "cookie-editor":
      return (await import("../shared/formats/cookie-editor.js")).snapshotToCookieEditor(snapshot)
    case "netscape":
      return (await import("../shared/formats/netscape.js")).snapshotToNetscape(snapshot)
    case "curl":
      return (await import("../shared/formats/curl.js")).snapshotToCurl(snapshot, { url })
    case "curl-jar":
      return (await import("../shared/formats/curl-jar.js")).snapshotToCurlJar(snapshot)
    case "browser-use":
      return (await import("../shared/formats/browser-use.js")).snapshotToBrowserUse(snapshot)
    case "agent-browser":
      return (await import("../shared/formats/agent-browser.js")).snapshotToAgentBrowser(snapshot)
  }
}
