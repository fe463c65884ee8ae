import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { startAutosave, type AutosaveOptions } from "../../../shared/adapters/autosave.js"
import type { SaveReport } from "../../../shared/adapters/session.js"
import { PspError } from "../../../shared/errors.js"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const saved: SaveReport = { saved: true, changes: [], refused: [], gaps: [] }

function start(save = () => Promise.resolve(saved), options: Partial<AutosaveOptions> = {}) {
  const [calls, onSaved, onError] = [vi.fn(save), vi.fn(), vi.fn()]
  const listeners = new Set<() => void>()
  const onClose = (listener: () => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  const autosave = startAutosave(calls, { everyMs: 1000, onSaved, onError, ...options }, onClose)
  return { autosave, calls, onSaved, onError, listeners, close: () => listeners.forEach((listener) => listener()) }
}

describe("an autosave", () => {
  it("saves again and again, counted from the end of one save to the next", async () => {
    let release: () => void = () => undefined
    const { calls, onSaved } = start(() => new Promise((resolve) => (release = () => resolve(saved))))
    await vi.advanceTimersByTimeAsync(1000 + 5000)
    expect([calls.mock.calls.length, onSaved.mock.calls.length]).toEqual([1, 0])
    release()
    await vi.advanceTimersByTimeAsync(999)
    expect([calls.mock.calls.length, onSaved.mock.calls.length]).toEqual([1, 1])
    await vi.advanceTimersByTimeAsync(1)
    expect(calls).toHaveBeenCalledTimes(2)
  })

  it("tells of no save that wrote nothing", async () => {
    const { onSaved, onError } = start(() => Promise.resolve({ ...saved, saved: false }))
    await vi.advanceTimersByTimeAsync(3000)
    expect([onSaved.mock.calls, onError.mock.calls]).toEqual([[], []])
  })

  it("goes on after an error, and tells it", async () => {
    const fault = new PspError("unreachable", "Cannot reach the store")
    const { calls, onError } = start(() => Promise.reject(fault))
    await vi.advanceTimersByTimeAsync(3000)
    expect([calls.mock.calls.length, onError.mock.calls]).toEqual([3, [[fault], [fault], [fault]]])
  })

  it("looks less and less often while one is logged out, and as often as before when one is in again", async () => {
    let isOut = true
    const { calls } = start(() =>
      isOut ? Promise.reject(new PspError("logged-out", "Cannot save")) : Promise.resolve(saved),
    )
    await vi.advanceTimersByTimeAsync(1000 + 2000 + 4000)
    expect(calls).toHaveBeenCalledTimes(3)
    isOut = false
    await vi.advanceTimersByTimeAsync(8000 + 1000)
    expect(calls).toHaveBeenCalledTimes(5)
  })

  it("ends with its target, and hears of nothing any more", async () => {
    const { calls, close, listeners, onError, autosave } = start()
    close()
    await vi.advanceTimersByTimeAsync(5000)
    await autosave.end()
    expect([calls.mock.calls.length, listeners.size, onError.mock.calls.length]).toEqual([0, 0, 0])
    const gone = start(() => Promise.reject(new PspError("bad-target", "closed")))
    await vi.advanceTimersByTimeAsync(5000)
    expect([gone.calls.mock.calls.length, gone.onError.mock.calls.length]).toEqual([1, 1])
  })

  it("is called off at once, without a last save", async () => {
    const controller = new AbortController()
    const { calls, autosave } = start(undefined, { signal: controller.signal })
    controller.abort()
    await vi.advanceTimersByTimeAsync(5000)
    await autosave.end()
    expect(calls).not.toHaveBeenCalled()
  })

  it("waits for a save under way when it is ended, and saves a last time", async () => {
    let release: () => void = () => undefined
    const { calls, autosave } = start(() => new Promise((resolve) => (release = () => resolve(saved))))
    await vi.advanceTimersByTimeAsync(1000)
    const ending = autosave.end()
    await vi.advanceTimersByTimeAsync(5000)
    expect(calls).toHaveBeenCalledTimes(1)
    release()
    await vi.advanceTimersByTimeAsync(0)
    expect(calls).toHaveBeenCalledTimes(2)
    release()
    await ending
    await vi.advanceTimersByTimeAsync(5000)
    expect(calls).toHaveBeenCalledTimes(2)
  })

  it("keeps no process alive", () => {
    vi.useRealTimers()
    const timeouts = vi.spyOn(globalThis, "setTimeout")
    const { close } = start()
    const timer = timeouts.mock.results[0]?.value as NodeJS.Timeout
    expect(timer.hasRef()).toBe(false)
    close()
    timeouts.mockRestore()
  })

  it.each([0, -1, Number.NaN, 2 ** 31])("refuses an interval of %s ms", (everyMs) => {
    expect(() => start(undefined, { everyMs })).toThrow(expect.objectContaining({ code: "usage" }))
  })
})
