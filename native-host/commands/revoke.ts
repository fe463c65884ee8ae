import { parseSite } from "../../shared/site.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { openVaultFor } from "../sessions.js"
import { countText, printable } from "../terminal.js"

/** Takes back what a bot was granted, and says at which sites only a logout ends what it has read. */
export async function revoke(
  context: CommandContext,
  { account, ...options }: CommonOptions,
  who: string,
  siteText?: string,
): Promise<CommandResult> {
  const vault = await openVaultFor(context, options)
  const { card, sessions } = await vault.revoke(who, {
    ...(siteText === undefined ? {} : { site: parseSite(siteText) }),
    ...(account === undefined ? {} : { account }),
  })
  const sites = [...new Set(sessions.flatMap(({ sites }) => sites))]
  return {
    text:
      `Revoked ${countText(sessions.length, "grant")} of "${printable(card.name)}" (${card.fingerprint}). ` +
      `What it has read it keeps until that login ends: log out at ${sites.join(", ")}.`,
    json: { bot: { name: card.name, fingerprint: card.fingerprint }, sessions },
  }
}
