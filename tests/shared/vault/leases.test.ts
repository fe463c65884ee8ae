import { beforeEach, describe, expect, it } from "vitest"
import { isVaultName } from "../../../shared/object-names.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Provider } from "../../../shared/provider.js"
import { openVault, type Vault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, createTwoOwners, day, minute, namesIn, overwrite, start } from "./devices.js"

const site = "example.com"

let provider: Provider
let now: number
let a: Vault
let b: Vault

beforeEach(async () => {
  now = start
  provider = createMemoryProvider()
  ;[a, b] = await createTwoOwners(provider, [() => now, () => now])
  await a.save(exampleSnapshot(site))
  now += minute
})

async function openBot(saveBack: boolean, name = "ci-1"): Promise<Vault> {
  const bot = await createDevice(name)
  await a.grant(bot.card, { site, saveBack })
  now += 1000
  return openVault(provider, { identity: bot, owner: a.card.text, memory: createMemory(), now: () => now })
}

const seenBy = async (vault: Vault) =>
  (await vault.leases(site)).map(({ holder, until, isOwn }) => ({ holder, until, isOwn }))
const leaseNames = async () => (await namesIn(provider)).filter((name) => name.includes("/leases/"))

describe("a lease", () => {
  it("says to every owner who uses a session and until when, until it is released", async () => {
    const held = await a.lease(site, { ttlMs: 5 * minute, tool: "psp run" })
    const until = now + 5 * minute
    expect(held.until).toBe(until)
    expect((await leaseNames()).map(isVaultName)).toEqual([true])
    expect(await seenBy(b)).toEqual([{ holder: "a", until, isOwn: false }])
    expect(await b.leases(site)).toMatchObject([{ tool: "psp run" }])
    expect(await seenBy(a)).toEqual([{ holder: "a", until, isOwn: true }])
    await held.release()
    for (const vault of [a, b]) expect(await vault.leases(site)).toEqual([])
  })

  it("of a bot that may save back is seen by owners, and by no other bot", async () => {
    const [bot, other] = [await openBot(true), await openBot(true, "ci-2")]
    await bot.lease(site, { ttlMs: 5 * minute, tool: "test" })
    for (const vault of [a, b])
      expect(await seenBy(vault)).toEqual([{ holder: "ci-1", until: now + 5 * minute, isOwn: false }])
    expect(await seenBy(bot)).toMatchObject([{ isOwn: true }])
    expect(await other.leases(site)).toEqual([])
  })

  it("is refused to a bot that may only read", async () => {
    const bot = await openBot(false)
    await expect(bot.lease(site, { tool: "test" })).rejects.toMatchObject({ code: "not-granted" })
    expect(await leaseNames()).toEqual([])
  })

  it("is refused for a session that is not there", async () => {
    await expect(a.lease("other.example", { tool: "test" })).rejects.toMatchObject({ code: "not-found" })
    expect(await a.leases("other.example")).toEqual([])
  })

  it("ends by itself, and lives on where it is renewed, in one object", async () => {
    const held = await a.lease(site, { ttlMs: 2 * minute, tool: "test" })
    now += minute
    await held.renew()
    expect(await leaseNames()).toHaveLength(1)
    now += 1.5 * minute
    expect(await seenBy(b)).toEqual([{ holder: "a", until: held.until, isOwn: false }])
    now = held.until
    expect(await b.leases(site)).toEqual([])
  })

  it("released by one run of a device leaves that of another run", async () => {
    const [one, other] = [await a.lease(site, { tool: "one" }), await a.lease(site, { tool: "other" })]
    await one.release()
    expect(await b.leases(site)).toMatchObject([{ tool: "other" }])
    await other.release()
    expect(await b.leases(site)).toEqual([])
  })

  it("counts as it was last said, also where a store lets nothing be removed", async () => {
    provider.remove = () => Promise.resolve()
    const held = await a.lease(site, { ttlMs: 5 * minute, tool: "test" })
    now += minute
    await held.renew()
    expect(await b.leases(site)).toMatchObject([{ until: now + 5 * minute }])
    await held.release()
    expect(await b.leases(site)).toEqual([])
  })

  it("taken over by an owner is no longer the other's, whatever that one still says", async () => {
    const held = await (await openBot(true)).lease(site, { tool: "test" })
    const taken = await a.lease(site, { tool: "psp restore", steal: true })
    await held.renew()
    expect(await seenBy(b)).toMatchObject([{ holder: "a" }])
    await taken.release()
    expect(await b.leases(site)).toEqual([])
  })

  it("taken over by a bot changes nothing for others", async () => {
    await a.lease(site, { tool: "test" })
    await (await openBot(true)).lease(site, { tool: "test", steal: true })
    expect((await seenBy(b)).map(({ holder }) => holder)).toEqual(["a", "ci-1"])
  })

  it("of a bot whose grant was taken back or has ended does not count", async () => {
    const [one, two] = [await createDevice("one"), await createDevice("two")]
    await a.grant(one.card, { site, saveBack: true })
    await a.grant(two.card, { site, saveBack: true, expiresAt: now + 2 * minute })
    for (const identity of [one, two]) {
      const bot = await openVault(provider, { identity, owner: a.card.text, now: () => now })
      await bot.lease(site, { ttlMs: 10 * minute, tool: "test" })
    }
    expect((await seenBy(b)).map(({ holder }) => holder)).toEqual(["one", "two"])
    now += 3 * minute
    expect((await seenBy(b)).map(({ holder }) => holder)).toEqual(["one"])
    await a.revoke(one.card)
    expect(await b.leases(site)).toEqual([])
  })

  it("longer than a day is refused, and so is one of no time", async () => {
    for (const ttlMs of [0, -1, 0.5, day + 1])
      await expect(a.lease(site, { ttlMs, tool: "test" })).rejects.toMatchObject({ code: "usage" })
  })
})

