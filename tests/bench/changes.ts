import { createIdentity } from "../../shared/keys.js"
import type { Provider } from "../../shared/provider.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { snapshotToJson, type Snapshot } from "../../shared/snapshot.js"
import { openVault, type Prepared } from "../../shared/vault.js"
import { createMemory } from "../shared/vault/devices.js"
import { sessionOf } from "./restore.js"
import { median, rangeOf, type BenchRow } from "./table.js"

/** What one changed cookie costs beside saving the whole session, and beside its plain JSON: what an uploader of everything sends. */
export async function benchChanges(rounds = 31): Promise<BenchRow[]> {
  const small = await changeOneCookie(sessionOf(100, 0), rounds)
  const large = await changeOneCookie(sessionOf(100, 3_000_000), rounds)
  const huge = await changeOneCookie(sessionOf(100, 16_000_000), rounds)
  const name = "One changed cookie of 100 cookies, 3 MB"
  const kilobytes = (bytes: number) => `${(bytes / 1e3).toFixed(1)} kB`
  const row = { value: kilobytes(large.change), limit: null, range: "" }
  return [
    {
      ...row,
      name,
      peer: `the whole saved ${kilobytes(large.whole)}`,
      ratio: large.change / large.whole,
      limit: 1 / 500,
    },
    {
      ...row,
      name: `${name}, beside what a plain uploader sends`,
      peer: `JSON ${kilobytes(large.json)}`,
      ratio: large.change / large.json,
      limit: 1 / 500,
    },
    { ...row, name: `${name}, for one recipient`, peer: "4 kB", ratio: large.change / 4096, limit: 1 },
    {
      ...row,
      name: "One changed cookie of 100 cookies, 16 MB, beside a session without storage",
      value: kilobytes(huge.change),
      peer: kilobytes(small.change),
      ratio: huge.change / small.change,
      limit: 1.05,
    },
    {
      name: `${name}: to compare and seal, with the whole session in memory`,
      value: `${median(large.cpu).toFixed(1)} ms of CPU`,
      peer: `to seal the whole ${median(large.wholeCpu).toFixed(1)} ms`,
      ratio: median(large.cpu) / median(large.wholeCpu),
      limit: null,
      range: rangeOf(large.cpu),
    },
  ]
}

interface Costs {
  /** Bytes that a store gets: median of the rounds. */
  change: number
  whole: number
  json: number
  /** ms of each round. */
  cpu: number[]
  wholeCpu: number[]
}

async function changeOneCookie(snapshot: Snapshot, rounds: number): Promise<Costs> {
  const provider: Provider = createMemoryProvider()
  const vault = await openVault(provider, { identity: await createIdentity("bench"), memory: createMemory() })
  await vault.save(snapshot)
  const [site] = snapshot.sites
  const costs: Costs = { change: 0, whole: 0, json: snapshotToJson(snapshot).length, cpu: [], wholeCpu: [] }
  const changes: number[] = []
  const loaded = await vault.loadSession(site)
  if (loaded === null) throw new Error("Nothing was saved")
  const since = loaded.since()
  for (let round = -1; round < rounds; round++) {
    const value = String(round).padStart(40, "x")
    const cookies = (snapshot.cookies ?? []).map((cookie, at) => (at === 7 ? { ...cookie, value } : cookie))
    const changed = await cpuOf(() => vault.prepareChanges({ ...snapshot, cookies }, since))
    const whole = await cpuOf(() => vault.prepare({ ...snapshot, cookies }))
    const { prepared } = changed.result
    if (prepared === null) throw new Error("Nothing changed")
    if (round < 0) continue
    changes.push(bytesOf(prepared))
    costs.cpu.push(changed.ms)
    costs.whole = bytesOf(whole.result)
    costs.wholeCpu.push(whole.ms)
  }
  return { ...costs, change: median(changes) }
}

async function cpuOf<Result>(work: () => Promise<Result>): Promise<{ result: Result; ms: number }> {
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  return { result, ms: (user + system) / 1000 }
}

function bytesOf({ objects }: Prepared): number {
  return objects.reduce((sum, { bytes }) => sum + bytes.length, 0)
}
