import { describe, expect, it } from "vitest"
import { snapshotToPlaywright } from "../../../shared/formats/playwright.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { cookie, cookieSession, now } from "./session.js"

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
})
