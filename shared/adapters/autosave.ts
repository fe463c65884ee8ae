import { isPspError, PspError } from "../errors.js"
import { hasMethod } from "./has-method.js"
import type { SaveOptions, SaveReport } from "./session.js"

export interface AutosaveOptions extends Pick<SaveOptions, "timeoutMs"> {
  /** ms from the end of one save to the next. */
  everyMs: number
  /** A save that wrote something. */
  onSaved?: (report: SaveReport) => void
  /** A save that failed; the saved state stays as it was, and the next save tries again. */
  onError: (error: unknown) => void
  /** Calls it off at once, without a last save. */
  signal?: AbortSignal
}

export interface Autosave {
  /**
   * Saves a last time, and ends it. Call it before the target is closed: a closed one cannot be read any more. What that save
   * throws goes to `onError`.
   */
  end(): Promise<void>
}

/**
 * Saves again and again, one save at a time; while one is logged out, less and less often. It ends with the target, and keeps no
 * process alive.
 *
 * @throws `usage` for an interval that is none
 */
export function startAutosave(
  save: (options: SaveOptions) => Promise<SaveReport>,
  { everyMs, onSaved, onError, signal, timeoutMs }: AutosaveOptions,
  onClose: (listener: () => void) => () => void,
): Autosave {
  if (!(everyMs > 0 && everyMs <= longestDelay)) {
    throw new PspError("usage", `Cannot save every ${everyMs} ms: expected more than 0, and at most ${longestDelay}`)
  }
  let timer: ReturnType<typeof setTimeout> | undefined
  let isOver = false
  let wait = everyMs
  let running: Promise<void> = Promise.resolve()
  const stop = () => {
    isOver = true
    clearTimeout(timer)
    signal?.removeEventListener("abort", stop)
    stopListening()
  }
  const options = { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) }
  const saveOnce = async () => {
    try {
      const report = await save(options)
      wait = everyMs
      if (report.saved) onSaved?.(report)
    } catch (error) {
      if (signal?.aborted === true) return
      // The target is gone, which no next save mends.
      if (isPspError(error, "bad-target")) stop()
      // Each look asks the site.
      if (isPspError(error, "logged-out")) wait = Math.min(2 * wait, Math.max(everyMs, longestWait))
      onError(error)
    }
  }
  const schedule = () => {
    timer = setTimeout(() => {
      running = saveOnce().then(() => {
        if (!isOver) schedule()
      })
    }, wait)
    if (hasMethod(timer, "unref")) timer.unref()
  }
  const stopListening = onClose(stop)
  signal?.addEventListener("abort", stop)
  if (signal?.aborted === true) stop()
  else schedule()
  return {
    async end() {
      const isLast = !isOver
      stop()
      await running
      if (isLast) await saveOnce()
    },
  }
}

/** Between looks whether one is logged in again (ms), unless the interval is longer. */
const longestWait = 15 * 60_000

/** What a timer can wait (ms). */
const longestDelay = 2 ** 31 - 1
