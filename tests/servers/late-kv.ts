import type { KvNamespace } from "../../shared/providers/cloudflare-kv.js"

export interface LateKv extends KvNamespace {
  /** From now on reads show what was there at this moment, as KV may for a minute; writes go through. */
  holdBack(): Promise<void>
  /** Reads show everything again. */
  catchUp(): void
}

/** A namespace whose reads can be made stale, as those of workerd here never are and Cloudflare's are. */
export function createLateKv(namespace: KvNamespace): LateKv {
  let shown: Map<string, { value: ArrayBuffer | null; metadata: unknown }> | null = null

  return {
    holdBack: async () => {
      const seen: NonNullable<typeof shown> = new Map()
      const { keys } = await namespace.list({ prefix: "" })
      for (const { name, metadata } of keys) {
        seen.set(name, { value: await namespace.get(name, "arrayBuffer"), metadata })
      }
      shown = seen
    },
    catchUp: () => {
      shown = null
    },
    get: async (key, type) => (shown === null ? namespace.get(key, type) : (shown.get(key)?.value ?? null)),
    put: (key, value, options) => namespace.put(key, value, options),
    delete: (key) => namespace.delete(key),
    list: async (options) => {
      if (shown === null) return namespace.list(options)
      const keys = [...shown].map(([name, { metadata }]) => ({ name, metadata }))
      return { keys: keys.filter(({ name }) => name.startsWith(options.prefix)), list_complete: true }
    },
  }
}
