import { spawn } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { readReadmeTable } from "./readme-table.js"

/**
 * `npm run faults [-- --readme] [--only TEXT]`: the tests that inject faults, as often as the README says instead of as a sample, and a
 * table of what held, which `--readme` also puts into the README; with `--only` those with that text in their title. Those in browsers take the extension as it was built.
 * Exits with 1 when something did not hold, or the README has no place for the table.
 */
interface Fault {
  title: string
  /** What must hold however often it happens. */
  holds: string
  /** How many are injected. */
  count: number
  file: string
  /** Beginning of the names of its tests. */
  tests: string
  /** How often each case of a table of cases is repeated, which makes the count. */
  rounds?: number
}

const faults: Fault[] = [
  {
    title: "SIGKILL of the browser at every step of a save",
    holds: "exactly one commit once it was sealed, none before, nothing waits for ever",
    count: 100,
    file: "tests/e2e/interrupted-saves.spec.ts",
    tests: "a browser that is killed at any step of a save",
  },
  {
    title: "the extension's background is stopped at every step of a save",
    holds: "exactly one commit",
    count: 100,
    file: "tests/e2e/interrupted-saves.spec.ts",
    tests: "a background that is stopped at any step of a save",
  },
  {
    title: "browsers that connect and are killed, close their pipes or stop within a message",
    holds: "no process of the native host left after 10 s, no temporary",
    count: 200,
    file: "tests/native-host/host.test.ts",
    tests: "leaves no process and no temporary behind",
  },
  {
    title: "values of sessions, through every command and level of the log",
    holds: "none found in talk, logs, errors, file names, stores",
    count: 200,
    file: "tests/native-host/canaries.test.ts",
    tests: "no value of a session or a store",
  },
  {
    title: "crashes of the native host with a value in its hands",
    holds: "a report without it",
    count: 50,
    file: "tests/native-host/host-log.test.ts",
    tests: "keeps ten reports, and no value in any of 50",
  },
  {
    title: "kill −9 of the native host in the middle of commits",
    holds: "nothing torn, nothing acknowledged and lost, temporaries swept",
    count: 1000,
    file: "tests/native-host/host.test.ts",
    tests: "has the old or the new but never half when kill -9 comes",
  },
  {
    title: "kill −9 before every system call of a commit",
    holds: "the old or the new, never half, temporaries swept",
    count: 300,
    file: "tests/native-host/fs-provider.test.ts",
    tests: "survives kill -9 before every single step",
  },
  {
    title: "full disk (tmpfs)",
    holds: "`full`, the old state intact, the next small save works",
    count: 100,
    file: "tests/native-host/host.test.ts",
    tests: "says `full` on a disk that is full",
  },
  {
    title: "a store that swaps, withholds, truncates, replays (histories)",
    holds: "refused or reported by whoever has seen newer",
    count: 500,
    file: "tests/shared/vault/hostile-store.test.ts",
    tests: "is refused or reported by a device that has seen newer",
  },
  {
    title: "two writers on one session (histories)",
    holds: "nothing lost",
    count: 500,
    file: "tests/shared/vault/two-writers.test.ts",
    tests: "lose nothing",
  },
  {
    title: "defects in a vault, for `verify` to find",
    holds: "each found and named, nothing else named",
    count: 200,
    file: "tests/shared/vault/verify.test.ts",
    tests: "names .*, and nothing else",
  },
  {
    title: "clean vaults, for `verify` to look at",
    holds: "no defect invented",
    count: 1000,
    file: "tests/shared/vault/verify.test.ts",
    tests: "names nothing in vaults that are as their owners left them",
  },
  {
    title: "S3 answers 5xx, SlowDown, 429 or 409, or never",
    holds: "waited out within five tries",
    count: 308,
    file: "tests/shared/providers/s3-faults.test.ts",
    tests: "is waited out by put, get, list and remove",
    rounds: 7,
  },
  {
    title: "S3 stalls in a body",
    holds: "read again, whole",
    count: 96,
    file: "tests/shared/providers/s3-faults.test.ts",
    tests: "that stalls at",
    rounds: 12,
  },
  {
    title: "S3 gives a body that is short, or does not have its checksum",
    holds: "`corrupt` at once, never believed",
    count: 200,
    file: "tests/shared/providers/s3-faults.test.ts",
    tests: "that does not have its checksum",
    rounds: 20,
  },
  {
    title: "S3 answers 412 or 409 to a put",
    holds: "the same bytes are success, others `corrupt`",
    count: 200,
    file: "tests/shared/providers/s3-faults.test.ts",
    tests: "takes 412 over the same bytes|is asked again after 409",
    rounds: 100,
  },
  {
    title: "Redis is killed in the middle of saves, and started again",
    holds: "`unreachable` or success, nothing acknowledged and lost",
    count: 100,
    file: "tests/native-host/redis-provider.test.ts",
    tests: "loses nothing it acknowledged",
  },
  {
    title: "Redis fails over to a read-only replica (`READONLY`)",
    holds: "`unreachable`, the old state intact and readable, works again after",
    count: 50,
    file: "tests/native-host/redis-provider.test.ts",
    tests: "reads from a server that turned read-only",
  },
  {
    title: "Redis has used up its memory (`OOM`)",
    holds: "`full` at once, the old state intact, works again after",
    count: 50,
    file: "tests/native-host/redis-provider.test.ts",
    tests: "says `full` at once",
  },
  {
    title: "Cloudflare KV answers 429, with and without Retry-After",
    holds: "waited out as long as asked",
    count: 100,
    file: "tests/shared/providers/cloudflare-kv.test.ts",
    tests: "obeys a 429",
  },
  {
    title: "Cloudflare KV shows reads and lists late (histories)",
    holds: "an own write is never concluded gone",
    count: 100,
    file: "tests/shared/providers/cloudflare-kv.test.ts",
    tests: "never concludes that an own write is gone",
  },
  {
    title: "a vault over a Cloudflare KV that shows everything late (histories)",
    holds: "whoever saved loads that save",
    count: 100,
    file: "tests/shared/providers/cloudflare-kv.test.ts",
    tests: "gives whoever saved a session that save",
  },
  ...["memory", "fs", "s3", "redis", "cloudflare-kv"].map((store) => ({
    title: `two writers on one session over ${store}, saves of each`,
    holds: "nothing lost, the newest is loaded by both",
    count: 500,
    file: "tests/native-host/two-writers.test.ts",
    tests: `two writers on one session lose none of their saves over ${store}`,
  })),
  {
    title: "a folder says EACCES, EROFS, EMFILE, EIO (each)",
    holds: "`denied` or `unreachable`, the old state intact, nothing taken for gone, the next save works",
    count: 100,
    file: "tests/native-host/fs-faults.test.ts",
    tests: "says `(?:denied|unreachable)` for E",
  },
  {
    title: "saves by a clock that is wrong by −4 or +4 min, −1 or +1 h, or says 1970 or 2100 (each)",
    holds: "accepted, left aside and reported, or refused; none lost",
    count: 100,
    file: "tests/shared/vault/clock-skew.test.ts",
    tests: "two owners, one of whom has a clock that is wrong again and again",
  },
]

