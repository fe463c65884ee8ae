import type { Bytes } from "./bytes.js"

/**
 * Bytes that come piece by piece and become one array, without a second copy of all of them at the end. Room is asked for
 * in large steps: a system gives memory to what is written, so what is never written costs nothing.
 */
export interface ByteSink {
  readonly length: number
  /** The next `length` bytes, to be filled now: they are the caller's until the next call. */
  room(length: number): Bytes
  /** All of it: a view, so whoever clones it clones the room behind it too. */
  bytes(): Bytes
}

const growth = 8

/** @param most what it usually does not grow beyond */
export function createByteSink(most: number): ByteSink {
  let buffer = new Uint8Array(0)
  let length = 0

  function grow(needed: number): void {
    if (needed <= buffer.length) return
    const larger = new Uint8Array(Math.max(needed, Math.min(buffer.length * growth, most)))
    larger.set(buffer.subarray(0, length))
    buffer = larger
  }

  return {
    get length() {
      return length
    },
    room(more) {
      grow(length + more)
      length += more
      return buffer.subarray(length - more, length)
    },
    bytes: () => buffer.subarray(0, length),
  }
}
