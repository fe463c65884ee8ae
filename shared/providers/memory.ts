import { equalBytes } from "../bytes.js"
import { PspError } from "../errors.js"
import { isObjectName, type Provider } from "../provider.js"

/** A provider that forgets everything at the end of the process: for tests and demos. */
export function createMemoryProvider(): Provider {
  const objects = new Map<string, Uint8Array>()
  return {
    // async, so that a fault is a rejected promise as with every other provider
    async put(name, bytes, { signal } = {}) {
      signal?.throwIfAborted()
      if (!isObjectName(name))
        throw new PspError("bad-message", "Cannot put object: its name is not one a store accepts")
      const known = objects.get(name)
      if (known !== undefined && !equalBytes(known, bytes)) {
        throw new PspError("corrupt", "Cannot put object: the store already holds other bytes under its name")
      }
      objects.set(name, bytes.slice())
    },
    async get(name, { signal } = {}) {
      signal?.throwIfAborted()
      return objects.get(name)?.slice() ?? null
    },
    async *list(prefix, { signal } = {}) {
      for (const name of [...objects.keys()].sort()) {
        signal?.throwIfAborted()
        const bytes = name.startsWith(prefix) ? objects.get(name) : undefined
        if (bytes !== undefined) yield { name, size: bytes.length }
      }
    },
    async remove(name, { signal } = {}) {
      signal?.throwIfAborted()
      objects.delete(name)
    },
  }
}
