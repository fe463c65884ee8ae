import { expect, it } from "vitest"
import { PspError } from "../../../shared/errors.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Snapshot } from "../../../shared/snapshot.js"
import { openVault, type Vault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, day, minute, namesIn, start } from "./devices.js"

const site = "example.com"

function sessionWith(token: string): Snapshot {
  const snapshot = exampleSnapshot(site)
  return { ...snapshot, cookies: (snapshot.cookies ?? []).map((one) => ({ ...one, value: token, expiresAt: null })) }
}

const tokenOf = async (vault: Vault) => (await vault.load(site))?.cookies?.[0]?.value

/** A person, and a bot that saved back the same token with other values for half a month. */
async function afterHalfAMonth() {
  let now = start
  const provider = createMemoryProvider()
  const failing = { copies: false }
  const put = provider.put.bind(provider)
  provider.put = async (name, bytes, call) => {
    const isCopy = person.known().some(({ copies }) => copies.some((copy) => name.includes(`/${copy}/`)))
    if (failing.copies && isCopy) throw new PspError("unreachable", "The store is away")
    return put(name, bytes, call)
  }
  const identity = await createDevice("laptop")
  const device = createMemory()
  const person = await openVault(provider, { identity, memory: device, now: () => now })
  await person.save(sessionWith("first"), { expiresAt: now + 90 * day })
  now += minute
  const robot = await createDevice("ci-1")
  await person.grant(robot.card, { site, saveBack: true })
  const bot = await openVault(provider, {
    identity: robot,
    owner: person.card.text,
    memory: createMemory(),
    now: () => now,
  })
  const saveBack = async (token: string, expiresAt: number) => {
    const session = await bot.loadSession(site)
    if (session === null) throw new Error("The bot opens nothing")
    const { prepared } = await bot.prepareChanges(sessionWith(token), { ...session.since(), expiresAt })
    if (prepared !== null) await bot.commit(prepared)
  }
  for (let count = 1; count <= 15; count++) {
    now += day
    await saveBack(`token ${count}`, now + 20 * day)
  }
  const byBot = async () => (await namesIn(provider)).filter((name) => name.includes(bot.card.writerId))
  return { person, bot, failing, byBot, saveBack, pass: (ms: number) => (now += ms), time: () => now }
}

it("what bots changed goes once a base holds it, and the session stays as it is, for everybody", async () => {
  const { person, bot, byBot, saveBack, time } = await afterHalfAMonth()
  expect(await byBot()).toHaveLength(15)
  const report = await person.compact()
  expect(report).toMatchObject({ removed: { changes: 5 }, skipped: [] })
  expect(await byBot()).toHaveLength(10)
  for (const vault of [person, bot]) expect(await tokenOf(vault)).toBe("token 15")
  expect((await person.verify()).defects).toEqual([])
  expect(await person.compact()).toMatchObject({ removed: { changes: 0 }, written: 0 })
  await saveBack("later", time() + day)
  for (const vault of [person, bot]) expect(await tokenOf(vault)).toBe("later")
})

it("a compaction that breaks off before the bots' copies are written anew is finished by the next one", async () => {
  const { person, bot, byBot, failing } = await afterHalfAMonth()
  failing.copies = true
  await expect(person.compact()).rejects.toMatchObject({ code: "unreachable" })
  expect(await byBot()).toHaveLength(15)
  failing.copies = false
  expect((await person.compact()).removed.changes).toBe(5)
  for (const vault of [person, bot]) expect(await tokenOf(vault)).toBe("token 15")
})

it("what bots changed and whose time is over is no gap, and is not asked for for ever", async () => {
  const { person, byBot, pass } = await afterHalfAMonth()
  const before = await person.loadSession(site)
  expect(before).toMatchObject({ unread: 0, snapshot: { report: { gaps: [] } } })
  pass(30 * day)
  expect(await person.loadSession(site)).toMatchObject({ unread: 0, snapshot: { report: { gaps: [] } } })
  expect((await person.compact()).removed.changes).toBe(5)
  expect(await byBot()).toHaveLength(10)
})
