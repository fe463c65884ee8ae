import { readReadmeTable, replaceRows } from "../readme-table.js"
import type { BenchRow } from "./table.js"

/**
 * `npm run bench [name…] [-- --readme]`: measures, prints a table, and exits with 1 when a promised limit is exceeded.
 * With `--readme` the rows of the table in the README are replaced by what was measured.
 */
const benches: Record<string, () => Promise<BenchRow[]>> = {
  "host-start": async () => (await import("./host-start.js")).benchHostStart(),
  save: async () => (await import("./save.js")).benchSave(),
  seal: async () => (await import("./seal.js")).benchSeal(),
  codec: async () => (await import("./codec.js")).benchCodec(),
  restore: async () => (await import("./restore.js")).benchRestore(),
  capture: async () => (await import("./capture.js")).benchCapture(),
  "restore-whole": async () => (await import("./restore-whole.js")).benchRestoreWhole(),
  tools: async () => (await import("./tools.js")).benchTools(),
  memory: async () => (await import("./memory.js")).benchMemory(),
  transfer: async () => (await import("./transfer.js")).benchTransfer(),
  stores: async () => (await import("./stores.js")).benchStores(),
  load: async () => (await import("./load.js")).benchLoad(),
  thousand: async () => (await import("./thousand.js")).benchThousand(),
  members: async () => (await import("./members.js")).benchMembers(),
  bots: async () => (await import("./bots.js")).benchBots(),
  sync: async () => (await import("./sync.js")).benchSync(),
  changes: async () => (await import("./changes.js")).benchChanges(),
  unlock: async () => (await import("./unlock.js")).benchUnlock(),
  audit: async () => (await import("./audit.js")).benchAudit(),
  merge: async () => (await import("./merge.js")).benchMerge(),
}

const header = "| what | median | beside | ratio or difference | limit | range |\n|---|---|---|---|---|---|"
// Before the measuring, which takes long: a README without a place for it fails at once.
const readme = process.argv.includes("--readme") ? await readReadmeTable("bench", header) : null
const chosen = process.argv.slice(2).filter((argument) => !argument.startsWith("--"))
const unknown = chosen.find((name) => !(name in benches))
if (unknown !== undefined) throw new Error(`No bench called ${unknown}: expected ${Object.keys(benches).join(", ")}`)

const rows: BenchRow[] = []
for (const [name, bench] of Object.entries(benches)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  process.stderr.write(`${name}…\n`)
  rows.push(...(await bench()))
}

const lines = rows.map(
  ({ name, value, peer, difference, ratio, limit, range }) =>
    `| ${name} | ${value} | ${peer} | ${difference ?? (ratio === null ? "" : shortly(ratio))} | ${limit === null ? "" : `≤ ${limit}`} | ${range} |`,
)
process.stdout.write(`${[header, ...lines].join("\n")}\n`)
await readme?.write(replaceRows(readme.rows, lines))

/** Two digits that say something. */
function shortly(ratio: number): string {
  return ratio < 0.095 ? String(Number(ratio.toPrecision(2))) : ratio.toFixed(2)
}

const exceeded = rows.filter(({ ratio, limit }) => ratio !== null && limit !== null && ratio > limit)
for (const { name, ratio, limit } of exceeded) {
  process.stderr.write(`Over its limit: ${name}: ${ratio === null ? "" : shortly(ratio)} > ${limit ?? ""}\n`)
}
process.exitCode = exceeded.length > 0 ? 1 : 0
