import { beforeEach, describe, expect, it, vi } from "vitest"
import { openSession } from "../../../shared/adapters/session.js"
import { PspError } from "../../../shared/errors.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Provider } from "../../../shared/provider.js"
import type { Snapshot, StorageItem, TabState } from "../../../shared/snapshot.js"
import { openVault, type Vault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, namesIn } from "../vault/devices.js"
import { createTarget, fakeTool, type FakeTarget } from "./fake-tool.js"

const site = "example.com"
const origin = `https://app.${site}`

let provider: Provider
let person: Vault

beforeEach(async () => {
  provider = createMemoryProvider()
  person = await openVault(provider, { identity: await createDevice("person"), memory: createMemory() })
  await person.save(exampleSnapshot(site))
})

async function newBot(): Promise<Vault> {
  const identity = await createDevice("ci-1")
  await person.grant(identity.card, { site, saveBack: true })
  return openVault(provider, { identity, owner: person.card.text, memory: createMemory() })
}

const open = (vault: Vault = person) => openSession<FakeTarget>(vault, site, {}, fakeTool)

async function opened(vault: Vault = person, parts: Partial<FakeTarget> = {}) {
  const session = await open(vault)
  const target = createTarget(exampleSnapshot(site), parts)
  await session.restore(target)
  return { session, target }
}

function withCookie(snapshot: Snapshot, value: string): Snapshot {
  return { ...snapshot, cookies: (snapshot.cookies ?? []).map((cookie) => ({ ...cookie, value })) }
}

function withKeys(snapshot: Snapshot, ...localStorage: StorageItem[]): Snapshot {
  return { ...snapshot, origins: [{ origin, partition: null, localStorage }] }
}

function tabAt(at: string, ...items: StorageItem[]): TabState {
  return { id: "t1", url: `${at}/elsewhere`, sessionStorage: [{ origin: at, partition: null, items }] }
}

const cookieIn = (snapshot: Snapshot | null) => snapshot?.cookies?.[0]?.value
const lines = (changes: { what: string; change: string }[]) => changes.map(({ what, change }) => `${what} ${change}`)

