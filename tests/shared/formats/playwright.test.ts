import { describe, expect, it } from "vitest"
import { snapshotToPlaywright } from "../../../shared/formats/playwright.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { cookie, cookieSession, now, richSession, richState } from "./session.js"

function parse(text: string) {
  return JSON.parse(text) as { cookies: Record<string, unknown>[]; origins: unknown[] }
}

describe("Playwright storageState", () => {
  it("writes a host-only cookie without a dot and a domain cookie with one", () => {
    const { text, gaps } = snapshotToPlaywright(
      cookieSession(cookie(), cookie({ domain: "example.com", hostOnly: false })),
      { now },
    )
    expect(parse(text).cookies.map(({ domain }) => domain)).toEqual(["app.example.com", ".example.com"])
    expect(gaps).toEqual([])
  })

  it("leaves sameSite out for unspecified and writes -1 for a session cookie", () => {
    const { text } = snapshotToPlaywright(cookieSession(cookie(), cookie({ sameSite: "lax", expiresAt: now + 1500 })), {
      now,
    })
    const [first, second] = parse(text).cookies
    expect(first).toEqual({
      name: "sid",
      value: "abc",
      domain: "app.example.com",
      path: "/",
      expires: -1,
      httpOnly: true,
      secure: true,
    })
    expect(second).toMatchObject({ sameSite: "Lax", expires: (now + 1500) / 1000 })
  })

  it("keeps both parts of a partition key", () => {
    const partition = { topLevelSite: "https://shop.example", hasCrossSiteAncestor: false }
    const { text } = snapshotToPlaywright(cookieSession(cookie({ partition })), { now })
    expect(parse(text).cookies[0]).toMatchObject({
      partitionKey: "https://shop.example",
      _crHasCrossSiteAncestor: false,
    })
  })

  it("keeps keys called length and lone surrogates of localStorage", () => {
    const { text } = snapshotToPlaywright(exampleSnapshot(), { now })
    expect(parse(text).origins).toEqual([
      {
        origin: "https://app.example.com",
        localStorage: [
          { name: "token", value: "canary-token" },
          { name: "length", value: "\ud800" },
        ],
      },
    ])
    expect(new TextDecoder().decode(new TextEncoder().encode(text))).toBe(text)
  })

  it("names sessionStorage and browser context as lost", () => {
    const { gaps } = snapshotToPlaywright(exampleSnapshot(), { now })
    expect(gaps.map(({ kind, where, what }) => [kind, where, what])).toEqual([
      ["sessionStorage", "https://app.example.com", "1 item"],
      ["context", "example.com", "1 browser context"],
    ])
  })

  it("names databases and partitioned storage as lost, and no value", () => {
    const snapshot = exampleSnapshot()
    snapshot.origins?.push({
      origin: "https://frame.example.com",
      partition: { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true },
      localStorage: [["token", "canary-partitioned"]],
      indexedDB: [{ name: "", version: 1, stores: [] }],
    })
    const { text, gaps } = snapshotToPlaywright(snapshot, { now })
    expect(gaps.slice(0, 2).map(({ kind, what }) => [kind, what])).toEqual([
      ["localStorage", "1 item"],
      ["indexedDB", "1 database"],
    ])
    expect(text).not.toContain("canary-partitioned")
    expect(JSON.stringify(gaps)).not.toContain("canary")
  })

  it("drops expired cookies and says so", () => {
    const { text, gaps } = snapshotToPlaywright(
      cookieSession(cookie({ expiresAt: now }), cookie({ name: "old", expiresAt: 1 }), cookie({ name: "live" })),
      { now },
    )
    expect(parse(text).cookies.map(({ name }) => name)).toEqual(["live"])
    expect(gaps).toMatchObject([{ kind: "cookies", what: "2 expired cookies", count: 2 }])
  })

  it("writes empty lists for a session of nothing", () => {
    expect(parse(snapshotToPlaywright(cookieSession(), { now }).text)).toEqual({ cookies: [], origins: [] })
  })

  it("carries databases and private files, each for a reader that knows them", () => {
    const { origin, databases, files } = richState()
    const written = (version: string) =>
      parse(snapshotToPlaywright(richSession(), { now, version }).text).origins.at(-1) as Record<string, unknown>
    expect(written("1.65")).toMatchObject({
      origin,
      indexedDB: [
        { name: databases[0]?.name, stores: [{ name: "keys", records: [{ key: 1, value: "canary-record" }] }] },
      ],
      opfs: [{ path: files[0]?.path, type: "file", base64: "AAAA" }],
    })
    expect(Object.keys(written("1.62.1"))).toEqual(["origin", "localStorage", "indexedDB"])
    expect(Object.keys(written("2.0"))).toContain("opfs")
    const old = snapshotToPlaywright(richSession(), { now, version: "1.50" })
    expect(old.gaps.slice(0, 2).map(({ kind, why }) => [kind, why])).toEqual([
      ["indexedDB", "Playwright 1.50 does not know them"],
      ["opfs", "Playwright 1.50 does not know them"],
    ])
    expect(() => snapshotToPlaywright(richSession(), { version: "new" })).toThrow("such as 1.65")
  })

  it("names files that were only counted, and everything below another site", () => {
    const snapshot = exampleSnapshot()
    const partition = { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true }
    snapshot.origins = [
      { origin: "https://app.example.com", partition: null, opfs: { files: 2, bytes: 9 } },
      { ...richState().state, partition },
    ]
    const { text, gaps } = snapshotToPlaywright(snapshot, { now })
    expect(parse(text).origins).toEqual([])
    expect(gaps.slice(0, 4).map(({ kind, where, what }) => [kind, where, what])).toEqual([
      ["opfs", "https://app.example.com", "2 private files"],
      ["localStorage", "https://login.other.example below https://shop.example", "1 item"],
      ["indexedDB", "https://login.other.example below https://shop.example", "1 database"],
      ["opfs", "https://login.other.example below https://shop.example", "1 private file"],
    ])
  })

  it("leaves out cookies that would make Playwright refuse all, and says why", () => {
    const { text, gaps } = snapshotToPlaywright(
      cookieSession(
        cookie({ name: "isolated", firstPartyDomain: "other.example" }),
        cookie({ value: "a;b" }),
        cookie({ name: "two", value: "a;b" }),
        cookie({ name: "fine", firstPartyDomain: "example.com", expiresAt: 1e18 }),
      ),
      { now },
    )
    expect(parse(text).cookies).toMatchObject([{ name: "fine", expires: 253_402_300_799 }])
    expect(gaps.map(({ what, why }) => [what, why])).toEqual([
      ["1 cookie", "it belongs to another site by Firefox's first-party isolation"],
      ["2 cookies", "its name or value holds a separator (= or ;)"],
    ])
  })
})
