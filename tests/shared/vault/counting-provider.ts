import type { Provider } from "../../../shared/provider.js"

export interface Counts {
  put: number
  get: number
  list: number
  remove: number
  /** Prefixes asked for. */
  prefixes: string[]
}

/** Counts the requests to a store, as one that gives a thousand names with each page of a list. */
export function countRequests(provider: Provider): Provider & { counts: Counts; total(): number; reset(): void } {
  const none = (): Counts => ({ put: 0, get: 0, list: 0, remove: 0, prefixes: [] })
  const counter = {
    ...provider,
    counts: none(),
    total: () => counter.counts.put + counter.counts.get + counter.counts.list + counter.counts.remove,
    reset: () => {
      counter.counts = none()
    },
    put: async (...call: Parameters<Provider["put"]>) => {
      counter.counts.put++
      await provider.put(...call)
    },
    get: async (...call: Parameters<Provider["get"]>) => {
      counter.counts.get++
      return provider.get(...call)
    },
    async *list(...call: Parameters<Provider["list"]>) {
      counter.counts.list++
      counter.counts.prefixes.push(call[0])
      let page = 0
      for await (const object of provider.list(...call)) {
        if (page++ === 1000) {
          counter.counts.list++
          page = 1
        }
        yield object
      }
    },
    remove: async (...call: Parameters<Provider["remove"]>) => {
      counter.counts.remove++
      await provider.remove(...call)
    },
  }
  return counter
}
