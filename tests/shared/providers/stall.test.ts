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
  await expect(readMoving(new Response(stream), timer)).rejects.toMatchObject({ name: "TimeoutError" })
  expect(pieces).toBe(100)
})

it("a stall timer hears the caller call off", () => {
  const called = new AbortController()
  const timer = createStallTimer(called.signal, patience)
  called.abort()
  expect(timer.signal.aborted).toBe(true)
  timer.stop()
})
