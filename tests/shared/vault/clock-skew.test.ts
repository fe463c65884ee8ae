import { beforeEach, describe, expect, it } from "vitest"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Vault } from "../../../shared/vault.js"
import { openVault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createTwoOwners, day, minute, namesIn, start, tokenOf } from "./devices.js"

const saveOf = (token: string) => exampleSnapshot("example.com", "default", token)
const in2100 = Date.UTC(2100, 0, 1) - start
const in1970 = -start

describe("two owners, one of whom has a clock that is wrong", () => {
  let provider: Provider
  let right: Vault
  let wrong: Vault
  let now: number
  let skew: number

  beforeEach(async () => {
    now = start
    skew = 0
    provider = createMemoryProvider()
    ;[right, wrong] = await createTwoOwners(provider, [() => now, () => now + skew])
    await right.save(saveOf("before"))
    await wrong.refresh()
    now += 10 * minute
  })

  it.each([-4 * minute, 4 * minute])("by %i ms: see each other's saves in the order they were made in", async (by) => {
    skew = by
    for (const [vault, token] of [
      [wrong, "one"],
      [right, "two"],
      [wrong, "three"],
      [right, "four"],
    ] as const) {
      await vault.load("example.com")
      await vault.save(saveOf(token))
      for (const reader of [right, wrong]) expect(tokenOf(await reader.load("example.com"))).toBe(token)
      now += 1000
    }
    for (const reader of [right, wrong]) expect((await reader.verify()).defects).toEqual([])
  })

  it.each([60 * minute, in2100])("by %i ms: a save that runs ahead is left aside, and named", async (by) => {
    skew = by
    const { objects } = await wrong
      .prepare(saveOf("ahead"), { expiresAt: start + by + 30 * day })
      .then(async (prepared) => {
        await wrong.commit(prepared)
        return prepared
      })
    const name = objects.at(-1)?.name
    expect(await right.loadSession("example.com")).toMatchObject({ savedAt: start, ahead: [name] })
    expect((await right.verify()).defects).toContainEqual(expect.objectContaining({ code: "clock-ahead", name }))
    await right.save(saveOf("after"))
    expect(tokenOf(await right.load("example.com"))).toBe("after")
    expect(await right.compact({ keep: { bases: 1, ms: 0 } })).toMatchObject({ skipped: [] })
    expect(await namesIn(provider)).toContain(name)
  })

  it("by 60 minutes ahead: what it saved counts from when that time comes", async () => {
    skew = 60 * minute
    await wrong.save(saveOf("ahead"))
    expect(tokenOf(await right.load("example.com"))).toBe("before")
    now += 56 * minute
    expect(tokenOf(await right.load("example.com"))).toBe("ahead")
    expect((await right.verify()).defects).toEqual([])
  })

  it("by 60 minutes behind: it says that it leaves the others' saves aside, and loses none", async () => {
    await right.save(saveOf("again"))
    skew = -60 * minute
    await expect(wrong.load("example.com")).rejects.toMatchObject({ code: "bad-clock" })
    await wrong.save(saveOf("behind"))
    expect((await wrong.verify()).defects.map(({ code }) => code)).toContain("clock-ahead")
    expect(tokenOf(await right.load("example.com"))).toBe("again")
    expect((await right.verify()).defects).toEqual([])
  })

  it("set to 2100 and back: saves are seen by others again", async () => {
    skew = in2100
    await wrong.save(saveOf("in 2100"))
    await wrong.save(exampleSnapshot("new.example"))
    skew = 0
    now += minute
    await wrong.save(saveOf("back"))
    expect(tokenOf(await right.load("example.com"))).toBe("back")
    expect(tokenOf(await wrong.load("example.com"))).toBe("back")
    const bot = await createDevice("bot")
    await right.addOwner(bot.card)
    const fresh = await openVault(provider, { identity: bot, owner: right.card.text, now: () => now })
    expect(tokenOf(await fresh.load("example.com"))).toBe("back")
  })

  it("set to 1970: refuses to save, and to say that nothing is there", async () => {
    skew = in1970
    const before = await namesIn(provider)
    const refused = { code: "bad-clock" }
    await expect(wrong.save(saveOf("1970"))).rejects.toMatchObject(refused)
    await expect(wrong.load("example.com")).rejects.toMatchObject(refused)
    expect(await wrong.compact({ keep: { bases: 0, ms: 0 } })).toMatchObject({ removed: { bases: 0, members: 0 } })
    expect(await namesIn(provider)).toEqual(before)
    const bot = await createDevice("bot")
    await right.addOwner(bot.card)
    const fresh = await openVault(provider, { identity: bot, owner: right.card.text, now: () => 0 })
    await expect(fresh.load("example.com")).rejects.toMatchObject(refused)
  })

  it.each([in1970, -60 * minute, 60 * minute, in2100])("by %i ms: compacts without losing a state", async (by) => {
    for (let i = 0; i < 12; i++) {
      now += minute
      await right.save(saveOf(`${i}`))
    }
    skew = by
    await wrong.compact()
    expect(await namesIn(provider, `${right.id}/sessions/`)).toHaveLength(13)
    await wrong.compact({ keep: { bases: 1, ms: 0 } })
    expect(tokenOf(await right.load("example.com"))).toBe("11")
    expect((await right.verify()).defects).toEqual([])
  })
})
