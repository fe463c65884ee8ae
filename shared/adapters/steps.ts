import { PspError } from "../errors.js"

/** How long (ms) one step may take, unless told. */
export const usualLimitMs = 30_000

/** Runs one step of a longer job: it ends when the work does, when the job is called off, or when it takes too long. */
export type Step = <T>(what: string, work: () => Promise<T>) => Promise<T>

/**
 * @param doing what the whole job is, for messages: `restore session`
 * @param gone tells that the target was closed: a call that was under way then may never answer (Playwright's `newPage`)
 * @returns a function that throws `aborted` (called off, too slow) and `bad-target` (the browser or page went away), and
 *   hands on every other error as it is
 */
export function createSteps(
  doing: string,
  { signal, timeoutMs = usualLimitMs }: StepOptions,
  gone?: AbortSignal,
): Step {
  const calledOff = createWaiters(signal)
  const closed = createWaiters(gone)
  return async (what, work) => {
    if (gone?.aborted === true) throw closedError(doing, what)
    if (signal?.aborted === true) throw new PspError("aborted", `Cannot ${doing}: called off before ${what}`)
    let stop: (() => void) | undefined
    const stopped = new Promise<never>((_, reject) => {
      const onAbort = () => reject(new PspError("aborted", `Cannot ${doing}: called off while ${what}`))
      const onLate = () => reject(new PspError("aborted", `Cannot ${doing}: no end of ${what} within ${timeoutMs} ms`))
      const onGone = () => reject(closedError(doing, what))
      const timer = setTimeout(onLate, timeoutMs)
      calledOff.add(onAbort)
      closed.add(onGone)
      stop = () => {
        clearTimeout(timer)
        calledOff.remove(onAbort)
        closed.remove(onGone)
      }
    })
    try {
      return await Promise.race([work(), stopped])
    } catch (error) {
      if (!isClosed(error)) throw error
      throw closedError(doing, what, error)
    } finally {
      stop?.()
    }
  }
}

/** One listener for all steps under way: Node warns of a leak when there are more than ten. */
function createWaiters(signal: AbortSignal | undefined) {
  const waiting = new Set<() => void>()
  const onAbort = () => {
    for (const wake of waiting) wake()
  }
  return {
    add(wake: () => void) {
      if (waiting.size === 0) signal?.addEventListener("abort", onAbort)
      waiting.add(wake)
    },
    remove(wake: () => void) {
      waiting.delete(wake)
      if (waiting.size === 0) signal?.removeEventListener("abort", onAbort)
    },
  }
}

/**
 * The end of `work`, `aborted` when there is none within so many ms, or `bad-target` when `gone` tells before that nobody is
 * there any more: for calls that no step watches. No listener stays behind.
 */
export async function inTime<T>(ms: number, work: Promise<T>, gone?: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined
  const stopped = new Promise<never>((_, reject) => {
    const onLate = () => reject(new PspError("aborted", `Cannot reach the browser: no answer within ${ms} ms`))
    const onGone = () => reject(new PspError("bad-target", "Cannot reach the browser or its page: it has been closed"))
    const timer = setTimeout(onLate, ms)
    gone?.addEventListener("abort", onGone)
    if (gone?.aborted === true) onGone()
    stop = () => {
      clearTimeout(timer)
      gone?.removeEventListener("abort", onGone)
    }
  })
  try {
    return await Promise.race([work, stopped])
  } finally {
    stop?.()
  }
}

/** How long (ms) to wait for the end of what is only tidied up. */
const patience = 10_000

/** The end of tidying up, well or not: what is gone already is as good as tidied, and one that says nothing is left alone. */
export async function tidied(work: Promise<unknown>, gone?: AbortSignal): Promise<void> {
  await inTime(patience, work, gone).catch(() => undefined)
}

export interface StepOptions {
  signal?: AbortSignal
  /** For one step; `usualLimitMs` unless told. */
  timeoutMs?: number
}

/** Tools and browsers name a closed target in the message only. */
export function isClosed(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof PspError) return false
  return (
    error.name === "TargetClosedError" ||
    /has been closed|(?:target|session|connection) (?:page )?closed|page crashed|failed to find browser context|session with given id not found/i.test(
      error.message,
    )
  )
}

/** The error as it is told when the target was closed; every other one as it is. */
export function closedTarget(error: unknown, doing: string): unknown {
  return isClosed(error) ? closedError(doing, "connecting", error) : error
}

function closedError(doing: string, what: string, cause?: unknown): PspError {
  const message = `Cannot ${doing}: the browser, its context or page was closed while ${what}`
  return new PspError("bad-target", message, cause === undefined ? undefined : { cause })
}
