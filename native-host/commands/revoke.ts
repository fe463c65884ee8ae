import { parseSite } from "../../shared/site.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { openVaultFor, record } from "../sessions.js"
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
  const { name, fingerprint } = card
  await record(
    context,
    vault,
    sessions.map(({ site, account }) => ({
      ...{ kind: "revoked" as const, site, account, tool: "psp revoke" },
      bot: { name, fingerprint },
    })),
  )
  const logout = [...new Set(sessions.flatMap(({ sites }) => sites))].map((site) => ({ site, url: `https://${site}/` }))
  return {
    text:
      `Revoked ${countText(sessions.length, "grant")} of "${printable(card.name)}" (${card.fingerprint}). ` +
      `What it has read it keeps until that login ends: log out at ${logout.map(({ site }) => printable(site)).join(", ")}.\n\n` +
      logout.map(({ url }) => `  ${printable(url)}`).join("\n"),
    json: { bot: { name: card.name, fingerprint: card.fingerprint }, sessions, logout },
  }
}
