import { beforeEach, describe, expect, it } from "vitest"
import { botMembersToJson } from "../../../shared/bot-members.js"
import { utf8 } from "../../../shared/bytes.js"
import { parseName, seal } from "../../../shared/envelope.js"
import { isPspError } from "../../../shared/errors.js"
import { scopeSnapshot } from "../../../shared/grant-scope.js"
import { parseGrantRecord } from "../../../shared/grants.js"
import { clockAt } from "../../../shared/hlc.js"
import { parseCard, type Identity } from "../../../shared/keys.js"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { basePlaintext } from "../../../shared/session-payload.js"
import type { Snapshot } from "../../../shared/snapshot.js"
import { openVault, type Vault, type VaultMemory } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { countRequests } from "./counting-provider.js"
import {
  bytesOf,
  copyOf,
  createDevice,
  createMemory,
  createTwoOwners,
  day,
  minute,
  namesIn,
  openedBy,
  start,
  tokenOf,
} from "./devices.js"

const site = "example.com"
const saveOf = (token: string) => exampleSnapshot(site, "default", token)
type Device = Awaited<ReturnType<typeof createDevice>>

let provider: ReturnType<typeof countRequests>
let now: number
let a: Vault
let b: Vault
let bot: Device

beforeEach(async () => {
  now = start
  provider = countRequests(createMemoryProvider())
  ;[a, b] = await createTwoOwners(provider, [() => now, () => now])
  bot = await createDevice("bot")
  await a.save(saveOf("one"))
  now += minute
})

const openAs = (identity: Identity, memory?: VaultMemory, store: Provider = provider) =>
  openVault(store, { identity, owner: a.card.text, now: () => now, ...(memory === undefined ? {} : { memory }) })

/** As `openedBy`, with what these two owners signed. */
const allOpened = (identity: Identity, store: Provider = provider) => openedBy(identity, store, [a, b])

/** A session that leans on another site as well; what is of that one says so. */
function withSite(snapshot: Snapshot, other: string): Snapshot {
  const { cookies = [], origins = [], tabs = [] } = exampleSnapshot(other, "default", "idp-canary")
  const below = { topLevelSite: `https://${other}`, hasCrossSiteAncestor: true }
  return {
    ...snapshot,
    sites: [snapshot.sites[0], other],
    cookies: [...(snapshot.cookies ?? []), ...cookies],
    origins: [
      ...(snapshot.origins ?? []),
      ...origins,
      { origin: `https://app.${snapshot.sites[0]}`, partition: below, localStorage: [["below", "idp-canary"]] },
    ],
    tabs: [...(snapshot.tabs ?? []), ...tabs.map((tab) => ({ ...tab, id: "idp", url: `${tab.url}?idp-canary` }))],
    check: { url: `https://app.${other}/idp-canary` },
    report: { captured: { cookies: 2, localStorage: 5, sessionStorage: 2, context: 1 }, gaps: [] },
  }
}

