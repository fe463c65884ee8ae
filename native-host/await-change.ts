import { createHash } from "node:crypto"
import { PspError } from "../shared/errors.js"
import { createBell } from "../shared/providers/bell.js"
import type { Provider } from "../shared/provider.js"

export interface AwaitOptions {
  signal?: AbortSignal
  /** Answers after that long in any case (ms): the one who asks takes a host that stays silent for a minute for dead. */
  patience?: number
  /** Looks at least this often (ms): for stores that tell of nothing, and for what the others miss. */
  poll?: number
}

/**
 * What stands for the names under a prefix, as soon as that is not `known`. The store's own word makes it prompt (folders, Redis), else
 * it is looked at now and then (S3, KV). Nothing is missed between two calls: each begins with a look, and looks again once the store
 * is watched.
 *
 * @returns 32 hex digits: a digest, which tells nothing of the names
 * @throws `aborted`, and the provider's codes
 */
export async function awaitChange(
  provider: Provider,
  prefix: string,
  known: string | null,
  { signal, patience = 20_000, poll = 10_000 }: AwaitOptions = {},
): Promise<string> {
  const done = new AbortController()
  const bell = createBell()
  const stop = () => done.abort()
  const ending = setTimeout(stop, patience)
  signal?.addEventListener("abort", stop)
  try {
    if (known !== null) void hear(provider, prefix, done.signal, bell.ring)
    for (;;) {
      const names = await digestOfNames(provider, prefix, signal)
      if (signal?.aborted === true) throw new PspError("aborted", "Cannot watch the store: it was called off")
      if (names !== known || done.signal.aborted) return names
      const timer = setTimeout(bell.ring, poll)
      await bell.heard(done.signal).catch(() => undefined)
      clearTimeout(timer)
    }
  } finally {
    clearTimeout(ending)
    signal?.removeEventListener("abort", stop)
    done.abort()
  }
}

/** Until it is called off, or the store can tell no more: then it is looked at. */
async function hear(provider: Provider, prefix: string, signal: AbortSignal, ring: () => void): Promise<void> {
  try {
    const words = provider.watch?.(prefix, { signal })[Symbol.asyncIterator]()
    while (words !== undefined && (await words.next()).done !== true) ring()
  } catch {
    // The look in between finds what is wrong, if anything is.
  }
}

async function digestOfNames(provider: Provider, prefix: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256")
  for await (const { name } of provider.list(prefix, signal && { signal })) hash.update(`${name}\n`)
  return hash.digest("hex").slice(0, 32)
}
