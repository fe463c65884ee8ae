import { describe, expect, it } from "vitest"
import { belongsToSite, isOriginOfSite, parseSite, permissionPatterns, siteOf } from "../../shared/site.js"

describe("siteOf", () => {
  it.each([
    ["app.example.com", "example.com"],
    ["https://app.example.com:8443/path?x=1", "example.com"],
    ["EXAMPLE.com.", "example.com"],
    ["example.co.uk", "example.co.uk"],
    ["a.b.example.co.uk", "example.co.uk"],
    ["foo.github.io", "foo.github.io"],
    ["x.foo.github.io", "foo.github.io"],
    ["localhost", "localhost"],
    ["http://localhost:3000", "localhost"],
    ["intranet", "intranet"],
    ["127.0.0.1", "127.0.0.1"],
    ["http://[::1]:8080/", "[::1]"],
    ["bücher.example", "xn--bcher-kva.example"],
  ])("%s belongs to %s", (input, site) => {
    expect(siteOf(input)).toBe(site)
  })

  it.each([
    "",
    "about:blank",
    "chrome://settings",
    "file:///etc/passwd",
    "github.io",
    "co.uk",
    "data:text/html,x",
    "javascript:0",
    "http://",
  ])("%s has none", (input) => {
    expect(siteOf(input)).toBeNull()
  })

  it("of what a person typed is refused with a sentence when there is none", () => {
    expect(parseSite("  example.com ")).toBe("example.com")
    expect(parseSite("localhost:3000")).toBe("localhost")
    expect(() => parseSite("co.uk")).toThrow(expect.objectContaining({ code: "usage" }))
  })
})

describe("what belongs to a site", () => {
  it("is the site and its subdomains, and nothing that only looks like them", () => {
    for (const yes of ["example.com", "app.example.com", "a.b.example.com"])
      expect(belongsToSite(yes, "example.com")).toBe(true)
    for (const no of ["badexample.com", "example.com.evil.test", "com", "example.org"]) {
      expect(belongsToSite(no, "example.com")).toBe(false)
    }
    expect(belongsToSite("other.github.io", "foo.github.io")).toBe(false)
    expect(belongsToSite("github.io", "foo.github.io")).toBe(false)
    expect(belongsToSite("1.127.0.0.1", "127.0.0.1")).toBe(false)
  })

  it("are its http and https origins", () => {
    expect(isOriginOfSite("https://app.example.com", "example.com")).toBe(true)
    expect(isOriginOfSite("http://example.com:8080", "example.com")).toBe(true)
    expect(isOriginOfSite("chrome-extension://example.com", "example.com")).toBe(false)
    expect(isOriginOfSite("null", "example.com")).toBe(false)
    expect(isOriginOfSite("http://[::1]:1", "[::1]")).toBe(true)
  })

  it("is asked for with a wildcard only where browsers understand one", () => {
    expect(permissionPatterns("example.com")).toEqual(["*://*.example.com/*"])
    expect(permissionPatterns("localhost")).toEqual(["*://localhost/*"])
    expect(permissionPatterns("127.0.0.1")).toEqual(["*://127.0.0.1/*"])
    expect(permissionPatterns("[::1]")).toEqual(["*://[::1]/*"])
  })
})