describe("a bot", () => {
  it("loads what it was granted at once, in four requests, and lists nothing else", async () => {
    await a.save(exampleSnapshot("secret.example"))
    await a.grant(bot.card, { site })
    provider.reset()
    const vault = await openAs(bot)
    expect(await vault.load(site)).toEqual(saveOf("one"))
    expect(provider.counts).toMatchObject({ list: 2, get: 2, put: 0, remove: 0 })
    expect((await vault.list({ details: true })).map(({ site, savedAt }) => [site, savedAt])).toEqual([[site, start]])
    expect(vault.isOwner).toBe(false)
    expect(await vault.load("secret.example")).toBeNull()
    expect(await vault.load(site, { account: "work" })).toBeNull()
  })

  it("gets every later save, and no index key, no list of sessions and no state of before", async () => {
    await a.save(exampleSnapshot("secret.example"))
    await a.save(saveOf("two"))
    await a.grant(bot.card, { site })
    now += minute
    await a.save(saveOf("three"))
    now += minute
    await b.refresh()
    await b.saveAll([{ snapshot: saveOf("four") }])
    expect(tokenOf(await (await openAs(bot)).load(site))).toBe("four")
    const told = (await allOpened(bot)).filter((text) => text.startsWith('{"kind":"bot"'))
    const grants = told.flatMap((text) => (JSON.parse(text) as { grants: object[] }).grants)
    expect(grants.length).toBeGreaterThan(0)
    for (const grant of grants) expect(grant).not.toHaveProperty("by")
    const all = (await allOpened(bot)).join("\n")
    expect(all).toContain('"four"')
    expect(all).not.toMatch(/secret\.example|"one"|"index"|"key"|"sessions"/)
  })

  it("may nothing that takes an owner", async () => {
    await a.grant(bot.card, { site })
    const vault = await openAs(bot, createMemory())
    await vault.load(site)
    const notOwner = { code: "not-owner" }
    await expect(vault.save(saveOf("mine"))).rejects.toMatchObject(notOwner)
    await expect(vault.saveAll([{ snapshot: saveOf("mine") }])).rejects.toMatchObject(notOwner)
    await expect(vault.remove(site)).rejects.toMatchObject(notOwner)
    await expect(vault.compact()).rejects.toMatchObject(notOwner)
    await expect(vault.announce()).rejects.toMatchObject(notOwner)
    await expect(vault.addOwner(bot.card)).rejects.toMatchObject(notOwner)
    await expect(vault.grant(bot.card, { site })).rejects.toMatchObject(notOwner)
    await expect(vault.revoke(bot.card)).rejects.toMatchObject(notOwner)
    await expect(vault.grants()).rejects.toMatchObject(notOwner)
    await expect(vault.exportTo(bot.card, site)).rejects.toMatchObject(notOwner)
    expect(await vault.verify()).toMatchObject({ defects: [], unlisted: 0 })
  })

  it("is told when its grant has come to its end, and its copy has ended then, whatever it does with its clock", async () => {
    const expiresAt = now + 8 * 60 * minute
    await a.grant(bot.card, { site, expiresAt })
    const copy = (await (await openAs(bot)).list({ details: true }))[0]
    expect(copy?.expiresAt).toBe(expiresAt)
    await a.save(saveOf("two"))
    expect((await (await openAs(bot)).list({ details: true }))[0]?.expiresAt).toBe(expiresAt)
    now = expiresAt
    await a.save(saveOf("after"))
    const vault = await openAs(bot)
    await expect(vault.load(site)).rejects.toMatchObject({ code: "expired" })
    expect(await vault.list()).toEqual([])
    expect((await allOpened(bot)).join("\n")).not.toContain('"after"')
    expect(await a.grants()).toMatchObject([{ hasEnded: true }])
    await a.compact()
    await expect((await openAs(bot)).load(site)).rejects.toMatchObject({ code: "expired" })
  })

  it("gets only the kinds that were granted, by any key that it has", async () => {
    await a.grant(bot.card, { site, kinds: ["cookies"] })
    await a.save(saveOf("two"))
    const { cookies } = saveOf("two")
    const snapshot = await (await openAs(bot)).load(site)
    expect(snapshot?.cookies).toEqual(cookies)
    expect(snapshot).not.toHaveProperty("origins")
    const all = (await allOpened(bot)).join("\n")
    expect(all).toContain("canary-cookie-two")
    expect(all).not.toMatch(/"token"|canary-tab|Mozilla|app\.example\.com\/home/)
  })

  it("gets the tabs of a session by their origins alone, where kinds were granted by name", async () => {
    const snapshot = saveOf("two")
    snapshot.tabs?.push({ id: "2", url: "https://app.example.com/canary-empty", sessionStorage: [] })
    await a.grant(bot.card, { site, kinds: ["sessionStorage"] })
    await a.save(snapshot)
    const [tab, ...others] = (await (await openAs(bot)).load(site))?.tabs ?? []
    expect([tab?.url, others]).toEqual(["https://app.example.com/", []])
    expect(tab?.sessionStorage).toEqual(snapshot.tabs?.[0]?.sessionStorage)
    expect((await allOpened(bot)).join("\n")).not.toMatch(/app\.example\.com\/home|canary-empty/)
  })

  it.each([{ kinds: undefined }, { kinds: ["cookies", "localStorage", "sessionStorage"] as const }])(
    "is sealed nothing of a site that the session holds only since the grant, until it is granted anew (%o)",
    async ({ kinds }) => {
      const terms = { site, ...(kinds === undefined ? {} : { kinds }) }
      const wide = withSite(saveOf("two"), "idp.example")
      expect(await a.grant(bot.card, terms)).toMatchObject({ sites: [site] })
      now += minute
      await a.save(wide)
      const snapshot = await (await openAs(bot)).load(site)
      expect(tokenOf(snapshot)).toBe("two")
      expect(snapshot?.sites).toEqual([site])
      expect(snapshot?.report.gaps).toMatchObject([{ kind: "site", where: "idp.example", count: 1 }])
      expect(snapshot?.report.captured).toMatchObject({ cookies: 1, localStorage: 2, sessionStorage: 1 })
      expect((await allOpened(bot)).join("\n")).not.toContain("idp-canary")
      // As a person was told: what was added between the question and the yes is not part of it.
      await a.grant(bot.card, { ...terms, sites: [site] })
      expect((await (await openAs(bot)).load(site))?.sites).toEqual([site])
      expect(await a.grant(bot.card, terms)).toMatchObject({ sites: [site, "idp.example"] })
      const whole = await (await openAs(bot)).load(site)
      expect([whole?.sites, whole?.cookies?.length, whole?.report.gaps]).toEqual([[site, "idp.example"], 2, []])
      expect(await a.grants()).toMatchObject([{ sites: [site, "idp.example"] }])
      const { sessions } = await a.revoke(bot.card)
      expect(sessions).toEqual([{ site, account: "default", sites: [site, "idp.example"] }])
    },
  )

  it("that was granted by an earlier version, which noted no sites, gets the session as it is", () => {
    const ids = { bot: "0".repeat(32), sid: "a".repeat(26), copy: "b".repeat(26) }
    const terms = { site, account: "default", kinds: "all", mayWrite: false, expiresAt: null }
    const older = { ...ids, ...terms, card: "psp1", clock: clockAt(start), knew: [], revoked: [], old: [] }
    expect(parseGrantRecord(older)).toEqual(older)
    expect(parseGrantRecord({ ...older, sites: [site] })).toMatchObject({ sites: [site] })
    expect(parseGrantRecord({ ...older, sites: site })).toBeNull()
    expect(parseGrantRecord({ ...older, names: "cookies:sid" })).toBeNull()
    // Whatever it says of kinds, and however much of it a later version alone knows, names cover no more than they say.
    expect(parseGrantRecord({ ...older, names: ["cookies:sid", "cakes:x"] })).toEqual({
      ...{ ...older, kinds: ["cookies"], names: ["cookies:sid"] },
    })
    expect(parseGrantRecord({ ...older, names: [] })).toMatchObject({ kinds: [], names: [] })
    expect(parseGrantRecord({ ...older, by: "0".repeat(32) })).toEqual({ ...older, by: "0".repeat(32) })
    expect(parseGrantRecord({ ...older, by: "c" })).toBeNull()
    expect(scopeSnapshot(withSite(saveOf("two"), "idp.example"), { kinds: "all" }).sites).toHaveLength(2)
  })

  it("that is one of more than an envelope takes gets its copy as well", async () => {
    const many = await Promise.all(Array.from({ length: 40 }, (_, i) => createDevice(`bot ${i}`)))
    for (const { card } of many) await a.grant(card, { site })
    now += minute
    await a.save(saveOf("two"))
    for (const one of many) expect(tokenOf(await (await openAs(one)).load(site))).toBe("two")
  }, 60_000)

  it("keeps what it had when an owner who does not know of its grant saves, until that one has looked", async () => {
    const other = await createDevice("other")
    await a.grant(other.card, { site })
    await b.refresh()
    now += minute
    await a.grant(bot.card, { site })
    now += minute
    await b.save(saveOf("two"))
    expect(tokenOf(await (await openAs(other)).load(site))).toBe("two")
    expect(tokenOf(await (await openAs(bot)).load(site))).toBe("one")
    await b.list()
    now += minute
    await b.save(saveOf("three"))
    for (const one of [bot, other]) expect(tokenOf(await (await openAs(one)).load(site))).toBe("three")
  })

  it("is not sealed a newer stamp than the save that its first copy repeats", async () => {
    const names = new Set(await namesIn(provider, `${a.id}/sessions/`))
    await a.grant(bot.card, { site })
    const added = (await namesIn(provider, `${a.id}/sessions/`)).filter((name) => !names.has(name))
    const stamps = [...names].map((name) => parseName(name)?.clock)
    expect(added.map((name) => parseName(name)?.clock)).toEqual(stamps.slice(-1))
  })

  it("with other terms than before reads what they say, and nothing of what they do not", async () => {
    await a.grant(bot.card, { site })
    await a.grant(bot.card, { site, kinds: ["localStorage"], expiresAt: now + day, saveBack: true })
    const snapshot = await (await openAs(bot)).load(site)
    expect(tokenOf(snapshot)).toBe("one")
    expect(snapshot).not.toHaveProperty("cookies")
    expect((await allOpened(bot)).join("\n")).not.toContain("canary-cookie")
    expect(await a.grants()).toMatchObject([{ site, kinds: ["localStorage"], saveBack: true, expiresAt: now + day }])
  })
})

