import { expect, it } from "vitest"
import { isOfSites, isSamePartition, partitionOf, schemefulSiteOf } from "../../shared/partition.js"

const app = "https://app.example.com"

it.each([
  ["a page of its own", app, []],
  ["a frame below its own site", app, ["https://www.example.com", "https://example.com:8443"]],
])("%s has first-party storage", (_what, origin, ancestors) => {
  expect(partitionOf(origin, ancestors, "chromium")).toBeNull()
})

it.each([
  ["below another site", app, ["https://top.test"], "https://top.test"],
  ["below another site below its own", app, ["https://ads.test", app], "https://example.com"],
  ["below its own site over http", app, ["http://app.example.com"], "http://example.com"],
  ["below a page without an origin", app, ["null"], "null"],
])("a frame %s has storage of its own", (_what, origin, ancestors, topLevelSite) => {
  expect(partitionOf(origin, ancestors, "chromium")).toEqual({ topLevelSite, hasCrossSiteAncestor: true })
  expect(partitionOf(origin, ancestors, "firefox")).toEqual({ topLevelSite, hasCrossSiteAncestor: null })
})

it("a site has a scheme and no port", () => {
  expect(schemefulSiteOf("https://a.b.example.com:8443")).toBe("https://example.com")
  expect(schemefulSiteOf("http://127.0.0.1:3000")).toBe("http://127.0.0.1")
  expect(schemefulSiteOf("about:blank")).toBeNull()
})

it("partitions are the same when both parts are", () => {
  const one = { topLevelSite: "https://top.test", hasCrossSiteAncestor: true }
  expect(isSamePartition(null, null)).toBe(true)
  expect(isSamePartition(one, { ...one })).toBe(true)
  expect(isSamePartition(one, { ...one, hasCrossSiteAncestor: false })).toBe(false)
  expect(isSamePartition(one, null)).toBe(false)
})

it("an origin belongs to any of several sites", () => {
  expect(isOfSites(app, ["idp.test", "example.com"])).toBe(true)
  expect(isOfSites("https://notexample.com", ["idp.test", "example.com"])).toBe(false)
})
