import { diffSnapshots, type Difference } from "../../shared/diff.js"
import { PspError, type ErrorCode } from "../../shared/errors.js"
import { defaultAccount, parseSite } from "../../shared/site.js"
import type { Snapshot } from "../../shared/snapshot.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { openVaultFor } from "../sessions.js"
import { printable, quoted } from "../terminal.js"

export type HistoryOptions = CommonOptions & { all?: boolean }

interface State {
  /** ms since epoch. */
  at: number
  /** The same, as `--at` takes it: to the millisecond. */
  time: string
  by: { name: string; isBot: boolean }[]
  /** Whether `--at` opens it. */
  opens: boolean
  fault: ErrorCode | null
  /** Against the state before it that opens; null for the first. */
  changes: Pick<Difference, "kind" | "where" | "name" | "change">[] | null
}

/** The kept states of a session, the newest first: when, by whom, and what changed, by name. No value and no hash of one. */
export async function history(
  context: CommandContext,
  { all = false, ...options }: HistoryOptions,
  siteText: string,
): Promise<CommandResult> {
  const site = parseSite(siteText)
  const { account = defaultAccount } = options
  const vault = await openVaultFor(context, options)
  const states: State[] = []
  let before: Snapshot | null = null
  for await (const { at, by, session, fault } of vault.history(site, { account })) {
    const after: Snapshot | null = session?.snapshot ?? null
    const changes = before === null || after === null ? null : diffSnapshots(before, after).differences.map(namesOf)
    states.push({ at, time: new Date(at).toISOString(), by, opens: fault === null, fault, changes })
    before = after ?? before
  }
  if (states.length === 0)
    throw new PspError("not-found", `Cannot tell the history of ${site}: nothing of it is kept; psp list shows what is`)
  states.reverse()
  return { text: states.flatMap((state) => linesOf(state, all)).join("\n"), json: { site, account, states } }
}

function namesOf({ kind, where, name, change }: Difference) {
  return { kind, where, name, change }
}

const signs = { added: "+", removed: "-", changed: "~" } as const
/** Of one state, unless all are asked for. */
const mostLines = 10

function linesOf({ time, by, fault, changes }: State, isAll: boolean): string[] {
  const who = by.map(({ name, isBot }) => `${isBot ? "bot " : ""}${printable(name)}`).join(", ")
  const what =
    fault !== null
      ? `cannot be opened (${fault})`
      : changes === null
        ? "the oldest that opens"
        : changes.length === 0
          ? "nothing changed"
          : null
  const lines = (changes ?? []).map(
    ({ kind, where, name, change }) => `  ${signs[change]} ${kind} ${printable(where)} ${quoted(name)}`,
  )
  const shown = isAll ? lines : lines.slice(0, mostLines)
  const rest = lines.length - shown.length
  return [
    `${time}  ${who}${what === null ? "" : `  ${what}`}`,
    ...shown,
    ...(rest === 0 ? [] : [`  and ${rest} more; --all shows them`]),
  ]
}
