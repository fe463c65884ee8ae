import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { diffSnapshots } from "../../shared/diff.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { cookie, cookieSession, richSession } from "./formats/session.js"

const copy = (snapshot: Snapshot) => structuredClone(snapshot)
const lines = (a: Snapshot, b: Snapshot) =>
  diffSnapshots(a, b).differences.map(({ kind, where, name, change }) => [kind, where, name, change])

describe("the difference of two sessions", () => {
  it("is none between a session and its copy, whatever the order", () => {
    const one = richSession()
    const other = copy(one)
    other.cookies?.reverse()
    other.origins?.reverse()
    other.origins?.forEach(({ localStorage }) => localStorage?.reverse())
    expect(diffSnapshots(one, other)).toEqual({ same: true, differences: [], notCompared: [] })
  })

  it("names what changed in every kind, and no value", () => {
    const one = richSession()
    const other = copy(one)
    const [sid] = other.cookies ?? []
    if (sid) Object.assign(sid, { value: "canary-rotated", httpOnly: false, expiresAt: 5 })
    other.cookies?.push(cookie({ name: "new" }))
    other.origins?.[0]?.localStorage?.splice(0, 1)
    const records = other.origins?.[1]?.indexedDB?.[0]?.stores[0]?.records
    records?.push({ key: '"canary-key"', value: "1" })
    const file = other.origins?.[1]?.opfs?.entries?.[0]
    if (file) file.data = "BBBB"
    other.tabs?.[0]?.sessionStorage[0]?.items.push(["more", "canary-more"])
    if (other.context) other.context.timezone = "Canary/Islands"
    expect(lines(one, other)).toEqual([
      ["cookies", "app.example.com", "sid", "changed"],
      ["cookies", "app.example.com", "new", "added"],
      ["localStorage", "https://app.example.com", "token", "removed"],
      ["sessionStorage", "https://app.example.com", "more", "added"],
      ["indexedDB", "https://login.other.example", "vault / keys / record", "added"],
      ["context", "example.com", "timezone", "changed"],
      ["opfs", "https://login.other.example", "notes.bin", "changed"],
    ])
    const { differences } = diffSnapshots(one, other)
    expect(differences[0]).toMatchObject({ attributes: ["HttpOnly", "expiry"] })
    expect(JSON.stringify(differences)).not.toMatch(/canary/i)
    for (const { before, after } of differences) expect(`${before}${after}`).toMatch(/^(?:null|[0-9a-f]{8}){2}$/)
  })

  it("tells values by hashes that are the same within a call, and never again", () => {
    const one = cookieSession(cookie({ name: "a", value: "x" }), cookie({ name: "b", value: "x" }))
    const none = cookieSession()
    const [first, second] = [diffSnapshots(one, none), diffSnapshots(one, none)].map(({ differences }) => differences)
    expect(first?.[0]?.before).toBe(first?.[1]?.before)
    expect(first?.[0]?.before).not.toBe(second?.[0]?.before)
    const key = new Uint8Array(32)
    expect(diffSnapshots(one, none, { key })).toEqual(diffSnapshots(one, none, { key }))
    const odd = ["\ud800", "\ud801"].map((value) => cookieSession(cookie({ value })))
    const [change] = diffSnapshots(odd[0] ?? none, odd[1] ?? none).differences
    expect(change?.before).not.toBe(change?.after)
  })

  it("never calls it a difference that something was not captured", () => {
    const one = richSession()
    const rest = copy(one)
    for (const key of ["cookies", "tabs", "context"] as const) Reflect.deleteProperty(rest, key)
    rest.origins?.splice(1)
    delete rest.origins?.[0]?.localStorage
    const found = diffSnapshots(one, rest)
    expect(found.same).toBe(true)
    expect(found.notCompared.map(({ kind, missingIn }) => `${kind} ${missingIn}`)).toEqual([
      "cookies b",
      "localStorage b",
      "localStorage b",
      "sessionStorage b",
      "indexedDB b",
      "context b",
      "opfs b",
    ])
    expect(diffSnapshots(rest, one).notCompared.every(({ missingIn }) => missingIn === "a")).toBe(true)
  })

  it("takes an end that was rounded to a second for the same", () => {
    const at = (expiresAt: number) => cookieSession(cookie({ expiresAt }))
    expect(diffSnapshots(at(5400), at(6000)).same).toBe(true)
    expect(diffSnapshots(at(5400), at(6500)).differences).toMatchObject([{ attributes: ["expiry"] }])
  })

  it("adds on one side what it removes on the other", () => {
    const items = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 })), {
      selector: ([key]) => key,
    })
    const session = (localStorage: [string, string][]): Snapshot => ({
      ...cookieSession(),
      origins: [{ origin: "https://a.example", partition: null, localStorage }],
    })
    fc.assert(
      fc.property(items, items, (a, b) => {
        const forth = lines(session(a), session(b)).map(([, , name, change]) => `${name} ${change}`)
        const back = lines(session(b), session(a)).map(([, , name, change]) => {
          return `${name} ${change === "added" ? "removed" : change === "removed" ? "added" : change}`
        })
        expect(back.sort()).toEqual(forth.sort())
        expect(forth.length === 0).toBe(JSON.stringify([...a].sort()) === JSON.stringify([...b].sort()))
      }),
    )
  })
})
