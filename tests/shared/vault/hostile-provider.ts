import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { namesIn, overwrite } from "./devices.js"

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export function pick<T>(random: () => number, choices: readonly T[]): T {
  const chosen = choices[Math.floor(random() * choices.length)]
  if (chosen === undefined) throw new Error("nothing to pick from")
  return chosen
}

export const attacks = [
  "swap",
  "withhold",
  "truncate",
  "flip",
  "replay",
  "roll back",
  "empty",
  "copy",
  "misname",
] as const
export type Attack = (typeof attacks)[number]

export interface HostileStore extends Provider {
  /** Remembers all that was ever there, to show it again. */
  snapshot(): Promise<void>
  /** Does one thing to what is stored; false when there is nothing to do it to. */
  attack(kind: Attack, random: () => number, prefix: string): Promise<boolean>
}

/** A store whose keeper reads, changes, hides and brings back what it likes, but has no key. */
export function createHostileStore(): HostileStore {
  const provider = createMemoryProvider()
  const history: Map<string, Uint8Array>[] = []

  async function all(prefix: string): Promise<Map<string, Uint8Array>> {
    const objects = new Map<string, Uint8Array>()
    for (const name of await namesIn(provider, prefix)) {
      const bytes = await provider.get(name)
      if (bytes !== null) objects.set(name, bytes)
    }
    return objects
  }

  return {
    ...provider,
    snapshot: async () => {
      history.push(await all(""))
    },
    async attack(kind, random, prefix) {
      const objects = [...(await all(prefix))]
      const [first, second] = [
        objects[Math.floor(random() * objects.length)],
        objects[Math.floor(random() * objects.length)],
      ]
      if (first === undefined || second === undefined) return false
      const [name, bytes] = first
      if (kind === "swap") {
        if (name === second[0]) return false
        await overwrite(provider, name, second[1])
        await overwrite(provider, second[0], bytes)
      } else if (kind === "withhold") {
        await provider.remove(name)
      } else if (kind === "truncate") {
        await overwrite(provider, name, bytes.slice(0, Math.floor(random() * bytes.length)))
      } else if (kind === "flip") {
        const flipped = bytes.slice()
        const at = Math.floor(random() * bytes.length)
        flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8))
        await overwrite(provider, name, flipped)
      } else if (kind === "copy") {
        if (name === second[0]) return false
        await overwrite(provider, name, second[1])
      } else if (kind === "misname") {
        const other = name.replace(
          /[0-9a-f]{16}-/,
          (clock) => `${(BigInt(`0x${clock.slice(0, 16)}`) + 9n).toString(16).padStart(16, "0")}-`,
        )
        await overwrite(provider, other, bytes)
      } else if (kind === "empty") {
        for (const [one] of objects) await provider.remove(one)
      } else {
        const then = pick(random, history)
        const now = await all("")
        if (kind === "roll back") for (const one of now.keys()) await provider.remove(one)
        for (const [one, old] of then) if (kind === "roll back" || !now.has(one)) await provider.put(one, old)
      }
      return true
    },
  }
}
