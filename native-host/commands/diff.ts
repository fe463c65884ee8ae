import { diffSnapshots, type Difference, type SnapshotDiff } from "../../shared/diff.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { openSides, type Side } from "../diff-sides.js"
import { printable, quoted } from "../terminal.js"

/** What is different from one session to another: by kind and name, values as hashes that mean something in this run only. */
export async function diff(
  context: CommandContext,
  options: CommonOptions,
  a: string,
  b: string,
): Promise<CommandResult> {
  const sides = await openSides(context, options, [a, b])
  const found = diffSnapshots(sides[0].snapshot, sides[1].snapshot)
  return {
    text: [...found.differences.map(line), ...summary(found, sides)].join("\n"),
    json: { a: sides[0].about, b: sides[1].about, ...found },
  }
}

const signs = { added: "+", removed: "-", changed: "~" } as const

function line({ kind, where, name, change, before, after, attributes }: Difference): string {
  const values =
    before !== null && after !== null && before !== after
      ? `value ${before} → ${after}`
      : change === "changed"
        ? null
        : (before ?? after)
  const told = [values, ...attributes].filter((part) => part !== null)
  return `${signs[change]} ${kind} ${printable(where)} ${quoted(name)}${told.length === 0 ? "" : `: ${told.join(", ")}`}`
}

function summary({ differences, notCompared }: SnapshotDiff, [a, b]: [Side, Side]): string[] {
  const count = differences.length
  const told = count === 0 ? "No differences in what both hold." : `${count} difference${count === 1 ? "" : "s"}.`
  const names = { a: a.name, b: b.name }
  const missing = notCompared.map(
    ({ kind, where, missingIn }) =>
      `? ${kind} ${printable(where)}: not in ${printable(names[missingIn])}, so not compared`,
  )
  return [...missing, told]
}
