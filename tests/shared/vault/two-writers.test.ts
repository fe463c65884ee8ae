import { describe, expect, it } from "vitest"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { faultCount } from "../../fault-count.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createTwoOwners, minute, namesIn, start, tokenOf } from "./devices.js"
import { createRandom } from "./hostile-provider.js"

/** Lets each call to the store wait for a random while, so that two writers come to it in any order. */
function interleave(provider: Provider, random: () => number): Provider {
  const wait = async () => {
    for (let turns = Math.floor(random() * 6); turns > 0; turns--)
      await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return {
    ...provider,
    put: async (...call) => {
      await wait()
      await provider.put(...call)
      await wait()
    },
    get: async (...call) => {
      await wait()
      return provider.get(...call)
    },
    async *list(...call) {
      await wait()
      for await (const object of provider.list(...call)) {
        yield object
        await wait()
      }
    },
    remove: async (...call) => {
      await wait()
      await provider.remove(...call)
    },
  }
}

describe("two writers on one session", () => {
  it.each(Array.from({ length: faultCount(4) }, (_, i) => i + 1))("lose nothing (history %i)", async (seed) => {
    const random = createRandom(seed)
    const provider = createMemoryProvider()
    let now = start
    const skew = (random() - 0.5) * 8 * minute
    const clock = () => (now += Math.floor(random() * 50))
    const vaults = await createTwoOwners(interleave(provider, random), [clock, () => Math.floor(clock() + skew)])
    const saved: { name: string; token: string }[] = []
    const saves = 8
    await Promise.all(
      vaults.map(async (vault, who) => {
        for (let i = 0; i < saves; i++) {
          const token = `${who}-${i}`
          if (random() < 0.3) await vault.load("example.com")
          const { objects } = await vault.save(exampleSnapshot("example.com", "default", token))
          saved.push({ name: objects.at(-1)?.name ?? "", token })
          if (random() < 0.2) await vault.save(exampleSnapshot(`${token}.example`))
          if (random() < 0.2) await vault.compact()
        }
      }),
    )
    // History of less than a week: each acknowledged save is still there.
    expect(saved).toHaveLength(2 * saves)
    const names = await namesIn(provider)
    expect(saved.filter(({ name }) => !names.includes(name))).toEqual([])
    const newest = saved.sort((a, b) => (a.name < b.name ? -1 : 1)).at(-1)?.token
    now += 10 * minute
    const sites = await Promise.all(vaults.map(async (vault) => (await vault.list()).map(({ site }) => site)))
    expect(sites[0]).toEqual(sites[1])
    expect(new Set(sites[0]).size).toBe(
      new Set(names.map((name) => name.split("/sessions/")[1]?.slice(0, 26))).size - 1,
    )
    const keep = { bases: 1, ms: 0 }
    await Promise.all([
      ...vaults.map((vault) => vault.compact({ keep })),
      vaults[0].save(exampleSnapshot("last.example")),
    ])
    for (const vault of vaults) {
      expect(tokenOf(await vault.load("example.com"))).toBe(newest)
      expect(await vault.load("last.example")).not.toBeNull()
      expect((await vault.verify()).defects).toEqual([])
    }
  })
})
