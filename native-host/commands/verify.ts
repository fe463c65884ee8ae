import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { untilInterrupted } from "../interruption.js"
import { openVaultFor } from "../sessions.js"
import { printable } from "../terminal.js"

/** Reads everything in the vault and names each defect, with what to do about it. */
export async function verify(context: CommandContext, options: CommonOptions): Promise<CommandResult> {
  const vault = await openVaultFor(context, options)
  const told = "not everything was looked at, and nothing was changed"
  const report = await untilInterrupted(context.interrupted(), told, (signal) =>
    vault.verify({
      signal,
      onProgress: ({ checked, ...progress }) => context.progress({ doing: "Verifying", done: checked, ...progress }),
    }),
  )
  const lines = report.defects.map(
    ({ name, code, message, advice }) =>
      `${code}  ${printable(name)}\n  ${printable(message)}\n  What to do: ${printable(advice)}`,
  )
  const { checked, expired, forOthers, unneeded, unlisted, defects } = report
  const left = unneeded === 0 ? "" : `, ${unneeded} not needed any more (psp compact removes them)`
  const lost = unlisted === 0 ? "" : `, ${unlisted} in no list of sessions (save those sites again)`
  const summary = `${checked} object(s) read, ${expired} past their end, ${forOthers} sealed to others${left}${lost}, ${defects.length} defect(s)`
  return { text: [...lines, summary].join("\n"), json: report, ...(defects.length > 0 ? { exitCode: 5 } : {}) }
}
