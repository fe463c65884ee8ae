import { createIdentity } from "../../shared/keys.js"
import { openVault } from "../../shared/vault.js"
import { createMemory } from "../shared/vault/devices.js"
import { sessionOf } from "./restore.js"
import { storePeers, type StorePeer } from "./store-peers.js"
import { compareRow, interleave, median, rangeOf, type BenchRow } from "./table.js"

/** What it takes to get a sealed session into each store, beside a bare put of the same bytes by the store's own client. */
export async function benchStores(rounds = 41): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  for (const start of storePeers) {
    const peer = await start()
    if (peer === null) continue
    try {
      rows.push(...(await rowsOf(peer, rounds)))
    } finally {
      await peer.stop()
    }
  }
  return rows
}

async function rowsOf(peer: StorePeer, rounds: number): Promise<BenchRow[]> {
  const { title, unit, direct, counted, take } = peer
  const snapshot = sessionOf(100, 1_000_000)
  const identity = await createIdentity("bench")
  const vault = await openVault(direct.provider, { identity, memory: createMemory() })
  await vault.save(snapshot)
  const sealing: number[] = []
  let count = 0
  const times = await interleave(
    rounds,
    {
      ours: async () => {
        const began = performance.now()
        const prepared = await vault.prepare(snapshot)
        const sealed = performance.now()
        await vault.commit(prepared)
        sealing.push(sealed - began)
        return performance.now() - sealed
      },
      bare: async () => {
        const [object] = (await vault.prepare(snapshot)).objects
        if (object === undefined) throw new Error("Nothing was sealed")
        const began = performance.now()
        await direct.bare(String(count++), object.bytes)
        return performance.now() - began
      },
    },
    3,
  )

  const other = await openVault(counted.provider, { identity: await createIdentity("bench"), memory: createMemory() })
  await take()
  const first = await other.save(snapshot).then(take)
  const again = await other.save(snapshot).then(take)
  const [object] = (await other.prepare(snapshot)).objects
  // The first request of a connection may bring some that only open it.
  await counted.bare("first", new Uint8Array(1))
  await take()
  await counted.bare("counted", object?.bytes ?? new Uint8Array())
  const bare = await take()
  const said = ({ requests, bytes }: { requests: number; bytes: number }) =>
    `${requests} ${unit}, ${(bytes / 1e6).toFixed(3)} MB`
  return [
    {
      ...compareRow(`Save 1 MB to ${title}, when it is sealed`, times.ours, times.bare, 1.3),
      range: `${rangeOf(times.ours)}; sealing ${median(sealing).toFixed(1)} ms`,
    },
    {
      name: `Save 1 MB to ${title}: over the wire`,
      value: said(again),
      peer: said(bare),
      ratio: again.bytes / bare.bytes,
      limit: 1.05,
      range: `the first: ${said(first)}`,
    },
  ]
}
