import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { copyResult, copySelected, ownAddress, parseSelection, withStores } from "../copy-sessions.js"

export type PullOptions = CommonOptions & { from: string; all?: boolean }

/** Brings a session, or everything of the vault, from another store into this one; both keep what they have. */
export async function pull(context: CommandContext, options: PullOptions, site?: string): Promise<CommandResult> {
  const selection = parseSelection(site, options.all)
  const ends = { from: options.from, to: await ownAddress(context, options) }
  const report = await withStores(context, options, ends, (stores) => copySelected(context, options, stores, selection))
  return copyResult(report, ends)
}
