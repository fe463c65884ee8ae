import { diffSnapshots, type Difference, type SnapshotDiff } from "../../shared/diff.js"
import { PspError } from "../../shared/errors.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { openSides, type Side } from "../diff-sides.js"
import { printable, quoted } from "../terminal.js"

/**
 * What is different from one session to another: by kind and name, values as hashes that mean something in this run only. Without
 * the second it is the first one once more, so that `--at` compares two times of it.
 */
export async function diff(
  context: CommandContext,
  options: CommonOptions,
  a: string,
  b: string | undefined,
): Promise<CommandResult> {
  const { at = [] } = options
  if (b === undefined && at.length === 0)
    throw new PspError("usage", "Cannot diff: expected a second session, or --at with the time of an earlier state")
  const sides = await openSides(context, options, [a, b ?? a])
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

function labelOf({ name, at }: Side): string {
  return at === null ? name : `${name} at ${at}`
}

function summary({ differences, notCompared }: SnapshotDiff, [a, b]: [Side, Side]): string[] {
  const count = differences.length
  const told = count === 0 ? "No differences in what both hold." : `${count} difference${count === 1 ? "" : "s"}.`
  const names = { a: labelOf(a), b: labelOf(b) }
  const missing = notCompared.map(
    ({ kind, where, missingIn }) =>
      `? ${kind} ${printable(where)}: not in ${printable(names[missingIn])}, so not compared`,
  )
  return [...missing, told]
}
