import { beforeEach, describe, expect, it } from "vitest"
import { utf8 } from "../../../shared/bytes.js"
import { seal } from "../../../shared/envelope.js"
import { PspError } from "../../../shared/errors.js"
import { parseCard } from "../../../shared/keys.js"
import { clockAt } from "../../../shared/hlc.js"
import { isVaultName } from "../../../shared/object-names.js"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { openVault, type AccessEvent, type EventGap, type EventsOptions, type Vault } from "../../../shared/vault.js"
import { eventLifetime } from "../../../shared/vault/event-chain.js"
import type { EventSays } from "../../../shared/vault/event-payload.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { countRequests } from "./counting-provider.js"
import { bytesOf, copyOf, createDevice, createMemory, day, minute, namesIn, overwrite, start } from "./devices.js"

const site = "example.com"
const opened: EventSays = { kind: "opened", site, account: "default", tool: "test" }

let provider: Provider
let now: number
let a: Vault
let b: Vault
let second: Device

beforeEach(async () => {
  now = start
  provider = createMemoryProvider()
  a = await openVault(provider, { identity: await createDevice("a"), memory: createMemory(), now: () => now })
  second = await createDevice("b")
  await a.addOwner(second.card)
  b = await ownerOver(provider)
  await a.save(exampleSnapshot(site))
  now += minute
})

/** The second owner's device, with what it remembers. */
async function ownerOver(store: Provider, memory = createMemory()): Promise<Vault> {
  const vault = await openVault(store, { identity: second, owner: a.card.text, memory, now: () => now })
  await vault.refresh()
  return vault
}

type Device = Awaited<ReturnType<typeof createDevice>>

async function newBot(name = "ci-1", expiresAt?: number): Promise<Device> {
  const bot = await createDevice(name)
  await a.grant(bot.card, { site, ...(expiresAt === undefined ? {} : { expiresAt }) })
  now += 1000
  return bot
}

/** As a bot of which nothing stays between two runs, unless it has a memory. */
async function openAs(identity: Device, store = provider, memory = createMemory()): Promise<Vault> {
  const vault = await openVault(store, { identity, owner: a.card.text, memory, now: () => now })
  await vault.refresh()
  return vault
}

async function recordAs(identity: Device, count: number, store = provider): Promise<void> {
  for (let n = 0; n < count; n++) {
    await (await openAs(identity, store)).record(opened)
    now += minute
  }
}

async function told(vault: Vault, options?: EventsOptions) {
  const [events, gaps]: [AccessEvent[], EventGap[]] = [[], []]
  for await (const item of vault.events(options)) {
    if (item.type === "event") events.push(item)
    else gaps.push(item)
  }
  return { events, gaps }
}

const gapsOf = async (vault: Vault, options?: EventsOptions) =>
  (await told(vault, options)).gaps.map(({ code, by, count }) => [code, by?.name ?? null, count])
const eventNames = async (store = provider) => (await namesIn(store)).filter((name) => name.includes("/events/"))

/** An event of a writer as it chooses to write it. */
async function forge(writer: Device, place: object, { clock = clockAt(now), folder = "" } = {}): Promise<string> {
  const { writerId } = await parseCard(writer.card)
  const event = {
    what: "opened",
    site,
    account: "default",
    at: now,
    tool: "t",
    version: "1",
    names: [],
    more: 0,
    bot: null,
    reason: null,
  }
  const plaintext = utf8(JSON.stringify({ kind: "event", v: 1, ...event, ...place }))
  const header = {
    typ: "event" as const,
    vault: a.id,
    sid: folder === "" ? writerId : folder,
    clock,
    exp: now + eventLifetime,
  }
  const recipients = [a.card, await parseCard(second.card)].map(({ recipient }) => recipient)
  const { name, bytes } = await seal({ header, plaintext, recipients, writer })
  await provider.put(name, bytes)
  return name
}
const keyOf = (name: string) => name.replace(/^.*\/([0-9a-f]{16})-[0-9a-f]{32}-([0-9a-f]{32})\.psp$/, "$1-$2")

