import { fc } from "../../properties.js"
import { describe, expect, it } from "vitest"
import { clockAt } from "../../../shared/hlc.js"
import { livesOf, merge, stateOf, type SessionState } from "../../../shared/merge.js"
import { changesOf, comparedText, wholeOf, type KnownFields } from "../../../shared/merge/changes.js"
import { composeSnapshot, frameOf } from "../../../shared/merge/compose.js"
import { sessionIsFull } from "../../../shared/budget.js"
import type { Cookie, Snapshot, TabState } from "../../../shared/snapshot.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { snapshot } from "./random-snapshots.js"

const [person, bot] = ["a".repeat(32), "b".repeat(32)]
const app = "https://app.example.com"
const nothing = stateOf([])

it("a capture of what is known says nothing, and the next one to merge it changes nothing", () => {
  fc.assert(
    fc.property(snapshot, (one) => {
      const state = stateOf(wholeOf(one, { clock: clockAt(1), writer: person }))
      const changes = saved(state, one, 2, bot)
      expect(changes.changed).toEqual([])
      expect(livesOf(merge(state, stateOf(changes.unchanged)))).toEqual(livesOf(state))
    }),
    { numRuns: 200 },
  )
})

it("whatever was known before, a save and its merge come to the capture, where it looked", () => {
  fc.assert(
    fc.property(snapshot, snapshot, (before, after) => {
      const first = merge(nothing, stateOf(wholeOf(before, { clock: clockAt(1), writer: person })))
      const second = merge(first, stateOf(saved(first, after, 2, bot).changed))
      expect(saved(second, after, 3, person).changed).toEqual([])
      const cookies = ungrouped(shown(second).cookies)
      expect(cookies).toEqual(ungrouped(after.cookies ?? before.cookies))
    }),
    { numRuns: 200 },
  )
})

describe("not captured is no deletion", () => {
  const known = stateOf(wholeOf(withDatabase(), { clock: clockAt(1), writer: person }))
  const deletedBy = (after: Snapshot) => saved(known, after, 2, bot).changed.filter((one) => "deleted" in one)

  it("of a kind, an origin or the records of a store", () => {
    const { cookies, origins, tabs, context, ...rest } = withDatabase()
    expect(deletedBy({ ...rest })).toEqual([])
    expect(deletedBy({ ...rest, ...(cookies && { cookies }), origins: [] })).toEqual([])
    expect(deletedBy({ ...rest, ...(tabs && { tabs }), ...(context && { context }) })).toEqual([])
    expect(
      deletedBy({ ...rest, origins: (origins ?? []).map((one) => ({ ...one, indexedDB: [storeOf(false)] })) }),
    ).toEqual([])
  })

  it("and is told: a capture of everything is whole, and one of less is not", () => {
    expect(saved(known, withDatabase(), 2, bot).isWhole).toBe(true)
    expect(saved(known, without(withDatabase(), "cookies"), 2, bot).isWhole).toBe(false)
  })

  it("of a site that this capture was not allowed to look at", () => {
    const both = { ...exampleSnapshot(), sites: ["example.com", "login.example"] as [string, string] }
    const cookies = [...(both.cookies ?? []), cookieOf("idp", "v", "login.example")]
    const state = stateOf(wholeOf({ ...both, cookies }, { clock: clockAt(1), writer: person }))
    expect(saved(state, exampleSnapshot(), 2, person).changed).toEqual([])
    expect(saved(state, { ...both, cookies: both.cookies ?? [] }, 2, person).changed).toHaveLength(1)
  })

  it("of what did not fit the limits of the session", () => {
    const gap = { where: "example.com", what: "1 cookie", ...sessionIsFull, count: 1 }
    const less = { ...withDatabase(), cookies: [] }
    const report = { ...less.report, gaps: [{ kind: "cookies" as const, ...gap }] }
    expect(deletedBy({ ...less, report })).toEqual([])
    expect(deletedBy(less)).toHaveLength(1)
  })

  it("while what was looked at and is gone is deleted: a cookie, an item, a record, a database", () => {
    const before = withDatabase()
    const gone = (after: Partial<Snapshot>) => deletedBy({ ...before, ...after }).map(({ field }) => field)
    const [origin] = before.origins ?? []
    expect(gone({ cookies: [] })).toEqual(['["cookies","sid","app.example.com",true,"/",null]'])
    expect(gone({ origins: origin ? [{ ...origin, localStorage: [] }] : [] })).toHaveLength(2)
    expect(gone({ origins: origin ? [{ ...origin, indexedDB: [storeOf(true, [])] }] : [] })).toEqual([
      `["record","${app}",null,"db","s","1"]`,
    ])
    expect(gone({ origins: origin ? [{ ...origin, indexedDB: [] }] : [] })).toHaveLength(4)
  })
})

