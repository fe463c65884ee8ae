import { beforeEach, expect, it } from "vitest"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Snapshot } from "../../../shared/snapshot.js"
import { openVault, type Vault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { countRequests } from "./counting-provider.js"
import { createDevice, createMemory, createTwoOwners, minute, start } from "./devices.js"

const site = "example.com"

let provider: ReturnType<typeof countRequests>
let now: number
let a: Vault
let b: Vault

beforeEach(async () => {
  now = start
  provider = countRequests(createMemoryProvider())
  ;[a, b] = await createTwoOwners(provider, [() => now, () => now])
  await a.save(exampleSnapshot(site))
  await a.save(exampleSnapshot("other.test"))
  now += minute
})

const versionOf = async (vault: Vault, of = site) => (await vault.versions()).find((one) => one.site === of)?.version

const changed = (value: string): Snapshot => {
  const snapshot = exampleSnapshot(site)
  return { ...snapshot, cookies: (snapshot.cookies ?? []).map((cookie) => ({ ...cookie, value })) }
}

async function saveBack(vault: Vault): Promise<void> {
  const session = await vault.loadSession(site)
  if (session === null) throw new Error("nothing is there")
  const { prepared } = await vault.prepareChanges(changed("rotated"), session.since())
  if (prepared === null) throw new Error("nothing changed")
  await vault.commit(prepared)
  now += minute
}

it("a session has another version as soon as another owner saved it, and only that session", async () => {
  const [before, other] = [await versionOf(a), await versionOf(a, "other.test")]
  await b.save(changed("of b"))
  expect(await versionOf(a)).not.toBe(before)
  expect(await versionOf(a, "other.test")).toBe(other)
})

it("a session has another version as soon as a bot saved it back", async () => {
  const bot = await createDevice("ci-1")
  await a.grant(bot.card, { site, saveBack: true })
  now += minute
  const before = await versionOf(a)
  await saveBack(
    await openVault(provider, { identity: bot, owner: a.card.text, memory: createMemory(), now: () => now }),
  )
  expect(await versionOf(a)).not.toBe(before)
})

it("what a device writes itself, and what bots say they use, is no news to it", async () => {
  const before = await versionOf(a)
  await a.save(changed("of a"))
  await saveBack(a)
  await b.lease(site, { tool: "test" })
  expect(await versionOf(a)).toBe(before)
})

it("a session that was removed elsewhere has none", async () => {
  await b.remove(site)
  expect(await versionOf(a)).toBeUndefined()
})

it("many sessions cost two lists, and no read", async () => {
  await a.saveAll(Array.from({ length: 20 }, (_, at) => ({ snapshot: exampleSnapshot(`s${at}.test`) })))
  await b.versions()
  provider.reset()
  expect(await b.versions()).toHaveLength(22)
  expect(provider.counts).toMatchObject({ list: 2, get: 0, put: 0 })
})