describe("a grant", () => {
  it("of nothing, to an owner, of no kind or of the past is refused", async () => {
    await expect(a.grant(bot.card, { site: "never.example" })).rejects.toMatchObject({ code: "not-found" })
    await expect(a.grant(b.card.text, { site })).rejects.toMatchObject({ code: "usage" })
    await expect(a.grant(bot.card, { site, kinds: [] })).rejects.toMatchObject({ code: "usage" })
    await expect(a.grant(bot.card, { site, expiresAt: now })).rejects.toMatchObject({ code: "usage" })
    await expect(a.grant(bot.card.slice(0, -1), { site })).rejects.toMatchObject({ code: "bad-card" })
    expect(await a.grants()).toEqual([])
  })

  it("leaves a vault that its owners find in order, compacted or not", async () => {
    await a.grant(bot.card, { site })
    for (let i = 0; i < 3; i++) {
      now += minute
      await a.save(saveOf(`${i}`))
    }
    await b.refresh()
    expect(await b.verify()).toMatchObject({ defects: [], unlisted: 0, unneeded: 0, forOthers: 4 })
    await b.compact()
    expect(await b.verify()).toMatchObject({ defects: [], unlisted: 0, forOthers: 1 })
    expect(tokenOf(await (await openAs(bot)).load(site))).toBe("2")
  })

  it("goes with the session that is removed, also where that is saved anew", async () => {
    await a.grant(bot.card, { site })
    await a.remove(site)
    expect((await allOpened(bot)).join("\n")).not.toContain('"snapshot"')
    now += minute
    await a.save(saveOf("anew"))
    await expect((await openAs(bot)).load(site)).rejects.toMatchObject({ code: "not-granted" })
  })
})

