import { describe, expect, it, vi } from "vitest"
import { createSteps } from "../../../shared/adapters/steps.js"
import { PspError } from "../../../shared/errors.js"

const never = () => new Promise<never>(() => undefined)

describe("a step", () => {
  it("gives what its work gives", async () => {
    expect(await createSteps("restore session", {})("reading", async () => 7)).toBe(7)
  })

  it("hands on an error as it is", async () => {
    const error = new Error("Protocol error")
    const step = createSteps("restore session", {})
    await expect(step("reading", () => Promise.reject(error))).rejects.toBe(error)
    const known = new PspError("usage", "Page closed")
    await expect(step("reading", () => Promise.reject(known))).rejects.toBe(known)
  })

  it("is not begun once the job is called off", async () => {
    const work = vi.fn(never)
    const step = createSteps("restore session", { signal: AbortSignal.abort() })
    await expect(step("reading", work)).rejects.toMatchObject({
      code: "aborted",
      message: expect.stringMatching(/called off before reading/) as string,
    })
    expect(work).not.toHaveBeenCalled()
  })

  it("ends when the job is called off", async () => {
    const controller = new AbortController()
    const running = createSteps("restore session", { signal: controller.signal })("reading", never)
    controller.abort()
    await expect(running).rejects.toMatchObject({
      code: "aborted",
      message: expect.stringMatching(/called off while reading/) as string,
    })
  })

  it("ends when it takes too long", async () => {
    vi.useFakeTimers()
    const running = createSteps("restore session", { timeoutMs: 5000 })("reading", never)
    const failed = expect(running).rejects.toMatchObject({
      code: "aborted",
      message: expect.stringMatching(/reading within 5000 ms/) as string,
    })
    await vi.advanceTimersByTimeAsync(5000)
    await failed
    vi.useRealTimers()
  })

  it("ends when the target is closed, also while a call never answers", async () => {
    const gone = new AbortController()
    const step = createSteps("restore session", {}, gone.signal)
    const running = step("reading", never)
    gone.abort()
    const closed = { code: "bad-target", message: expect.stringMatching(/was closed while reading/) as string }
    await expect(running).rejects.toMatchObject(closed)
    await expect(step("reading", never)).rejects.toMatchObject(closed)
  })

  it("knows the words of a closed target", async () => {
    const step = createSteps("restore session", {})
    const words = ["Target page, context or browser has been closed", "Protocol error: Target closed.", "Page crashed"]
    for (const message of words) {
      await expect(step("reading", () => Promise.reject(new Error(message)))).rejects.toMatchObject({
        code: "bad-target",
      })
    }
  })

  it("leaves no listener and no timer behind", async () => {
    vi.useFakeTimers()
    const { signal } = new AbortController()
    const [add, remove] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")]
    await createSteps("restore session", { signal })("reading", async () => null)
    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length)
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })
})
