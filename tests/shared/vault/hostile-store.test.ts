import { describe, expect, it } from "vitest"
import { isPspError } from "../../../shared/errors.js"
import type { Provider } from "../../../shared/provider.js"
import { openVault, type Vault, type VaultOptions } from "../../../shared/vault.js"
import { faultCount, faultTimeout } from "../../fault-count.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, minute, start, tokenOf } from "./devices.js"
import { attacks, createHostileStore, createRandom, pick } from "./hostile-provider.js"

const refusals = ["rolled-back", "damaged", "corrupt", "not-trusted", "too-new", "bad-clock"]

interface Device {
  options: VaultOptions
  vault: Vault
  /** The newest save that it made or loaded; -1 for none. Saves are numbered in the order of their time. */
  seen: number
}

/**
 * One history: two devices save and load, the store does as it likes, and none of them takes less than it has seen. What
 * the other one saved a device knows of only so far as the store showed it.
 */
async function history(seed: number): Promise<{ refused: number; attacked: number; behind: number }> {
  const random = createRandom(seed)
  const store = createHostileStore()
  const provider = random() < 0.3 ? { ...store, maxObjectBytes: 3000 } : store
  let now = start
  const devices = await createDevices(provider, () => now)
  const outcome = { refused: 0, attacked: 0, behind: 0 }
  const { id } = devices[0].vault
  let newest = 0
  await save(devices[0], newest)
  await store.snapshot()
  for (let step = 1; step <= 6; step++) {
    now += minute
    const what = random()
    if (what < 0.4) {
      await save(pick(random, devices), step)
      newest = step
      await store.snapshot()
    } else if (await store.attack(pick(random, attacks), random, random() < 0.8 ? `${id}/sessions/` : id)) {
      outcome.attacked++
    }
    for (const device of devices) {
      // Not every device looks each time, so that the other one's saves go by unseen.
      if (random() < 0.3) continue
      if (random() < 0.3) device.vault = await openVault(provider, device.options)
      try {
        const token = tokenOf(await device.vault.load("example.com"))
        const shown = token === undefined ? -1 : Number(token)
        // Less than what it has seen would be an older state, taken in silence.
        const isGood = shown >= device.seen && shown <= newest && (outcome.attacked > 0 || shown === newest)
        expect({ seed, step, seen: device.seen, newest, shown, isGood }).toMatchObject({ isGood: true })
        if (shown < newest) outcome.behind++
        device.seen = shown
      } catch (error) {
        if (!isPspError(error)) throw error
        expect(refusals).toContain(error.code)
        outcome.refused++
        const report = await device.vault.verify()
        expect({ seed, step, defects: report.defects.length > 0 }).toEqual({ seed, step, defects: true })
      }
    }
  }
  return outcome
}

async function save(device: Device, number: number): Promise<void> {
  await device.vault.save(exampleSnapshot("example.com", "default", `${number}`))
  device.seen = number
}

/** Two owners, who know of each other before the store does anything. */
async function createDevices(provider: Provider, now: () => number): Promise<[Device, Device]> {
  const [a, b] = [await createDevice("a"), await createDevice("b")]
  const open = async (options: VaultOptions): Promise<Device> => {
    const vault = await openVault(provider, options)
    return { options, vault, seen: -1 }
  }
  const first = await open({ identity: a, memory: createMemory(), now })
  await first.vault.addOwner(b.card)
  const second = await open({ identity: b, owner: a.card, memory: createMemory(), now })
  await second.vault.refresh()
  return [first, second]
}

describe("a store that swaps, withholds, truncates and replays", () => {
  it(
    "is refused or reported by a device that has seen newer, and never believed in silence",
    async () => {
      const total = { refused: 0, attacked: 0, behind: 0 }
      const count = faultCount(40)
      for (let seed = 1; seed <= count; seed++) {
        const { refused, attacked, behind } = await history(seed)
        total.refused += refused
        total.attacked += attacked
        total.behind += behind
      }
      expect(total.attacked).toBeGreaterThan(count)
      expect(total.refused).toBeGreaterThan(count / 2)
      // Who has seen no newer state takes the older one: that is not known to anybody, and promised to nobody.
      expect(total.behind).toBeGreaterThan(0)
    },
    faultTimeout(600_000),
  )
})