describe("a revocation", () => {
  it("takes the copies away, is told to the bot, and lets it open nothing that is saved since", async () => {
    const memory = createMemory()
    await a.grant(bot.card, { site })
    expect(tokenOf(await (await openAs(bot, memory)).load(site))).toBe("one")
    const { fingerprint } = await parseCard(bot.card)
    expect(await a.revoke(fingerprint)).toMatchObject({ card: { name: "bot" }, sessions: [{ site }] })
    expect((await allOpened(bot)).join("\n")).not.toContain('"snapshot"')
    now += minute
    await a.save(saveOf("two"))
    await b.refresh()
    await b.save(saveOf("three"))
    expect((await allOpened(bot)).join("\n")).not.toContain('"snapshot"')
    for (const vault of [await openAs(bot), await openAs(bot, memory)]) {
      await expect(vault.load(site)).rejects.toMatchObject({ code: "not-granted" })
      expect(await vault.list()).toEqual([])
    }
    expect(await a.grants()).toEqual([])
    expect(await a.verify()).toMatchObject({ defects: [], unlisted: 0, unneeded: 0 })
  })

  it("is of one site where that is named, and leaves other bots what they have", async () => {
    const other = await createDevice("other")
    await a.save(exampleSnapshot("b.example"))
    for (const one of [bot, other]) {
      await a.grant(one.card, { site })
      await a.grant(one.card, { site: "b.example" })
    }
    await a.revoke(bot.card, { site })
    await expect((await openAs(bot)).load(site)).rejects.toMatchObject({ code: "not-granted" })
    expect(await (await openAs(bot)).load("b.example")).not.toBeNull()
    expect(tokenOf(await (await openAs(other)).load(site))).toBe("one")
    await expect(a.revoke(bot.card, { site: "never.example" })).rejects.toMatchObject({ code: "not-found" })
    await expect(a.revoke("no such six words at all")).rejects.toMatchObject({ code: "not-found" })
  })

  it("takes a bot's name where only one is called so, and says the words where several are", async () => {
    const [other, twin] = [await createDevice("other"), await createDevice("bot")]
    for (const one of [bot, other, twin]) await a.grant(one.card, { site })
    const { fingerprint } = await parseCard(twin.card)
    await expect(a.revoke("bot")).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining(`"${fingerprint}"`) as string,
    })
    for (const name of ["Other", "oth", ""]) await expect(a.revoke(name)).rejects.toMatchObject({ code: "not-found" })
    expect(await a.grants()).toHaveLength(3)
    expect(await a.revoke(" other ", { site })).toMatchObject({ card: { name: "other" }, sessions: [{ site }] })
    await a.revoke(fingerprint.replaceAll(" ", "-").toUpperCase())
    expect((await a.grants()).map(({ card }) => card.text)).toEqual([bot.card])
    // The other one of that name has nothing any more; what broke off is finished all the same.
    expect(await a.revoke("bot")).toMatchObject({ card: { text: bot.card } })
    expect(await a.grants()).toEqual([])
    expect(await a.revoke("other")).toMatchObject({ card: { name: "other" } })
  })

  it("by six words is of the bot that has them, and not of one that is called so", async () => {
    const { fingerprint } = await parseCard(bot.card)
    const impostor = await createDevice(fingerprint)
    for (const one of [bot, impostor]) await a.grant(one.card, { site })
    expect(await a.revoke(fingerprint)).toMatchObject({ card: { text: bot.card } })
    expect((await a.grants()).map(({ card }) => card.text)).toEqual([impostor.card])
    const stranger = await createDevice("stranger")
    const words = (await parseCard(stranger.card)).fingerprint
    const called = await createDevice(words)
    await a.grant(called.card, { site })
    await expect(a.revoke(words)).rejects.toMatchObject({ code: "not-found" })
    expect(await a.grants()).toHaveLength(2)
  })

  it("beats a grant that another owner makes at once, whichever is later, and not one that is made after it", async () => {
    await a.grant(bot.card, { site })
    await b.refresh()
    for (const isRevokedFirst of [true, false]) {
      const before = await copyOf(provider)
      // Each looks at the store as it was before the other one changed it.
      const [mine, theirs] = await split(before)
      now += minute
      if (isRevokedFirst) await mine.revoke(bot.card)
      else await theirs.grant(bot.card, { site, expiresAt: now + day })
      now += minute
      if (isRevokedFirst) await theirs.grant(bot.card, { site, expiresAt: now + day })
      else await mine.revoke(bot.card)
      const joined = await joinStores(mine.store, theirs.store)
      const [x, y] = [await theirs.over(joined), await mine.over(joined)]
      for (const owner of [x, y]) {
        await owner.refresh()
        expect(await owner.grants()).toEqual([])
      }
      await expect((await openAs(bot, createMemory(), joined)).load(site)).rejects.toMatchObject({
        code: "not-granted",
      })
      await x.compact()
      expect((await allOpened(bot, joined)).join("\n")).not.toContain('"snapshot"')
      now += minute
      await y.grant(bot.card, { site })
      await x.refresh()
      for (const owner of [x, y]) expect(await owner.grants()).toHaveLength(1)
      expect(tokenOf(await (await openAs(bot, createMemory(), joined)).load(site))).toBe("one")
    }
  })

  it("of one bot and a grant to another at once are both done", async () => {
    const other = await createDevice("other")
    await a.grant(bot.card, { site })
    await b.refresh()
    const [mine, theirs] = await split(provider)
    await mine.revoke(bot.card)
    await theirs.grant(other.card, { site })
    const joined = await joinStores(mine.store, theirs.store)
    const owner = await mine.over(joined)
    await owner.refresh()
    now += minute
    await owner.save(saveOf("two"))
    // The bot was told the card of the device that granted.
    const told = await openVault(joined, { identity: other, owner: theirs.card.text, now: () => now })
    expect(tokenOf(await told.load(site))).toBe("two")
    expect((await allOpened(bot, joined)).join("\n")).not.toContain('"two"')
  })

  it("stops a copy that was sealed before it and is put after it", async () => {
    await a.grant(bot.card, { site })
    now += minute
    const waiting = await a.prepare(saveOf("two"))
    now += minute
    await a.revoke(bot.card)
    await a.commit(waiting)
    expect(tokenOf(await a.load(site))).toBe("two")
    expect((await allOpened(bot)).join("\n")).not.toContain('"two"')
  })

  it("that breaks off anywhere is finished by the next one", async () => {
    await a.grant(bot.card, { site })
    const memoryless = await copyOf(provider)
    for (let stopAt = 1; stopAt < 8; stopAt++) {
      const store = await copyOf(memoryless)
      let writes = 0
      const failing: Provider = {
        ...store,
        put: (...call) => (++writes === stopAt ? Promise.reject(new Error("cut")) : store.put(...call)),
        remove: (...call) => (++writes === stopAt ? Promise.reject(new Error("cut")) : store.remove(...call)),
      }
      const owner = await ownerOver(failing)
      await owner.revoke(bot.card).catch(() => undefined)
      const next = await ownerOver(store)
      await next.revoke(bot.card)
      expect((await allOpened(bot, store)).join("\n")).not.toContain('"snapshot"')
    }
  })
})

