import { createCard, createIdentity } from "../../shared/keys.js"
import { openVault } from "../../shared/vault.js"
import { countRequests } from "../shared/vault/counting-provider.js"
import { createMemory } from "../shared/vault/devices.js"
import { startS3 } from "./s3-server.js"
import { sessionOf } from "./restore.js"
import { median, rangeOf, type BenchRow } from "./table.js"

const bots = 100

/**
 * A hundred bots of one identity, each with a client and a connection of its own, load a session at once; all in one process,
 * so the time is also that of opening a hundred envelopes on one core. Beside it the same hundred one after the other.
 */
export async function benchBots(): Promise<BenchRow[]> {
  const s3 = await startS3()
  try {
    const [owner, bot] = [await createIdentity("owner"), await createIdentity("bot")]
    const store = s3.provider()
    const ours = await openVault(store, { identity: owner, memory: createMemory() })
    await ours.addOwner(await createCard(bot))
    const snapshot = sessionOf(20, 50_000)
    const [site] = snapshot.sites
    await ours.save(snapshot)
    await store.close?.()

    const requests: number[] = []
    const loadOnce = async () => {
      const provider = s3.provider()
      const counted = countRequests(provider)
      const started = performance.now()
      const vault = await openVault(counted, { identity: bot, owner: ours.card.text })
      if ((await vault.load(site)) === null) throw new Error("The bot does not see the session")
      const time = performance.now() - started
      requests.push(counted.total())
      await provider.close?.()
      return time
    }
    for (let i = 0; i < 5; i++) await loadOnce()
    const alone: number[] = []
    const began = performance.now()
    for (let i = 0; i < bots; i++) alone.push(await loadOnce())
    const oneByOne = performance.now() - began
    const start = performance.now()
    const times = await Promise.all(Array.from({ length: bots }, loadOnce))
    const together = performance.now() - start
    return [
      {
        name: `A hundred bots load at once from ${s3.title}`,
        value: `p50 ${median(times).toFixed(0)} ms, p95 ${p95(times).toFixed(0)} ms`,
        peer: `one alone p50 ${median(alone).toFixed(0)} ms, p95 ${p95(alone).toFixed(0)} ms`,
        ratio: null,
        limit: null,
        range: rangeOf(times),
      },
      {
        name: `A hundred bots load at once from ${s3.title}: until all have it`,
        value: `${together.toFixed(0)} ms`,
        peer: `one after the other ${oneByOne.toFixed(0)} ms`,
        ratio: together / oneByOne,
        limit: null,
        range: "",
      },
      {
        name: `A hundred bots load at once from ${s3.title}: requests per load`,
        value: `${Math.max(...requests)}`,
        peer: "two lists, a member envelope, a session: 4",
        ratio: Math.max(...requests) / 4,
        limit: 1,
        range: `${Math.min(...requests)}–${Math.max(...requests)}`,
      },
    ]
  } finally {
    await s3.stop()
  }
}

function p95(times: number[]): number {
  return times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1] ?? Number.NaN
}
