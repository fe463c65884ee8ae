import { beforeEach, describe, expect, it, vi } from "vitest"
import { awaitChange } from "../../native-host/await-change.js"
import type { Provider } from "../../shared/provider.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { testObject } from "../contracts/provider-contract.js"

const long = 1_000_000
const { name, bytes } = testObject("v/s", 10)

let provider: Provider
beforeEach(() => {
  provider = createMemoryProvider()
})

/** A store that tells of nothing. */
const mute = (store: Provider): Provider => ({
  put: (...put) => store.put(...put),
  get: (...get) => store.get(...get),
  list: (...list) => store.list(...list),
  remove: (...remove) => store.remove(...remove),
})

describe("waiting for a change of a store", () => {
  it("answers at once as long as nothing is known, and where something else is known", async () => {
    const empty = await awaitChange(provider, "v/", null, { patience: long, poll: long })
    expect(empty).toMatch(/^[0-9a-f]{32}$/)
    await provider.put(name, bytes)
    const one = await awaitChange(provider, "v/", empty, { patience: long, poll: long })
    expect(one).not.toBe(empty)
  })

  it("hears of what is put, what is removed, and of nothing elsewhere", async () => {
    const empty = await awaitChange(provider, "v/", null)
    const change = awaitChange(provider, "v/", empty, { patience: long, poll: long })
    await provider.put(testObject("w/s", 10).name, testObject("w/s", 10).bytes)
    await provider.put(name, bytes)
    const one = await change
    expect(one).not.toBe(empty)
    const removal = awaitChange(provider, "v/", one, { patience: long, poll: long })
    await provider.remove(name)
    expect(await removal).toBe(empty)
  })

  it("misses nothing that comes between its look and its watch", async () => {
    const empty = await awaitChange(provider, "v/", null)
    const late: Provider = {
      ...provider,
      async *watch(prefix, options) {
        await provider.put(name, bytes)
        yield* provider.watch?.(prefix, options) ?? []
      },
    }
    expect(await awaitChange(late, "v/", empty, { patience: long, poll: long })).not.toBe(empty)
  })

  it("looks now and then where the store tells of nothing", async () => {
    const empty = await awaitChange(provider, "v/", null)
    const change = awaitChange(mute(provider), "v/", empty, { patience: long, poll: 5 })
    await provider.put(name, bytes)
    expect(await change).not.toBe(empty)
  })

  it("answers after a while that all is as it was, and watches no longer", async () => {
    const empty = await awaitChange(provider, "v/", null)
    const stopped = vi.fn<() => void>()
    const told: Provider = {
      ...provider,
      async *watch(prefix, options) {
        try {
          yield* provider.watch?.(prefix, options) ?? []
        } finally {
          stopped()
        }
      },
    }
    expect(await awaitChange(told, "v/", empty, { patience: 20, poll: long })).toBe(empty)
    await vi.waitFor(() => expect(stopped).toHaveBeenCalledTimes(1))
  })

  it("ends when it is called off, and with the store's error", async () => {
    const empty = await awaitChange(provider, "v/", null)
    const controller = new AbortController()
    const waiting = awaitChange(provider, "v/", empty, { signal: controller.signal, patience: long, poll: long })
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: "aborted" })
    const gone = { ...provider, list: () => provider.list("..") }
    await expect(awaitChange(gone, "v/", empty)).rejects.toMatchObject({ code: "bad-message" })
  })
})