describe("a store or a bot that wants more", () => {
  it("is ignored: a bot that signs members, copies and grants of its own", async () => {
    const victim = await createDevice("victim")
    await a.grant(bot.card, { site })
    await a.grant(victim.card, { site })
    const mine = await parseCard(bot.card)
    const [entry] = await (await openAs(bot)).list()
    const forged = {
      root: bot.card,
      statements: [],
      closed: [],
      grants: [
        {
          site: "secret.example",
          account: "default",
          kinds: "all" as const,
          mayWrite: true,
          expiresAt: null,
          clock: clockAt(now),
          knew: [],
          revoked: [],
          sid: "b".repeat(26),
          recipients: [],
        },
      ],
    }
    for (const reader of [mine, await parseCard(victim.card), a.card]) {
      const sealed = await seal({
        header: { typ: "member", vault: a.id, sid: reader.recipientId, clock: clockAt(now), exp: now + day },
        plaintext: utf8(botMembersToJson(forged)),
        recipients: [reader.recipient],
        writer: bot,
      })
      await provider.put(sealed.name, sealed.bytes)
    }
    for (const sid of [entry?.sid ?? "", "b".repeat(26)]) {
      const sealed = await seal({
        header: { typ: "base", vault: a.id, sid, clock: clockAt(now), exp: now + day },
        plaintext: basePlaintext(saveOf("planted")),
        recipients: [mine.recipient, (await parseCard(victim.card)).recipient, a.card.recipient],
        writer: bot,
      })
      await provider.put(sealed.name, sealed.bytes)
    }
    for (const one of [bot, victim]) {
      const vault = await openAs(one)
      expect(tokenOf(await vault.load(site))).toBe("one")
      expect((await vault.list()).map(({ site }) => site)).toEqual([site])
    }
    expect(await a.list()).toHaveLength(1)
    expect((await a.verify()).defects.map(({ code }) => code)).toEqual(Array<string>(5).fill("unknown-writer"))
  })

  it("is noticed: a bot's list, or its copy, that is older than what it has seen, or gone", async () => {
    const memory = createMemory()
    await a.grant(bot.card, { site })
    const early = await copyOf(provider)
    now += minute
    await a.save(exampleSnapshot("b.example"))
    await a.grant(bot.card, { site: "b.example" })
    await (await openAs(bot, memory)).load(site)
    await expect((await openAs(bot, memory, early)).load(site)).rejects.toMatchObject({ code: "rolled-back" })
    await expect((await openAs(bot, memory, createMemoryProvider())).list()).rejects.toMatchObject({
      code: "rolled-back",
    })
    now += minute
    const late = await copyOf(provider)
    await a.save(saveOf("two"))
    await (await openAs(bot, memory)).load(site)
    await expect((await openAs(bot, memory, late)).load(site)).rejects.toMatchObject({ code: "rolled-back" })
  })

  it("hides a revocation: a bot without memory opens what it had for as long as that lasts, and then nothing", async () => {
    const memory = createMemory()
    await a.grant(bot.card, { site })
    const early = await copyOf(provider)
    now += minute
    await a.revoke(bot.card)
    await expect((await openAs(bot, memory)).load(site)).rejects.toMatchObject({ code: "not-granted" })
    // With memory it notices at once.
    await expect((await openAs(bot, memory, early)).load(site)).rejects.toMatchObject({ code: "rolled-back" })
    expect(tokenOf(await (await openAs(bot, undefined, early)).load(site))).toBe("one")
    now = start + 30 * day
    await expect((await openAs(bot, undefined, early)).load(site)).rejects.toMatchObject({ code: "expired" })
    now = start + 401 * day
    const late = await openAs(bot, undefined, early)
    expect([await late.load(site), await late.list()]).toEqual([null, []])
  })

  it("withholds a copy: then nothing is there, and nothing older is taken for it by a bot that has seen it", async () => {
    await a.grant(bot.card, { site })
    const memory = createMemory()
    await (await openAs(bot, memory)).load(site)
    const [entry] = await (await openAs(bot)).list()
    for (const name of await namesIn(provider, `${a.id}/sessions/${entry?.sid ?? ""}/`)) await provider.remove(name)
    expect(await (await openAs(bot)).load(site)).toBeNull()
    await expect((await openAs(bot, memory)).load(site)).rejects.toMatchObject({ code: "rolled-back" })
  })

  it("learns no site, account or name of a bot from its names, and not which session a copy is of", async () => {
    await a.grant(bot.card, { site })
    const names = (await namesIn(provider)).join("\n")
    expect(names).not.toContain("example")
    expect(new Set((await namesIn(provider, `${a.id}/sessions/`)).map((name) => name.split("/")[2])).size).toBe(2)
  })
})