describe("a lease beside a session", () => {
  it("leaves alone what is the newest, when it was saved and what is remembered of it", async () => {
    const before = await b.list({ details: true })
    const loaded = await b.loadSession(site)
    now += minute
    const held = await a.lease(site, { tool: "test" })
    const bot = await openBot(true)
    await bot.lease(site, { tool: "test" })
    for (const vault of [a, b]) {
      const [entry] = await vault.list({ details: true })
      expect(entry).toMatchObject({ ...before[0], leases: [{ holder: "a" }, { holder: "ci-1" }] })
      expect((await vault.loadSession(site))?.savedAt).toBe(loaded?.savedAt)
    }
    expect((await bot.list({ details: true }))[0]).toMatchObject({ leases: [{ holder: "ci-1" }] })
    expect((await bot.loadSession(site))?.savedAt).toBe(loaded?.savedAt)
    // Gone without a trace, which of a save would be a rollback.
    await held.release()
    for (const name of await leaseNames()) await provider.remove(name)
    for (const vault of [a, b, bot]) expect(await vault.load(site)).not.toBeNull()
    expect((await a.verify()).defects).toEqual([])
  })

  it("is opened by no list that asks for no details", async () => {
    await a.lease(site, { tool: "test" })
    expect(await b.list()).toMatchObject([{ leases: [] }])
    expect(await b.list({ leases: true })).toMatchObject([{ leases: [{ holder: "a" }], expiresAt: null }])
  })

  it("is sound to verify, of owners and bots, and damage to it is named", async () => {
    await a.lease(site, { tool: "test" })
    await (await openBot(true)).lease(site, { tool: "test" })
    for (const vault of [a, b]) expect((await vault.verify()).defects).toEqual([])
    const [name = ""] = await leaseNames()
    await overwrite(provider, name, new TextEncoder().encode("x"))
    expect((await b.verify()).defects).toMatchObject([{ code: "bit-rot", name }])
    expect(await b.leases(site)).toHaveLength(1)
  })

  it("goes with a compaction once it has ended, and not before", async () => {
    const ours = await a.lease(site, { ttlMs: minute, tool: "test" })
    await (await openBot(true)).lease(site, { ttlMs: minute, tool: "test" })
    expect((await a.compact()).removed.leases).toBe(0)
    now = ours.until + 10 * minute
    expect((await a.compact()).removed.leases).toBe(2)
    expect(await leaseNames()).toEqual([])
    expect(await b.load(site)).not.toBeNull()
  })

  it("goes with the session", async () => {
    await a.lease(site, { tool: "test" })
    await (await openBot(true)).lease(site, { tool: "test" })
    await b.remove(site)
    expect(await leaseNames()).toEqual([])
  })

  it("of a bot that may not write, or of a stranger, does not count and is named", async () => {
    const bot = await openBot(true)
    await bot.lease(site, { tool: "test" })
    const card = (await a.grants())[0]?.card.text ?? ""
    await a.grant(card, { site, saveBack: false })
    expect(await b.leases(site)).toEqual([])
    expect((await b.verify()).defects).toMatchObject([{ code: "unknown-writer" }])
  })
})
