import "fake-indexeddb/auto"
import { beforeEach, describe, expect, it, vi } from "vitest"
import { fakeBrowser } from "wxt/testing"
import {
  dropSiteRules,
  keepOptions,
  keepRulesOf,
  readSiteRules,
  unlimited,
  writeKeepRules,
  writeSiteRule,
} from "../../extension/keep-rules.js"

vi.mock("wxt/browser", async () => ({ browser: (await import("wxt/testing")).fakeBrowser }))

const hour = 3_600_000

beforeEach(async () => {
  fakeBrowser.reset()
  for (const site of (await readSiteRules()).keys()) await dropSiteRules(site)
})

describe("how long a kind is kept", () => {
  it("is by the rule of the site, and by that of all sites where the site has none", async () => {
    await writeKeepRules({ cookies: 8 * hour, sessionStorage: hour })
    await writeSiteRule("example.test", "cookies", 24 * hour)
    await writeSiteRule("example.test", "sessionStorage", unlimited)
    expect(await keepRulesOf("example.test")).toEqual({ cookies: 24 * hour })
    expect(await keepRulesOf("other.test")).toEqual({ cookies: 8 * hour, sessionStorage: hour })
    await writeSiteRule("example.test", "cookies", null)
    expect(await keepRulesOf("example.test")).toEqual({ cookies: 8 * hour })
    await dropSiteRules("example.test")
    expect(await keepRulesOf("example.test")).toEqual({ cookies: 8 * hour, sessionStorage: hour })
  })

  it("is changed by two pages at once without loss", async () => {
    await Promise.all([
      writeSiteRule("example.test", "cookies", hour),
      writeSiteRule("example.test", "localStorage", hour),
      writeSiteRule("other.test", "cookies", hour),
    ])
    expect([...(await readSiteRules())]).toEqual([
      ["example.test", { cookies: hour, localStorage: hour }],
      ["other.test", { cookies: hour }],
    ])
  })

  it("ends each field of what is saved of that site, and no other", async () => {
    await writeSiteRule("example.test", "cookies", hour)
    const { endOf } = await keepOptions("example.test")
    expect(endOf?.(["cookies", "sid", "example.test", true, "/", null])).toBeGreaterThan(Date.now())
    expect(endOf?.(["localStorage", "https://example.test", null, "theme"])).toBeNull()
    expect(await keepOptions("other.test")).toEqual({})
  })

  it("is not limited by what cannot be chosen", async () => {
    await fakeBrowser.storage.local.set({ keep: { cookies: 5, localStorage: hour, strange: hour } })
    expect(await keepRulesOf("example.test")).toEqual({ localStorage: hour })
    await fakeBrowser.storage.local.set({ keep: "nonsense" })
    expect(await keepRulesOf("example.test")).toEqual({})
  })
})
