import { describe, expect, it, vi } from "vitest"
import { PspError } from "../../../shared/errors.js"
import { withRetries } from "../../../shared/providers/retry.js"

const passing = () => new PspError("unreachable", "Cannot store: nobody answers")

describe("withRetries", () => {
  it("tries what may pass at most 5 times, and gives the last fault", async () => {
    const work = vi.fn(() => Promise.reject(passing()))
    await expect(withRetries("store", work)).rejects.toMatchObject({ code: "unreachable" })
    expect(work).toHaveBeenCalledTimes(5)
  })

  it("gives what a later try gives", async () => {
    const work = vi.fn().mockRejectedValueOnce(passing()).mockResolvedValueOnce("done")
    await expect(withRetries("store", work)).resolves.toBe("done")
  })

  it.each(["denied", "full", "corrupt", "bad-config"] as const)("never tries %s again", async (code) => {
    const work = vi.fn(() => Promise.reject(new PspError(code, "Cannot store")))
    await expect(withRetries("store", work)).rejects.toMatchObject({ code })
    expect(work).toHaveBeenCalledTimes(1)
  })

  it("stops in the middle of a wait when it is called off", async () => {
    const controller = new AbortController()
    const work = vi.fn(() => Promise.reject(passing()))
    const asked = withRetries("store", work, { signal: controller.signal, askedWait: () => 50_000 })
    await vi.waitFor(() => expect(work).toHaveBeenCalledTimes(1))
    controller.abort()
    await expect(asked).rejects.toMatchObject({ code: "aborted" })
  })

  it("gives up at once where the store asks for a longer wait than there is time", async () => {
    const work = vi.fn(() => Promise.reject(new PspError("rate-limited", "Cannot store: too many requests")))
    await expect(withRetries("store", work, { askedWait: () => 61_000 })).rejects.toMatchObject({
      code: "rate-limited",
    })
    expect(work).toHaveBeenCalledTimes(1)
  })
})