describe("20 bots and 50 sites", () => {
  it("open exactly what was granted to them, in 1,000 cells, and nothing after it was taken back", async () => {
    const sites = Array.from({ length: 50 }, (_, i) => `s${i}.example`)
    const bots = await Promise.all(Array.from({ length: 20 }, (_, i) => createDevice(`bot ${i}`)))
    const owner = await openVault(provider, {
      identity: await createDevice("o"),
      memory: createMemory(),
      now: () => now,
    })
    await owner.saveAll(sites.map((site) => ({ snapshot: exampleSnapshot(site, "default", `token of ${site}`) })))
    const isWanted = (i: number, k: number) => (i * 7 + k * 3) % 5 < 2
    const isCookies = (i: number, k: number) => (i + k) % 2 === 0
    for (const [i, { card }] of bots.entries()) {
      for (const [k, site] of sites.entries()) {
        if (!isWanted(i, k)) continue
        await owner.grant(card, { site, ...(isCookies(i, k) ? { kinds: ["cookies"] as const } : {}) })
      }
    }
    const check = async (isOpen: (i: number, k: number) => boolean, isLooking = (i: number) => i >= 0) => {
      let cells = 0
      for (const [i, identity] of bots.entries()) {
        if (!isLooking(i)) continue
        const told = { identity, owner: owner.card.text, memory: createMemory(), now: () => now }
        const vault = await openVault(provider, told)
        expect((await vault.list()).length).toBe(sites.filter((_, k) => isOpen(i, k)).length)
        for (const [k, site] of sites.entries()) {
          const snapshot = await vault.load(site).catch((error: unknown) => {
            if (isPspError(error, "not-granted")) return null
            throw error
          })
          const whole = exampleSnapshot(site, "default", `token of ${site}`)
          expect(snapshot?.cookies ?? null).toEqual(isOpen(i, k) ? whole.cookies : null)
          expect(tokenOf(snapshot) ?? null).toBe(isOpen(i, k) && !isCookies(i, k) ? `token of ${site}` : null)
          cells++
        }
      }
      return cells
    }
    expect(await check(isWanted)).toBe(1000)
    for (const { card } of bots.slice(0, 3)) await owner.revoke(card)
    const after = await check(
      (i, k) => i >= 3 && isWanted(i, k),
      (i) => i < 5,
    )
    expect(after).toBe(250)
  }, 300_000)
})

