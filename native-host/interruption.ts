import { PspError, toPspError } from "../shared/errors.js"

/**
 * Work that Ctrl-C ends; whatever the work throws then becomes one `aborted` with this sentence.
 *
 * @param told what the person should know: what was done so far, and how to go on
 */
export async function untilInterrupted<T>(
  signal: AbortSignal,
  told: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await work(signal)
  } catch (error) {
    if (signal.aborted) throw new PspError("aborted", `Stopped: ${told}`, { cause: toPspError(error, "The command") })
    throw error
  }
}
