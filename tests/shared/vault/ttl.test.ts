import { beforeEach, describe, expect, it } from "vitest"
import { endsBy } from "../../../shared/merge/ttl.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Provider } from "../../../shared/provider.js"
import type { Snapshot } from "../../../shared/snapshot.js"
import { openVault, type Vault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, createTwoOwners, day, minute, namesIn, start } from "./devices.js"

const site = "example.com"
const hour = 60 * minute
let provider: Provider
let now: number
let a: Vault
let b: Vault

beforeEach(async () => {
  now = start
  provider = createMemoryProvider()
  ;[a, b] = await createTwoOwners(provider, [() => now, () => now])
})

/** A session cookie, one with an end of its own, a key, and a tab with a key. */
function session(cookie = "c"): Snapshot {
  const snapshot = exampleSnapshot(site)
  const [first] = snapshot.cookies ?? []
  if (first === undefined) throw new Error("no cookie")
  const origin = `https://app.${site}`
  return {
    ...snapshot,
    cookies: [
      { ...first, name: "sid", value: cookie, expiresAt: null },
      { ...first, name: "soon", expiresAt: start + hour },
      { ...first, name: "late", expiresAt: start + 20 * day },
    ],
    origins: [{ origin, partition: null, localStorage: [["token", "kept"]] }],
    tabs: [{ id: "t", url: `${origin}/`, sessionStorage: [{ origin, partition: null, items: [["key", "ends"]] }] }],
  }
}

const cookieEnds = (snapshot: Snapshot | null) =>
  Object.fromEntries((snapshot?.cookies ?? []).map(({ name, expiresAt }) => [name, expiresAt]))
const tabKeys = (snapshot: Snapshot | null) =>
  (snapshot?.tabs ?? []).flatMap(({ sessionStorage }) =>
    sessionStorage.flatMap(({ items }) => items.map(([key]) => key)),
  )

describe("a rule of how long a kind is kept", () => {
  it("ends what a plain save holds of it, for every reader, and names it", async () => {
    await a.save(session(), { endOf: endsBy({ sessionStorage: 8 * hour }, now) })
    now += 8 * hour - 1
    expect(tabKeys(await b.load(site))).toEqual(["key"])
    now += 1
    const after = await b.load(site)
    expect(tabKeys(after)).toEqual([])
    expect(after?.origins?.[0]?.localStorage).toEqual([["token", "kept"]])
    expect(after?.report.gaps).toContainEqual(
      expect.objectContaining({ kind: "sessionStorage", why: "it was to be kept until now" }),
    )
  })

  it("is in the cookies that are restored, as the nearest of both ends", async () => {
    await a.save(session(), { endOf: endsBy({ cookies: 8 * hour }, now) })
    const end = start + 8 * hour
    expect(cookieEnds(await b.load(site))).toEqual({ sid: end, soon: start + hour, late: end })
  })

  it("makes a save no longer where it says nothing of what is in it", async () => {
    const plain = await a.prepare(session())
    const ruled = await a.prepare(session(), { endOf: endsBy({ opfs: hour }, now) })
    const size = ({ objects }: typeof plain) => objects.at(-1)?.bytes.length
    expect(size(ruled)).toBe(size(plain))
  })

  it("ends what small changes bring, too", async () => {
    await a.save(session())
    now += minute
    const { known, digestOf } = (await a.loadSession(site))?.since() ?? { known: new Map(), digestOf: String }
    const endOf = endsBy({ cookies: hour }, now)
    const { prepared } = await a.prepareChanges(session("rotated"), { known, digestOf, endOf })
    if (prepared !== null) await a.commit(prepared)
    expect(cookieEnds(await b.load(site))["sid"]).toBe(now + hour)
    now += hour
    expect(cookieEnds(await b.load(site))).not.toHaveProperty("sid")
  })

  it.each([false, true])(
    "goes on while the same is saved again, and begins anew by the person's own save: %s",
    async (isAnew) => {
      const rules = { sessionStorage: 8 * hour }
      await a.save(session(), { endOf: endsBy(rules, now) })
      // As a browser in sync remembers it.
      const since = (await a.loadSession(site))?.since()
      const saveAgain = async () => {
        if (since !== undefined) await a.save(session(), { since: { ...since, isAnew, endOf: endsBy(rules, now) } })
      }
      now += 7 * hour
      await saveAgain()
      now += 2 * hour
      expect(tabKeys(await b.load(site))).toEqual(isAnew ? ["key"] : [])
      await saveAgain()
      expect(tabKeys(await b.load(site))).toEqual(isAnew ? ["key"] : [])
    },
  )

  it("is kept to by compaction, which forgets the values in every object", async () => {
    const endOf = endsBy({ sessionStorage: 8 * hour }, now)
    await a.save(session(), { endOf })
    now += minute
    await a.save(session("newer"), { endOf })
    const before = await namesIn(provider, `${a.id}/sessions/`)
    expect((await b.compact()).removed.bases).toBe(0)
    now += 9 * hour
    expect(await b.compact()).toMatchObject({ removed: { bases: 2 }, written: 1 })
    const after = await namesIn(provider, `${a.id}/sessions/`)
    expect(after.filter((name) => before.includes(name))).toEqual([])
    // A clock that goes back brings nothing back: the value is gone.
    now -= 9 * hour
    for (const vault of [a, b]) {
      const left = await vault.load(site)
      expect([tabKeys(left), left?.cookies?.[0]?.value]).toEqual([[], "newer"])
    }
    now += 9 * hour
    expect((await a.compact()).removed.bases).toBe(0)
    expect((await a.verify()).defects).toEqual([])
  })
})

describe("the end of a grant", () => {
  const openBot = async (expiresAt?: number) => {
    const bot = await createDevice("ci-1")
    await a.grant(bot.card, { site, ...(expiresAt !== undefined && { expiresAt }) })
    return openVault(provider, { identity: bot, owner: a.card.text, memory: createMemory(), now: () => now })
  }

  it("is the end of the cookies that the bot gets, at the grant, with each save and each change", async () => {
    await a.save(session())
    const end = start + 2 * hour
    const bot = await openBot(end)
    const ends = { sid: end, soon: start + hour, late: end }
    expect(cookieEnds(await bot.load(site))).toEqual(ends)
    now += minute
    await a.save(session("saved"))
    expect(cookieEnds(await bot.load(site))).toEqual(ends)
    now += minute
    const since = (await a.loadSession(site))?.since() ?? { known: new Map(), digestOf: String }
    const { prepared } = await a.prepareChanges(session("changed"), since)
    if (prepared !== null) await a.commit(prepared)
    const changed = await bot.load(site)
    expect(changed?.cookies?.find(({ name }) => name === "sid")?.value).toBe("changed")
    expect(cookieEnds(changed)).toEqual(ends)
    // The person's own are as the site set them.
    expect(cookieEnds(await b.load(site))).toEqual({ sid: null, soon: start + hour, late: start + 20 * day })
  })

  it("changes no cookie where there is none", async () => {
    await a.save(session())
    expect(cookieEnds(await (await openBot()).load(site))["sid"]).toBeNull()
  })
})
