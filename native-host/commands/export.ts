import { fileNames } from "../../shared/granted-names.js"
import { parseCard } from "../../shared/keys.js"
import { defaultAccount, parseSite } from "../../shared/site.js"
import { sayOddities } from "../card-oddities.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { parseChoice, type ChoiceOptions } from "../grant-choice.js"
import { findSession, parseEnd, record } from "../sessions.js"
import { printable } from "../terminal.js"
import { writeOut } from "../write-out.js"

export type ExportOptions = CommonOptions & ChoiceOptions & { to: string; out: string; until?: string }

/**
 * Seals the newest state of a session to one card, into a file; tells what was never captured. The whole of it opens for the owners, too;
 * with an end, kinds or names of its own only for that card.
 */
export async function exportSession(
  context: CommandContext,
  options: ExportOptions,
  siteText: string,
): Promise<CommandResult> {
  const site = parseSite(siteText)
  const account = options.account ?? defaultAccount
  const reader = await parseCard(options.to)
  const until = options.until === undefined ? undefined : parseEnd(options.until, context.now())
  const choice = parseChoice(options, "export")
  const { session, vault } = await findSession(context, { ...options, account }, site)
  if (vault.isOwner) await sayOddities(context, vault, reader)
  const bytes = await vault.exportTo(reader.text, site, {
    account,
    ...(until === undefined ? {} : { expiresAt: until }),
    ...choice,
  })
  await record(context, vault, {
    kind: "granted",
    site,
    account,
    tool: "psp export",
    bot: { name: reader.name, fingerprint: reader.fingerprint },
    names: fileNames({
      sites: session.snapshot.sites,
      kinds: choice.kinds ?? "all",
      names: choice.names ?? null,
      expiresAt: Math.min(until ?? Infinity, session.expiresAt),
    }),
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