describe("what only works together", () => {
  const key = (value: string): Cookie => cookieOf("msal.cache.encryption", value)
  const msal = (value: string): Snapshot => ({
    ...exampleSnapshot(),
    cookies: [key(value)],
    origins: [{ origin: app, partition: null, localStorage: [["msal.token", value]] }],
  })
  const known = stateOf(wholeOf(msal("old"), { clock: clockAt(1), writer: person }))

  it("is gone after a logout", () => {
    const logout = { ...msal("old"), cookies: [], origins: [{ origin: app, partition: null, localStorage: [] }] }
    const merged = merge(known, stateOf(saved(known, logout, 2, person).changed))
    expect(shown(merged)).toMatchObject({ cookies: [], origins: [{ localStorage: [] }] })
    const whole = merge(known, stateOf(wholeOf(logout, { clock: clockAt(2), writer: person })))
    expect(shown(whole)).toMatchObject({ cookies: [], origins: [{ localStorage: [] }] })
  })

  it("stays whole when only half of it was captured", () => {
    for (const half of [without(msal("new"), "origins"), without(msal("new"), "cookies")]) {
      const { changed, isWhole } = saved(known, half, 2, person)
      expect(changed).toEqual([])
      expect(isWhole).toBe(false)
    }
  })

  it("changes together", () => {
    const merged = merge(known, stateOf(saved(known, msal("new"), 2, bot).changed))
    expect(shown(merged)).toMatchObject({
      cookies: [{ value: "new" }],
      origins: [{ localStorage: [["msal.token", "new"]] }],
    })
  })
})

describe("tabs", () => {
  const tab = (id: string, value: string, origin = app): TabState => ({
    ...{ id, url: `${origin}/` },
    sessionStorage: [{ origin, partition: null, items: [["k", value]] }],
  })
  const withTabs = (...tabs: TabState[]): Snapshot => ({ ...exampleSnapshot(), tabs })
  const stateWith = (...tabs: TabState[]) => stateOf(wholeOf(withTabs(...tabs), { clock: clockAt(1), writer: person }))

  it("are the same ones where they hold the same origins, whatever their ids", () => {
    expect(saved(stateWith(tab("1", "v")), withTabs(tab("7", "v")), 2, bot).changed).toEqual([])
    const rotated = saved(stateWith(tab("1", "v")), withTabs(tab("7", "w")), 2, bot).changed
    expect(rotated.map(({ field }) => field)).toEqual([`["sessionStorage","1","${app}",null,"k"]`])
  })

  it("that are new get an id that no other has", () => {
    const known = stateWith(tab("1", "v", "https://gone.example.com"))
    const next = withTabs(tab("1", "one"), tab("1.1", "two", "https://two.example.com"))
    const merged = merge(known, stateOf(saved(known, next, 2, bot).changed))
    const values = (shown(merged).tabs ?? []).map(({ sessionStorage }) => sessionStorage.map(({ items }) => items))
    expect(values).toEqual([[[["k", "one"]]], [[["k", "two"]]]])
  })
})

it("values compare alike in whatever order their keys are, and an end that moves within the hour is none", () => {
  const one = { name: "sid", expiresAt: 3_600_000, partition: { a: 1, b: 2 } }
  expect(comparedText({ partition: { b: 2, a: 1 }, expiresAt: 3_600_001, name: "sid" })).toBe(comparedText(one))
  expect(comparedText({ ...one, expiresAt: 7_200_000 })).not.toBe(comparedText(one))
  expect(comparedText([1, 2])).not.toBe(comparedText([2, 1]))
})

/**
 * Three browsers of one session: each holds a token or none, and remembers what it had when it last saved or restored. Beside them
 * a model that knows nothing of fields: which login each token is of, and what was said of it when.
 */
