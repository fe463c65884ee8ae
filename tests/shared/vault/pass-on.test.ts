import { beforeEach, describe, expect, it } from "vitest"
import { livesOf, type Register } from "../../../shared/merge.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Provider } from "../../../shared/provider.js"
import type { Snapshot } from "../../../shared/snapshot.js"
import { openVault, type GrantOptions, type LoadedSession, type Vault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, minute, namesIn, start } from "./devices.js"

const site = "example.com"
let provider: Provider
let now: number
let person: Vault

beforeEach(async () => {
  now = start
  provider = createMemoryProvider()
  const identity = await createDevice("person")
  person = await openVault(provider, { identity, memory: createMemory(), now: () => now })
  await person.save(sessionOf("old"))
  now += minute
})

/** One cookie and one key. */
function sessionOf(cookie: string, key = "one"): Snapshot {
  const snapshot = exampleSnapshot(site)
  return {
    ...snapshot,
    cookies: (snapshot.cookies ?? []).map((one) => ({ ...one, value: cookie })),
    origins: [{ origin: `https://app.${site}`, partition: null, localStorage: [["token", key]] }],
  }
}

async function loaded(vault: Vault): Promise<LoadedSession> {
  const session = await vault.loadSession(site)
  if (session === null) throw new Error("nothing is there")
  return session
}

async function seen(vault: Vault) {
  const { snapshot } = await loaded(vault)
  return [snapshot.cookies?.[0]?.value, snapshot.origins?.[0]?.localStorage?.[0]?.[1]]
}

async function newBot(name: string, terms: Partial<GrantOptions> = {}): Promise<Vault> {
  const bot = await createDevice(name)
  await person.grant(bot.card, { site, saveBack: true, ...terms })
  now += minute
  return openVault(provider, { identity: bot, owner: person.card.text, memory: createMemory(), now: () => now })
}

async function change(vault: Vault, snapshot: Snapshot): Promise<void> {
  const { prepared } = await vault.prepareChanges(snapshot, (await loaded(vault)).since())
  if (prepared !== null) await vault.commit(prepared)
  now += minute
}

/** What others than the person wrote. */
async function byBots(): Promise<Register[]> {
  const lives = [...livesOf((await loaded(person)).state()).values()]
  return lives.filter(({ writer }) => writer !== person.card.writerId)
}

describe("what one bot did, passed on", () => {
  it("is there for the others, in one small envelope for those with the same terms", async () => {
    const [one, two] = [await newBot("ci-1"), await newBot("ci-2")]
    await change(one, sessionOf("by ci-1", "of ci-1"))
    expect(await seen(two)).toEqual(["old", "one"])
    const before = await namesIn(provider)
    expect(await person.passOn(await loaded(person), await byBots())).toBe(1)
    for (const vault of [person, one, two]) expect(await seen(vault)).toEqual(["by ci-1", "of ci-1"])
    const added = (await namesIn(provider)).filter((name) => !before.includes(name))
    expect(added).toHaveLength(1)
    expect((await provider.get(added[0] ?? ""))?.length).toBeLessThan(4096)
    expect((await person.verify()).defects).toEqual([])
  })

  it("does not fall behind what a bot wrote later", async () => {
    const [one, two] = [await newBot("ci-1"), await newBot("ci-2")]
    await change(one, sessionOf("by ci-1"))
    const [session, registers] = [await loaded(person), await byBots()]
    await change(two, sessionOf("later, by ci-2"))
    await person.passOn(session, registers)
    for (const vault of [person, two]) expect((await seen(vault))[0]).toBe("later, by ci-2")
  })

  it("goes to nobody who was not granted it, and no cookie in it outlives the grant", async () => {
    const one = await newBot("ci-1")
    const end = now + 60 * minute
    const two = await newBot("ci-2", { kinds: ["cookies"], expiresAt: end })
    await change(one, sessionOf("by ci-1", "canary-key"))
    await person.passOn(await loaded(person), await byBots())
    const { snapshot, state } = await loaded(two)
    expect(snapshot.cookies?.map(({ value, expiresAt }) => [value, (expiresAt ?? Infinity) <= end])).toEqual([
      ["by ci-1", true],
    ])
    expect(JSON.stringify([...state().fields])).not.toContain("canary-key")
  })

  it("is not written for a bot that is the only one to read it", async () => {
    const one = await newBot("ci-1")
    await change(one, sessionOf("by ci-1"))
    expect(await person.passOn(await loaded(person), await byBots())).toBe(0)
  })

  it("is an owner's to pass", async () => {
    const one = await newBot("ci-1")
    await newBot("ci-2")
    await expect(one.passOn(await loaded(one), [])).rejects.toMatchObject({ code: "not-owner" })
  })
})
