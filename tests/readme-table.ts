import { readFile, writeFile } from "node:fs/promises"

/** A table of README.md between `<!-- name -->` and `<!-- /name -->`, which a command writes. */
export interface ReadmeTable {
  /** Its lines by their first cell, in their order. */
  rows: Map<string, string>
  write(lines: readonly string[]): Promise<void>
}

/** @param header the two lines above the rows; a README without a place for it ends the program, before anything is measured */
export async function readReadmeTable(name: string, header: string): Promise<ReadmeTable> {
  const block = new RegExp(`<!-- ${name} -->([\\s\\S]*)<!-- /${name} -->`)
  const inside = block.exec(await readFile("README.md", "utf8"))?.[1]
  if (inside === undefined) {
    process.stderr.write(`Cannot write the table: README.md has no <!-- ${name} --> … <!-- /${name} --> block for it\n`)
    process.exit(1)
  }
  const lines = inside.split("\n").filter((line) => line.startsWith("| "))
  const write = async (rows: readonly string[]) => {
    const text = `<!-- ${name} -->\n${[header, ...rows].join("\n")}\n<!-- /${name} -->`
    // Read again: what took an hour to measure must not undo what was written meanwhile.
    const readme = await readFile("README.md", "utf8")
    await writeFile(
      "README.md",
      readme.replace(block, () => text),
    )
  }
  return { rows: new Map(lines.slice(1).map((line) => [firstCell(line), line])), write }
}

/**
 * New rows in the place of old ones; one that is new comes after the one it was measured after, or last.
 *
 * @throws for two rows of one name: one would take the other's place
 */
export function replaceRows(rows: ReadonlyMap<string, string>, measured: readonly string[]): string[] {
  const twice = measured.find((line, at) => measured.findIndex((other) => firstCell(other) === firstCell(line)) < at)
  if (twice !== undefined) throw new Error(`Two rows are called "${firstCell(twice)}"`)
  const result = [...rows.values()]
  let last = -1
  for (const line of measured) {
    const known = result.findIndex((other) => firstCell(other) === firstCell(line))
    if (known >= 0) result[known] = line
    last = known >= 0 ? known : last < 0 ? result.length : last + 1
    if (known < 0) result.splice(last, 0, line)
  }
  return result
}

function firstCell(line: string): string {
  return line.split(" | ")[0]?.replace(/^\| /, "") ?? ""
}
