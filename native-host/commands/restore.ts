import { PspError } from "../../shared/errors.js"
import type { Export } from "../../shared/formats/export.js"
import type { LoadedSession } from "../../shared/vault.js"
import type { BrowserAddress } from "../running-browser.js"
import type { CommandContext, CommandResult } from "../command.js"
import { leaseToJson, takeSession, type InUseOptions } from "../in-use.js"
import { writeOut } from "../write-out.js"

export type RestoreOptions = InUseOptions &
  BrowserAddress & {
    keep?: boolean
    check?: boolean
    format?: string
    out?: string
    url?: string
    targetVersion?: string
    /** What `--target-version` was called before. */
    toolVersion?: string
  }

const formats = [
  "playwright",
  "puppeteer",
  "cookie-editor",
  "netscape",
  "curl",
  "curl-jar",
  "browser-use",
  "agent-browser",
] as const

/**
 * The session in a running browser, or in another tool's format, on stdout or in a 0600 file. What was not set, or what the
 * format cannot hold, is told.
 */
export async function restore(context: CommandContext, options: RestoreOptions, site: string): Promise<CommandResult> {
  if ((options.cdp ?? options.bidi) !== undefined) {
    return (await import("./restore-browser.js")).restoreIntoBrowser(context, options, site)
  }
  const format = formats.find((name) => name === options.format)
  if (format === undefined) {
    const got = options.format === undefined ? "" : ` as "${options.format}"`
    throw new PspError(
      "usage",
      `Cannot restore${got}: expected --format ${formats.join(", ")}, --cdp URL or --bidi URL`,
    )
  }
  const { session, inUse } = await takeSession(context, options, site, "psp restore")
  const { text, gaps } = await write(format, session, options)
  const all = [...session.snapshot.report.gaps, ...gaps]
  const users = inUse.map(leaseToJson)
  if (options.out === undefined) return { text, json: { format, content: text, inUse: users, gaps: all }, gaps: all }
  await writeOut(options.out, text)
  return { text: `Wrote ${options.out}`, json: { format, out: options.out, inUse: users, gaps: all }, gaps: all }
}

async function write(
  format: (typeof formats)[number],
  { snapshot, site }: LoadedSession,
  { url = `https://${site}/`, targetVersion, toolVersion }: RestoreOptions,
): Promise<Export> {
  const version = targetVersion ?? toolVersion
  switch (format) {
    case "playwright":
      return (await import("../../shared/formats/playwright.js")).snapshotToPlaywright(
        snapshot,
        version === undefined ? {} : { version },
      )
    case "puppeteer":
      return (await import("../../shared/formats/puppeteer.js")).snapshotToPuppeteer(snapshot)
    case "cookie-editor":
      return (await import("../../shared/formats/cookie-editor.js")).snapshotToCookieEditor(snapshot)
    case "netscape":
      return (await import("../../shared/formats/netscape.js")).snapshotToNetscape(snapshot)
    case "curl":
      return (await import("../../shared/formats/curl.js")).snapshotToCurl(snapshot, { url })
    case "curl-jar":
      return (await import("../../shared/formats/curl-jar.js")).snapshotToCurlJar(snapshot)
    case "browser-use":
      return (await import("../../shared/formats/browser-use.js")).snapshotToBrowserUse(snapshot)
    case "agent-browser":
      return (await import("../../shared/formats/agent-browser.js")).snapshotToAgentBrowser(snapshot)
  }
}
