import { describe, expect, it } from "vitest"
import { snapshotToNetscape } from "../../../shared/formats/netscape.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { cookie, cookieSession, now, richSession } from "./session.js"

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("# "))
}

describe("Netscape cookies.txt", () => {
  it("begins with the line that readers look for", () => {
    expect(snapshotToNetscape(cookieSession(), { now }).text).toBe("# Netscape HTTP Cookie File\n\n")
  })

  it("writes seven fields, with the HttpOnly prefix and 0 for a session cookie", () => {
    const { text, gaps } = snapshotToNetscape(cookieSession(cookie()), { now })
    expect(lines(text)).toEqual(["#HttpOnly_app.example.com\tFALSE\t/\tTRUE\t0\tsid\tabc"])
    expect(gaps).toEqual([])
  })

  it("writes a domain cookie with a dot and whole seconds, rounded up", () => {
    const wide = cookie({ domain: "example.com", hostOnly: false, httpOnly: false, secure: false, expiresAt: now + 1 })
    expect(lines(snapshotToNetscape(cookieSession(wide), { now }).text)).toEqual([
      `.example.com\tTRUE\t/\tFALSE\t${now / 1000 + 1}\tsid\tabc`,
    ])
  })

  it("leaves partitioned cookies out and says so", () => {
    const partition = { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true }
    const { text, gaps } = snapshotToNetscape(cookieSession(cookie({ partition })), { now })
    expect(lines(text)).toEqual([])
    expect(gaps).toMatchObject([{ kind: "cookies", where: "app.example.com", what: "1 partitioned cookie" }])
  })

  it("leaves out what would forge a field or a line", () => {
    const { text, gaps } = snapshotToNetscape(
      cookieSession(
        cookie({ value: "a\tb" }),
        cookie({ value: "a\nevil.example\tTRUE\t/\tFALSE\t0\tx\ty" }),
        cookie({ name: "" }),
        cookie({ name: "fine" }),
      ),
      { now },
    )
    expect(lines(text)).toHaveLength(1)
    expect(gaps).toMatchObject([{ what: "3 cookies", count: 3 }])
  })

  it("says that SameSite, page storage and browser context are lost, and no value", () => {
    const snapshot = exampleSnapshot()
    snapshot.cookies?.push(cookie({ name: "strict", sameSite: "strict" }))
    const { text, gaps } = snapshotToNetscape(snapshot, { now })
    expect(gaps.map(({ kind, what }) => [kind, what])).toEqual([
      ["cookies", "1 SameSite attribute"],
      ["localStorage", "2 items"],
      ["sessionStorage", "1 item"],
      ["context", "1 browser context"],
    ])
    expect(text).not.toContain("canary-tab")
    expect(JSON.stringify(gaps)).not.toContain("canary")
  })

  it("carries the cookies of a second site, and names its databases, files and partitioned tabs as lost", () => {
    const snapshot = richSession()
    const partition = { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true }
    const items: [string, string][] = [["tab", "canary-tab"]]
    snapshot.tabs?.[0]?.sessionStorage.push({ origin: "https://app.example.com", partition, items })
    const { text, gaps } = snapshotToNetscape(snapshot, { now })
    expect(lines(text)).toHaveLength(2)
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
