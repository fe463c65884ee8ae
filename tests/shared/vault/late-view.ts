import type { Provider } from "../../../shared/provider.js"
import { namesIn } from "./devices.js"

/**
 * What one device sees of a store that shows to others late, as Cloudflare KV does: its own puts and removals at once,
 * those of others as they were when it last caught up.
 */
export function createLateView(provider: Provider): Provider & { catchUp(): Promise<void> } {
  let shown = new Set<string>()
  return {
    ...provider,
    catchUp: async () => {
      shown = new Set(await namesIn(provider))
    },
    put: async (name, ...rest) => {
      await provider.put(name, ...rest)
      shown.add(name)
    },
    get: async (name, ...rest) => (shown.has(name) ? provider.get(name, ...rest) : null),
    async *list(...call) {
      for await (const object of provider.list(...call)) if (shown.has(object.name)) yield object
    },
  }
}
