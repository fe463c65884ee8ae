import type { Budget } from "../shared/budget.js"
import { createDatabaseCollector, type DatabaseCollector, type StopReason } from "../shared/database-pieces.js"
import type { ReadDatabases } from "../shared/page/database-reader.js"
import { isPspError } from "../shared/errors.js"
import { askFrame, loadIntoFrame } from "./ask-tab.js"
import type { FrameReading } from "./capture-tabs.js"
import type { Limits } from "../shared/limits.js"

/** How far the reading is, and whether it may go on. */
export interface Reading {
  limits: Limits
  signal?: AbortSignal | undefined
  /** Bytes of encoded records that were read since the last call. */
  onBytes: (bytes: number) => void
  /** What the session may still take, over all origins. */
  budget: Budget
}

/** About 2 MiB: large enough that the way back and forth does not count, small enough to show progress. */
const pieceSize = 2 * 1024 * 1024

/** All databases of a document's origin, read by a script of ours beside the page's own, piece by piece. */
export async function captureDatabases(frame: FrameReading, reading: Reading): Promise<DatabaseCollector> {
  const { target, page, partition } = frame
  const collector = createDatabaseCollector(page.origin, partition, reading.budget)
  const names = (page.counts?.databases ?? []).map(({ name }) => name)
  const stop = async (why: StopReason) => {
    collector.stop(why)
    await askFrame(target, stopReader, []).catch(() => null)
    return collector
  }
  try {
    if (!(await loadIntoFrame(target, "/database-reader.js"))) return await stop("gone")
    const { database, origin } = reading.limits
    // As text: an argument of Chrome's would lose the lone surrogates of a name, JSON keeps them escaped.
    const request = JSON.stringify({
      names,
      maxDatabase: database,
      maxOrigin: origin,
      pieceSize,
    } satisfies ReadDatabases)
    for (let piece = await askFrame(target, beginReader, [request]); ; piece = await askFrame(target, nextPiece, [])) {
      if (piece === null) return await stop("gone")
      const { isEnd, isFull, bytes } = collector.add(piece)
      reading.onBytes(bytes)
      if (isFull) return await stop("max-session")
      if (isEnd) return collector
      if (reading.signal?.aborted === true) return await stop("stopped")
    }
  } catch (error) {
    if (isPspError(error, "aborted")) return stop("late")
    throw error
  }
}

function beginReader(request: string): Promise<string> | null {
  globalThis.pspDatabaseReader?.begin(JSON.parse(request) as ReadDatabases)
  return globalThis.pspDatabaseReader?.next() ?? null
}

function nextPiece(): Promise<string> | null {
  return globalThis.pspDatabaseReader?.next() ?? null
}

function stopReader(): null {
  globalThis.pspDatabaseReader?.stop()
  globalThis.pspDatabaseReader = undefined
  return null
}
