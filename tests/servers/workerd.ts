import { build } from "esbuild"
import { Miniflare } from "miniflare"
import { fileURLToPath } from "node:url"
import type { KvNamespace } from "../../shared/providers/cloudflare-kv.js"

export interface Workerd {
  /** The KV namespace in workerd, as a Worker's binding looks from Node. */
  namespace: KvNamespace
  /** Asks the Worker of tests/servers/kv-worker.ts, which has the namespace as `STORE`. */
  fetch: (path: string, init: { method: string; body?: Uint8Array<ArrayBuffer> }) => Promise<WorkerAnswer>
  /** Puts objects of one byte, past the provider. */
  seed: (names: string[]) => Promise<void>
  /** Empties the namespace. */
  clear: () => Promise<void>
  stop: () => Promise<void>
}

export interface WorkerAnswer {
  status: number
  bytes: Uint8Array
}

/** Real workerd through miniflare, in memory, on a free port of 127.0.0.1. */
export async function startWorkerd(): Promise<Workerd> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("kv-worker.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    legalComments: "none",
  })
  const miniflare = new Miniflare({
    modules: true,
    script: outputFiles[0]?.text ?? "",
    compatibilityDate: "2025-07-01",
    kvNamespaces: ["STORE"],
  })
  // Its type comes from @cloudflare/workers-types, which is not here; the tests show that it is one.
  const binding = (await miniflare.getKVNamespace("STORE")) as unknown as KvNamespace

  const ask: Workerd["fetch"] = (path, init) =>
    steadily(async () => {
      const response = await miniflare.dispatchFetch(`http://worker.test/${path}`, init)
      return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) }
    })

  return {
    namespace: {
      get: (key, type) => steadily(() => binding.get(key, type)),
      put: (key, value, options) => steadily(() => binding.put(key, value, options)),
      list: (options) => steadily(() => binding.list(options)),
      delete: (key) => steadily(() => binding.delete(key)),
    },
    fetch: ask,
    seed: async (names) => {
      // A Worker may do 1,000 operations in a request.
      for (let i = 0; i < names.length; i += 500) {
        const body = new TextEncoder().encode(JSON.stringify(names.slice(i, i + 500)))
        const { status } = await ask("seed", { method: "POST", body })
        if (status !== 204) throw new Error(`Cannot seed the namespace: the Worker answered ${status}`)
      }
    },
    clear: async () => {
      const { status } = await ask("clear", { method: "POST" })
      if (status !== 204) throw new Error(`Cannot empty the namespace: the Worker answered ${status}`)
    },
    stop: () => miniflare.dispose(),
  }
}

/** Between Node and workerd are kept connections, which workerd closes now and then while they are taken up again. */
async function steadily<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === 5 || !(error instanceof TypeError && error.message === "fetch failed")) throw error
    }
  }
}
