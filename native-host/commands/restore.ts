import { PspError } from "../../shared/errors.js"
import type { BrowserAddress } from "../running-browser.js"
import type { CommandContext, CommandResult } from "../command.js"
import { usersToJson, takeSession, type InUseOptions } from "../in-use.js"
import { writeFormat, writtenFormat, writtenFormats, type FormatOptions } from "../written-formats.js"
import { writeOut } from "../write-out.js"

export type RestoreOptions = InUseOptions &
  BrowserAddress &
  FormatOptions & {
    keep?: boolean
    check?: boolean
    format?: string
    out?: string
  }

/**
 * The session in a running browser, or in another tool's format, on stdout or in a 0600 file. What was not set, or what the
 * format cannot hold, is told.
 */
export async function restore(context: CommandContext, options: RestoreOptions, site: string): Promise<CommandResult> {
  if ((options.cdp ?? options.bidi) !== undefined) {
    return (await import("./restore-browser.js")).restoreIntoBrowser(context, options, site)
  }
  const format = writtenFormat(options.format)
  if (format === null) {
    const got = options.format === undefined ? "" : ` as "${options.format}"`
    throw new PspError(
      "usage",
      `Cannot restore${got}: expected --format ${writtenFormats.join(", ")}, --cdp URL or --bidi URL`,
    )
  }
  const { session, inUse } = await takeSession(context, options, site, { kind: "restored", tool: "psp restore" })
  const { text, gaps } = await writeFormat(format, session, options)
  const all = [...session.snapshot.report.gaps, ...gaps]
  const users = usersToJson(inUse)
  if (options.out === undefined) return { text, json: { format, content: text, ...users, gaps: all }, gaps: all }
  await writeOut(options.out, text)
  return { text: `Wrote ${options.out}`, json: { format, out: options.out, ...users, gaps: all }, gaps: all }
}
