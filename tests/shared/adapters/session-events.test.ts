import { beforeEach, describe, expect, it } from "vitest"
import { openSession } from "../../../shared/adapters/session.js"
import { PspError } from "../../../shared/errors.js"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Snapshot } from "../../../shared/snapshot.js"
import { openVault, type AccessEvent, type Vault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory } from "../vault/devices.js"
import { createTarget, fakeTool, type FakeTarget } from "./fake-tool.js"

const site = "example.com"

let provider: Provider
let person: Vault

beforeEach(async () => {
  provider = createMemoryProvider()
  person = await openVault(provider, { identity: await createDevice("person"), memory: createMemory() })
  await person.save(exampleSnapshot(site))
})

async function newBot(saveBack = true): Promise<Vault> {
  const identity = await createDevice("ci-1")
  await person.grant(identity.card, { site, saveBack })
  return openVault(provider, { identity, owner: person.card.text, memory: createMemory() })
}

const open = (vault: Vault, where = site) => openSession<FakeTarget>(vault, where, {}, fakeTool)

async function told(): Promise<AccessEvent[]> {
  const events: AccessEvent[] = []
  for await (const item of person.events()) {
    if (item.type === "gap") throw new Error(item.message)
    events.push(item)
  }
  return events
}

function rotated(snapshot: Snapshot): Snapshot {
  return { ...snapshot, cookies: (snapshot.cookies ?? []).map((cookie) => ({ ...cookie, value: "canary-rotated" })) }
}

describe("the access history of an open session", () => {
  it("tells that a bot opened it, restored it and saved what changed, by name and without a value", async () => {
    const session = await open(await newBot())
    const target = createTarget(exampleSnapshot(site))
    await session.restore(target)
    target.shows = rotated(target.shows)
    expect(await session.save(target)).toMatchObject({ saved: true, gaps: [] })
    expect(await session.save(target)).toMatchObject({ saved: false })
    const events = await told()
    expect(events.map(({ kind, tool, by, names }) => [kind, tool, by.name, names])).toEqual([
      ["opened", "fake", "ci-1", []],
      ["restored", "fake", "ci-1", []],
      ["saved", "fake", "ci-1", [`changed cookie "sid" (app.${site})`]],
    ])
    expect(JSON.stringify(events)).not.toContain("canary")
  })

  it("tells what a bot was refused: a session that it was not granted, and to save back", async () => {
    const bot = await newBot(false)
    await expect(open(bot, "other.example")).rejects.toMatchObject({ code: "not-found" })
    const session = await open(bot)
    const target = createTarget(exampleSnapshot(site))
    await session.restore(target)
    target.shows = rotated(target.shows)
    await expect(session.save(target)).rejects.toMatchObject({ code: "not-granted" })
    expect((await told()).map(({ kind, site: where, reason }) => [kind, where, reason])).toEqual([
      ["refused", "other.example", "not-granted"],
      ["opened", site, null],
      ["restored", site, null],
      ["refused", site, "not-granted"],
    ])
  })

  it("goes without where the store takes nothing of the bot, and the report says so in one sentence", async () => {
    const bot = await newBot()
    const put = provider.put.bind(provider)
    provider.put = (name, ...rest) =>
      name.includes("/events/") ? Promise.reject(new PspError("denied", "Cannot store: read only")) : put(name, ...rest)
    const session = await open(bot)
    const report = await session.restore(createTarget(exampleSnapshot(site)))
    expect(report).toMatchObject({ ok: true, gaps: [{ where: site, what: "access history" }] })
    expect(report.gaps[0]?.why).toBe(
      "The access history does not tell of this: the store lets this identity write nothing",
    )
    expect(await told()).toEqual([])
  })
})
