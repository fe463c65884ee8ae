import { beforeEach, describe, expect, it } from "vitest"
import type { Identity } from "../../../shared/keys.js"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { openVault, type Vault } from "../../../shared/vault.js"
import { getWhole, isPartName, putWhole, split } from "../../../shared/vault/parts.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { countRequests } from "./counting-provider.js"
import { bytesOf, createDevice, createMemory, day, namesIn, overwrite, start, tokenOf } from "./devices.js"

const limit = 4096

/** A session of about 20 KB. */
const large = (token: string) => exampleSnapshot("example.com", "default", token.padEnd(12_000, "."))

/** A store that takes no more than 4 KiB in one object. */
function createSmallStore(): Provider {
  const provider = createMemoryProvider()
  return {
    ...provider,
    maxObjectBytes: limit,
    put: async (name, bytes, options) => {
      expect(bytes.length).toBeLessThanOrEqual(limit)
      await provider.put(name, bytes, options)
    },
  }
}

describe("a session larger than the store takes", () => {
  let provider: Provider
  let identity: Identity
  let vault: Vault
  let now: number
  let parts: string[]
  let list: string

  beforeEach(async () => {
    now = start
    provider = createSmallStore()
    identity = await createDevice("a")
    vault = await openVault(provider, { identity, memory: createMemory(), now: () => now })
    await vault.save(large("one"))
    parts = (await namesIn(provider)).filter(isPartName)
    list = (await namesIn(provider, `${vault.id}/sessions/`)).find((name) => !isPartName(name)) ?? ""
  })

  it("is saved in parts and comes back whole", async () => {
    expect(parts.length).toBeGreaterThan(3)
    expect(await vault.load("example.com")).toEqual(large("one"))
    expect(await vault.verify()).toMatchObject({ defects: [], unneeded: 0, checked: parts.length + 2 })
    expect(await vault.list({ details: true })).toMatchObject([
      { savedAt: start, expiresAt: start + 30 * day, objects: parts.length + 1 },
    ])
  })

  it("goes with all its parts when it is removed", async () => {
    expect(await vault.remove("example.com")).toEqual({ removed: parts.length + 1 })
    expect(await namesIn(provider, `${vault.id}/sessions/`)).toEqual([])
  })

  it("is exported as one file, and taken back in parts", async () => {
    const file = await vault.exportTo(vault.card.text, "example.com")
    await vault.remove("example.com")
    await vault.importFile(file)
    expect(await vault.load("example.com")).toEqual(large("one"))
  })

  it("puts the object that names the parts last, and the same objects when it is repeated", async () => {
    const order: string[] = []
    const again = createSmallStore()
    const recorded: Provider = {
      ...again,
      put: async (name, bytes, options) => {
        order.push(name)
        await again.put(name, bytes, options)
      },
    }
    const waiting = structuredClone(await vault.prepare(large("two")))
    const other = await openVault(recorded, { identity, now: () => now })
    await other.commit(waiting)
    await other.commit(waiting)
    const sessions = order.filter((name) => name.includes("/sessions/"))
    const half = sessions.length / 2
    expect(sessions.slice(0, half).map(isPartName)).toEqual([...Array<boolean>(half - 1).fill(true), false])
    expect(sessions.slice(half)).toEqual(sessions.slice(0, half))
  })

  it("tells the store when each of its objects ends", async () => {
    const ends: (number | undefined)[] = []
    const told: Provider = {
      ...provider,
      put: async (name, bytes, options) => {
        ends.push(options?.expiresAt)
        await provider.put(name, bytes, options)
      },
    }
    const other = await openVault(told, { identity, now: () => now })
    await other.commit({ ...(await vault.prepare(large("two"), { expiresAt: start + day })), superseded: [] })
    expect(new Set(ends)).toEqual(new Set([start + day]))
  })

  it("leaves the older state in place when its save breaks off", async () => {
    now += 1000
    const waiting = await vault.prepare(large("two"))
    let puts = 0
    const failing: Provider = {
      ...provider,
      put: async (name, bytes, options) => {
        if (++puts > 3) throw new Error("away")
        await provider.put(name, bytes, options)
      },
    }
    const cut = await openVault(failing, { identity, now: () => now })
    await expect(cut.commit(waiting)).rejects.toThrow("away")
    expect(tokenOf(await vault.load("example.com"))).toContain("one")
    expect(await vault.verify()).toMatchObject({ defects: [], unneeded: 3 })
    await vault.commit(waiting)
    expect(tokenOf(await vault.load("example.com"))).toContain("two")
    expect(await vault.verify()).toMatchObject({ defects: [], unneeded: 0 })
  })

  it("moves to a store with another limit, and to one without", async () => {
    const whole = await getWhole(provider, list)
    const free = createMemoryProvider()
    if (whole !== null) await putWhole(free, whole)
    expect(await namesIn(free)).toHaveLength(1)
    expect(await namesIn(free)).toEqual([whole?.name])
    const pieces = await split(whole?.name ?? "", whole?.bytes ?? new Uint8Array(), 8000)
    for (const { name, bytes } of pieces) await free.put(name, bytes)
    expect(await getWhole(free, pieces.at(-1)?.name ?? "")).toEqual(whole)
  })

  it("is refused with the limit in the sentence when even a list of its parts is too large", async () => {
    const tiny: Provider = { ...createMemoryProvider(), maxObjectBytes: 200 }
    const other = await openVault(tiny, { identity, now: () => now })
    await expect(other.save(large("two"))).rejects.toMatchObject({ code: "too-large" })
    expect(await namesIn(tiny)).toEqual([])
  })

  const refused = { code: "damaged" }
  const code = async () => (await vault.verify()).defects.map((defect) => [defect.code, defect.name])

  it("is refused when a part is missing, and verify names the part", async () => {
    await provider.remove(parts[1] ?? "")
    await expect(vault.load("example.com")).rejects.toMatchObject(refused)
    expect(await code()).toEqual([["missing", parts[1]]])
  })

  it("is refused when a part is cut, and verify names the part", async () => {
    const [name = ""] = parts
    await overwrite(provider, name, (await bytesOf(provider, name)).slice(0, -1))
    await expect(vault.load("example.com")).rejects.toMatchObject(refused)
    expect(await code()).toEqual([["bit-rot", name]])
  })

  it("is refused when two parts are swapped, and verify names both", async () => {
    const [a = "", b = ""] = parts
    const [first, second] = [await bytesOf(provider, a), await bytesOf(provider, b)]
    await overwrite(provider, a, second)
    await overwrite(provider, b, first)
    await expect(vault.load("example.com")).rejects.toMatchObject(refused)
    expect(await code()).toEqual([
      ["swapped", a],
      ["swapped", b],
    ])
  })

  /** Another list in place of the right one, under a name that fits it. */
  async function forgeList(change: (value: { hdr: string; parts: string[]; size: number; digest: string }) => object) {
    const right = JSON.parse(new TextDecoder().decode(await bytesOf(provider, list))) as Parameters<typeof change>[0]
    const bytes = new TextEncoder().encode(JSON.stringify({ psp: 1, ...change(right) }))
    const digest = await crypto.subtle.digest("SHA-256", bytes)
    const name = list.replace(/[0-9a-f]{32}\.psp$/, `${Buffer.from(digest).toString("hex").slice(0, 32)}.psp`)
    await provider.remove(list)
    await provider.put(name, bytes)
    return name
  }

  it.each([
    ["repeated", (p: string[]) => [p[0], p[0], ...p.slice(2)]],
    ["in another order", (p: string[]) => p.toReversed()],
    ["left out", (p: string[]) => p.slice(1)],
    ["added", (p: string[]) => [...p, p[0]?.replace(/^./, (c) => (c === "0" ? "1" : "0"))]],
  ])("is refused when a list is made up with parts %s", async (_, change) => {
    await forgeList(({ hdr, parts: digests, size, digest }) => ({ hdr, parts: change(digests), size, digest }))
    await expect(vault.load("example.com")).rejects.toMatchObject(refused)
    expect((await vault.verify()).defects).not.toEqual([])
  })

  it.each([0, -1, 1.5, 1e12, 96 * 1024 * 1024 + 1, "1"])("is refused when a list claims a size of %s", async (size) => {
    await forgeList((right) => ({ hdr: right.hdr, parts: right.parts, size, digest: right.digest }))
    await expect(vault.load("example.com")).rejects.toMatchObject(refused)
  })

  it("is not fetched over and over for a list that names one part many times", async () => {
    const name = await forgeList(({ hdr, parts: digests, digest }) => {
      const many = Array<string | undefined>(50).fill(digests[0])
      return { hdr, parts: many, size: 90 * 1024 * 1024, digest }
    })
    const counted = countRequests(provider)
    expect((await getWhole(counted, name))?.name).toBe(name)
    expect(counted.counts.get).toBe(1)
  })

  it("is refused when the parts are another session's, sealed by a stranger or by the owner", async () => {
    const stranger = await openVault(createSmallStore(), {
      identity: { ...(await createDevice("stranger")), vault: vault.id },
      now: () => now,
    })
    for (const source of [stranger, vault]) {
      const object = (await source.prepare(exampleSnapshot("other.example", "default", "x".repeat(9000)))).objects.at(
        -1,
      )
      const pieces = await split(object?.name ?? "", object?.bytes ?? new Uint8Array(), limit)
      const folder = list.slice(0, list.lastIndexOf("/"))
      const named = list.slice(list.lastIndexOf("/") + 1, -37)
      const moved = pieces.map(({ name, bytes }) => ({
        name: `${folder}${isPartName(name) ? "/parts" : ""}/${named}-${name.slice(-36)}`,
        bytes,
      }))
      await provider.remove(list)
      for (const { name, bytes } of moved) await provider.put(name, bytes)
      await expect(vault.load("example.com")).rejects.toMatchObject({ code: "damaged" })
      await provider.remove(moved.at(-1)?.name ?? "")
    }
  })
})
