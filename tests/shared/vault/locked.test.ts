import { expect, it } from "vitest"
import { lockedIdentity, type Identity } from "../../../shared/keys.js"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { openVault, type Vault, type VaultMemory } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, minute, namesIn, start, tokenOf } from "./devices.js"

const site = "example.com"

interface Scene {
  provider: Provider
  /** The browser, which is locked. */
  locked: Vault
  /** The same, unlocked: what it remembers is one. */
  unlock: () => Promise<Vault>
  /** Another owner device. */
  desk: Vault
  bot: { card: string; vault: Vault }
  copies: () => Promise<string[]>
}

/** A browser and a computer own a vault, with a session in it that a bot was granted by the browser. */
async function scene(): Promise<Scene> {
  const provider = createMemoryProvider()
  let time = start
  const now = () => (time += minute)
  const [browser, computer, ci] = [
    await createDevice("browser"),
    await createDevice("desk"),
    await createDevice("ci-1"),
  ]
  const memory = createMemory()
  const open = (identity: Identity, kept: VaultMemory, owner?: string) =>
    openVault(provider, { identity, memory: kept, now, ...(owner === undefined ? {} : { owner }) })
  const first = await open(browser, memory)
  await first.save(exampleSnapshot(site, "default", "before"))
  await first.addOwner(computer.card)
  await first.grant(ci.card, { site })
  const desk = await open(computer, createMemory(), browser.card)
  await desk.refresh()
  const locked = await open(await lockedIdentity(browser), memory)
  return {
    provider,
    locked,
    unlock: () => open(browser, memory),
    desk,
    bot: { card: ci.card, vault: await open({ ...ci, vault: null }, createMemory(), browser.card) },
    copies: async () => {
      const copies = first.known().flatMap((session) => session.copies)
      return (await namesIn(provider)).filter((name) => copies.some((copy) => name.includes(copy)))
    },
  }
}

it("a locked device saves what other owners and bots open, and opens nothing itself", async () => {
  const { locked, desk, bot, unlock } = await scene()
  await locked.save(exampleSnapshot(site, "default", "while locked"))
  expect(tokenOf(await desk.load(site))).toContain("while locked")
  expect(tokenOf(await bot.vault.load(site))).toContain("while locked")
  await expect(locked.load(site)).rejects.toMatchObject({ code: "locked" })
  expect((await locked.list()).map((entry) => entry.site)).toEqual([site])
  expect(tokenOf(await (await unlock()).load(site))).toContain("while locked")
})

it("a locked device saves the first session of a vault, and one that nobody saved before", async () => {
  const { locked, desk } = await scene()
  await locked.save(exampleSnapshot("new.example", "default", "first"))
  expect(tokenOf(await desk.load("new.example"))).toContain("first")
})

it("a locked device writes nothing for bots once another owner changed something that it cannot read", async () => {
  const { locked, desk, bot, copies, unlock } = await scene()
  await desk.revoke(bot.card)
  expect(await copies()).toEqual([])
  await locked.save(exampleSnapshot(site, "default", "while locked"))
  expect(await copies()).toEqual([])
  expect(tokenOf(await desk.load(site))).toContain("while locked")
  const open = await unlock()
  await open.refresh()
  await open.save(exampleSnapshot(site, "default", "later"))
  expect(await copies()).toEqual([])
})

it("a locked device revokes nothing: it could not give the other bots of the session what they may have", async () => {
  const { locked, bot, unlock } = await scene()
  await expect(locked.revoke(bot.card)).rejects.toMatchObject({ code: "locked" })
  expect(tokenOf(await bot.vault.load(site))).toContain("before")
  expect((await (await unlock()).revoke(bot.card)).sessions).toHaveLength(1)
  await expect(bot.vault.load(site)).rejects.toThrow(/^Cannot open session/)
})

it("a locked device reads what it missed once it is unlocked", async () => {
  const { locked, desk, unlock } = await scene()
  await desk.save(exampleSnapshot("desk.example", "default", "elsewhere"))
  await locked.refresh()
  expect(locked.known().map((session) => session.site)).toEqual([site])
  const open = await unlock()
  await open.refresh()
  expect(open.known().map((session) => session.site)).toContain("desk.example")
})
