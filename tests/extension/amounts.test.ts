import { expect, it, vi } from "vitest"
import { amountsOf, type MeasuredFrame } from "../../extension/amounts.js"

vi.mock("wxt/browser", async () => ({ browser: (await import("wxt/testing")).fakeBrowser }))

const origin = "https://app.example.com"
const everything = { sites: ["example.com"], withoutOrigins: [] }
const embedded = { topLevelSite: "https://other.test", hasCrossSiteAncestor: true }

function frame(page: Partial<MeasuredFrame["page"]> = {}, partition: MeasuredFrame["partition"] = null): MeasuredFrame {
  return {
    page: {
      origin,
      local: { items: 3, size: 30 },
      session: { items: 2, size: 20 },
      keys: [],
      databases: 1,
      databaseBytes: 1000,
      files: { items: 4, size: 400 },
      ancestors: [],
      referrer: "",
      frames: [],
      ...page,
    },
    partition,
  }
}

it("frames that share a tab's storage are counted once, as they are saved once", () => {
  const amounts = amountsOf([{ url: `${origin}/`, frames: [frame(), frame(), frame(), frame()] }], everything)
  expect(amounts).toEqual({
    localStorage: { count: 3, size: 30 },
    sessionStorage: { count: 2, size: 20 },
    indexedDB: { count: 1, size: 1000 },
    opfs: { count: 4, size: 400 },
  })
})

it("two tabs of an origin share its storage, but each has a sessionStorage", () => {
  const tab = { url: `${origin}/`, frames: [frame()] }
  const amounts = amountsOf([tab, tab], everything)
  expect(amounts.localStorage?.count).toBe(3)
  expect(amounts.sessionStorage?.count).toBe(4)
})

it("an origin's storage below another site counts beside its own", () => {
  const tab = { url: `${origin}/`, frames: [frame(), frame({ local: { items: 5, size: 50 } }, embedded)] }
  expect(amountsOf([tab], everything).localStorage).toEqual({ count: 8, size: 80 })
})

it("what is of another site, or unticked, is not counted", () => {
  const other = "https://other.test"
  const tabs = [
    { url: `${origin}/`, frames: [frame(), frame({ origin: other })] },
    { url: "https://www.example.com/", frames: [frame({ origin: "https://www.example.com" })] },
  ]
  expect(amountsOf(tabs, everything).localStorage?.count).toBe(6)
  const amounts = amountsOf(tabs, { ...everything, withoutOrigins: [origin] })
  expect([amounts.localStorage?.count, amounts.sessionStorage?.count]).toEqual([3, 2])
})

it("what a browser does not tell of one storage is not told as a sum of the others", () => {
  const www = frame({ origin: "https://www.example.com", databases: null, databaseBytes: null, files: null })
  const amounts = amountsOf([{ url: `${origin}/`, frames: [frame(), www] }], everything)
  expect(Object.keys(amounts)).toEqual(["localStorage", "sessionStorage"])
})
