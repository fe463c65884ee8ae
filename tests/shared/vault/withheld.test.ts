import { beforeEach, describe, expect, it } from "vitest"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { openVault, type Vault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, createTwoOwners, minute, namesIn, start } from "./devices.js"
import { createLateView } from "./late-view.js"

const site = "example.com"
const keepOne = { keep: { bases: 1, ms: 0 } }

describe("a save that the store withholds behind a later one of another writer", () => {
  let provider: Provider
  let late: ReturnType<typeof createLateView>
  let now: number
  let a: Vault
  let b: Vault
  const defectsOf = async (vault: Vault) => (await vault.verify()).defects.map(({ code, name }) => [code, name])
  const folder = async () => (await namesIn(provider, `${a.id}/sessions/`))[0]?.split("/").slice(0, 3).join("/")

  /** @returns the object's name */
  async function save(vault: Vault, token: string): Promise<string> {
    now += minute
    const { objects } = await vault.save(exampleSnapshot(site, "default", token))
    return objects.at(-1)?.name ?? ""
  }

  beforeEach(async () => {
    now = start
    provider = createMemoryProvider()
    late = createLateView(provider)
    ;[a, b] = await createTwoOwners(late, [() => now, () => now], provider)
    // The other one knows the session, and has not opened that save.
    await save(b, "b0")
    await late.catchUp()
    await a.refresh()
  })

  it("is named by the device that made it, when it loads and when it verifies", async () => {
    const withheld = await save(b, "b1")
    await save(a, "a2")
    expect(await b.loadSession(site)).toMatchObject({ withheld: [] })
    expect(await defectsOf(b)).toEqual([])
    await provider.remove(withheld)
    expect((await b.loadSession(site))?.withheld).toHaveLength(1)
    expect(await defectsOf(b)).toEqual([["rolled-back", await folder()]])
    expect(await defectsOf(a)).toEqual([])
  })

  it("is named by verify where several later saves may have seen it, and did not", async () => {
    await a.load(site)
    const withheld = await save(b, "b1")
    await save(a, "a2")
    await save(a, "a3")
    expect(await defectsOf(b)).toEqual([])
    await provider.remove(withheld)
    expect(await defectsOf(b)).toEqual([["rolled-back", await folder()]])
  })

  it("is not what a compaction removed, however many followed", async () => {
    await save(b, "b1")
    await late.catchUp()
    for (const token of ["a2", "a3", "a4"]) {
      await a.load(site)
      await save(a, token)
      await a.compact(keepOne)
      expect((await b.verify()).defects).toEqual([])
    }
    const added = await createDevice("c")
    await a.addOwner(added.card)
    const options = { identity: added, owner: a.card.text, memory: createMemory(), now: () => now }
    const c = await openVault(provider, options)
    await c.load(site)
    await save(c, "c5")
    await c.compact(keepOne)
    await save(c, "c6")
    await c.compact(keepOne)
    for (const vault of [b, c]) expect((await vault.verify()).defects).toEqual([])
    expect(await b.loadSession(site)).toMatchObject({ withheld: [] })
  })

  it("is not what was removed, where the session was saved again since", async () => {
    await save(b, "b1")
    await late.catchUp()
    now += minute
    await a.remove(site)
    await save(a, "a2")
    expect(await b.loadSession(site)).toMatchObject({ withheld: [] })
    expect(await defectsOf(b)).toEqual([])
  })

  it("is not what has ended", async () => {
    now += minute
    const { objects } = await b.save(exampleSnapshot(site, "default", "b1"), { expiresAt: now + 2 * minute })
    await save(a, "a2")
    await provider.remove(objects.at(-1)?.name ?? "")
    expect(await defectsOf(b)).toHaveLength(1)
    now += minute
    expect(await defectsOf(b)).toEqual([])
  })
})
