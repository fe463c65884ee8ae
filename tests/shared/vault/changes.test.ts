import { beforeEach, describe, expect, it } from "vitest"
import { parseName } from "../../../shared/envelope.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Snapshot } from "../../../shared/snapshot.js"
import { openVault, type LoadedSession, type Since, type Vault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { countRequests } from "./counting-provider.js"
import { createDevice, createMemory, createTwoOwners, minute, namesIn, start } from "./devices.js"

const site = "example.com"

/** One cookie, one key, one tab; `null` for what is not there. */
function sessionOf({ cookie, key = "one" }: { cookie: string | null; key?: string | null }): Snapshot {
  const snapshot = exampleSnapshot(site)
  return {
    ...snapshot,
    cookies: cookie === null ? [] : (snapshot.cookies ?? []).map((one) => ({ ...one, value: cookie })),
    origins: [{ origin: `https://app.${site}`, partition: null, localStorage: key === null ? [] : [["token", key]] }],
  }
}

const seen = (session: Pick<LoadedSession, "snapshot"> | null) =>
  session && {
    cookie: session.snapshot.cookies?.[0]?.value ?? null,
    key: session.snapshot.origins?.[0]?.localStorage?.[0]?.[1] ?? null,
  }

let provider: ReturnType<typeof countRequests>
let now: number
let a: Vault
let b: Vault

beforeEach(async () => {
  now = start
  provider = countRequests(createMemoryProvider())
  ;[a, b] = await createTwoOwners(provider, [() => now, () => now])
  await a.save(sessionOf({ cookie: "old" }))
  now += minute
})

async function loaded(vault: Vault): Promise<LoadedSession> {
  const session = await vault.loadSession(site)
  if (session === null) throw new Error("nothing is there")
  return session
}

async function saveChanges(vault: Vault, snapshot: Snapshot, since: Since) {
  const { prepared, ...changes } = await vault.prepareChanges(snapshot, since)
  if (prepared !== null) await vault.commit(prepared)
  now += minute
  return { ...changes, isSaved: prepared !== null }
}

async function grantedBot(): Promise<{ vault: Vault; card: string }> {
  const bot = await createDevice("ci-1")
  await a.grant(bot.card, { site, saveBack: true })
  now += minute
  return {
    vault: await openVault(provider, { identity: bot, owner: a.card.text, memory: createMemory(), now: () => now }),
    card: bot.card,
  }
}

describe("changes", () => {
  it("of one cookie are one small object, and every owner sees them", async () => {
    const before = await namesIn(provider)
    const { changed } = await saveChanges(a, sessionOf({ cookie: "rotated" }), (await loaded(a)).since())
    expect(changed).toHaveLength(1)
    const added = (await namesIn(provider)).filter((name) => !before.includes(name))
    expect(added).toHaveLength(1)
    expect((await provider.get(added[0] ?? ""))?.length).toBeLessThan(4096)
    for (const vault of [a, b]) expect(seen(await loaded(vault))).toEqual({ cookie: "rotated", key: "one" })
  })

  it("are nothing when nothing changed", async () => {
    const before = await namesIn(provider)
    expect(await saveChanges(a, sessionOf({ cookie: "old" }), (await loaded(a)).since())).toMatchObject({
      isSaved: false,
    })
    expect(await namesIn(provider)).toEqual(before)
  })

  it("of two owners to different fields are both there, whoever's came first", async () => {
    const [atA, atB] = [(await loaded(a)).since(), (await loaded(b)).since()]
    await saveChanges(b, sessionOf({ cookie: "old", key: "by b" }), atB)
    await saveChanges(a, sessionOf({ cookie: "by a" }), atA)
    for (const vault of [a, b]) expect(seen(await loaded(vault))).toEqual({ cookie: "by a", key: "by b" })
  })

  it("to one field: the later one counts", async () => {
    const [atA, atB] = [(await loaded(a)).since(), (await loaded(b)).since()]
    await saveChanges(a, sessionOf({ cookie: "by a" }), atA)
    await saveChanges(b, sessionOf({ cookie: "by b" }), atB)
    for (const vault of [a, b]) expect(seen(await loaded(vault))).toEqual({ cookie: "by b", key: "one" })
  })

  it("of two profiles that were restored from one backup, at the same moment, are both there", async () => {
    const device = await createDevice("laptop")
    await a.addOwner(device.card)
    now += minute
    const memory = createMemory()
    const options = { identity: device, owner: a.card.text, now: () => now }
    await loaded(await openVault(provider, { ...options, memory }))
    const restored = () => {
      const copy = createMemory()
      copy.text = memory.text
      return openVault(provider, { ...options, memory: copy })
    }
    const [one, other] = [await restored(), await restored()]
    const sinces = [(await loaded(one)).since(), (await loaded(other)).since()] as const
    const first = await one.prepareChanges(sessionOf({ cookie: "by one" }), sinces[0])
    const second = await other.prepareChanges(sessionOf({ cookie: "old", key: "by other" }), sinces[1])
    for (const { prepared } of [first, second]) if (prepared !== null) await a.commit(prepared)
    for (const vault of [a, b, one, other])
      expect(seen(await loaded(vault))).toEqual({ cookie: "by one", key: "by other" })
  })

  it("by a clock that runs a year ahead are left aside and named, and hide nobody else's", async () => {
    const honest = now
    const since = (await loaded(b)).since()
    now = honest + 365 * 24 * 60 * minute
    const { prepared } = await b.prepareChanges(sessionOf({ cookie: "of next year" }), since)
    if (prepared !== null) await b.commit(prepared)
    now = honest
    expect(await loaded(a)).toMatchObject({ ahead: [expect.any(String)] })
    await saveChanges(a, sessionOf({ cookie: "of today" }), (await loaded(a)).since())
    expect(seen(await loaded(a))?.cookie).toBe("of today")
  })

  it("do not fall to a save of what was captured before them", async () => {
    const known = (await loaded(a)).since()
    await saveChanges(b, sessionOf({ cookie: "rotated" }), (await loaded(b)).since())
    await a.save(sessionOf({ cookie: "old", key: "two" }), { since: known })
    for (const vault of [a, b]) expect(seen(await loaded(vault))).toEqual({ cookie: "rotated", key: "two" })
  })

  it("leave alone what was not captured, and a save of less does too", async () => {
    const lessCaptured = sessionOf({ cookie: "new" })
    delete lessCaptured.origins
    await saveChanges(a, lessCaptured, (await loaded(a)).since())
    expect(seen(await loaded(b))).toEqual({ cookie: "new", key: "one" })
    await a.save(
      { ...lessCaptured, cookies: sessionOf({ cookie: "newer" }).cookies ?? [] },
      { since: (await loaded(a)).since() },
    )
    expect(seen(await loaded(b))).toEqual({ cookie: "newer", key: "one" })
  })

  it("that delete stay deleted against a stale copy, and a later login is there again", async () => {
    const stale = (await loaded(b)).since()
    await saveChanges(a, sessionOf({ cookie: null }), (await loaded(a)).since())
    expect(seen(await loaded(b))).toEqual({ cookie: null, key: "one" })
    await saveChanges(b, sessionOf({ cookie: "by the stale one" }), stale)
    for (const vault of [a, b]) expect(seen(await loaded(vault))).toEqual({ cookie: null, key: "one" })
    await saveChanges(a, sessionOf({ cookie: "next login" }), (await loaded(a)).since())
    for (const vault of [a, b]) expect(seen(await loaded(vault))).toEqual({ cookie: "next login", key: "one" })
  })

  it("of a login at a device that knows of the logout elsewhere, or by the person's own save, are there again", async () => {
    for (const anew of ["learned", "own save"] as const) {
      const stale = (await loaded(b)).since()
      await saveChanges(a, sessionOf({ cookie: null }), (await loaded(a)).since())
      const known = new Map([...stale.known].map(([id, field]) => [id, { ...field, isDead: true as const }]))
      const login = sessionOf({ cookie: `next login, ${anew}` })
      if (anew === "learned") await saveChanges(b, login, { ...stale, known })
      else await b.save(login, { since: { ...stale, isAnew: true } })
      now += minute
      for (const vault of [a, b]) expect(seen(await loaded(vault))?.cookie).toBe(`next login, ${anew}`)
    }
  })

  it("that delete stay deleted behind a whole save, and behind a compaction", async () => {
    const stale = (await loaded(b)).since()
    await saveChanges(a, sessionOf({ cookie: null }), (await loaded(a)).since())
    await a.save(sessionOf({ cookie: "next login" }), { since: { ...(await loaded(a)).since(), isAnew: true } })
    now += minute
    await a.compact({ keep: { bases: 1, ms: 0 } })
    await saveChanges(b, sessionOf({ cookie: "by the stale one" }), stale)
    for (const vault of [a, b]) expect(seen(await loaded(vault))?.cookie).toBe("next login")
  })

  it("outlive a compaction, which folds them into one base", async () => {
    const states = ["1", "2", "3", "4"]
    for (const cookie of states) await saveChanges(a, sessionOf({ cookie }), (await loaded(a)).since())
    await b.compact({ keep: { bases: 1, ms: 0 } })
    expect((await namesIn(provider, `${a.id}/sessions/`)).length).toBeLessThan(states.length)
    for (const vault of [a, b]) {
      expect(seen(await loaded(vault))).toEqual({ cookie: "4", key: "one" })
      expect((await vault.verify()).defects).toEqual([])
    }
  })

  it("whose base is gone are no session, and nothing else is hidden by them", async () => {
    const before = await namesIn(provider)
    await saveChanges(a, sessionOf({ cookie: "rotated" }), (await loaded(a)).since())
    const own = before.filter((name) => name.startsWith(`${a.id}/sessions/`))
    for (const name of own) await provider.remove(name)
    expect(await b.loadSession(site)).toBeNull()
    await a.save(sessionOf({ cookie: "saved again" }))
    expect(seen(await loaded(b))?.cookie).toBe("saved again")
  })

  it("that cannot be read are named, and hide nothing else", async () => {
    await saveChanges(a, sessionOf({ cookie: "first" }), (await loaded(a)).since())
    const before = await namesIn(provider)
    await saveChanges(a, sessionOf({ cookie: "second" }), (await loaded(a)).since())
    const [name = ""] = (await namesIn(provider)).filter((one) => !before.includes(one))
    const bytes = (await provider.get(name)) ?? new Uint8Array()
    // Another letter of the signature, and still Base64.
    const at = bytes.length - 40
    bytes[at] = bytes[at] === 65 ? 66 : 65
    await provider.remove(name)
    await provider.put(name, bytes)
    const session = await loaded(b)
    expect(seen(session)?.cookie).toBe("first")
    expect(session.snapshot.report.gaps).toMatchObject([{ kind: "site", what: "1 change", why: "they cannot be read" }])
  })

  it("are not what a store puts into the place of a whole session: that is refused", async () => {
    await saveChanges(a, sessionOf({ cookie: "first" }), (await loaded(a)).since())
    const before = await namesIn(provider)
    const [change = ""] = before.filter((name) => name.includes("/sessions/")).slice(-1)
    const [member = ""] = before.filter((name) => name.includes("/members/"))
    now += minute
    await a.save(sessionOf({ cookie: "whole" }))
    const [whole = ""] = (await namesIn(provider)).filter((name) => !before.includes(name))
    for (const other of [member, change]) {
      const bytes = (await provider.get(other)) ?? new Uint8Array()
      await provider.remove(whole)
      await provider.put(whole, bytes)
      await expect(b.load(site)).rejects.toMatchObject({ code: expect.stringMatching(/damaged|not-trusted/) as string })
    }
  })
})

describe("a bot that may save back", () => {
  it("rotates a token, and the owners and itself see it", async () => {
    const { vault: bot } = await grantedBot()
    await saveChanges(bot, sessionOf({ cookie: "by bot" }), (await loaded(bot)).since())
    for (const vault of [a, b, bot]) expect(seen(await loaded(vault))).toEqual({ cookie: "by bot", key: "one" })
    expect((await a.verify()).defects).toEqual([])
  })

  it("gets what an owner changes, as changes", async () => {
    const { vault: bot } = await grantedBot()
    await saveChanges(a, sessionOf({ cookie: "by a" }), (await loaded(a)).since())
    expect(seen(await loaded(bot))).toEqual({ cookie: "by a", key: "one" })
    await a.compact()
    expect(seen(await loaded(bot))).toEqual({ cookie: "by a", key: "one" })
  })

  it("deletes nothing by itself: that waits, and is told", async () => {
    const { vault: bot } = await grantedBot()
    await saveChanges(bot, sessionOf({ cookie: null }), (await loaded(bot)).since())
    const session = await loaded(a)
    expect(seen(session)).toEqual({ cookie: "old", key: "one" })
    expect(session.refused.map(({ why }) => why)).toEqual(["a bot's deletion waits for the person"])
  })

  it("loses nothing that it saved back when it is revoked", async () => {
    const { vault: bot, card } = await grantedBot()
    await saveChanges(bot, sessionOf({ cookie: "by bot" }), (await loaded(bot)).since())
    await a.revoke(card)
    for (const vault of [a, b]) expect(seen(await loaded(vault))).toEqual({ cookie: "by bot", key: "one" })
    await expect(bot.loadSession(site)).rejects.toMatchObject({ code: "not-granted" })
    await expect(
      bot.prepareChanges(sessionOf({ cookie: "x" }), { known: new Map(), digestOf: String }),
    ).rejects.toMatchObject({
      code: "not-granted",
    })
  })

  it("changes nothing any more by what comes after its grant's end, however it is dated", async () => {
    const bot = await createDevice("ci-1")
    await a.grant(bot.card, { site, saveBack: true, expiresAt: now + 10 * minute })
    const vault = await openVault(provider, {
      identity: bot,
      owner: a.card.text,
      memory: createMemory(),
      now: () => now,
    })
    now += minute
    const since = (await loaded(vault)).since()
    await saveChanges(vault, sessionOf({ cookie: "in time" }), since)
    expect(seen(await loaded(a))?.cookie).toBe("in time")
    const { prepared } = await vault.prepareChanges(sessionOf({ cookie: "backdated" }), since)
    now += 60 * minute
    for (const { name, bytes } of prepared?.objects ?? []) await provider.put(name, bytes)
    expect(seen(await loaded(a))?.cookie).toBe("in time")
  })

  it("may only read without that grant", async () => {
    const bot = await createDevice("ci-2")
    await a.grant(bot.card, { site })
    const vault = await openVault(provider, {
      identity: bot,
      owner: a.card.text,
      memory: createMemory(),
      now: () => now,
    })
    const since = (await loaded(vault)).since()
    await expect(vault.prepareChanges(sessionOf({ cookie: "x" }), since)).rejects.toMatchObject({ code: "not-granted" })
  })

  it("that was granted some kinds gets no address of a tab that changes", async () => {
    const bot = await createDevice("ci-3")
    await a.grant(bot.card, { site, kinds: ["sessionStorage"] })
    now += minute
    const moved = sessionOf({ cookie: "old" })
    for (const tab of moved.tabs ?? []) tab.url = `https://app.${site}/reset?token=canary-in-address`
    await saveChanges(a, moved, (await loaded(a)).since())
    const vault = await openVault(provider, { identity: bot, owner: a.card.text, now: () => now })
    const { snapshot } = await loaded(vault)
    expect(JSON.stringify(snapshot)).not.toContain("canary-in-address")
    expect(snapshot.tabs?.[0]?.url).toBe(`https://app.${site}/`)
  })

  it("gets nothing of a site that an earlier save brought in, and that was not granted", async () => {
    const wide = sessionOf({ cookie: "old" })
    wide.sites = [site, "other.example"]
    wide.origins?.push({ origin: "https://other.example", partition: null, localStorage: [["token", "canary-other"]] })
    await a.save(wide)
    now += minute
    const bot = await createDevice("ci-4")
    await a.grant(bot.card, { site, sites: [site] })
    now += minute
    // The next save does not look at that site: what it held stays in the session.
    await a.save(sessionOf({ cookie: "newer" }), { since: (await loaded(a)).since() })
    now += minute
    await a.compact({ keep: { bases: 1, ms: 0 } })
    const vault = await openVault(provider, { identity: bot, owner: a.card.text, now: () => now })
    const { snapshot, state } = await loaded(vault)
    expect(snapshot.cookies?.[0]?.value).toBe("newer")
    expect(JSON.stringify([snapshot, [...state().fields]])).not.toContain("canary-other")
    expect(JSON.stringify([...state().fields.keys()])).not.toContain("other.example")
  })

  it("has all of its session after a compaction, of which the newest save is a part only", async () => {
    const { vault: bot } = await grantedBot()
    const part = sessionOf({ cookie: "newer" })
    delete part.origins
    await a.save(part, { since: (await loaded(a)).since() })
    now += minute
    expect(seen(await loaded(bot))).toEqual({ cookie: "newer", key: "one" })
    await a.compact()
    expect(seen(await loaded(bot))).toEqual({ cookie: "newer", key: "one" })
  })

  it("keeps what it saved back when another bot with the same terms is revoked", async () => {
    const { vault: bot } = await grantedBot()
    const other = await createDevice("ci-5")
    await a.grant(other.card, { site, saveBack: true })
    now += minute
    await saveChanges(bot, sessionOf({ cookie: "by bot" }), (await loaded(bot)).since())
    const before = await namesIn(provider)
    await a.revoke(other.card)
    expect((await namesIn(provider)).some((name) => before.includes(name) && name.includes("sessions"))).toBe(true)
    for (const vault of [a, b, bot]) expect(seen(await loaded(vault))?.cookie).toBe("by bot")
  })

  it("names nobody's site in what it stores", async () => {
    const { vault: bot } = await grantedBot()
    await saveChanges(bot, sessionOf({ cookie: "by bot" }), (await loaded(bot)).since())
    for (const name of await namesIn(provider)) expect(parseName(name)?.folder).not.toContain("example")
  })
})
