import { describe, expect, it } from "vitest"
import { seal } from "../../../shared/envelope.js"
import { clockAt } from "../../../shared/hlc.js"
import { parseCard } from "../../../shared/keys.js"
import { membersToJson, parseMembers } from "../../../shared/members.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { openVault } from "../../../shared/vault.js"
import { parseRemembered, rememberedToJson } from "../../../shared/vault-memory.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { countRequests } from "./counting-provider.js"
import { createDevice, createMemory, createTwoOwners, start, tokenOf } from "./devices.js"

/** A vault of so many sessions; all but one hold the same sealed bytes, which is enough for whoever does not open them. */
async function vaultOf(count: number) {
  const provider = createMemoryProvider()
  const identity = await createDevice("a")
  const memory = createMemory()
  const vault = await openVault(provider, { identity, memory, now: () => start })
  await vault.save(exampleSnapshot("example.com", "default", "wanted"))
  const remembered = parseRemembered(memory.text ?? "")
  const [mine] = [await parseCard(vault.card.text)]
  for (let i = 1; i < count; i++) {
    const sid = i
      .toString()
      .padStart(26, "a")
      .replace(/\d/g, (digit) => "bcdefghijk"[Number(digit)] ?? "b")
    remembered.members?.sessions.push({
      sid,
      site: `s${i}.example`,
      account: "default",
      clock: clockAt(start),
      removed: false,
    })
    for (const n of [1, 2]) {
      await provider.put(
        `${vault.id}/sessions/${sid}/${clockAt(start + n)}-${mine.writerId}-${"0".repeat(32)}.psp`,
        new Uint8Array(9),
      )
    }
  }
  const members = membersToJson(remembered.members ?? parseMembers(""))
  const sealed = await seal({
    header: { typ: "member", vault: vault.id, sid: mine.recipientId, clock: clockAt(start + 9), exp: start + 1e9 },
    plaintext: new TextEncoder().encode(members),
    recipients: [mine.recipient],
    writer: identity,
  })
  for await (const { name } of provider.list(`${vault.id}/members/`)) await provider.remove(name)
  await provider.put(sealed.name, sealed.bytes)
  memory.text = rememberedToJson({ ...remembered, merged: [sealed.name] })
  return { provider: countRequests(provider), identity: { ...identity }, memory, vault: vault.id }
}

describe("requests to the store", () => {
  it.each([10, 1000, 10_000])(
    "are four to load one of %i sessions, by a device that remembers nothing",
    async (count) => {
      const { provider, identity, vault } = await vaultOf(count)
      const fresh = await openVault(provider, { identity, owner: identity.card, now: () => start + 10 })
      expect(provider.total()).toBe(0)
      // As a bot that was told its owner: nothing of the members is known beforehand.
      expect(tokenOf(await fresh.load("example.com"))).toBe("wanted")
      expect(provider.counts).toMatchObject({ list: 2, get: 2, put: 0, remove: 0 })
      expect(provider.counts.prefixes.every((prefix) => prefix.split("/").length === 4)).toBe(true)
      expect(provider.counts.prefixes[0]).toContain(`${vault}/members/`)
    },
  )

  it.each([10, 1000, 10_000])("are pages of names and no envelope to list %i sessions", async (count) => {
    const { provider, identity, memory } = await vaultOf(count)
    const vault = await openVault(provider, { identity, memory, now: () => start + 10 })
    expect(await vault.list()).toHaveLength(count)
    expect(provider.counts).toMatchObject({ get: 0, list: 1 + Math.ceil((2 * count - 1) / 1000) })
  })

  it("are three for a device that knows the members, and one more for each member envelope it has not read", async () => {
    const { provider, identity, memory } = await vaultOf(10)
    const vault = await openVault(provider, { identity, memory, now: () => start + 10 })
    await vault.load("example.com")
    expect(provider.total()).toBe(3)
  })

  it("write nothing to the device's memory where they tell nothing new", async () => {
    const { provider, identity, memory } = await vaultOf(10)
    let now = start + 10
    let writes = 0
    const counted = { ...memory, write: (text: string) => (writes++, memory.write(text)) }
    const vault = await openVault(provider, { identity, memory: counted, now: () => now })
    await vault.load("example.com")
    writes = 0
    await vault.load("example.com")
    expect(writes).toBe(0)
    now += 1000
    await vault.save(exampleSnapshot("example.com", "default", "newer"))
    expect(writes).toBeGreaterThan(0)
    await vault.save(exampleSnapshot("example.org"))
    expect(parseRemembered(memory.text ?? "").members?.sessions.some(({ site }) => site === "example.org")).toBe(true)
  })

  it("are four also where several owners write members, and all of them where the newest does not know the site", async () => {
    const store = createMemoryProvider()
    let now = start
    const [a, b] = await createTwoOwners(store, [() => now, () => now])
    const bot = await createDevice("bot")
    await a.addOwner(bot.card)
    await b.refresh()
    now += 1000
    const early = await b.prepare(exampleSnapshot("b.example"))
    now += 1000
    await a.save(exampleSnapshot("a.example"))
    await b.commit(early)
    const provider = countRequests(store)
    const options = { identity: bot, owner: a.card.text, now: () => now }
    expect(await (await openVault(provider, options)).load("a.example")).toEqual(exampleSnapshot("a.example"))
    expect(provider.total()).toBe(4)
    provider.reset()
    expect(await (await openVault(provider, options)).load("b.example")).toEqual(exampleSnapshot("b.example"))
    expect(provider.total()).toBe(5)
    expect(await (await openVault(provider, options)).load("c.example")).toBeNull()
  })

  it("are one read for each session that is listed with details", async () => {
    const store = createMemoryProvider()
    const identity = await createDevice("a")
    const vault = await openVault(store, { identity, memory: createMemory(), now: () => start })
    for (let i = 0; i < 5; i++) await vault.save(exampleSnapshot(`s${i}.example`))
    const provider = countRequests(store)
    await (await openVault(provider, { identity, now: () => start })).list({ details: true })
    expect(provider.counts).toMatchObject({ list: 2, get: 6 })
  })
})
