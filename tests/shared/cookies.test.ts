import { describe, expect, it } from "vitest"
import {
  cookieDifferences,
  cookieFault,
  cookieId,
  describeCookies,
  isShortened,
  maxCookieAge,
} from "../../shared/cookies.js"
import type { Cookie } from "../../shared/snapshot.js"
import { cookie, now } from "./formats/session.js"

const partition = { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true }

describe("a cookie that a browser keeps", () => {
  const kept: [string, Partial<Cookie>][] = [
    ["host-only", { hostOnly: true }],
    ["of a whole site", { domain: "example.com", hostOnly: false }],
    ["without a name", { name: "", value: "abc" }],
    ["without a value", { value: "" }],
    ["with an odd value", { value: 'a="b" c,ü 語' }],
    ["of exactly 4096 bytes", { name: "n".repeat(96), value: "v".repeat(4000) }],
    ["with a path of 1024 bytes", { path: `/${"p".repeat(1023)}` }],
    ["__Host- as it should be", { name: "__Host-sid", secure: true, hostOnly: true, path: "/" }],
    ["__Secure- of a whole site", { name: "__Secure-sid", secure: true, domain: "example.com", hostOnly: false }],
    ["__Http- that scripts cannot read", { name: "__Http-sid", secure: true, httpOnly: true }],
    ["SameSite=None and Secure", { sameSite: "none", secure: true }],
    ["partitioned and Secure", { partition, secure: true }],
    ["of localhost", { domain: "localhost", hostOnly: true }],
    ["of an IP address", { domain: "127.0.0.1", hostOnly: true }],
    ["of an IPv6 address", { domain: "[::1]", hostOnly: true }],
    ["that ends in a moment", { expiresAt: now + 1 }],
    ["that should live for ever", { expiresAt: now + 100 * maxCookieAge }],
  ]
  it.each(kept)("is one %s", (_, fields) => {
    expect(cookieFault(cookie(fields), now)).toBeNull()
  })
})

describe("a cookie that no browser keeps", () => {
  const refused: [string, Partial<Cookie>, RegExp][] = [
    ["has expired", { expiresAt: now }, /expired/],
    ["began with the epoch", { expiresAt: 0 }, /expired/],
    ["has neither name nor value", { name: "", value: "" }, /neither/],
    ["has a line break in its value", { value: "a\nb" }, /control/],
    ["has a tab in its value", { value: "a\tb" }, /control/],
    ["has a NUL in its name", { name: "a\0" }, /control/],
    ["has a separator in its name", { name: "a=b" }, /separator/],
    ["has a semicolon in its value", { value: "a;b" }, /separator/],
    ["begins with a space", { name: " sid" }, /spaces/],
    ["is not Unicode", { value: "\ud800" }, /Unicode/],
    ["is one byte too long", { name: "n".repeat(97), value: "v".repeat(4000) }, /4096/],
    ["is too long in UTF-8 only", { name: "n", value: "ü".repeat(2048) }, /4096/],
    ["has a path too long", { path: `/${"p".repeat(1024)}` }, /1024/],
    ["has a path without a slash", { path: "account" }, /slash/],
    ["has no hostname", { domain: "not a domain" }, /hostname/],
    ["is for a public suffix", { domain: "github.io", hostOnly: false }, /suffix/],
    ["is SameSite=None without Secure", { sameSite: "none", secure: false }, /SameSite=None/],
    ["is partitioned without Secure", { partition, secure: false }, /partitioned/],
    ["is __Secure- without Secure", { name: "__Secure-sid", secure: false }, /Secure/],
    [
      "is __Host- for a whole site",
      { name: "__Host-sid", secure: true, domain: "example.com", hostOnly: false },
      /__Host-/,
    ],
    ["is __Host- with a path", { name: "__Host-sid", secure: true, path: "/account" }, /__Host-/],
    ["is __host- in small letters without Secure", { name: "__host-sid", secure: false }, /Secure/],
    ["is __Http- that scripts can read", { name: "__Http-sid", secure: true, httpOnly: false }, /HttpOnly/],
    ["has no name and pretends a prefix", { name: "", value: "__Host-sid=1", secure: true }, /pretends/],
  ]
  it.each(refused)("is one that %s", (_, fields, why) => {
    expect(cookieFault(cookie(fields), now)?.why).toMatch(why)
  })

  it("is never named with its value", () => {
    for (const [, fields] of refused) {
      const { why, fix } = cookieFault(cookie({ value: "canary", ...fields }), now) ?? { why: "", fix: "" }
      expect(why + fix).not.toContain("canary")
    }
  })
})

describe("two cookies", () => {
  it("are the same one by name, domain, reach, path and partition", () => {
    const id = cookieId(cookie())
    expect(cookieId(cookie({ value: "other", secure: false, httpOnly: false, sameSite: "strict", expiresAt: 1 }))).toBe(
      id,
    )
    expect(cookieId(cookie({ domain: cookie().domain.toUpperCase() }))).toBe(id)
    const others = [{ name: "SID" }, { domain: "example.org" }, { hostOnly: false }, { path: "/a" }, { partition }]
    const near = { ...partition, hasCrossSiteAncestor: false }
    const ids = [...others, { partition: near }].map((fields) => cookieId(cookie(fields)))
    expect(new Set([id, ...ids]).size).toBe(ids.length + 1)
  })

  it("differ in what the browser changed, a second of expiry aside", () => {
    const wanted = cookie({ expiresAt: now + 10_000 })
    expect(cookieDifferences(wanted, { ...wanted, expiresAt: now + 10_999 })).toEqual([])
    expect(cookieDifferences(wanted, { ...wanted, expiresAt: null })).toEqual(["expiry"])
    const changed = { value: "", secure: !wanted.secure, httpOnly: !wanted.httpOnly, sameSite: "strict" } as const
    expect(cookieDifferences(wanted, { ...wanted, ...changed })).toEqual(["value", "Secure", "HttpOnly", "SameSite"])
  })
})

it("a cookie is shortened only beyond 400 days", () => {
  expect(isShortened(cookie({ expiresAt: now + maxCookieAge }), now)).toBe(false)
  expect(isShortened(cookie({ expiresAt: now + maxCookieAge + 1 }), now)).toBe(true)
  expect(isShortened(cookie({ expiresAt: null }), now)).toBe(false)
})

it("names of cookies are quoted, few and without anything a terminal acts on", () => {
  expect(describeCookies(["sid"])).toBe('cookie "sid"')
  expect(describeCookies(["a", "b"])).toBe('2 cookies: "a", "b"')
  expect(describeCookies(["1", "2", "3", "4", "5", "6"])).toBe('6 cookies: "1", "2", "3", "4", "5", …')
  expect(describeCookies(["\u001b[31m\u009b\u202e"])).not.toMatch(/[^ -~]/)
  expect(describeCookies(["n".repeat(4000)]).length).toBeLessThan(100)
})