interface Branch extends Vault {
  store: Provider
  /** The same device, with what it remembers, over another store. */
  over: (store: Provider) => Promise<Vault>
}

/** Two owner devices of a vault, each over a store of its own from now on. */
async function split(from: Provider): Promise<[Branch, Branch]> {
  const branch = async (identity: Identity, owner: string): Promise<Branch> => {
    const store = await copyOf(from)
    const memory = createMemory()
    const over = (other: Provider) => openVault(other, { identity, owner, memory, now: () => now })
    const vault = await over(store)
    await vault.refresh()
    return Object.assign(vault, { store, over })
  }
  return [await branch(devices.c, a.card.text), await branch(devices.d, a.card.text)]
}

/** Everything that either of two stores holds. */
async function joinStores(x: Provider, y: Provider): Promise<Provider> {
  const joined = await copyOf(x)
  for (const name of await namesIn(y)) await joined.put(name, await bytesOf(y, name))
  return joined
}

const ownerOver = async (store: Provider): Promise<Vault> => {
  const vault = await openVault(store, { identity: devices.c, owner: a.card.text, now: () => now })
  await vault.refresh()
  return vault
}

let devices: Record<"c" | "d", Device>

beforeEach(async () => {
  devices = { c: await createDevice("c"), d: await createDevice("d") }
  await a.addOwner(devices.c.card)
  await a.addOwner(devices.d.card)
  await b.refresh()
})
