import { beforeEach, describe, expect, it } from "vitest"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Vault, VaultMemory } from "../../../shared/vault.js"
import { openVault } from "../../../shared/vault.js"
import { faultCount } from "../../fault-count.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, createTwoOwners, day, minute, namesIn, start, tokenOf } from "./devices.js"
import { createRandom } from "./hostile-provider.js"

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

  describe.each([60 * minute, 20 * day])("by %i ms: a grant that runs ahead", (by) => {
    let bot: Awaited<ReturnType<typeof createDevice>>
    const atBot = (memory?: VaultMemory) =>
      openVault(provider, {
        ...{ identity: bot, owner: wrong.card.text, now: () => now },
        ...(memory === undefined ? {} : { memory }),
      })
    beforeEach(async () => {
      bot = await createDevice("bot")
      await right.list()
      skew = by
      await wrong.grant(bot.card, { site: "example.com", saveBack: true })
    })

    it("is left aside until then, and said by the bot and by the other owner", async () => {
      await expect((await atBot()).load("example.com")).rejects.toMatchObject({ code: "bad-clock" })
      await right.refresh()
      expect(await right.grants()).toEqual([])
      const { defects } = await right.verify()
      const told = defects.filter(({ name }) => name.includes(`/members/${right.card.recipientId}/`))
      expect(told.map(({ code }) => code)).toEqual(["clock-ahead"])
    })

    it("is told anew once that clock is right, and then a narrower one by the other owner counts, and a revocation", async () => {
      const memory = createMemory()
      skew = 0
      now += 2 * 60 * minute
      await wrong.announce()
      await right.refresh()
      expect(await right.grants()).toMatchObject([{ card: { name: "bot" }, saveBack: true }])
      await right.grant(bot.card, { site: "example.com", kinds: ["cookies"] })
      await wrong.refresh()
      for (const owner of [wrong, right]) {
        expect(await owner.grants()).toMatchObject([{ kinds: ["cookies"], saveBack: false }])
        expect((await (await atBot(memory)).load("example.com"))?.origins).toBeUndefined()
        await owner.save(saveOf("later"))
      }
      now += minute
      await right.revoke("bot")
      await wrong.refresh()
      expect(await wrong.grants()).toEqual([])
      await wrong.save(saveOf("after"))
      for (const kept of [undefined, memory])
        await expect((await atBot(kept)).load("example.com")).rejects.toMatchObject({ code: "not-granted" })
    })
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

  describe("again and again,", () => {
    const rounds = faultCount(3)

    it.each([-4 * minute, 4 * minute])("by %i ms: each save is accepted by both, in its order", async (by) => {
      const random = createRandom(by)
      skew = by
      for (let round = 0; round < rounds; round++) {
        now += Math.floor(1 + random() * 2 * minute)
        const [writer, reader] = random() < 0.5 ? [right, wrong] : [wrong, right]
        await writer.load("example.com")
        await writer.save(saveOf(`${round}`))
        expect(tokenOf(await reader.load("example.com"))).toBe(`${round}`)
        if (round % 10 === 9) {
          expect(await writer.compact({ keep: { bases: 2, ms: 0 } })).toMatchObject({ skipped: [] })
          expect(tokenOf(await reader.load("example.com"))).toBe(`${round}`)
        }
      }
      for (const vault of [right, wrong]) expect((await vault.verify()).defects).toEqual([])
    })

    it.each([60 * minute, in2100])("by %i ms: each save is left aside, and reported, until its time", async (by) => {
      skew = by
      let newest = "before"
      for (let round = 0; round < rounds; round++) {
        const { objects } = await wrong.save(saveOf(`ahead ${round}`))
        const name = objects.at(-1)?.name
        const seen = await right.loadSession("example.com")
        expect(seen?.ahead).toContain(name)
        expect(tokenOf(seen?.snapshot ?? null)).toBe(newest)
        expect(tokenOf(await wrong.load("example.com"))).toBe(`ahead ${round}`)
        await right.save(saveOf(`after ${round}`))
        expect(tokenOf(await right.load("example.com"))).toBe(`after ${round}`)
        if (round % 10 === 0) {
          const { defects } = await right.verify()
          expect(defects).toContainEqual(expect.objectContaining({ code: "clock-ahead", name }))
          expect(new Set(defects.map(({ code }) => code))).toEqual(new Set(["clock-ahead"]))
          await right.compact({ keep: { bases: 2, ms: 0 } })
          expect(await namesIn(provider)).toContain(name)
        }
        newest = by === 60 * minute ? `ahead ${round}` : `after ${round}`
        now += 120 * minute
      }
      expect(tokenOf(await right.load("example.com"))).toBe(newest)
    })

    it("by -60 minutes: others' saves are reported to the one until their time, and its own lost to nobody", async () => {
      for (let round = 0; round < rounds; round++) {
        skew = 0
        const newest = (await right.save(saveOf(`right ${round}`))).objects.at(-1)?.name
        skew = -60 * minute
        // With nothing that it can take for now, it says what is wrong; else it shows that, and says what it leaves aside.
        if (round === 0) await expect(wrong.load("example.com")).rejects.toMatchObject({ code: "bad-clock" })
        else expect((await wrong.loadSession("example.com"))?.ahead).toEqual([newest])
        const { objects } = await wrong.save(saveOf(`behind ${round}`))
        expect(tokenOf(await right.load("example.com"))).toBe(`right ${round}`)
        expect(await namesIn(provider)).toContain(objects.at(-1)?.name)
        now += 120 * minute
        expect(tokenOf(await wrong.load("example.com"))).toBe(`right ${round}`)
        if (round % 10 === 0) {
          for (const vault of [right, wrong]) expect((await vault.verify()).defects).toEqual([])
          await right.compact({ keep: { bases: 2, ms: 0 } })
        }
      }
    })

    it("set to 1970: each save and each reading is refused, and nothing in the store changes", async () => {
      const refused = { code: "bad-clock" }
      for (let round = 0; round < rounds; round++) {
        skew = 0
        await right.save(saveOf(`${round}`))
        const before = await namesIn(provider)
        skew = -now
        await expect(wrong.save(saveOf("1970"))).rejects.toMatchObject(refused)
        await expect(wrong.load("example.com")).rejects.toMatchObject(refused)
        if (round % 10 === 0) await wrong.compact({ keep: { bases: 0, ms: 0 } })
        expect(await namesIn(provider)).toEqual(before)
        now += minute
        skew = 0
        expect(tokenOf(await wrong.load("example.com"))).toBe(`${round}`)
        if (round % 10 === 9) await right.compact({ keep: { bases: 2, ms: 0 } })
      }
    })
  })
})
