import { equalBytes } from "../bytes.js"
import { PspError } from "../errors.js"
import { isObjectName, isObjectPrefix, type CallOptions, type Provider } from "../provider.js"
import { createBell } from "./bell.js"

/** Objects in this process's memory: for tests, and for a vault that shall not outlive a run. */
export function createMemoryProvider(): Provider {
  const objects = new Map<string, Uint8Array>()
  const watchers = new Set<(name: string) => void>()

  return {
    async put(name, bytes, options) {
      check("store", name, isObjectName(name), options)
      const old = objects.get(name)
      if (old !== undefined && !equalBytes(old, bytes)) {
        throw new PspError("corrupt", `Cannot store ${name}: the store holds other bytes under this name`)
      }
      objects.set(name, bytes.slice())
      for (const tell of watchers) tell(name)
    },
    async get(name, options) {
      check("read", name, isObjectName(name), options)
      return objects.get(name)?.slice() ?? null
    },
    async *list(prefix, options) {
      check("list", prefix, isObjectPrefix(prefix), options)
      const names = [...objects.keys()].filter((name) => name.startsWith(prefix)).sort()
      for (const name of names) {
        check("list", prefix, true, options)
        yield { name, size: objects.get(name)?.length ?? 0 }
      }
    },
    async remove(name, options) {
      check("remove", name, isObjectName(name), options)
      if (objects.delete(name)) for (const tell of watchers) tell(name)
    },
    warnings: async () => [
      { code: "not-durable", message: "What is kept in memory ends with the process that keeps it" },
    ],
    async *watch(prefix, options) {
      check("watch", prefix, isObjectPrefix(prefix), options)
      const bell = createBell()
      const tell = (name: string) => {
        if (name.startsWith(prefix)) bell.ring()
      }
      watchers.add(tell)
      try {
        yield "watching"
        for (;;) {
          await bell.heard(options?.signal)
          yield "changed"
        }
      } finally {
        watchers.delete(tell)
      }
    },
  }
}

function check(doing: string, name: string, isGood: boolean, options: CallOptions | undefined): void {
  if (!isGood) throw new PspError("bad-message", `Cannot ${doing} an object: expected the name of one`)
  if (options?.signal?.aborted === true) throw new PspError("aborted", `Cannot ${doing} ${name}: it was called off`)
}