describe("an event", () => {
  it("tells every owner who did what, when and with which tool", async () => {
    const bot = await newBot()
    const says: EventSays = {
      ...opened,
      kind: "saved",
      tool: "playwright",
      names: ['changed cookie "sid" (example.com)'],
    }
    await (await openAs(bot)).record(says)
    expect((await eventNames()).map(isVaultName)).toEqual([true])
    for (const owner of [a, b]) {
      const { events, gaps } = await told(owner)
      expect(gaps).toEqual([])
      expect(events).toMatchObject([
        {
          ...says,
          at: now,
          version: expect.stringMatching(/^\d+\./) as string,
          by: { name: "ci-1", isBot: true },
          wasGranted: true,
        },
      ])
      expect(events[0]?.by.fingerprint).toMatch(/^(?:[a-z]+ ){5}[a-z]+$/)
    }
  })

  it("is left by no load alone", async () => {
    await a.load(site)
    await (await openAs(await newBot())).load(site)
    expect(await eventNames()).toEqual([])
  })

  it("is opened by no other bot, and tells nobody else of the history", async () => {
    const [bot, other] = [await newBot(), await newBot("ci-2")]
    await recordAs(bot, 1)
    await expect(told(await openAs(other))).rejects.toMatchObject({ code: "not-owner" })
    const report = await (await openAs(other)).verify()
    expect(report.defects).toEqual([])
  })

  it("is refused to an identity that was never granted anything", async () => {
    const stranger = await createDevice("stranger")
    const vault = await openVault(provider, { identity: stranger, owner: a.card.text, now: () => now })
    await expect(vault.record(opened)).rejects.toMatchObject({ code: "not-granted" })
    expect(await eventNames()).toEqual([])
  })

  it("is one of a chain, also of a bot that remembers nothing, and of many at once", async () => {
    const bot = await newBot()
    await recordAs(bot, 12)
    now += 3 * day
    await (await openAs(bot)).record([opened, opened, opened])
    const vault = await openAs(bot)
    await Promise.all([vault.record(opened), vault.record(opened)])
    const { events, gaps } = await told(b)
    expect([events.length, gaps]).toEqual([17, []])
  })

  it("comes in order of time over all writers, and is found by bot, site and time", async () => {
    const [one, two] = [await newBot("one"), await newBot("two")]
    const from = now
    for (const [identity, where] of [
      [one, site],
      [two, site],
      [one, "other.example"],
      [two, site],
    ] as const) {
      await (await openAs(identity)).record({ ...opened, site: where })
      now += minute
    }
    await a.record({ ...opened, kind: "revoked", bot: { name: "one", fingerprint: "x" } })
    const by = async (options: EventsOptions) => (await told(a, options)).events.map((event) => event.by.name)
    expect(await by({})).toEqual(["one", "two", "one", "two", "a"])
    expect(await by({ bot: "one" })).toEqual(["one", "one", "a"])
    expect(await by({ bot: two.card })).toEqual(["two", "two"])
    expect(await by({ site: "other.example" })).toEqual(["one"])
    expect(await by({ since: from + minute, until: from + 2 * minute })).toEqual(["two", "one"])
    for (const options of [{ since: from + minute }, { until: from }, { bot: "one", since: from + 2 * minute }])
      expect(await gapsOf(a, options)).toEqual([])
  })

  it("of a bot whose grant was over is told as such", async () => {
    const bot = await newBot("ci-1", now + 10 * minute)
    await recordAs(bot, 1)
    const vault = await openVault(provider, { identity: bot, owner: a.card.text, now: () => now })
    await vault.refresh()
    now += 20 * minute
    await vault.record({ ...opened, kind: "refused", reason: "expired" })
    await vault.record({ ...opened, site: "never.example" })
    const { events } = await told(a)
    expect(events.map(({ kind, reason, wasGranted }) => [kind, reason, wasGranted])).toEqual([
      ["opened", null, true],
      ["refused", "expired", false],
      ["opened", null, false],
    ])
  })

  it("of a bot that was revoked counts as granted before, and not after", async () => {
    const bot = await newBot()
    const vault = await openAs(bot)
    await vault.record(opened)
    now += minute
    await a.revoke(bot.card)
    now += minute
    await vault.record(opened)
    expect((await told(b)).events.map(({ wasGranted }) => wasGranted)).toEqual([true, false])
  })

  it("holds long names cut and many counted", async () => {
    await a.record({ ...opened, names: Array.from({ length: 60 }, () => "n".repeat(500)) })
    const [event] = (await told(a)).events
    expect([event?.names.length, event?.names[0]?.length, event?.more]).toEqual([50, 200, 10])
  })

  it("is not written by a clock that was never set", async () => {
    now = Date.UTC(2000, 0, 1)
    await expect(a.record(opened)).rejects.toMatchObject({ code: "bad-clock" })
  })

  it("that a store does not take is an error for whoever wrote it", async () => {
    const vault = await openAs(await newBot())
    provider.put = () => Promise.reject(new PspError("denied", "Cannot store: read only"))
    await expect(vault.record(opened)).rejects.toMatchObject({ code: "denied" })
  })
})

