import { PspError } from "../errors.js"

/** How the many places that see a change wake the one that tells of it; rings that nobody heard yet count as one. */
export interface Bell {
  ring: () => void
  /** Resolves at the next ring, at once when it rang meanwhile. @throws `aborted` */
  heard: (signal: AbortSignal | undefined) => Promise<void>
}

export function createBell(): Bell {
  let hasRung = false
  let wake = (): void => undefined

  return {
    ring() {
      hasRung = true
      wake()
    },
    async heard(signal) {
      if (!hasRung && signal?.aborted !== true) {
        await new Promise<void>((resolve) => {
          wake = resolve
          signal?.addEventListener("abort", wake)
        })
        signal?.removeEventListener("abort", wake)
      }
      if (signal?.aborted === true) throw new PspError("aborted", "Cannot watch the store: it was called off")
      hasRung = false
    },
  }
}
