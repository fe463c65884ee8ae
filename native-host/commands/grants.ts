import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { choiceText } from "../grant-choice.js"
import { openVaultFor } from "../sessions.js"
import { table, timeText } from "../terminal.js"
import { grantToJson } from "./grant.js"

/** What bots may open, by bot and site; grants that came to their end are listed as such until they are revoked. */
export async function grants(context: CommandContext, options: CommonOptions): Promise<CommandResult> {
  const vault = await openVaultFor(context, options)
  await vault.refresh()
  const all = await vault.grants()
  const rows = all.map(({ card, site, account, sites, kinds, names, saveBack, expiresAt, hasEnded }) => [
    card.name,
    [site, ...sites.filter((other) => other !== site)].join(","),
    account,
    choiceText({ kinds, names }),
    saveBack ? "yes" : "no",
    hasEnded ? `ended ${timeText(expiresAt)}` : timeText(expiresAt),
    card.fingerprint,
  ])
  const headings = ["BOT", "SITES", "ACCOUNT", "WHAT", "SAVES BACK", "ENDS", "FINGERPRINT"]
  return {
    text: rows.length === 0 ? "Nothing is granted to any bot." : table(headings, rows),
    json: { grants: all.map(grantToJson) },
  }
}
