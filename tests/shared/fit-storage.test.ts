import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createBudget, jsonSize } from "../../shared/budget.js"
import { fitStorage } from "../../shared/fit-storage.js"
import type { Gap } from "../../shared/report.js"
import {
  maxSnapshotBytes,
  type Cookie,
  type OriginState,
  type StorageItem,
  type TabState,
} from "../../shared/snapshot.js"

const app = "https://app.example.com"

/** Of every length in UTF-8 and of every way to escape. */
const unit = fc.constantFrom("a", '"', "\\", "\0", "\n", "\x7f", "é", "漢", "🍪", "\ud800")

const cookie = (name: string, value: string): Cookie => ({
  name,
  value,
  domain: "app.example.com",
  hostOnly: true,
  path: "/",
  secure: true,
  httpOnly: true,
  sameSite: "lax",
  expiresAt: null,
  partition: null,
})
const originState = (localStorage: StorageItem[]): OriginState => ({ origin: app, partition: null, localStorage })
const tab = (items: StorageItem[]): TabState => ({
  id: "1",
  url: `${app}/`,
  sessionStorage: [{ origin: app, partition: null, items }],
})

describe("storage that is larger than the session may be", () => {
  it("loses sessionStorage first, then localStorage, and cookies last", () => {
    const carriedWith = (bytes: number) => {
      const cookies = [cookie("sid", "c".repeat(1000))]
      const origins = [originState([["local", "l".repeat(1000)]])]
      const tabs = [tab([["session", "s".repeat(1000)]])]
      const gaps: Gap[] = []
      fitStorage({ cookies, origins, tabs }, createBudget(bytes), gaps)
      const items = tabs.flatMap(({ sessionStorage }) => sessionStorage.flatMap((area) => area.items))
      return { carried: [cookies.length, origins[0]?.localStorage?.length ?? 0, items.length], gaps }
    }
    expect(carriedWith(10_000)).toEqual({ carried: [1, 1, 1], gaps: [] })
    expect(carriedWith(3000).carried).toEqual([1, 1, 0])
    expect(carriedWith(3000).gaps).toMatchObject([{ kind: "sessionStorage", where: app, what: "1 item", count: 1 }])
    expect(carriedWith(2000).gaps.map(({ kind }) => kind)).toEqual(["localStorage", "sessionStorage"])
    expect(carriedWith(50).gaps).toMatchObject([
      { kind: "cookies", where: "app.example.com", what: "1 cookie", count: 1 },
      { kind: "origin", where: app, count: 1 },
      { kind: "sessionStorage", count: 1 },
    ])
  })

  it("keeps the items that fit, and says where the limits are", () => {
    const origins = [originState([["big", "x".repeat(5000)], ["token", "t"]])] // prettier-ignore
    const gaps: Gap[] = []
    fitStorage({ cookies: undefined, origins, tabs: undefined }, createBudget(1000), gaps)
    expect(origins[0]?.localStorage).toEqual([["token", "t"]])
    expect(gaps[0]?.fix).toContain("Size limits in the popup")
  })

  it("has no more bytes than were allowed, and loses nothing that is not counted", () => {
    const text = fc.string({ unit })
    const items = fc.array(fc.tuple(text, text), { maxLength: 20 })
    fc.assert(
      fc.property(items, items, items, fc.nat({ max: 3000 }), (jar, local, session, bytes) => {
        const cookies = jar.map(([name, value]) => cookie(name, value))
        const origins = [originState([...local])]
        const tabs = [tab([...session])]
        const gaps: Gap[] = []
        const budget = createBudget(bytes)
        fitStorage({ cookies, origins, tabs }, budget, gaps)
        const json = JSON.stringify([...cookies, ...origins, ...tabs])
        expect(new TextEncoder().encode(json).length).toBeLessThanOrEqual(bytes + 2)
        const lost = gaps
          .filter(({ what }) => /^\d+ (?:cookie|item)s?$/.test(what))
          .reduce((sum, { count }) => sum + count, 0)
        const carried = cookies.length + (origins[0]?.localStorage?.length ?? 0)
        const inTabs = tabs.flatMap(({ sessionStorage }) => sessionStorage.flatMap((area) => area.items)).length
        const inLostPlaces = (origins.length === 0 ? local.length : 0) + (tabs.length === 0 ? session.length : 0)
        expect(carried + inTabs + lost + inLostPlaces).toBe(jar.length + local.length + session.length)
      }),
    )
  })
})

describe("the budget of a session", () => {
  it("is never more than an envelope holds", () => {
    expect(createBudget(1e12).left).toBeLessThan(maxSnapshotBytes)
  })

  it("counts the bytes of the JSON, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        expect(jsonSize(text)).toBe(new TextEncoder().encode(JSON.stringify(text)).length + 1)
      }),
    )
  })
})