describe("an open session", () => {
  it("saves nothing of what a tool only shows in another way, or not at all", async () => {
    const { session, target } = await opened(person, {
      asShown: (snapshot) => ({
        ...snapshot,
        cookies: (snapshot.cookies ?? []).map((cookie) => ({
          ...cookie,
          sameSite: "lax",
          expiresAt: 1_900_000_000_000,
        })),
        origins: [{ origin, partition: null, localStorage: [], serviceWorkers: { scopes: 3 } }],
      }),
    })
    const before = await namesIn(provider)
    expect(await session.save(target)).toEqual({ saved: false, changes: [], refused: [], gaps: [] })
    expect(await namesIn(provider)).toEqual(before)
  })

  it("keeps what a tool only shows in another way when the value beside it rotates", async () => {
    const { session, target } = await opened(person, {
      asShown: (snapshot) => ({
        ...snapshot,
        cookies: (snapshot.cookies ?? []).map((cookie) => ({ ...cookie, sameSite: "lax" })),
      }),
    })
    target.shows = withCookie(target.shows, "rotated")
    expect(lines((await session.save(target)).changes)).toEqual(['cookie "sid" changed'])
    expect((await person.load(site))?.cookies).toEqual(withCookie(exampleSnapshot(site), "rotated").cookies)
  })

  it("leaves alone what was in the target before, and takes what is new", async () => {
    const { session, target } = await opened(person, {
      asShown: (snapshot) => withKeys(snapshot, ["theirs", "1"], ["token", "canary-token"]),
    })
    target.shows = withKeys(target.shows, ["theirs", "1"], ["token", "canary-token"], ["new", "1"])
    expect(lines((await session.save(target)).changes)).toEqual(['key "new" added'])
    const keys = (await person.load(site))?.origins?.[0]?.localStorage?.map(([key]) => key)
    expect(keys?.sort()).toEqual(["length", "new", "token"])
  })

  it("does not save a cookie that has come to its end as deleted", async () => {
    const ends = Date.now() - 1
    const { session, target } = await opened(person, {
      asShown: (snapshot) => ({
        ...snapshot,
        cookies: (snapshot.cookies ?? []).map((cookie) => ({ ...cookie, expiresAt: ends })),
      }),
    })
    target.shows = { ...target.shows, cookies: [] }
    expect(await session.save(target)).toMatchObject({ saved: false })
  })

  it("counts a tab's keys as deleted only when the same tab is still there", async () => {
    const { session, target } = await opened()
    target.shows = { ...target.shows, tabs: [tabAt(origin, ["tab", "canary-tab"], ["more", "1"])] }
    expect(lines((await session.save(target)).changes)).toEqual(['key "more" added'])
    target.shows = { ...target.shows, tabs: [] }
    expect(await session.save(target)).toMatchObject({ saved: false })
    target.shows = { ...target.shows, tabs: [tabAt(origin)] }
    expect(await session.save(target)).toMatchObject({ saved: false })
    target.shows = { ...target.shows, tabs: [tabAt(origin, ["tab", "canary-tab"])] }
    expect(lines((await session.save(target)).changes)).toEqual(['key "more" removed'])
    expect((await person.load(site))?.tabs).toEqual(exampleSnapshot(site).tabs)
  })

  it("names a further tab that holds something else, and takes one at a new origin once", async () => {
    const bot = await newBot()
    const { session, target } = await opened(bot)
    const other = `https://other.${site}`
    target.shows = {
      ...target.shows,
      tabs: [tabAt(origin, ["tab", "canary-tab"]), tabAt(origin, ["tab", "mine"]), tabAt(other, ["tab", "new"])],
    }
    const report = await session.save(target)
    expect([lines(report.changes), report.refused]).toEqual([['key "tab" added'], []])
    expect(report.gaps).toMatchObject([{ kind: "sessionStorage", where: origin, what: "a further tab" }])
    expect(await session.save(target)).toMatchObject({ saved: false })
    expect(await session.refresh()).toEqual([])
    await session.restore(target)
    target.shows = { ...target.shows, tabs: [tabAt(other, ["tab", "rotated"])] }
    expect(lines((await session.save(target)).changes)).toEqual(['key "tab" changed'])
    const tabs = (await person.load(site))?.tabs ?? []
    expect(tabs.map(({ sessionStorage }) => sessionStorage[0]?.items)).toEqual([
      [["tab", "canary-tab"]],
      [["tab", "rotated"]],
    ])
  })

  it("tries all of it again after a save that failed", async () => {
    const { session, target } = await opened()
    target.shows = withCookie(target.shows, "rotated")
    const broken = vi.spyOn(provider, "put").mockRejectedValue(new PspError("unreachable", "Cannot reach the store"))
    await expect(session.save(target)).rejects.toMatchObject({ code: "unreachable" })
    broken.mockRestore()
    expect(lines((await session.save(target)).changes)).toEqual(['cookie "sid" changed'])
    expect(cookieIn(await person.load(site))).toBe("rotated")
  })

  it("saves of two at once one after the other", async () => {
    let running = 0
    let most = 0
    const { session, target } = await opened(person, {
      onCapture: async () => {
        most = Math.max(most, ++running)
        await Promise.resolve()
        running--
      },
    })
    target.shows = withCookie(target.shows, "rotated")
    const reports = await Promise.all([session.save(target), session.save(target)])
    expect([reports.map(({ saved }) => saved), most]).toEqual([[true, false], 1])
  })

  it("does not save what is left when the login has gone, and does when forced", async () => {
    const { session, target } = await opened()
    target.shows = { ...withKeys(target.shows, ["theme", "dark"]), cookies: [] }
    const before = await namesIn(provider)
    await expect(session.save(target)).rejects.toMatchObject({ code: "logged-out" })
    expect(await namesIn(provider)).toEqual(before)
    expect(await session.save(target, { force: true })).toMatchObject({ saved: true })
    expect((await person.load(site))?.cookies).toEqual([])
  })

  it("asks the site only when there is something to save and the session says where, and captures again then", async () => {
    await person.save({ ...exampleSnapshot(site), check: { url: `${origin}/` } })
    const { session, target } = await opened()
    await session.save(target)
    expect(target.looks).toBe(0)
    target.shows = withCookie(target.shows, "before the look")
    let captures = 0
    target.onCapture = () => {
      if (++captures === 2) target.shows = withCookie(target.shows, "after the look")
      return Promise.resolve()
    }
    expect(await session.save(target)).toMatchObject({ saved: true, check: { result: "logged-in" } })
    expect([target.looks, cookieIn(await person.load(site))]).toEqual([1, "after the look"])
    target.look = { result: "logged-out", why: "the site answered with status 401" }
    target.shows = withCookie(target.shows, "dead")
    await expect(session.save(target)).rejects.toMatchObject({ code: "logged-out" })
    expect(cookieIn(await person.load(site))).toBe("after the look")
  })

  it("gets what others saved by a refresh, and a stale target's late save does not beat the next login", async () => {
    const { session, target } = await opened(await newBot())
    for (const next of [{ ...exampleSnapshot(site), cookies: [] }, withCookie(exampleSnapshot(site), "next login")]) {
      const since = (await person.loadSession(site))?.since()
      const { prepared } = await person.prepareChanges(next, since ?? { known: new Map(), digestOf: String })
      if (prepared !== null) await person.commit(prepared)
    }
    expect(lines(await session.refresh())).toEqual(['cookie "sid" changed'])
    expect(cookieIn(session.snapshot)).toBe("next login")
    target.shows = withCookie(target.shows, "of the old login")
    await session.save(target)
    for (const snapshot of [session.snapshot, await person.load(site)]) expect(cookieIn(snapshot)).toBe("next login")
  })

  it("does not make live longer what the person keeps for a while only", async () => {
    const ends = Date.now() + 3_600_000
    const loaded = await person.loadSession(site)
    if (loaded === null) throw new Error("nothing is there")
    await person.save(withCookie(exampleSnapshot(site), "kept an hour"), {
      since: { ...loaded.since(), endOf: ([kind]) => (kind === "cookies" ? ends : null) },
    })
    const { session, target } = await opened()
    expect(target.shows.cookies?.[0]?.expiresAt).toBe(ends)
    target.shows = withCookie(target.shows, "rotated")
    await session.save(target)
    expect((await person.load(site))?.cookies).toMatchObject([{ value: "rotated", expiresAt: ends }])
  })

  it("is refused where nothing is saved, and saves no target that it was not restored into", async () => {
    await expect(openSession(person, "other.test", {}, fakeTool)).rejects.toMatchObject({ code: "not-found" })
    const session = await open()
    const target = createTarget(exampleSnapshot(site))
    await expect(session.save(target)).rejects.toMatchObject({ code: "usage" })
    expect(() => session.autosave(target, { everyMs: 1000, onError: () => undefined })).toThrow(PspError)
  })
})
