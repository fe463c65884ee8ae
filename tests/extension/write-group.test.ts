import { beforeEach, expect, it, vi } from "vitest"
import { idOf, type Group } from "../../shared/merge/fields.js"
import type { Cookie } from "../../shared/snapshot.js"
import type { Swap } from "../../shared/page/swap-items.js"
import { originsOfGroup, swapGroup } from "../../extension/write-group.js"

const fake = vi.hoisted(() => ({
  storage: new Map<string, Map<string, string>>(),
  cookies: "",
  refusesCookies: false,
  full: "",
}))
vi.mock("../../extension/write-storage.js", () => ({
  async swapItemsAt(_: unknown, { origin }: { origin: string }, swaps: Swap[]) {
    const items = fake.storage.get(origin) ?? new Map<string, string>()
    if (origin === fake.full || swaps.some(([key, from]) => (items.get(key) ?? null) !== from)) return false
    for (const [key, , to] of swaps) {
      if (to === null) items.delete(key)
      else items.set(key, to)
    }
    fake.storage.set(origin, items)
    return true
  },
}))
vi.mock("../../extension/write-cookies.js", () => ({
  async swapCookies(_: unknown, to: { value: string }[]) {
    if (fake.refusesCookies) return false
    fake.cookies = to.map(({ value }) => value).join()
    return true
  },
}))

const [one, other] = ["https://app.example.com", "https://app.example.com:8443"]
const cookieOf = (value: string): Cookie => ({
  name: "msal.cache.encryption",
  value,
  domain: "app.example.com",
  hostOnly: true,
  path: "/",
  secure: true,
  httpOnly: false,
  sameSite: "none",
  expiresAt: null,
  partition: null,
})
const group = (key: string, ...items: [string, string, string][]): Group => ({
  cookies: [cookieOf(key)],
  items: items.map(([origin, name, value]) => ({ origin, item: [name, value] })),
})
const before = group("key-1", [one, "msal.a", "1"], [one, "msal.b", "2"], [other, "msal.c", "3"])
const after = group("key-2", [one, "msal.a", "changed"], [other, "msal.c", "changed"], [other, "msal.d", "new"])
const swap = () => swapGroup(before, after, () => Promise.resolve([]), "0")
const state = () => [...fake.storage].map(([origin, items]) => [origin, Object.fromEntries(items)])

beforeEach(() => {
  Object.assign(fake, { cookies: "key-1", refusesCookies: false, full: "" })
  fake.storage = new Map()
  for (const { origin, item } of before.items) {
    fake.storage.set(origin, (fake.storage.get(origin) ?? new Map<string, string>()).set(...item))
  }
})

it("a group changes with its cookie, over all of its origins", async () => {
  expect(await swap()).toBe(true)
  expect(state()).toEqual([
    [one, { "msal.a": "changed" }],
    [other, { "msal.c": "changed", "msal.d": "new" }],
  ])
  expect(fake.cookies).toBe("key-2")
})

it("a cookie that the browser refuses, or an origin without room, leaves all of it as it was", async () => {
  const untouched = state()
  fake.refusesCookies = true
  expect(await swap()).toBe(false)
  expect(state()).toEqual(untouched)
  Object.assign(fake, { refusesCookies: false, full: other })
  expect(await swap()).toBe(false)
  expect(state()).toEqual(untouched)
  expect(fake.cookies).toBe("key-1")
})

it("its origins are those of its host that were captured, and those of what is wanted", () => {
  const known = { clock: "", writer: "", born: "", digest: "" }
  const area = (origin: string, partition: unknown = null) => idOf(["area", "localStorage", origin, partition])
  const fields = new Map(
    [area(one), area("https://elsewhere.example.com"), area(other, ["https://a.test", true])].map((id) => [id, known]),
  )
  const field = idOf(["group", "msal", "app.example.com"])
  expect(originsOfGroup(field, fields, null)).toEqual([one])
  expect(originsOfGroup(field, fields, after)).toEqual([one, other])
})