it("a rotation beats its parent, a logout a stale copy, and a later login the logout, in any history", () => {
  const step = fc.record({
    who: fc.nat({ max: 2 }),
    what: fc.constantFrom("login", "rotate", "logout", "save", "save", "restore", "look away"),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 40, size: "max" }), (steps) => {
      const writers = ["a", "b", "c"].map((letter) => ({
        id: letter.repeat(32),
        token: null as string | null,
        known: new Map() as KnownFields,
        had: null as { token: string; login: number } | null,
      }))
      let store = stateOf(wholeOf(withToken(null), { clock: clockAt(1), writer: "f".repeat(32) }))
      const logouts: number[] = []
      const written: { login: number; at: number; token: string }[] = []
      const expected = () => {
        const last = Math.max(0, ...logouts)
        const alive = written.filter(({ login }) => login >= last).sort((a, b) => b.at - a.at)
        return alive[0] ?? null
      }
      for (const [index, { who, what }] of steps.entries()) {
        const at = index + 2
        const writer = writers[who]
        if (writer === undefined) continue
        const { had, token } = writer
        if (what === "login" || (what === "rotate" && token !== null)) writer.token = `token ${at}`
        if (what === "logout") writer.token = null
        if (what === "restore") {
          const now = expected()
          writer.token = now?.token ?? null
          writer.had = now && { token: now.token, login: now.login }
          writer.known = knownOf(store)
        }
        if (what === "look away") {
          const unseen = without(withToken(null), "cookies")
          const stamp = { clock: clockAt(at), writer: writer.id }
          store = merge(store, stateOf(changesOf(writer.known, unseen, { stamp, digestOf: same }).changed))
        }
        if (what === "save") {
          const stamp = { clock: clockAt(at), writer: writer.id }
          const { changed, unchanged } = changesOf(writer.known, withToken(token), { stamp, digestOf: same })
          store = merge(stateOf(changed), store)
          writer.known = knownOf(stateOf([...unchanged, ...changed]))
          if (token === null && had !== null) logouts.push(at)
          if (token !== null && token !== had?.token) written.push({ login: had?.login ?? at, at, token })
          writer.had = token === null ? null : { token, login: had?.login ?? at }
        }
        expect(shown(store).cookies?.map(({ value }) => value)).toEqual(
          [expected()?.token].filter((one) => one !== undefined),
        )
      }
    }),
    { numRuns: 500 },
  )
})

function same(text: string): string {
  return text
}

function knownOf(state: SessionState): KnownFields {
  return new Map(
    [...livesOf(state)].map(([id, { clock, writer, born, value }]) => [
      id,
      { clock, writer, born, digest: comparedText(value) },
    ]),
  )
}

function saved(before: SessionState, after: Snapshot, at: number, writer: string) {
  return changesOf(knownOf(before), after, { stamp: { clock: clockAt(at), writer }, digestOf: same })
}

function shown(state: SessionState): Snapshot {
  const fields = new Map([...livesOf(state)].map(([id, { value, rank }]) => [id, { value, rank }]))
  return composeSnapshot(frameOf(exampleSnapshot()), fields).snapshot
}

function cookieOf(name: string, value: string, domain = "app.example.com"): Cookie {
  return {
    ...{ name, value, domain, hostOnly: true, path: "/", secure: true, httpOnly: true },
    ...{ sameSite: "lax", expiresAt: null, partition: null },
  }
}

function withToken(token: string | null): Snapshot {
  const { schema, sites, account, capturedAt, capturedBy, report } = exampleSnapshot()
  const cookies = token === null ? [] : [cookieOf("sid", token)]
  return { schema, sites, account, capturedAt, capturedBy, report, cookies }
}

function storeOf(isRead: boolean, records = [{ key: "1", value: "2" }]) {
  const store = { name: "s", keyPath: null, autoIncrement: true, nextKey: 2, indexes: [] }
  return { name: "db", version: 1, stores: [{ ...store, ...(isRead && { records }) }] }
}

function withDatabase(): Snapshot {
  const before = exampleSnapshot()
  return { ...before, origins: (before.origins ?? []).map((one) => ({ ...one, indexedDB: [storeOf(true)] })) }
}

/** Cookies that are no part of a group with other kinds, in an order that tells nothing. */
function ungrouped(cookies: Cookie[] | undefined): string[] | undefined {
  return cookies
    ?.filter(({ name, partition }) => name !== "msal.cache.encryption" || partition !== null)
    .map((one) => comparedText(one))
    .sort()
}

function without(snapshot: Snapshot, part: "cookies" | "origins"): Snapshot {
  return Object.fromEntries(Object.entries(snapshot).filter(([key]) => key !== part)) as unknown as Snapshot
}
