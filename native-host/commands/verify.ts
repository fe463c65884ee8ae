import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { openVaultFor } from "../sessions.js"
import { printable } from "../terminal.js"

/** Reads everything in the vault and names each defect. */
export async function verify(context: CommandContext, options: CommonOptions): Promise<CommandResult> {
  const vault = await openVaultFor(context, options)
  const report = await vault.verify()
  const lines = report.defects.map(({ name, code, message }) => `${code}  ${printable(name)}\n  ${printable(message)}`)
  const summary = `${report.checked} object(s) read, ${report.expired} past their end, ${report.forOthers} sealed to others, ${report.defects.length} defect(s)`
  return { text: [...lines, summary].join("\n"), json: report, ...(report.defects.length > 0 ? { exitCode: 5 } : {}) }
}
