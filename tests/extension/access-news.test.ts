import { beforeEach, describe, expect, it } from "vitest"
import { lookFrom, newsOf, type AccessLook } from "../../extension/access-news.js"
import type { AccessTold } from "../../extension/access-told.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { recordRefusal } from "../../shared/record-access.js"
import { openVault, type AccessEvent, type Grant } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { createDevice, createMemory } from "../shared/vault/devices.js"

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const start = Date.UTC(2027, 0, 15, 8)
const begun: AccessTold = {
  ...{ vault: null, since: start, triedAt: null, readAt: null },
  ...{ seen: [], known: [], ends: [], tried: {} },
}

let now: number
let told: AccessTold
let events: AccessEvent[]
let grants: Grant[]

beforeEach(() => {
  now = start
  told = begun
  events = []
  grants = []
})

const bot = { name: "ci-1", fingerprint: "six words of a bot", isBot: true }
const desk = { name: "desk", fingerprint: "six words of a desk", isBot: false }

function happens(kind: AccessEvent["kind"], more: Partial<AccessEvent> = {}): void {
  events.push({
    ...{ type: "event", kind, site: "example.com", account: "default", tool: "test", version: "1", at: now },
    ...{ names: ["changed cookie canary"], more: 0, bot: null, reason: null, by: bot, wasGranted: true },
    ...{ name: `event ${events.length}` },
    ...more,
  })
}

/** A look, as it would read what is there: the same events again for a day. */
async function look(later = minute, over: Partial<AccessLook> = {}): Promise<string[]> {
  now += later
  const from = lookFrom(told, "vault", now)
  const found = { vault: "vault", events: events.filter(({ at }) => at >= from), grants, own: "own words", now }
  const { news, told: after } = await newsOf(told, { ...found, ...over })
  told = JSON.parse(JSON.stringify(after)) as AccessTold
  return news.map(({ kind, who, site }) => `${kind} ${who} ${site}`)
}

describe("what is told of the access history", () => {
  it("is nothing that was there before the person asked, and of it is known who used what", async () => {
    happens("opened", { at: start - day })
    happens("saved", { at: start - day, by: desk })
    happens("refused", { at: start - hour, wasGranted: false })
    expect(await look()).toEqual([])
    happens("restored")
    happens("saved", { by: desk })
    expect(await look()).toEqual([])
  })

  it("is the first use of a handoff, once, and again after it was handed off anew", async () => {
    expect(await look()).toEqual([])
    happens("granted", { by: desk, bot })
    happens("restored")
    happens("saved")
    expect(await look()).toEqual(["firstUse ci-1 example.com"])
    happens("opened")
    expect([await look(), await look()]).toEqual([[], []])
    happens("granted", { by: desk, bot })
    expect(await look()).toEqual([])
    happens("opened")
    happens("opened", { site: "other.example" })
    expect(await look()).toEqual(["firstUse ci-1 example.com", "firstUse ci-1 other.example"])
  })

  it("is also what happened between the asking and the first look", async () => {
    happens("opened")
    expect(await look(hour)).toEqual(["firstUse ci-1 example.com"])
  })

  it("is what the store shows late, or a slow clock stamped early", async () => {
    await look()
    await look(2 * hour)
    happens("opened", { at: now - hour })
    expect(await look()).toEqual(["firstUse ci-1 example.com"])
    expect(await look()).toEqual([])
  })

  it("is the first use by another device of the person, and never what this browser does", async () => {
    await look()
    happens("saved", { by: { ...desk, fingerprint: "own words" } })
    happens("granted", { by: desk, bot })
    expect(await look()).toEqual([])
    happens("opened", { by: desk })
    happens("opened", { by: desk, site: "other.example" })
    expect(await look()).toEqual(["newDevice desk example.com"])
  })

  it("is what a bot uses or tries without a handoff, each once a day however often it tries", async () => {
    await look()
    for (let at = 0; at < 50; at++) happens("refused", { wasGranted: false, reason: "not-granted" })
    happens("opened", { wasGranted: false })
    expect(await look()).toEqual(["refused ci-1 example.com", "noGrant ci-1 example.com"])
    happens("refused", { wasGranted: false })
    expect(await look(hour)).toEqual([])
    now += day
    happens("refused", { wasGranted: false })
    expect(await look()).toEqual(["refused ci-1 example.com"])
    // What it holds is of no use for another reason.
    happens("refused", { site: "other.example", reason: "not-for-me" })
    expect(await look()).toEqual([])
  })

  it("is an end that is near, once: an hour before, of a short handoff a quarter of an hour", async () => {
    const card = (await openVault(createMemoryProvider(), { identity: await createDevice("ci-1") })).card
    const terms = { card, account: "default", sites: [], kinds: "all" as const, names: null }
    const handed = (site: string, span: number): Grant => ({
      ...{ ...terms, saveBack: false, hasEnded: false, site, grantedAt: start, expiresAt: start + span },
    })
    grants = [handed("short", hour), handed("usual", 8 * hour), handed("long", 7 * day)]
    grants.push({ ...handed("ever", 0), expiresAt: null })
    expect(await look()).toEqual([])
    expect(await look(44 * minute)).toEqual(["endsSoon ci-1 short"])
    expect(await look(15 * minute)).toEqual([])
    expect(await look(6 * hour + 15 * minute)).toEqual(["endsSoon ci-1 usual"])
    expect(await look(hour)).toEqual([])
    expect(await look(6 * day + 15 * hour)).toEqual(["endsSoon ci-1 long"])
    grants = [{ ...handed("long", 7 * day), expiresAt: now + 8 * day, grantedAt: now }]
    expect(await look()).toEqual([])
  })

  it("of another vault begins anew, and holds no name of a site and none of a bot", async () => {
    await look()
    happens("opened")
    await look()
    expect(JSON.stringify(told)).not.toMatch(/example|ci-1|words|canary/)
    expect(await look(minute, { vault: "another" })).toEqual([])
    happens("opened", { site: "other.example" })
    expect(await look(minute, { vault: "another" })).toEqual(["firstUse ci-1 other.example"])
  })

  it("is what a revoked bot tries, as long as its store lets it write", async () => {
    const provider = createMemoryProvider()
    const owner = await openVault(provider, { identity: await createDevice("owner"), memory: createMemory() })
    await owner.save(exampleSnapshot("example.com"))
    const identity = await createDevice("ci-1")
    await owner.grant(identity.card, { site: "example.com" })
    // With nothing that stays between two runs.
    const visit = () => openVault(provider, { identity, owner: owner.card.text })
    await owner.revoke(identity.card)
    const ofBot = await visit()
    const error: unknown = await ofBot.loadSession("example.com").then(
      () => null,
      (reason: unknown) => reason,
    )
    await recordRefusal(ofBot, { site: "example.com", account: "default", tool: "psp restore" }, error)
    const found: AccessEvent[] = []
    for await (const item of owner.events({ strangers: false })) if (item.type === "event") found.push(item)
    const given = { vault: owner.id, events: found, grants: await owner.grants(), own: owner.card.fingerprint }
    const { news } = await newsOf({ ...begun, since: 0 }, { ...given, now: Date.now() })
    expect(news).toMatchObject([{ kind: "refused", who: "ci-1", site: "example.com" }])
  })
})
