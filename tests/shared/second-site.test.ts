import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { growth, linear } from "../growth.js"
import { identityProviders } from "../../shared/identity-providers.js"
import { sitesItLeansOn, type SessionShape } from "../../shared/second-site.js"

const shape = (more: Partial<SessionShape> = {}): SessionShape => ({
  ...{ site: "example.com", cookieNames: [], storageKeys: [], referrers: [], frames: [] },
  ...more,
})
const sitesOf = (more: Partial<SessionShape>) => sitesItLeansOn(shape(more)).map(({ site }) => site)

describe("a second site", () => {
  it("is not offered for an ordinary session", () => {
    expect(sitesItLeansOn(shape())).toEqual([])
    expect(
      sitesOf({
        cookieNames: ["sid", "__session", "__client_uat", "auth0.is.authenticated"],
        storageKeys: ["token", "user:https://issuer.test:app", "https://accounts.google.com"],
        referrers: ["https://search.test/", "https://github.com/", "https://www.facebook.com/groups/1", ""],
        frames: ["https://player.test/embed", "about:blank", "https://github.com/loginx", "https://p.firebaseapp.com/"],
      }),
    ).toEqual([])
  })

  it.each([
    ["oidc.user:https://sso.corp.test/realms/main:app", "corp.test"],
    ["oidc.user:https://login.corp.test:8443/realms/main:app", "corp.test"],
    ["oidc.user:https://login.corp.test:app", "corp.test"],
    ["oidc.user:http://localhost:8080/realms/main:app", "localhost"],
    ["00-11.22-login.windows.net-accesstoken-client-tenant-scope--", "microsoftonline.com"],
    ["msal.2|00.11|login.windows.net|refreshtoken|client|||", "microsoftonline.com"],
    ["msal.2|00.11|login.microsoftonline.us|idtoken|client|||", "microsoftonline.us"],
    ["00-b2c_1_in.11-contoso.b2clogin.com-idtoken-client-tenant---", "b2clogin.com"],
    ["@@auth0spajs@@::client::https://tenant.eu.auth0.com/api/v2/::openid", "auth0.com"],
  ])("is named by the storage key %s", (key, site) => {
    const [offer, ...others] = sitesItLeansOn(shape({ storageKeys: [key] }))
    expect(offer?.site).toBe(site)
    expect(offer?.why).toMatch(/^its stored tokens .* \([a-z0-9.-]+\)$/)
    expect(others).toEqual([])
  })

  it.each([
    "okta-token-storage",
    "okta-cache-storage",
    "@@auth0spajs@@::client::default::openid",
    "@@auth0spajs@@::client::https://api.example.test::openid",
    "CognitoIdentityServiceProvider.client.ada.idToken",
    "kc-callback-0000",
    "firebase:authUser:key:[DEFAULT]",
    "appauth_current_authorization_request",
    "__clerk_environment",
    "msal.account.keys",
    "msal.1|00|login.windows.net.evil.test|idtoken|client||",
    "msal.1|00|contoso.b2clogin.com.evil.test|idtoken|client||",
    "msal.1|00|contoso.b2clogin.com",
    "oidc.user:https://known.test@evil.test/:app",
    "oidc.user:javascript:alert(1)",
    "oidc.user:https://",
    "oidc.user:https://co.uk:app",
    `oidc.user:https://${"a.".repeat(130)}test/:app`,
  ])("is not guessed from the storage key %s", (key) => {
    expect(sitesOf({ storageKeys: [key] })).toEqual([])
  })

  it.each([
    ["https://accounts.google.com/", "google.com"],
    ["https://login.microsoftonline.com/common/oauth2/authorize?client_id=1", "microsoftonline.com"],
    ["https://dev-1.okta.com", "okta.com"],
    ["https://tenant.eu.auth0.com/", "auth0.com"],
    ["https://contoso.b2clogin.com/", "b2clogin.com"],
    ["https://github.com/login/oauth/authorize", "github.com"],
    ["https://appleid.apple.com/auth/authorize", "apple.com"],
    ["https://id.atlassian.com/login", "atlassian.com"],
    ["https://corp.onelogin.com/", "onelogin.com"],
    ["https://login.salesforce.com/", "salesforce.com"],
    ["https://big-fish-1.clerk.accounts.dev/", "accounts.dev"],
    ["https://pool.auth.eu-west-1.amazoncognito.com/login", "pool.auth.eu-west-1.amazoncognito.com"],
    ["https://project.firebaseapp.com/__/auth/iframe?v=1", "project.firebaseapp.com"],
    ["https://sso.corp.test/realms/main/protocol/openid-connect/login-status-iframe.html", "corp.test"],
  ])("is known by the address %s, as referrer and as frame", (address, site) => {
    for (const [kind, words] of [
      ["referrers", "you came from a login page of"],
      ["frames", "its pages hold a login frame of"],
    ] as const) {
      const [offer, ...others] = sitesItLeansOn(shape({ [kind]: [address] }))
      expect(offer?.site).toBe(site)
      expect(offer?.why).toContain(words)
      expect(others).toEqual([])
    }
  })

  it("is not a host that only looks like a provider's", () => {
    expect(
      sitesOf({
        referrers: ["https://accounts.google.com.evil.test/", "https://xokta.com/", "https://okta.com.evil.test/"],
        frames: ["javascript:'https://accounts.google.com'", "https://accounts.google.com@evil.test/", "https://["],
      }),
    ).toEqual([])
  })

  it("is known by the cookies of a provider's own script", () => {
    expect(sitesOf({ cookieNames: ["g_state", "fbsr_123"] })).toEqual(["google.com", "facebook.com"])
    expect(sitesOf({ cookieNames: ["xg_state", "fbsr_x", "fbsr_"] })).toEqual([])
  })

  it("is never the site itself", () => {
    expect(sitesOf({ site: "google.com", referrers: ["https://accounts.google.com/"] })).toEqual([])
    expect(sitesOf({ site: "app.example.com", storageKeys: ["oidc.user:https://sso.example.com/:app"] })).toEqual([])
  })

  it("is offered once, for the best reason, best first", () => {
    const offers = sitesItLeansOn(
      shape({
        cookieNames: ["g_state"],
        storageKeys: [
          "oidc.user:https://sso.corp.test/:app",
          "a-login.windows.net-idtoken-b---",
          "c-login.windows.net-idtoken-d---",
        ],
        referrers: ["https://login.microsoftonline.com/", "https://dev.okta.com/"],
        frames: ["https://accounts.google.com/gsi/iframe", "https://dev.okta.com/"],
      }),
    )
    expect(offers).toEqual([
      { site: "microsoftonline.com", why: "its stored tokens were issued by Microsoft (login.microsoftonline.com)" },
      { site: "okta.com", why: "you came from a login page of Okta (dev.okta.com)" },
      { site: "google.com", why: "its pages hold a login frame of Google (accounts.google.com)" },
      { site: "corp.test", why: "its stored tokens name this address as their issuer (sso.corp.test)" },
    ])
  })

  it("that a page only claims does not push a known provider out of the five", () => {
    const evil = Array.from({ length: 10_000 }, (_, index) => index)
    const offers = sitesOf({
      storageKeys: evil.map((index) => `oidc.user:https://evil${index}.test/:app`),
      frames: [
        ...evil.map((index) => `https://bad${index}.test/protocol/openid-connect/x`),
        "https://accounts.google.com/gsi/iframe",
      ],
    })
    expect(offers).toHaveLength(5)
    expect(offers[0]).toBe("google.com")
  })

  it("rows of the table are hosts in lower case, each once, with paths from the root", () => {
    const hosts = identityProviders.map(({ host }) => host)
    expect(new Set(hosts).size).toBe(hosts.length)
    for (const host of hosts) expect(host).toMatch(/^(?:\*\.(?=[^.]+(?:\.[^.]+){1,2}$))?[a-z0-9-]+(?:\.[a-z0-9-]+)+$/)
    for (const { paths = [] } of identityProviders) for (const path of paths) expect(path).toMatch(/^\/./)
  })
})

