import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { sessionFacts } from "../inspect-facts.js"
import { inspectTree } from "../inspect-tree.js"
import { leaseToJson, usersOf } from "../in-use.js"
import { findSession } from "../sessions.js"

export type InspectOptions = CommonOptions & { showValues?: boolean; all?: boolean }

/** What is in a session: kinds, names, sizes, ends, gaps. Values only with `--show-values`. */
export async function inspect(context: CommandContext, options: InspectOptions, site: string): Promise<CommandResult> {
  const { session, vault } = await findSession(context, options, site, {
    does: { kind: "opened", tool: "psp inspect" },
  })
  const leases = await usersOf(vault, session)
  const facts = { ...sessionFacts(session, options.showValues === true), leases: leases.map(leaseToJson) }
  return { text: inspectTree(facts, { now: context.now(), all: options.all === true }).join("\n"), json: facts }
}
