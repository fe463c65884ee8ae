import { isPspError, PspError } from "../errors.js"
import type { CallOptions } from "../provider.js"

export interface RetryOptions extends CallOptions {
  /** True for a fault that may be gone at the next try. The default: `unreachable` and `rate-limited`. */
  isTransient?: (error: unknown) => boolean
  /** How long the store asked us to wait after this error (ms); null when it did not say. */
  askedWait?: (error: unknown) => number | null
}

const maxTries = 5
/** All tries and waits together (ms). */
const budget = 60_000
/** The longest wait before the second try (ms); it doubles from try to try. */
const firstWait = 100
const longestWait = 10_000

/**
 * Does the work again while its fault is one that passes: at most 5 tries within 60 seconds. Waits are random up to a
 * bound that doubles (full jitter), so that many bots do not come back in step; a store that says how long to wait is obeyed.
 *
 * @throws the last fault; `aborted` as soon as the signal is, also in the middle of a wait
 */
export async function withRetries<T>(
  doing: string,
  work: (signal: AbortSignal) => Promise<T>,
  { signal: called, isTransient = isPassing, askedWait = () => null }: RetryOptions = {},
): Promise<T> {
  const started = performance.now()
  const late = AbortSignal.timeout(budget)
  const signal = called === undefined ? late : AbortSignal.any([called, late])
  for (let attempt = 1; ; attempt++) {
    try {
      called?.throwIfAborted()
      return await work(signal)
    } catch (error) {
      if (called?.aborted === true) throw new PspError("aborted", `Cannot ${doing}: it was called off`)
      if (late.aborted) throw isPspError(error) ? error : tooSlow(doing)
      if (attempt === maxTries || !isTransient(error)) throw error
      const bound = Math.min(longestWait, firstWait * 2 ** (attempt - 1))
      const wait = Math.max(askedWait(error) ?? 0, Math.random() * bound)
      if (performance.now() - started + wait > budget) throw error
      await pause(wait, called, doing)
    }
  }
}

function isPassing(error: unknown): boolean {
  return isPspError(error, "unreachable") || isPspError(error, "rate-limited")
}

function tooSlow(doing: string): PspError {
  return new PspError("unreachable", `Cannot ${doing}: the store gave no answer within ${budget / 1000} seconds`)
}

function pause(ms: number, signal: AbortSignal | undefined, doing: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(end, ms)
    signal?.addEventListener("abort", end)
    function end(): void {
      clearTimeout(timer)
      signal?.removeEventListener("abort", end)
      if (signal?.aborted === true) reject(new PspError("aborted", `Cannot ${doing}: it was called off`))
      else resolve()
    }
  })
}
