import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { growth, linear } from "../growth.js"
import { portabilityGaps } from "../../shared/portability.js"
import type { Gap } from "../../shared/report.js"
import { parseSnapshot, type Cookie, type IndexedDatabase, type Snapshot } from "../../shared/snapshot.js"
import { exampleSnapshot } from "./example-snapshot.js"

const origin = "https://app.example.com"
const minutes = (count: number) => count * 60_000

function cookie(name: string, more: Partial<Cookie> = {}): Cookie {
  return {
    ...{ name, value: "canary-value", domain: "example.com", hostOnly: false, path: "/" },
    ...{ secure: true, httpOnly: true, sameSite: "lax", expiresAt: null, partition: null },
    ...more,
  }
}

/** A snapshot of these cookies and these localStorage items of one origin; null: not captured. */
function snapshotOf(cookies: Cookie[] | null, items: [string, string][] | null = null): Snapshot {
  const snapshot = exampleSnapshot()
  delete snapshot.cookies
  delete snapshot.origins
  if (cookies !== null) snapshot.cookies = cookies
  if (items !== null) snapshot.origins = [{ origin, partition: null, localStorage: items }]
  return snapshot
}

const gapsOf = (cookies: Cookie[] | null, items: [string, string][] | null = null) =>
  portabilityGaps(snapshotOf(cookies, items))
const whatOf = (gaps: Gap[]) => gaps.map(({ what }) => what)
const fromNow = (ms: number) => ({ expiresAt: exampleSnapshot().capturedAt + ms })

describe("portability", () => {
  it("has nothing to say about an ordinary session", () => {
    expect(portabilityGaps(exampleSnapshot())).toEqual([])
    expect(gapsOf(null)).toEqual([])
    expect(gapsOf([], [])).toEqual([])
  })

  it("gaps say why and what to do, and travel in the snapshot's report", () => {
    const snapshot = snapshotOf([cookie("cf_clearance"), cookie("sb-ref-auth-token.1")])
    const gaps = portabilityGaps(snapshot, { sessionHeaders: [origin] })
    expect(gaps).toHaveLength(3)
    for (const gap of gaps) {
      expect(gap.kind).toBe("portability")
      for (const words of [gap.where, gap.what, gap.why, gap.fix]) expect(words).not.toBe("")
    }
    const parsed = parseSnapshot({ ...snapshot, report: { ...snapshot.report, gaps } })
    expect(parsed.report.gaps).toEqual(gaps)
  })
})

describe("device-bound sessions", () => {
  it("are known by the headers that the site answered with", () => {
    const seen = { sessionHeaders: [origin, "https://api.example.com"] }
    expect(portabilityGaps(exampleSnapshot(), seen)).toEqual([
      expect.objectContaining({ where: "example.com", what: "device-bound session", count: 2 }),
    ])
  })

  it("of other sites are not this session's, and what is no web origin is nothing", () => {
    const seen = { sessionHeaders: ["https://other.test", "null", "", "chrome-extension://example.com", "example.com"] }
    expect(portabilityGaps(exampleSnapshot(), seen)).toEqual([])
  })

  it.each(["google.com", "google.co.uk", "youtube.com"])("are suspected where %s renews its cookies", (domain) => {
    const names = ["__Secure-1PSIDTS", "__Secure-3PSIDTS", "SIDCC", "__Secure-1PSIDCC"]
    expect(gapsOf(names.map((name) => cookie(name, { domain })))).toEqual([
      expect.objectContaining({
        where: domain,
        what: 'cookies "__Secure-1PSIDTS", "__Secure-3PSIDTS", "SIDCC" and 1 more',
        why: expect.stringContaining("may also tie it to a key of this device") as string,
      }),
    ])
    expect(gapsOf(names.map((name) => cookie(name)))).toEqual([])
  })

  it("may stand behind an HttpOnly and Secure cookie that lives ten minutes or less", () => {
    const [gap, ...others] = gapsOf([cookie("auth_cookie", fromNow(minutes(10)))])
    expect(gap).toMatchObject({ where: "example.com", what: 'cookie "auth_cookie"' })
    expect(gap?.why).toContain("may be")
    expect(others).toEqual([])
  })

  it.each([
    ["lives longer", cookie("auth", fromNow(minutes(10) + 1))],
    ["is a session cookie", cookie("auth")],
    ["was over already", cookie("auth", fromNow(0))],
    ["scripts can read", cookie("auth", { ...fromNow(minutes(5)), httpOnly: false })],
    ["travels unencrypted", cookie("auth", { ...fromNow(minutes(5)), secure: false })],
    ["belongs to one step of logging in", cookie("__Host-oauth_state", fromNow(minutes(5)))],
    ["measures", cookie("_ga_ABC", fromNow(minutes(5)))],
  ])("are not suspected behind a cookie that %s", (_why, one) => {
    expect(gapsOf([one])).toEqual([])
  })

  it("are said once for a site, by the best evidence", () => {
    const cookies = [cookie("__Secure-1PSIDTS", { domain: "google.com", ...fromNow(minutes(5)) })]
    const snapshot: Snapshot = { ...snapshotOf(cookies), sites: ["google.com"] }
    expect(portabilityGaps(snapshot)).toEqual([
      expect.objectContaining({ why: expect.stringContaining("Google") as string }),
    ])
    expect(whatOf(portabilityGaps(snapshot, { sessionHeaders: ["https://accounts.google.com"] }))).toEqual([
      "device-bound session",
    ])
  })
})