describe("the access history", () => {
  it("tells each event that was removed among others, wherever it was", async () => {
    await recordAs(await newBot(), 5)
    const all = await eventNames()
    for (const gone of all.slice(0, -1)) {
      const store = await copyOf(provider)
      await store.remove(gone)
      const { events, gaps } = await told(await ownerOver(store))
      expect([events.length, gaps.map(({ code, count }) => [code, count])]).toEqual([4, [["missing", 1]]])
    }
  })

  it("tells once that many in a row were removed", async () => {
    await recordAs(await newBot(), 25)
    for (const gone of (await eventNames()).slice(2, 22)) await provider.remove(gone)
    expect(await gapsOf(b)).toEqual([["missing", "ci-1", 20]])
  })

  it("tells that the last ones were removed to a device that has seen them, and to no other", async () => {
    const bot = await newBot()
    await recordAs(bot, 5)
    const memory = createMemory()
    expect(await gapsOf(await ownerOver(provider, memory))).toEqual([])
    for (const gone of (await eventNames()).slice(3)) await provider.remove(gone)
    expect(await gapsOf(await ownerOver(provider, memory))).toEqual([["rolled-back", "ci-1", 2]])
    expect(await gapsOf(await ownerOver(provider))).toEqual([])
    // Whoever goes on where the store shows less ends up with numbers that were there before.
    await recordAs(bot, 3)
    expect(await gapsOf(await ownerOver(provider, memory))).toEqual([["rolled-back", "ci-1", 1]])
  })

  it("takes a store that is late with its lists for no loss", async () => {
    await a.record(opened)
    const list = provider.list.bind(provider)
    provider.list = async function* (prefix, call) {
      for await (const object of list(prefix, call)) if (!object.name.includes("/events/")) yield object
    }
    expect(await told(a)).toEqual({ events: [], gaps: [] })
  })

  it("tells where two runs of one writer wrote in one place, and sees later that neither is removed", async () => {
    const bot = await newBot()
    await recordAs(bot, 2)
    const store = await copyOf(provider)
    await recordAs(bot, 1)
    await recordAs(bot, 1, store)
    for (const name of await eventNames(store)) await provider.put(name, await bytesOf(store, name))
    expect(await gapsOf(b)).toEqual([["forked", "ci-1", 1]])
    await recordAs(bot, 1)
    expect(await gapsOf(b)).toEqual([["forked", "ci-1", 1]])
    for (const gone of (await eventNames()).slice(2, 4)) {
      const other = await copyOf(provider)
      await other.remove(gone)
      expect(await gapsOf(await ownerOver(other))).toEqual([["missing", "ci-1", 1]])
    }
  })

  it("tells a writer that begins anew, one that goes back, and one that leaves numbers out", async () => {
    const bot = await newBot()
    const one = keyOf(await forge(bot, { n: 1, before: [] }))
    now += minute
    const two = keyOf(await forge(bot, { n: 2, before: [one] }))
    now += minute
    await forge(bot, { n: 1, before: [] })
    now += minute
    const three = keyOf(await forge(bot, { n: 3, before: [two] }))
    now += minute
    await forge(bot, { n: 2, before: [three] })
    now += minute
    await forge(bot, { n: 9, before: [three] })
    expect(await gapsOf(b)).toEqual([
      ["forked", "ci-1", 1],
      ["reordered", "ci-1", 1],
      ["missing", "ci-1", 5],
    ])
  })

  it("believes no stranger, and nobody in another one's folder", async () => {
    const [bot, other, stranger] = [await newBot(), await newBot("ci-2"), await createDevice("ci-1")]
    await recordAs(bot, 1)
    await forge(stranger, { n: 1, before: [] })
    await forge(other, { n: 1, before: [] }, { folder: (await parseCard(bot.card)).writerId })
    const { events, gaps } = await told(b)
    expect(events).toHaveLength(1)
    expect(gaps.map(({ code, by }) => [code, by?.name ?? "nobody"]).sort()).toEqual([
      ["foreign", "ci-1"],
      ["foreign", "nobody"],
    ])
    const { defects } = await b.verify()
    expect(defects.map(({ code }) => code)).toEqual(["unknown-writer", "unknown-writer"])
  })

  it("tells what is damaged, exchanged, of a newer version or too large, and goes on behind it", async () => {
    await recordAs(await newBot(), 6)
    const [, second = "", third = "", fourth = "", fifth = ""] = await eventNames()
    const bytes = await bytesOf(provider, second)
    await overwrite(provider, second, bytes.with(bytes.length - 60, 0x41))
    await overwrite(provider, third, await bytesOf(provider, fifth))
    await overwrite(provider, fourth, new Uint8Array(70_000))
    await overwrite(provider, fifth, utf8('{"psp":2,"hdr":""}'))
    const { events, gaps } = await told(b)
    expect(events).toHaveLength(2)
    expect(gaps.map(({ code }) => code)).toEqual(["damaged", "damaged", "damaged", "too-new"])
  })

  it("does not even read what is too large for an event", async () => {
    await recordAs(await newBot(), 1)
    const [name = ""] = await eventNames()
    await overwrite(provider, name, new Uint8Array(70_000))
    const counted = countRequests(provider)
    const owner = await ownerOver(counted)
    counted.reset()
    expect(await gapsOf(owner)).toEqual([["damaged", "ci-1", 1]])
    expect(counted.counts.get).toBe(0)
  })

  it("tells events of no known form", async () => {
    const bot = await newBot()
    for (const place of [
      { n: 0, before: [] },
      { n: 2, before: [] },
      { n: 1, before: [], names: [1] },
      { what: "sold", n: 1, before: [] },
    ]) {
      await forge(bot, place)
      now += 1
    }
    expect((await gapsOf(b)).map(([code]) => code)).toEqual(["damaged", "damaged", "damaged", "too-new"])
  })

  it("leaves aside what is stamped ahead", async () => {
    const bot = await newBot()
    await forge(bot, { n: 1, before: [] }, { clock: clockAt(now + 10 * minute) })
    const { events, gaps } = await told(b)
    expect([events, gaps.map(({ code }) => code)]).toEqual([[], ["ahead"]])
  })

  it("believes no owner device before it was one", async () => {
    const late = await createDevice("late")
    const early = clockAt(now)
    now += minute
    await a.addOwner(late.card)
    now += minute
    await b.refresh()
    await forge(late, { n: 1, before: [] }, { clock: early })
    expect(await gapsOf(b)).toEqual([["not-trusted", "late", 1]])
  })

  it("says which events a later owner device cannot open", async () => {
    await recordAs(await newBot(), 1)
    const late = await createDevice("late")
    await a.addOwner(late.card)
    const vault = await openVault(provider, { identity: late, owner: a.card.text, now: () => now })
    expect(await gapsOf(vault)).toEqual([["not-for-me", "ci-1", 1]])
  })

  it("goes back 90 days, and neither what ended nor a compaction leaves a gap", async () => {
    const bot = await newBot()
    await recordAs(bot, 3)
    const memory = createMemory()
    await told(await ownerOver(provider, memory))
    now += eventLifetime - day
    await recordAs(bot, 2)
    expect((await told(b)).events).toHaveLength(5)
    now += 2 * day
    expect(await told(await ownerOver(provider, memory))).toMatchObject({ events: [{}, {}], gaps: [] })
    const { removed } = await a.compact()
    expect(removed.events).toBe(3)
    expect(await eventNames()).toHaveLength(2)
    for (const device of [memory, createMemory()])
      expect(await told(await ownerOver(provider, device))).toMatchObject({ events: [{}, {}], gaps: [] })
  })

  it("stays whole through a compaction", async () => {
    await recordAs(await newBot(), 3)
    await a.record(opened)
    const before = await eventNames()
    await a.compact()
    expect(await eventNames()).toEqual(before)
    expect((await b.verify()).defects).toEqual([])
  })

  it("costs whoever writes it one list of the last hours and one put, and without memory one object more", async () => {
    const bot = await newBot()
    await recordAs(bot, 30)
    const counted = countRequests(provider)
    const vault = await openAs(bot, counted)
    for (const extra of [1, 0]) {
      counted.reset()
      await vault.record(opened)
      expect(counted.counts).toMatchObject({ list: 1, get: extra, put: 1, remove: 0 })
      expect(counted.counts.prefixes[0]).toMatch(/\/events\/[0-9a-f]{32}\/[0-9a-f]{6}$/)
    }
  })

  it("asked for its last hour lists and opens no more than that", async () => {
    const bot = await newBot()
    await recordAs(bot, 5)
    now += 10 * day
    const since = now
    await recordAs(bot, 2)
    const counted = countRequests(provider)
    const owner = await ownerOver(counted)
    counted.reset()
    expect((await told(owner, { since, strangers: false })).events).toHaveLength(2)
    expect(counted.counts.get).toBe(2)
    const [, ...prefixes] = counted.counts.prefixes
    for (const prefix of prefixes) expect(prefix).toMatch(/\/events\/[0-9a-f]{32}\/[0-9a-f]{6,}$/)
  })
})
