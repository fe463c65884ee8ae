import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createIdentity } from "../../shared/keys.js"
import type { Provider } from "../../shared/provider.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { openVault } from "../../shared/vault.js"
import { countRequests } from "../shared/vault/counting-provider.js"
import { createMemory } from "../shared/vault/devices.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { startS3 } from "./s3-server.js"
import { median, rangeOf, type BenchRow } from "./table.js"

const sites = 1000

/** A thousand sites saved in one go: as fast at the end as at the beginning, and with no more memory. */
export async function benchThousand(): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  const folder = await mkdtemp(path.join(tmpdir(), "psp-bench-"))
  try {
    rows.push(...(await saveThousand("folder", createFsProvider(folder))))
  } finally {
    await rm(folder, { recursive: true })
  }
  const s3 = await startS3()
  try {
    const provider = s3.provider()
    rows.push(...(await saveThousand(s3.title, provider)))
    await provider.close?.()
  } finally {
    await s3.stop()
  }
  return rows
}

/** How things stand whenever so many more sites were asked for: after each batch of the vault's. */
interface Mark {
  /** ms. */
  at: number
  /** Most memory of the process until then, since the mark before (bytes). */
  peak: number
  requests: number
}

const step = 128

async function saveThousand(store: string, provider: Provider): Promise<BenchRow[]> {
  const counted = countRequests(provider)
  const vault = await openVault(counted, { identity: await createIdentity("bench"), memory: createMemory() })
  // The code is warm, so that beginning and end differ in nothing but what lies in the store.
  await vault.saveAll(snapshots(sites, step))
  counted.reset()
  const marks: Mark[] = []
  const began = performance.now()
  await vault.saveAll(marked(snapshots(0, sites), marks, () => counted.total()))
  const seconds = (performance.now() - began) / 1000
  const paces = marks.slice(1).map(({ at, requests, peak }, i) => ({
    ms: (at - (marks[i]?.at ?? 0)) / step,
    requests: requests - (marks[i]?.requests ?? 0),
    peak,
  }))
  const [early, late] = [paces.slice(0, 3), paces.slice(-3)]
  const pace = (part: typeof paces) => median(part.map(({ ms }) => ms))
  const peak = (part: typeof paces) => Math.max(...part.map((one) => one.peak))
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`
  const requests = paces.map((one) => one.requests)
  return [
    {
      name: `1,000 sites saved in one go to ${store} (the last 400 beside the first)`,
      value: `${(sites / seconds).toFixed(0)} sites per second, ${pace(late).toFixed(1)} ms each`,
      peer: `${pace(early).toFixed(1)} ms each`,
      ratio: pace(late) / pace(early),
      limit: 1.5,
      range: paces.length === 0 ? "" : rangeOf(paces.map(({ ms }) => ms)),
    },
    {
      name: `The same: requests for each ${step} sites`,
      value: `${requests.at(-1) ?? 0}`,
      peer: `first ${requests[0] ?? 0}; ${counted.total()} in all`,
      ratio: (requests.at(-1) ?? 0) / (requests[0] ?? 1),
      limit: 1,
      range: `${Math.min(...requests)}–${Math.max(...requests)}`,
    },
    {
      name: "The same: peak memory of the process",
      value: megabytes(peak(late)),
      peer: megabytes(peak(early)),
      ratio: peak(late) / peak(early),
      limit: 1.2,
      range: "",
    },
  ]
}

function* marked(entries: Iterable<{ snapshot: Snapshot }>, marks: Mark[], total: () => number) {
  let [count, peak] = [0, 0]
  for (const entry of entries) {
    peak = Math.max(peak, process.memoryUsage.rss())
    if (count++ % step === 0) {
      marks.push({ at: performance.now(), peak, requests: total() })
      peak = 0
    }
    yield entry
  }
}

function* snapshots(from: number, count: number) {
  for (let i = from; i < from + count; i++) yield { snapshot: exampleSnapshot(`site-${i}.example`) }
}