describe("cookies given to one browser", () => {
  it.each([
    ["Cloudflare", "cf_clearance"],
    ["Cloudflare", "__cf_bm"],
    ["DataDome", "datadome"],
    ["Akamai", "_abck"],
    ["Akamai", "ak_bmsc"],
    ["Akamai", "bm_sv"],
    ["HUMAN", "_px3"],
    ["HUMAN", "_pxhd"],
    ["HUMAN", "_pxff_tm"],
    ["Imperva", "incap_ses_1_2"],
    ["Imperva", "visid_incap_2"],
    ["Imperva", "reese84"],
    ["AWS WAF", "aws-waf-token"],
    ["Kasada", "KP_UIDz-ssn"],
    ["Radware", "__uzmaj2"],
  ])("%s's %s is named", (guard, name) => {
    // Its short life says nothing about a device.
    const [gap, ...others] = gapsOf([cookie(name, fromNow(minutes(5)))])
    expect(gap).toMatchObject({ where: "example.com", what: `cookie "${name}"`, count: 1 })
    expect(gap?.why.startsWith(guard)).toBe(true)
    expect(others).toEqual([])
  })

  it("make one line for each site and guard, and are not mistaken by likeness", () => {
    const gaps = gapsOf([
      ...["_abck", "bm_sz", "_abck"].map((name) => cookie(name)),
      cookie("_abck", { domain: "shop.other.test" }),
      ...["cf_clearance2", "xdatadome", "_abck2", "DATADOME", "my_incap_ses_1"].map((name) => cookie(name)),
    ])
    expect(gaps.map(({ where, what, count }) => [where, what, count])).toEqual([
      ["example.com", 'cookies "_abck", "bm_sz"', 3],
      ["other.test", 'cookie "_abck"', 1],
    ])
  })
})

describe("keys that cannot leave the browser", () => {
  const left: Gap = {
    ...{ kind: "indexedDB", where: origin, what: "CryptoKey", count: 1, fix: "" },
    why: "the key is non-extractable",
  }
  const withKey = (gaps: Gap[], databases: [name: string, store: string][] = []): Snapshot => {
    const snapshot = exampleSnapshot()
    const indexedDB: IndexedDatabase[] = databases.map(([name, store]) => ({
      ...{ name, version: 1 },
      stores: [{ name: store, keyPath: null, autoIncrement: false, nextKey: null, indexes: [] }],
    }))
    return {
      ...snapshot,
      origins: [{ origin, partition: null, indexedDB }],
      report: { ...snapshot.report, gaps },
    }
  }

  it.each([
    ["Auth0", "auth0-spa-js", "keypair"],
    ["oidc-client", "oidc", "dpop"],
    ["Bluesky", "@atproto-oauth-client", "session"],
    ["Okta", "OktaAuthJs", "DPoPKeys"],
    ["MSAL", "msal.db", "msal.db.keys"],
    ["the site", "my-app", "dpop-keys"],
  ])("bind the tokens of %s (DPoP)", (library, database, store) => {
    const [gap] = portabilityGaps(withKey([left], [[database, store]]))
    expect(gap).toMatchObject({ where: origin, why: expect.stringContaining("tokens are bound to a key") as string })
    expect(gap?.what).toMatch(/^DPoP key of /)
    expect(gap?.what).toContain(library)
  })

  it("make one line for an origin, and claim nothing about tokens where nothing is known of them", () => {
    const gaps = portabilityGaps(
      withKey([left, { ...left, where: `${origin} database "a"`, count: 2 }], [["keyval-store", "keyval"]]),
    )
    expect(gaps).toEqual([expect.objectContaining({ where: origin, what: "3 keys", count: 3 })])
    expect(gaps[0]?.why).not.toContain("token")
    // `oidc` is a name that many may take; with the store of that library it is one.
    expect(whatOf(portabilityGaps(withKey([left], [["oidc", "cache"]])))).toEqual(["a key"])
  })

  it("are not guessed from a database: a key that was captured travels", () => {
    expect(portabilityGaps(withKey([], [["auth0-spa-js", "keypair"]]))).toEqual([])
    expect(portabilityGaps(withKey([{ ...left, what: "function" }], [["oidc", "dpop"]]))).toEqual([])
    expect(portabilityGaps(withKey([{ ...left, why: "the database did not open" }], [["oidc", "dpop"]]))).toEqual([])
  })
})

