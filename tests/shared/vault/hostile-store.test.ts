import { describe, expect, it } from "vitest"
import { isPspError } from "../../../shared/errors.js"
import { openVault } from "../../../shared/vault.js"
import { faultCount } from "../../fault-count.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, minute, start, tokenOf } from "./devices.js"
import { attacks, createHostileStore, createRandom, pick } from "./hostile-provider.js"

const refusals = ["rolled-back", "damaged", "corrupt", "not-trusted", "too-new", "bad-clock"]

/** One history: a device saves and loads, the store does as it likes, and the device never takes less than it has seen. */
async function history(seed: number): Promise<{ refused: number; attacked: number }> {
  const random = createRandom(seed)
  const store = createHostileStore()
  const isSmall = random() < 0.3
  const provider = isSmall ? { ...store, maxObjectBytes: 3000 } : store
  let now = start
  const options = { identity: await createDevice("a"), memory: createMemory(), now: () => now }
  let vault = await openVault(provider, options)
  const outcome = { refused: 0, attacked: 0 }
  let newest = 0
  await vault.save(exampleSnapshot("example.com", "default", "0"))
  await store.snapshot()
  for (let step = 1; step <= 6; step++) {
    now += minute
    const what = random()
    if (what < 0.4) {
      await vault.save(exampleSnapshot("example.com", "default", `${step}`))
      newest = step
      await store.snapshot()
    } else if (await store.attack(pick(random, attacks), random, random() < 0.8 ? `${vault.id}/sessions/` : vault.id)) {
      outcome.attacked++
    }
    if (random() < 0.3) vault = await openVault(provider, options)
    try {
      const token = tokenOf(await vault.load("example.com"))
      // Anything else than the newest would be an older state, taken in silence.
      expect({ seed, step, token }).toEqual({ seed, step, token: `${newest}` })
    } catch (error) {
      if (!isPspError(error)) throw error
      expect(refusals).toContain(error.code)
      outcome.refused++
      const report = await vault.verify()
      expect({ seed, step, defects: report.defects.length > 0 }).toEqual({ seed, step, defects: true })
    }
  }
  return outcome
}

describe("a store that swaps, withholds, truncates and replays", () => {
  it("is refused or reported by a device that has seen newer, and never believed in silence", async () => {
    const total = { refused: 0, attacked: 0 }
    const count = faultCount(40)
    for (let seed = 1; seed <= count; seed++) {
      const { refused, attacked } = await history(seed)
      total.refused += refused
      total.attacked += attacked
    }
    expect(total.attacked).toBeGreaterThan(count)
    expect(total.refused).toBeGreaterThan(count / 2)
  }, 600_000)
})
