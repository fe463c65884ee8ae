import { beforeEach, describe, expect, it } from "vitest"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { openVault, type Vault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, createTwoOwners, minute, start, tokenOf } from "./devices.js"
import { createLateView } from "./late-view.js"

const saveOf = (token: string) => exampleSnapshot("example.com", "default", token)

describe("two owners of a store that shows the one's saves to the other late", () => {
  let provider: Provider
  let late: ReturnType<typeof createLateView>
  let now: number
  let a: Vault
  let b: Vault

  beforeEach(async () => {
    now = start
    provider = createMemoryProvider()
    late = createLateView(provider)
    ;[a, b] = await createTwoOwners(late, [() => now, () => now], provider)
  })

  it("keep the newer save of the one when the other adds an owner meanwhile", async () => {
    await b.save(saveOf("one"))
    await late.catchUp()
    now += minute
    await b.save(saveOf("two"))
    now += minute
    const added = await createDevice("c")
    await a.addOwner(added.card)
    await late.catchUp()
    for (const vault of [a, b]) expect(tokenOf(await vault.load("example.com"))).toBe("two")
  })

  it("give an added owner what was sealed again, under the stamp that it had", async () => {
    // Which of two envelopes of one stamp comes last depends on the names of their writers and on their bytes.
    for (let i = 0; i < 8; i++) {
      const site = `s${i}.example`
      const saver = i % 2 === 0 ? a : b
      await saver.save(exampleSnapshot(site, "default", `${i}`))
      await b.refresh()
      await late.catchUp()
    }
    const savedAt = (await a.list()).map((session) => session.savedAt)
    now += minute
    const added = await createDevice("c")
    await a.addOwner(added.card)
    await late.catchUp()
    const options = { identity: added, owner: a.card.text, memory: createMemory(), now: () => now }
    const c = await openVault(provider, options)
    for (const vault of [a, b, c]) {
      for (let i = 0; i < 8; i++) expect(tokenOf(await vault.load(`s${i}.example`))).toBe(`${i}`)
      expect((await vault.list()).map((session) => session.savedAt)).toEqual(savedAt)
      expect((await vault.verify()).defects).toEqual([])
    }
  })
})