describe("halves that only work together", () => {
  const encrypted = JSON.stringify({ id: "canary-id", nonce: "canary-nonce", data: "canary-data", lastUpdatedAt: "1" })
  const tokens: [string, string][] = [
    ["msal.2|canary|login.windows.net|accesstoken|client|tenant|scope|", encrypted],
    ["canary.tenant-login.windows.net-idtoken-client-tenant---", encrypted],
    ["msal.account.keys", "[]"],
  ]
  const key = cookie("msal.cache.encryption", { domain: "app.example.com", hostOnly: true })

  it("MSAL's tokens and their cookie are complete together", () => {
    expect(gapsOf([key], tokens)).toEqual([])
    expect(gapsOf([cookie("msal.cache.encryption")], tokens)).toEqual([])
  })

  it.each([
    ["was not captured with the others", []],
    ["is over", [{ ...key, ...fromNow(-1) }]],
    ["belongs to another host", [{ ...key, domain: "other.example.com" }]],
    ["is not sent to a subdomain", [{ ...key, domain: "example.com" }]],
  ])("MSAL's tokens are locked when the cookie %s", (_why, cookies) => {
    expect(gapsOf(cookies, tokens)[0]).toMatchObject({
      ...{ where: origin, what: "2 encrypted tokens (MSAL)", count: 2 },
      why: expect.stringContaining("missing or expired") as string,
    })
  })

  it("cookies that were not captured are not called missing", () => {
    expect(gapsOf(null, tokens)).toEqual([
      expect.objectContaining({ why: expect.stringContaining("cookies were not captured") as string }),
    ])
    expect(gapsOf(null, [["token", "canary"]])).toEqual([])
  })

  it("MSAL's cookie without captured storage is told, without tokens in captured storage it is not", () => {
    expect(gapsOf([key])).toEqual([
      expect.objectContaining({ where: "app.example.com", what: 'cookie "msal.cache.encryption"' }),
    ])
    expect(gapsOf([key], [])).toEqual([])
  })

  it("MSAL's plain tokens (version 3) need no cookie", () => {
    expect(gapsOf([], [["a-login.windows.net-idtoken-b---", '{"secret":"canary"}']])).toEqual([])
  })

  it("Clerk's login is in a cookie of another address", () => {
    const half = [cookie("__session"), cookie("__client_uat", { value: "1700000000" }), cookie("__client_uat_AbC")]
    expect(gapsOf(half)).toEqual([expect.objectContaining({ where: "example.com", what: 'cookie "__client" (Clerk)' })])
    expect(gapsOf([...half, cookie("__client", { domain: "clerk.example.com" })])).toEqual([])
    expect(gapsOf([cookie("__session")])).toEqual([])
    expect(gapsOf([cookie("__client_uat", { value: "0" })])).toEqual([])
  })

  it("Clerk without captured cookies is said where its storage is there", () => {
    expect(whatOf(gapsOf(null, [["__clerk_environment", "{}"]]))).toEqual(["login by Clerk"])
    expect(gapsOf([], [["__clerk_environment", "{}"]])).toEqual([])
  })
})

