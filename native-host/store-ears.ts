import type { Bell } from "../shared/providers/bell.js"
import type { Vault } from "../shared/vault.js"

/** Between two looks at a store (ms): one that tells of changes, and one that does not. */
export const usualWhenTold = 60_000
export const usualWhenNot = 10_000

/** What the store says of changes rings the bell; one that cannot say, or no longer does, is looked at instead. */
export function createEars(
  vault: Pick<Vault, "watch">,
  bell: Bell,
  signal: AbortSignal,
): { listen: () => void; areOpen: () => boolean } {
  let isListening = false
  return {
    listen() {
      const heard = isListening ? null : vault.watch({ signal })
      if (heard === null) return
      isListening = true
      void hear(heard).finally(() => (isListening = false))
    },
    areOpen: () => isListening,
  }

  async function hear(heard: AsyncIterable<unknown>): Promise<void> {
    try {
      const words = heard[Symbol.asyncIterator]()
      while ((await words.next()).done !== true) bell.ring()
    } catch {
      // The next look listens once more.
    }
  }
}

/** Until the bell rings, so many ms are over, or it is called off. */
export async function rest(bell: Bell, signal: AbortSignal, ms: number): Promise<void> {
  const timer = setTimeout(bell.ring, Math.max(ms, 1))
  await bell
    .heard(signal)
    .catch(() => undefined)
    .finally(() => clearTimeout(timer))
}