describe("hostile names", () => {
  const anyText = fc.string({ unit: "binary", maxLength: 40 })
  const start = fc.constantFrom(
    ...["", "oidc.user:https://", "oidc.user:http://[", "msal.", "@@auth0spajs@@::a::https://", "https://"],
    ...["https://accounts.google.com/", "x-login.windows.net-idtoken-", "https://evil.test/protocol/openid-connect/"],
  )
  const names = fc.array(
    fc.tuple(start, anyText).map((parts) => parts.join("")),
    { maxLength: 30 },
  )

  it("never throw and make no more than five short, plain lines", () => {
    fc.assert(
      fc.property(anyText, names, names, names, names, (site, cookieNames, storageKeys, referrers, frames) => {
        const offers = sitesItLeansOn({ site, cookieNames, storageKeys, referrers, frames })
        expect(offers.length).toBeLessThanOrEqual(5)
        for (const offer of offers) {
          expect(offer.site).toMatch(/^[a-z0-9._:[\]-]{1,253}$/)
          expect(offer.why).toMatch(/^[\x20-\x7e…]{1,200}$/)
        }
      }),
      { numRuns: 500 },
    )
  })

  it("tell nothing of a key but the host in it", () => {
    const keys = ["oidc.user:https://sso.corp.test/CANARY:CANARY", "CANARY-login.windows.net-idtoken-CANARY---"]
    const frames = ["https://ada:CANARY@dev.okta.com/CANARY?CANARY#CANARY"]
    const text = JSON.stringify(sitesItLeansOn(shape({ storageKeys: keys, frames })))
    expect(text).toContain("corp.test")
    expect(text).toContain("okta.com")
    expect(text).not.toContain("CANARY")
  })

  it("cost time in proportion to their number only", () => {
    const work = (share: number) => {
      const many = (name: (index: number) => string) => Array.from({ length: share * 8000 }, (_, index) => name(index))
      const shown = shape({
        storageKeys: [
          ...many((index) => `msal.${"b2clogin".repeat(100)}${index}`),
          ...many((index) => `oidc.user:https://${"a.".repeat(120)}${index}.test:x`),
          "oidc.user:https://".repeat(share * 1_000_000),
        ],
        referrers: many((index) => `https://${"a.".repeat(100)}${index}.test/`),
        frames: many((index) => `https://x.test/${"/protocol/openid-connect".repeat(50)}${index}`),
        cookieNames: many((index) => `fbsr_${"1".repeat(500)}${index}`),
      })
      return () => sitesItLeansOn(shown)
    }
    expect(growth(work)).toBeLessThan(linear)
  }, 60_000)
})
