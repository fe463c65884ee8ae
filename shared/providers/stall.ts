import { concatAll } from "../bytes.js"
import { PspError } from "../errors.js"

/** Ends a request on which nothing moves. */
export interface StallTimer {
  /** Aborted when the caller calls off, or nothing moved for too long. */
  signal: AbortSignal
  /** Something came: the time begins anew. */
  moved: () => void
  /** The request is over. */
  stop: () => void
}

/**
 * `fetch` waits for ever for a server that took the connection and says nothing more. Times are in ms; `first` is what
 * may pass before the first sign, longer than `idle` where much has to be sent before.
 */
export function createStallTimer(called: AbortSignal, { idle, first }: { idle: number; first: number }): StallTimer {
  const stalled = new AbortController()
  const end = () => stalled.abort(new DOMException("Nothing came for too long", "TimeoutError"))
  let timer = setTimeout(end, first)
  return {
    signal: AbortSignal.any([called, stalled.signal]),
    moved: () => {
      clearTimeout(timer)
      timer = setTimeout(end, idle)
    },
    stop: () => clearTimeout(timer),
  }
}

/**
 * The body whole. Each piece of it is a sign that the request moves.
 *
 * @throws `corrupt` for one of more than `maxBytes`, of which no more is read; what the connection throws
 */
export async function readMoving({ body }: Response, { moved }: StallTimer, maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let got = 0
  const reader = body?.getReader()
  for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) {
    moved()
    got += piece.value.length
    if (got > maxBytes) {
      await reader?.cancel().catch(() => undefined)
      throw new PspError("corrupt", `an answer has more than the ${maxBytes} bytes that it can have`)
    }
    pieces.push(piece.value)
  }
  return concatAll(pieces)
}
