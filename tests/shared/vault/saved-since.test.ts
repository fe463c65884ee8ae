import { beforeEach, describe, expect, it } from "vitest"
import { clockAt } from "../../../shared/hlc.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { openVault, type Vault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { countRequests } from "./counting-provider.js"
import { bytesOf, createDevice, createMemory, createTwoOwners, minute, namesIn, start, tokenOf } from "./devices.js"

const site = "example.com"
const saveOf = (token: string) => exampleSnapshot(site, "default", token)

describe("a session that one device removed", () => {
  let provider: ReturnType<typeof countRequests>
  let now: number
  let skew: number
  let a: Vault
  let b: Vault
  const sitesOf = async (vault: Vault) => (await vault.list()).map((session) => session.site)
  const bases = () => namesIn(provider, `${a.id}/sessions/`)

  beforeEach(async () => {
    now = start
    skew = 0
    provider = countRequests(createMemoryProvider())
    ;[a, b] = await createTwoOwners(provider, [() => now, () => now + skew])
    await b.save(saveOf("one"))
    await a.load(site)
  })

  async function removeAndSaveUnaware(): Promise<void> {
    now += minute
    await a.remove(site)
    now += minute
    provider.reset()
    await b.save(saveOf("two"))
    // As many requests as any save of a known session.
    expect(provider.counts).toMatchObject({ put: 1, get: 0, list: 0, remove: 0 })
  }

  it("is there again when another one, which did not know, saves it later", async () => {
    await removeAndSaveUnaware()
    const added = await createDevice("c")
    for (const vault of [a, b]) {
      expect(tokenOf(await vault.load(site))).toBe("two")
      expect(await sitesOf(vault)).toEqual([site])
      expect(await vault.verify()).toMatchObject({ defects: [], unlisted: 0, unneeded: 0 })
    }
    await a.addOwner(added.card)
    const c = await openVault(provider, { identity: added, owner: a.card.text, now: () => now })
    expect(tokenOf(await c.load(site))).toBe("two")
  })

  it("is listed again by a device that neither saves nor loads it", async () => {
    await removeAndSaveUnaware()
    expect(await sitesOf(a)).toEqual([site])
    expect(tokenOf(await a.load(site))).toBe("two")
  })

  it("is sealed to an owner that is added by a device that did not look at it since", async () => {
    await removeAndSaveUnaware()
    const added = await createDevice("c")
    await a.addOwner(added.card)
    const c = await openVault(provider, { identity: added, owner: a.card.text, now: () => now })
    expect(tokenOf(await c.load(site))).toBe("two")
  })

  it("stays removed when it was removed after that save, also where the store brings back what was in it", async () => {
    await removeAndSaveUnaware()
    const [name = ""] = await bases()
    const bytes = await bytesOf(provider, name)
    now += minute
    await a.remove(site)
    await provider.put(name, bytes)
    for (const vault of [a, b]) {
      expect(await vault.load(site)).toBeNull()
      expect(await sitesOf(vault)).toEqual([])
      expect(await vault.verify()).toMatchObject({ defects: [], unneeded: 1 })
    }
  })

  it("stays removed by a device whose clock is behind that of the one that saved it", async () => {
    skew = 4 * minute
    await b.save(saveOf("ahead"))
    const [name = ""] = (await bases()).slice(-1)
    const bytes = await bytesOf(provider, name)
    now += minute
    await a.remove(site)
    await provider.put(name, bytes)
    for (const vault of [a, b]) expect(await vault.load(site)).toBeNull()
  })

  it("is refused to the device that saved it later, when the store shows nothing of that", async () => {
    await removeAndSaveUnaware()
    for (const name of await bases()) await provider.remove(name)
    await expect(b.load(site)).rejects.toMatchObject({ code: "rolled-back" })
    expect((await b.verify()).defects.map(({ code }) => code)).toEqual(["rolled-back"])
  })

  it("is not brought back by an old save under a later name", async () => {
    const [name = ""] = await bases()
    const bytes = await bytesOf(provider, name)
    now += minute
    await a.remove(site)
    await provider.put(name.replace(/[0-9a-f]{16}-/, `${clockAt(now + minute)}-`), bytes)
    now += 2 * minute
    expect(await sitesOf(a)).toEqual([])
    await expect(a.load(site)).rejects.toMatchObject({ code: "damaged" })
    expect(await sitesOf(a)).toEqual([])
  })

  it("is one more list to load", async () => {
    now += minute
    await a.remove(site)
    await b.load(site)
    provider.reset()
    expect(await b.load(site)).toBeNull()
    expect(provider.counts).toMatchObject({ list: 2, get: 0, put: 0 })
  })
})

describe("a session that is in the store and in no list of sessions", () => {
  it("is counted by verify, on a device that remembers nothing", async () => {
    const provider = createMemoryProvider()
    const [a, b] = await createTwoOwners(provider, [() => start, () => start])
    await a.save(saveOf("one"))
    expect(await b.verify()).toMatchObject({ unlisted: 0, defects: [] })
    const identity = await createDevice("c")
    await a.addOwner(identity.card)
    for (const name of await namesIn(provider, `${a.id}/members/`)) await provider.remove(name)
    const c = await openVault(provider, { identity, owner: a.card.text, memory: createMemory(), now: () => start })
    expect(await c.load(site)).toBeNull()
    expect(await c.verify()).toMatchObject({ unlisted: 1 })
  })

  it("is not counted where its list came while verify was looking", async () => {
    const provider = createMemoryProvider()
    let isArmed = false
    const racing = {
      ...provider,
      async *list(prefix: string) {
        yield* provider.list(prefix)
        if (!prefix.includes("/members/") || !isArmed) return
        isArmed = false
        await a.save(saveOf("one"))
      },
    }
    const [a, b] = await createTwoOwners(provider, [() => start, () => start], racing)
    isArmed = true
    expect(await b.verify()).toMatchObject({ unlisted: 0 })
    expect(isArmed).toBe(false)
  })
})