interface Outcome {
  passed: number
  failed: number
}

/** Whoever runs a file: its command line, and what it wrote down. */
const runners = {
  vitest: {
    args: ({ file, tests }: Fault, out: string) => [
      ...["run", file, "-t", tests, "--testTimeout=1800000"],
      ...["--reporter=json", `--outputFile=${out}`],
    ],
    read: (text: string): Outcome => {
      const { numPassedTests, numFailedTests } = JSON.parse(text) as { numPassedTests: number; numFailedTests: number }
      return { passed: numPassedTests, failed: numFailedTests }
    },
  },
  playwright: {
    args: ({ file, tests }: Fault) => ["test", file, "-g", tests, "--timeout=1800000", "--reporter=json"],
    read: (text: string): Outcome => {
      const { stats } = JSON.parse(text) as { stats: { expected: number; unexpected: number; flaky: number } }
      return { passed: stats.expected, failed: stats.unexpected + stats.flaky }
    },
  },
}

const header = "| fault | injected | what must hold | held |\n|---|---|---|---|"
const only = process.argv.includes("--only") ? (process.argv[process.argv.indexOf("--only") + 1] ?? "") : ""
const chosen = faults.filter(({ title }) => title.includes(only))
if (chosen.length === 0) throw new Error(`No fault has "${only}" in its title`)
const readme = process.argv.includes("--readme") ? await readReadmeTable("faults", header) : null
/** With what the README says already of those that are not run now. */
const rows = new Map(readme?.rows)

let allHeld = true
for (const fault of chosen) {
  process.stderr.write(`${fault.title}…\n`)
  const { passed, failed } = await inject(fault)
  const held = passed > 0 && failed === 0
  allHeld &&= held
  rows.set(fault.title, `| ${fault.title} | ${fault.count} | ${fault.holds} | ${held ? "yes" : "**no**"} |`)
  // After each row: the whole takes most of an hour.
  await readme?.write(inOrder())
}
process.stdout.write(`${[header, ...inOrder()].join("\n")}\n`)
process.exitCode = allHeld ? 0 : 1

function inOrder(): string[] {
  return faults.flatMap(({ title }) => rows.get(title) ?? [])
}

async function inject(fault: Fault): Promise<Outcome> {
  const command = fault.file.endsWith(".spec.ts") ? "playwright" : "vitest"
  const { args, read } = runners[command]
  const folder = await mkdtemp(path.join(tmpdir(), "psp-faults-"))
  const out = path.join(folder, "out.json")
  const env = {
    ...process.env,
    PSP_FAULT_COUNT: String(fault.count),
    PSP_FAULT_ROUNDS: String(fault.rounds ?? 1),
    PLAYWRIGHT_JSON_OUTPUT_FILE: out,
  }
  const child = spawn(command, args(fault, out), { stdio: ["ignore", "ignore", "inherit"], env })
  await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve))
  try {
    return read(await readFile(out, "utf8"))
  } finally {
    await rm(folder, { recursive: true })
  }
}
