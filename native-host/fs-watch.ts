import { watch as watchFolder } from "node:fs"
import { setTimeout as pause } from "node:timers/promises"
import { createBell } from "../shared/providers/bell.js"

export interface WatchOptions {
  /** Looks at least this often (ms), whatever the system says or does not say. */
  atLeastEvery?: number
  /** The system's watch over one folder. */
  watch?: (folder: string, onEvent: () => void) => FolderWatch
}

export interface FolderWatch {
  on: (event: "error", listener: () => void) => unknown
  close: () => void
}

const usualPoll = 10_000
/** Looking takes at most a twentieth of the time, and there is at least this long between two looks (ms). */
const shareOfTime = 20
const shortestRest = 50

/**
 * Says when the names that `namesOf` gives are others than before.
 *
 * What tells of it at once is the system's watch over a single folder in which every put of this machine writes first and
 * removes last. Recursive watches are left alone: Node 20's on Linux takes one watch for every file, misses what comes
 * while it grows, and ends the process when a file goes at the wrong moment (nodejs/node#48437, #52018). What no system
 * tells of is found by looking now and then: what another machine wrote to a network drive, what a tool copied in, what was
 * removed, and everything where watches are refused or used up.
 */
export async function* watchNames({
  namesOf,
  folder,
  signal,
  atLeastEvery = usualPoll,
  watch = watchFolder,
}: WatchOptions & {
  namesOf: () => Promise<string[]>
  /** null where there is none to watch. */
  folder: string | null
  signal: AbortSignal | undefined
}): AsyncGenerator<"watching" | "changed"> {
  const bell = createBell()
  const stopWatching = tryToWatch()

  function tryToWatch(): () => void {
    if (folder === null) return () => undefined
    try {
      const watcher = watch(folder, bell.ring)
      watcher.on("error", () => watcher.close())
      return () => watcher.close()
    } catch {
      return () => undefined
    }
  }

  try {
    let took = 0
    const look = async (): Promise<string> => {
      const started = performance.now()
      const names = (await namesOf()).join()
      took = performance.now() - started
      return names
    }
    let known = await look()
    yield "watching"
    for (;;) {
      const timer = setTimeout(bell.ring, Math.max(atLeastEvery, took * shareOfTime))
      try {
        await bell.heard(signal)
      } finally {
        clearTimeout(timer)
      }
      const seen = await look()
      if (seen !== known) {
        known = seen
        yield "changed"
      }
      await pause(Math.max(shortestRest, took * shareOfTime), undefined, signal === undefined ? {} : { signal })
    }
  } finally {
    stopWatching()
  }
}
