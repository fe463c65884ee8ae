import { PspError } from "../../shared/errors.js"
import { defaultAccount, parseSite } from "../../shared/site.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { openVaultFor, removeImported } from "../sessions.js"

/** Forgets a session: its objects, its entry, and files that were imported for it. */
export async function remove(
  context: CommandContext,
  options: CommonOptions,
  siteText: string,
): Promise<CommandResult> {
  const site = parseSite(siteText)
  const account = options.account ?? defaultAccount
  const vault = await openVaultFor(context, options)
  const files = await removeImported(context.home, vault, site, account)
  const isKnown = vault.known().some((known) => known.site === site && known.account === account)
  const { removed } = vault.isOwner || isKnown ? await vault.remove(site, { account }) : { removed: 0 }
  if (files + removed === 0) {
    throw new PspError("not-found", `Cannot remove the session of ${site}: nothing is saved for it`)
  }
  return {
    text: `Removed ${removed + files} object(s) of ${site}. Whoever opened the session before keeps what it saw: log out at the site to end it.`,
    json: { site, account, removed: removed + files },
  }
}
