import { createCard, createIdentity } from "../../shared/keys.js"
import type { Provider } from "../../shared/provider.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { countRequests } from "../shared/vault/counting-provider.js"
import { createMemory } from "../shared/vault/devices.js"
import { sessionOf } from "./restore.js"
import { interleave, median, rangeOf, type BenchRow } from "./table.js"

const rounds = 15
const sites = 50

/** What it costs that a vault has many devices, and that a bot is let in and put out; the store is in memory, so the time is ours. */
export async function benchMembers(): Promise<BenchRow[]> {
  return [...(await benchRecipients()), ...(await benchBot()), ...(await benchLostDevice())]
}

async function benchRecipients(): Promise<BenchRow[]> {
  const snapshot = sessionOf(20, 50_000)
  const vaults = await Promise.all([1, 5, 30].map(async (count) => ({ count, ...(await vaultOf(count)) })))
  const bytes = new Map<number, number>()
  const candidates = Object.fromEntries(
    vaults.map(({ count, vault }) => [
      String(count),
      async () => {
        const started = performance.now()
        const { objects } = await vault.save(snapshot)
        const time = performance.now() - started
        bytes.set(count, objects.at(-1)?.bytes.length ?? 0)
        return time
      },
    ]),
  )
  const times = await interleave(rounds, candidates, 3)
  const alone = times["1"] ?? []
  return vaults.map(({ count }) => {
    const own = times[String(count)] ?? []
    const size = (bytes.get(count) ?? 0) / 1024
    const first = (bytes.get(1) ?? 0) / 1024
    return {
      name: `Save to ${count === 1 ? "1 recipient" : `${count} recipients`}: 20 cookies, 50 kB`,
      value: `${median(own).toFixed(1)} ms, ${size.toFixed(1)} KiB`,
      peer: count === 1 ? "" : `to 1: ${median(alone).toFixed(1)} ms, ${first.toFixed(1)} KiB`,
      ratio: count === 1 ? null : median(own) / median(alone),
      limit: null,
      range: rangeOf(own),
    }
  })
}

/** A grant to one bot and its revocation, each over all sites. */
async function benchBot(): Promise<BenchRow[]> {
  const granting: Cost[] = []
  const revoking: Cost[] = []
  for (let round = -1; round < 5; round++) {
    const { vault, provider } = await vaultOf(2)
    for (let n = 0; n < sites; n++) await vault.save(exampleSnapshot(`site-${n}.example`))
    const bot = await createCard(await createIdentity("bot"))
    const given = await costOf(provider, async () => {
      for (let n = 0; n < sites; n++) await vault.grant(bot, { site: `site-${n}.example` })
    })
    const taken = await costOf(provider, () => vault.revoke(bot))
    if (round < 0) continue
    granting.push(given)
    revoking.push(taken)
  }
  return [
    costRow(`Grant ${sites} sites to a bot, one by one`, granting),
    costRow(`Revoke a bot at ${sites} sites`, revoking),
  ]
}

/** One of three devices is lost: each session is sealed anew. */
async function benchLostDevice(): Promise<BenchRow[]> {
  const costs: Cost[] = []
  for (let round = -1; round < 5; round++) {
    const { vault, provider } = await vaultOf(3)
    for (let n = 0; n < sites; n++) await vault.save(exampleSnapshot(`site-${n}.example`))
    const cost = await costOf(provider, () => vault.removeOwner("device 2"))
    if (round >= 0) costs.push(cost)
  }
  return [costRow(`Remove a lost device from a vault of ${sites} sites`, costs)]
}

interface Cost {
  time: number
  requests: number
}

async function costOf(provider: ReturnType<typeof countRequests>, work: () => Promise<unknown>): Promise<Cost> {
  provider.reset()
  const started = performance.now()
  await work()
  return { time: performance.now() - started, requests: provider.total() }
}

function costRow(name: string, costs: Cost[]): BenchRow {
  const times = costs.map(({ time }) => time)
  const requests = median(costs.map((cost) => cost.requests))
  return {
    name,
    value: `${median(times).toFixed(0)} ms, ${requests} requests`,
    peer: `${(requests / sites).toFixed(1)} requests for each site`,
    ratio: null,
    limit: null,
    range: rangeOf(times),
  }
}

async function vaultOf(devices: number): Promise<{ vault: Vault; provider: ReturnType<typeof countRequests> }> {
  const store: Provider = createMemoryProvider()
  const provider = countRequests(store)
  const vault = await openVault(provider, { identity: await createIdentity("device 1"), memory: createMemory() })
  for (let n = 2; n <= devices; n++) await vault.addOwner(await createCard(await createIdentity(`device ${n}`)))
  return { vault, provider }
}
