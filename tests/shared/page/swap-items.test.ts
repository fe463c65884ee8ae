import { beforeEach, afterEach, expect, it, vi } from "vitest"
import { readItems, swapItems, type ReadItems, type Swap } from "../../../shared/page/swap-items.js"

const origin = "https://app.example.com"

/** As the browsers' own: methods on the prototype, and no more room than `quota` characters. */
class FakeStorage {
  items = new Map<string, string>()
  quota = 100
  get length() {
    return this.items.size
  }
  key(place: number) {
    return [...this.items.keys()][place] ?? null
  }
  getItem(key: string) {
    return this.items.get(key) ?? null
  }
  setItem(key: string, value: string) {
    const others = [...this.items].filter(([other]) => other !== key)
    if ([...others, [key, value]].flat().join("").length > this.quota) throw new DOMException("", "QuotaExceededError")
    this.items.set(key, value)
  }
  removeItem(key: string) {
    this.items.delete(key)
  }
}

let storage: FakeStorage
beforeEach(() => {
  storage = new FakeStorage()
  storage.items = new Map([
    ["token", "first"],
    ["msal.a", "1"],
    ["msal.b", "2"],
  ])
  vi.stubGlobal("Storage", FakeStorage)
  vi.stubGlobal("self", { origin })
  vi.stubGlobal("location", { origin })
  vi.stubGlobal("window", { localStorage: storage })
})
afterEach(() => {
  vi.unstubAllGlobals()
})

const swap = (...swaps: Swap[]) => swapItems(JSON.stringify({ origin, swaps }))
const read = (wanted: Partial<ReadItems>) =>
  JSON.parse(readItems(JSON.stringify({ origin, keys: null, prefix: "", ...wanted }))) as unknown
const all = () => Object.fromEntries(storage.items)

it("items are replaced, added and taken away together", () => {
  expect(swap(["token", "first", "second"], ["new", null, "x"], ["msal.a", "1", null])).toBe("true")
  expect(all()).toEqual({ token: "second", new: "x", "msal.b": "2" })
})

it("one that the page changed since keeps all of them out", () => {
  const before = all()
  expect(swap(["msal.a", "1", "3"], ["token", "older", "second"])).toBe("false")
  expect(swap(["msal.a", "1", "3"], ["msal.b", null, "second"])).toBe("false")
  expect(all()).toEqual(before)
})

it("one that finds no room puts back those before it", () => {
  const before = all()
  expect(swap(["token", "first", "x".repeat(60)], ["msal.a", "1", null], ["msal.b", "2", "y".repeat(60)])).toBe("false")
  expect(all()).toEqual(before)
})

it("a document of another origin, and one without storage, is left alone", () => {
  vi.stubGlobal("self", { origin: "null" })
  expect(swap(["token", "first", "second"])).toBe("false")
  expect(read({})).toBe(null)
  vi.stubGlobal("self", { origin })
  vi.stubGlobal("window", {
    get localStorage(): never {
      throw new DOMException("", "SecurityError")
    },
  })
  expect(swap(["token", "first", "second"])).toBe("false")
  expect(read({})).toBe(null)
  expect(storage.items.get("token")).toBe("first")
})

it("reads keys by name, or all that begin alike, and lone surrogates as they are", () => {
  storage.items.set("odd", "\ud800")
  expect(read({ keys: ["token", "nothing", "odd"] })).toEqual([
    ["token", "first"],
    ["odd", "\ud800"],
  ])
  expect(read({ prefix: "msal." })).toEqual([
    ["msal.a", "1"],
    ["msal.b", "2"],
  ])
  expect(swap(["odd", "\ud800", "\udc00"])).toBe("true")
  expect(storage.items.get("odd")).toBe("\udc00")
})
