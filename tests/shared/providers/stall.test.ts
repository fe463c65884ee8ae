import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { createStallTimer, readMoving } from "../../../shared/providers/stall.js"

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const patience = { idle: 10, first: 50 }

it("a stall timer ends a request that does not begin to answer, and leaves one alone that is over", () => {
  const called = new AbortController()
  const [silent, over] = [createStallTimer(called.signal, patience), createStallTimer(called.signal, patience)]
  vi.advanceTimersByTime(49)
  over.stop()
  expect(silent.signal.aborted).toBe(false)
  vi.advanceTimersByTime(1)
  expect([silent.signal.aborted, over.signal.aborted]).toEqual([true, false])
  expect(vi.getTimerCount()).toBe(0)
})

it("a stall timer lets a body take as long as it likes while it moves, and ends one that does not", async () => {
  const timer = createStallTimer(new AbortController().signal, patience)
  let pieces = 0
  const pull = (body: ReadableStreamDefaultController<Uint8Array>) => {
    vi.advanceTimersByTime(pieces < 100 ? 9 : 10)
    if (timer.signal.aborted) body.error(timer.signal.reason)
    else body.enqueue(Uint8Array.of(++pieces))
  }
  const stream = new ReadableStream({ pull }, { highWaterMark: 0 })
  timer.moved()
  await expect(readMoving(new Response(stream), timer, 1000)).rejects.toMatchObject({ name: "TimeoutError" })
  expect(pieces).toBe(100)
})

it("a body that moves is read up to what it may have, and no further", async () => {
  const timer = createStallTimer(new AbortController().signal, patience)
  let [pulled, isCancelled] = [0, false]
  const bodyOf = (pieces: number) =>
    new ReadableStream<Uint8Array>(
      {
        pull: (body) => {
          if (pulled++ < pieces) body.enqueue(new Uint8Array(10))
          else body.close()
        },
        cancel: () => {
          isCancelled = true
        },
      },
      { highWaterMark: 0 },
    )
  expect(await readMoving(new Response(bodyOf(10)), timer, 100)).toHaveLength(100)
  expect(isCancelled).toBe(false)
  pulled = 0
  await expect(readMoving(new Response(bodyOf(Infinity)), timer, 100)).rejects.toMatchObject({ code: "corrupt" })
  expect([pulled, isCancelled]).toEqual([11, true])
  timer.stop()
})

it("a body that moves may come in any number of pieces", async () => {
  const timer = createStallTimer(new AbortController().signal, patience)
  let left = 200_000
  const pull = (body: ReadableStreamDefaultController<Uint8Array>) => {
    if (left-- > 0) body.enqueue(Uint8Array.of(1))
    else body.close()
  }
  const stream = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 })
  expect(await readMoving(new Response(stream), timer, 1e6)).toHaveLength(200_000)
  timer.stop()
})

it("a stall timer hears the caller call off", () => {
  const called = new AbortController()
  const timer = createStallTimer(called.signal, patience)
  called.abort()
  expect(timer.signal.aborted).toBe(true)
  timer.stop()
})
