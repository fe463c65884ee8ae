import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { PspError } from "../../shared/errors.js"
import { probeStore } from "../../shared/probe-store.js"
import { maxObjectBytes, type Provider } from "../../shared/provider.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { listAll } from "../contracts/provider-contract.js"
import { temporaryFolder } from "../native-host/bundle.js"

/** A good store but for what is given. */
function storeWith(change: (good: Provider) => Partial<Provider>): { good: Provider; provider: Provider } {
  const good = createMemoryProvider()
  return { good, provider: { ...good, warnings: async () => [], ...change(good) } }
}

const refusal = (code: "denied" | "full" | "unreachable") => () =>
  Promise.reject(new PspError(code, `Cannot do it: the store says ${code}`))

describe("the trial of a store", () => {
  it("finds a good one good, and leaves nothing behind", async () => {
    const { good, provider } = storeWith(() => ({}))
    expect(await probeStore(provider)).toEqual({ isCreateOnly: true, maxObjectBytes, warnings: [] })
    expect(await listAll(good, "")).toEqual([])
  })

  it("finds a folder good, and leaves no folder of its own in it", async () => {
    const dir = await temporaryFolder()
    onTestFinished(() => rm(dir, { recursive: true }))
    const provider = createFsProvider(join(dir, "vault"))
    expect(await probeStore(provider)).toEqual({ isCreateOnly: true, maxObjectBytes, warnings: [] })
    expect((await readdir(join(dir, "vault"))).filter((name) => !name.startsWith("."))).toEqual([])
  })

  it("tells the largest object and the warnings of the provider itself", async () => {
    const warning = { code: "last-second", message: "It may lose the last second" }
    const { provider } = storeWith(() => ({ maxObjectBytes: 1000, warnings: async () => [warning] }))
    expect(await probeStore(provider)).toEqual({ isCreateOnly: true, maxObjectBytes: 1000, warnings: [warning] })
  })

  it.each<[string, string, string, (good: Provider) => Partial<Provider>]>([
    ["does not want to be used", "unreachable", "looking at it", () => ({ check: refusal("unreachable") })],
    ["refuses a write", "full", "writing an object", () => ({ put: refusal("full") })],
    ["may not be read", "denied", "reading it back", () => ({ get: refusal("denied") })],
    ["loses what was written", "corrupt", "reading it back", () => ({ get: () => Promise.resolve(null) })],
    [
      "gives back other bytes",
      "corrupt",
      "reading it back",
      (good) => ({ get: async (name) => (await good.get(name))?.map((byte) => byte ^ 1) ?? null }),
    ],
    [
      "gives back fewer bytes",
      "corrupt",
      "reading it back",
      (good) => ({ get: async (name) => (await good.get(name))?.slice(1) ?? null }),
    ],
    ["does not list it", "corrupt", "listing it", (good) => ({ list: () => good.list("none/") })],
    [
      "lists it with another size",
      "corrupt",
      "listing it",
      (good) => ({
        async *list(prefix) {
          for await (const { name } of good.list(prefix)) yield { name, size: 1 }
        },
      }),
    ],
    [
      "fails at the second put",
      "unreachable",
      "putting other bytes under its name",
      (good) => {
        let puts = 0
        return { put: (name, bytes) => (++puts === 1 ? good.put(name, bytes) : refusal("unreachable")()) }
      },
    ],
    ["refuses a removal", "denied", "removing it", () => ({ remove: refusal("denied") })],
    ["cannot tell its warnings", "denied", "asking for its warnings", () => ({ warnings: refusal("denied") })],
  ])("that %s ends as `%s` with the step: %s", async (_title, code, what, change) => {
    const { good, provider } = storeWith(change)
    const fault: unknown = await probeStore(provider).catch((error: unknown) => error)
    expect(fault).toMatchObject({ name: "PspError", code })
    expect(String(fault)).toContain(`Cannot use the store, ${what} failed: `)
    if (what !== "removing it") expect(await listAll(good, "")).toEqual([])
  })

  it.each<[string, (objects: Map<string, Uint8Array>) => Provider["put"]]>([
    ["takes the put", (objects) => async (name, bytes) => void objects.set(name, bytes)],
    [
      "says no to the put, and replaces all the same",
      (objects) => async (name, bytes) => {
        const isThere = objects.has(name)
        objects.set(name, bytes)
        if (isThere) throw new PspError("corrupt", "Cannot store it: other bytes are there")
      },
    ],
  ])("warns of one that replaces objects: it %s", async (_title, putInto) => {
    const objects = new Map<string, Uint8Array>()
    const provider: Provider = {
      put: putInto(objects),
      get: async (name) => objects.get(name) ?? null,
      async *list() {
        for (const [name, { length }] of objects) yield { name, size: length }
      },
      remove: async (name) => void objects.delete(name),
    }
    expect(await probeStore(provider)).toMatchObject({
      isCreateOnly: false,
      warnings: [{ code: "not-create-only" }],
    })
    expect(objects.size).toBe(0)
  })

  it("believes a provider that says itself that it is not create-only, and says so once", async () => {
    const warning = { code: "not-create-only", message: "Two machines may" }
    const { provider } = storeWith(() => ({ warnings: async () => [warning] }))
    expect(await probeStore(provider)).toMatchObject({ isCreateOnly: false, warnings: [warning] })
  })

  it("takes an object that is still shown after its removal for a warning, as some stores show changes late", async () => {
    const { provider } = storeWith(() => ({ remove: () => Promise.resolve() }))
    expect(await probeStore(provider)).toMatchObject({
      isCreateOnly: true,
      warnings: [{ code: "shown-after-removal" }],
    })
  })

  it("gives what it writes an end, so that a store drops what a killed trial left", async () => {
    const ends: (number | undefined)[] = []
    const { provider } = storeWith((good) => ({
      put: (name, bytes, options) => {
        ends.push(options?.expiresAt)
        return good.put(name, bytes)
      },
    }))
    await probeStore(provider, {}, { now: () => 1000 })
    expect(ends[0]).toBe(3_601_000)
  })

  it("that is called off says `aborted`, and takes its object away", async () => {
    const calling = new AbortController()
    const { good, provider } = storeWith((good) => ({
      get: (name, options) => {
        calling.abort()
        return good.get(name, options)
      },
    }))
    await expect(probeStore(provider, { signal: calling.signal })).rejects.toMatchObject({ code: "aborted" })
    expect(await listAll(good, "")).toEqual([])
  })
})
