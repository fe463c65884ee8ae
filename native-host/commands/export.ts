import { parseCard } from "../../shared/keys.js"
import { defaultAccount, parseSite } from "../../shared/site.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { findSession, parseEnd } from "../sessions.js"
import { printable } from "../terminal.js"
import { writeOut } from "../write-out.js"

export type ExportOptions = CommonOptions & { to: string; out: string; until?: string }

/** Seals the newest state of a session to one card (and to the owners), into a file; tells what was never captured. */
export async function exportSession(
  context: CommandContext,
  options: ExportOptions,
  siteText: string,
): Promise<CommandResult> {
  const site = parseSite(siteText)
  const account = options.account ?? defaultAccount
  const reader = await parseCard(options.to)
  const until = options.until === undefined ? undefined : parseEnd(options.until, context.now())
  const { session, vault } = await findSession(context, { ...options, account }, site)
  const bytes = await vault.exportTo(reader.text, site, {
    account,
    ...(until === undefined ? {} : { expiresAt: until }),
  })
  await writeOut(options.out, bytes)
  const { gaps } = session.snapshot.report
  return {
    text: `Sealed ${site} to "${printable(reader.name)}" (${reader.fingerprint}) in ${options.out}`,
    json: {
      site,
      account,
      to: { name: reader.name, fingerprint: reader.fingerprint },
      out: options.out,
      bytes: bytes.length,
      gaps,
    },
    gaps,
  }
}
