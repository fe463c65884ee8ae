import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { untilInterrupted } from "../interruption.js"
import { openVaultFor } from "../sessions.js"
import { countText, printable, sizeText } from "../terminal.js"

/** Removes from the vault what nobody needs any more, and names what it could not judge. */
export async function compact(context: CommandContext, options: CommonOptions): Promise<CommandResult> {
  const vault = await openVaultFor(context, options)
  const told = "what was removed until now is not needed; psp compact does the rest"
  const report = await untilInterrupted(context.interrupted(), told, (signal) =>
    vault.compact({ signal, onProgress: (progress) => context.progress({ doing: "Compacting", ...progress }) }),
  )
  const { removed, bytes, written, kept, skipped } = report
  const { bases, members, parts, ofRemoved, leases, events, changes } = removed
  const what = [
    countText(bases, "older save"),
    `${countText(members, "member envelope")} that later ones replace`,
    countText(parts, "left-over part"),
    `${countText(ofRemoved, "object")} of removed sessions`,
    ...(changes === 0 ? [] : [`${countText(changes, "change")} by bots`]),
    ...(leases === 0 ? [] : [countText(leases, "ended lease")]),
    ...(events === 0 ? [] : [`${countText(events, "event")} of more than 90 days ago`]),
  ]
  const lines = [
    ...skipped.map(({ code, name, message }) => `${code}  ${printable(name)}\n  ${printable(message)}`),
    `Removed ${what.join(", ")} (${sizeText(bytes)})`,
    `${countText(kept, "object")} kept, ${written} written so that nothing is lost, ${skipped.length} not judged`,
  ]
  if (skipped.length > 0) lines.push("psp verify says what is wrong with what was not judged; it stays where it is.")
  return { text: lines.join("\n"), json: report, ...(skipped.length > 0 ? { exitCode: 5 } : {}) }
}
