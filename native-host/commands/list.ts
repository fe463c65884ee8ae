import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { inUseText, leaseToJson } from "../in-use.js"
import { listImported, openVaultFor } from "../sessions.js"
import { sizeText, table, timeText } from "../terminal.js"

/** Sessions that this identity may open. */
export async function list(context: CommandContext, options: CommonOptions): Promise<CommandResult> {
  const vault = await openVaultFor(context, options)
  const stored = (await vault.list({ details: true })).map((entry) => ({ ...entry, from: "vault" }))
  const imported = (await listImported(context.home, vault)).map(({ session }) => ({
    site: session.site,
    account: session.account,
    sid: session.sid,
    savedAt: session.savedAt,
    expiresAt: session.expiresAt,
    bytes: 0,
    objects: 1,
    leases: [],
    from: "file",
  }))
  const all = [...stored, ...imported]
  const isUsed = all.some(({ leases }) => leases.length > 0)
  const rows = all.map(({ site, account, savedAt, expiresAt, bytes, leases, from }) => [
    site,
    account,
    timeText(savedAt),
    timeText(expiresAt),
    from === "file" ? "imported" : sizeText(bytes),
    ...(isUsed ? [leases.map(inUseText).join("; ")] : []),
  ])
  const text =
    rows.length === 0
      ? "Nothing is saved for this identity."
      : table(["SITE", "ACCOUNT", "SAVED", "ENDS", "SIZE", ...(isUsed ? ["IN USE"] : [])], rows)
  return { text, json: { sessions: all.map((entry) => ({ ...entry, leases: entry.leases.map(leaseToJson) })) } }
}
