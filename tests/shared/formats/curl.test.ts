import { describe, expect, it } from "vitest"
import { snapshotToCurl } from "../../../shared/formats/curl.js"
import type { Cookie } from "../../../shared/snapshot.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { cookie, cookieSession, now, richSession } from "./session.js"

const url = "https://app.example.com/account/keys"

function header(to: string, ...cookies: Cookie[]): string {
  return snapshotToCurl(cookieSession(...cookies), { url: to, now }).text
}

describe("curl header", () => {
  it("puts the longest path first and keeps the order of equals", () => {
    const first = cookie({ name: "first" })
    const second = cookie({ name: "second", domain: "example.com", hostOnly: false })
    const deep = cookie({ name: "deep", path: "/account" })
    expect(header(url, first, second, deep)).toBe("Cookie: deep=abc; first=abc; second=abc\n")
  })

  it.each([
    ["a host-only cookie to a subdomain", "https://a.app.example.com/", cookie()],
    [
      "a cookie to a host that only ends alike",
      "https://notexample.com/",
      cookie({ domain: "example.com", hostOnly: false }),
    ],
    ["a cookie to a path that only begins alike", "https://app.example.com/accounts", cookie({ path: "/account" })],
    ["a Secure cookie without TLS", "http://app.example.com/", cookie()],
    ["an expired cookie", url, cookie({ expiresAt: now })],
  ])("does not send %s", (_, to, unsent) => {
    const { text, gaps } = snapshotToCurl(cookieSession(unsent), { url: to, now })
    expect(text).toBe("")
    expect(gaps).toMatchObject([{ kind: "cookies", count: 1 }])
  })

  it.each([
    ["a domain cookie to a subdomain", "https://a.example.com/", cookie({ domain: "example.com", hostOnly: false })],
    ["a cookie to below its path", "https://app.example.com/account/keys", cookie({ path: "/account" })],
    ["a cookie to its path with a slash", "https://app.example.com/account/", cookie({ path: "/account/" })],
    ["a Secure cookie to loopback", "http://localhost:8080/", cookie({ domain: "localhost" })],
  ])("sends %s", (_, to, sent) => {
    expect(header(to, sent)).toBe("Cookie: sid=abc\n")
  })

  it("sends a cookie that is partitioned below the URL's own site, and no other partition", () => {
    const own = cookie({ partition: { topLevelSite: "https://example.com", hasCrossSiteAncestor: false } })
    const framed = cookie({ partition: { topLevelSite: "https://example.com", hasCrossSiteAncestor: true } })
    const other = cookie({ partition: { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true } })
    const { text, gaps } = snapshotToCurl(cookieSession(own, framed, other), { url, now })
    expect(text).toBe("Cookie: sid=abc\n")
    expect(gaps).toMatchObject([{ what: "2 partitioned cookies" }])
  })

  it("writes a cookie without a name as its bare value", () => {
    expect(header(url, cookie({ name: "" }))).toBe("Cookie: abc\n")
  })

  it("leaves out what would forge a header", () => {
    expect(header(url, cookie({ value: "a\r\nHost: evil.example" }))).toBe("")
  })

  it("names page storage and browser context as lost", () => {
    const { gaps } = snapshotToCurl(exampleSnapshot(), { url, now })
    expect(gaps.map(({ kind }) => kind)).toEqual(["localStorage", "sessionStorage", "context"])
    expect(JSON.stringify(gaps)).not.toContain("canary")
  })

  it.each(["", "example.com", "ftp://example.com/", "about:blank"])("refuses %j as a URL", (text) => {
    expect(() => snapshotToCurl(exampleSnapshot(), { url: text })).toThrow(expect.objectContaining({ code: "usage" }))
  })

  it("names the cookies of a second site, and names its databases, files and partitioned tabs as lost", () => {
    const snapshot = richSession()
    const partition = { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true }
    const items: [string, string][] = [["tab", "canary-tab"]]
    snapshot.tabs?.[0]?.sessionStorage.push({ origin: "https://app.example.com", partition, items })
    const { text, gaps } = snapshotToCurl(snapshot, { url, now })
    expect(text).toBe("Cookie: sid=canary-cookie-canary-token\n")
    expect(gaps).toContainEqual(expect.objectContaining({ kind: "cookies", where: "login.other.example", count: 1 }))
    const lost = gaps.filter(({ kind }) => kind !== "cookies").map(({ kind, where, what }) => [kind, where, what])
    expect(lost).toEqual([
      ["localStorage", "https://app.example.com", "2 items"],
      ["localStorage", "https://login.other.example", "1 item"],
      ["indexedDB", "https://login.other.example", "1 database"],
      ["opfs", "https://login.other.example", "1 private file"],
      ["sessionStorage", "https://app.example.com", "1 item"],
      ["sessionStorage", "https://app.example.com below https://shop.example", "1 item"],
      ["context", "example.com", "1 browser context"],
    ])
    expect(JSON.stringify(gaps)).not.toContain("canary")
  })
})