describe("logins cut into several cookies", () => {
  const pieces = (...names: string[]) => gapsOf(names.map((name) => cookie(name)))

  it.each([
    ["sb-abcdefghij-auth-token."],
    ["next-auth.session-token."],
    ["__Secure-next-auth.session-token."],
    ["authjs.session-token."],
    ["__Secure-authjs.session-token."],
    ["appSession."],
    ["__session__"],
    ["_oauth2_proxy_"],
  ])("%s0, 1, 2 are complete, and a hole or a lost start is told", (stem) => {
    expect(pieces(`${stem}0`, `${stem}1`, `${stem}2`)).toEqual([])
    expect(pieces(`${stem}0`, `${stem}2`)[0]).toMatchObject({ count: 1, where: "example.com" })
    expect(pieces(`${stem}1`)[0]?.why).toContain("0")
    expect(pieces(`${stem}0`)[0]?.why).toContain("1")
    expect(pieces(`${stem}3`)[0]).toMatchObject({ count: 3 })
  })

  it("a piece that is over, or of another jar, is missing", () => {
    const [first, second] = [cookie("appSession.0"), cookie("appSession.1")]
    expect(gapsOf([first, { ...second, ...fromNow(-1) }])).toHaveLength(1)
    expect(gapsOf([first, { ...second, path: "/other" }])).toHaveLength(2)
  })

  it("are not missed where the login is there in one piece, and other names with numbers are let be", () => {
    expect(pieces("appSession", "appSession.1")).toEqual([])
    expect(pieces("v1.1", "sb-ref-auth-token-code-verifier.3", "appSession.01", "appSession.x", ".7", "7")).toEqual([])
  })

  it("ASP.NET says itself how many there are", () => {
    const main = cookie(".AspNetCore.Cookies", { value: "chunks-2" })
    const piece = (name: string) => cookie(`.AspNetCore.Cookies${name}`)
    expect(gapsOf([main, piece("C1"), piece("C2")])).toEqual([])
    expect(gapsOf([main, piece("C2")])[0]).toMatchObject({
      ...{ what: 'cookie ".AspNetCore.Cookies" in pieces', count: 1 },
      why: expect.stringContaining('"C1"') as string,
    })
  })
})

describe("hostile names", () => {
  const anyName = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom(
      ...["cf_clearance", "incap_ses_", "SIDCC", "__client_uat", "msal.cache.encryption", "appSession.7"],
      ...["sb-x-auth-token.2", "__proto__", "\u202ecf", "__clerk_environment", "msal.1"],
    ),
  )
  const canary = fc.constant("CANARY").chain((word) => fc.nat(9999).map((number) => `${word}${number}`))
  const anyCookie = fc
    .record({ name: anyName, value: canary, domain: anyName, soon: fc.integer({ min: -10, max: 900_000 }) })
    .map(({ soon, ...given }) => cookie(given.name, { ...given, ...fromNow(soon) }))
  const anyItem = fc.tuple(
    anyName,
    canary.map((word) => JSON.stringify({ id: word, nonce: word, data: word })),
  )

  it("never throw, never make a long or unreadable line, and no value is ever told", () => {
    fc.assert(
      fc.property(
        fc.option(fc.array(anyCookie, { maxLength: 60 })),
        fc.option(fc.array(anyItem, { maxLength: 20 })),
        fc.array(anyName, { maxLength: 5 }),
        (cookies, items, sessionHeaders) => {
          const gaps = portabilityGaps(snapshotOf(cookies, items), { sessionHeaders })
          expect(gaps.length).toBeLessThanOrEqual(30)
          const text = JSON.stringify(gaps)
          expect(text).not.toContain("CANARY")
          for (const { where, what, why, fix } of gaps) {
            for (const words of [where, what, why, fix]) {
              expect(words.length).toBeLessThan(400)
              expect(words).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
            }
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it("cannot push the others out of a person's sight: what is past thirty lines is counted", () => {
    const gaps = gapsOf(Array.from({ length: 100 }, (_, index) => cookie("_abck", { domain: `site${index}.test` })))
    expect(gaps).toHaveLength(30)
    expect(gaps[29]).toMatchObject({ what: "71 more things", count: 71 })
  })

  it("are cut and shown without marks that turn the text around", () => {
    const [gap] = gapsOf([cookie(`incap_ses_\u202e\u0000"<b>${"x".repeat(5000)}`)])
    expect(gap?.what).toMatch(/^cookie "incap_ses_'<b>x+…"$/)
    expect(gap?.what.length).toBeLessThan(80)
  })

  it("cost time in proportion to their number only", () => {
    const work = (share: number) => {
      const count = share * 8000
      const cookies = Array.from({ length: count }, (_, index) => [
        cookie(`${"sb-".repeat(30)}${index}-auth-token.${index % 900}`, fromNow(minutes(1))),
        cookie("msal.cache.encryption", { domain: `${"a.".repeat(100)}${index}.example.com` }),
        cookie(".Asp", { value: "chunks-99", path: `/${index}` }),
      ]).flat()
      const items = Array.from({ length: count }, (_, index): [string, string] => [
        `msal.${"token".repeat(40)}${index}`,
        `{${'"id":'.repeat(40)}`,
      ])
      const snapshot = snapshotOf(cookies, items)
      const options = { sessionHeaders: items.map(([key]) => key) }
      return () => portabilityGaps(snapshot, options)
    }
    expect(growth(work)).toBeLessThan(linear)
  }, 60_000)
})
