import { beforeEach, describe, expect, it, vi } from "vitest"
import { clockAt } from "../../shared/hlc.js"
import type { Live } from "../../shared/merge.js"
import { idOf, type Path } from "../../shared/merge/fields.js"
import { defaultKinds } from "../../shared/report.js"
import type { Cookie } from "../../shared/snapshot.js"
import { waitOf, whyNotHere } from "../../extension/may-enter.js"
import { freshSync, type SyncSetting } from "../../extension/sync-settings.js"

vi.mock("wxt/browser", () => ({ browser: {} }))
const here: Cookie[] = []
vi.mock("../../extension/capture-cookies.js", () => ({ captureCookies: async () => here }))

const origin = "https://app.example.com"
const setting: SyncSetting = {
  ...freshSync,
  site: "example.com",
  account: "default",
  mode: "both",
  scope: { alsoSites: [], kinds: [...defaultKinds], withoutOrigins: ["https://left.example.com"], storeId: "0" },
}
const before = { clock: "1", writer: "own", born: "1", digest: "d" }
const known = (...paths: Path[]) => new Map(paths.map((path) => [idOf(path), before]))
const live = (path: Path, value: unknown = "x"): Live => ({
  field: idOf(path),
  clock: "2",
  writer: "bot",
  born: "1",
  value,
  rank: 0,
  expiresAt: null,
})
const token: Path = ["localStorage", origin, null, "token"]

it("page storage waits for a tick, and says that the tick counts for later too", async () => {
  const waits = { why: "page storage waits for you", canTake: true, isLasting: true }
  expect(await waitOf(live(token), known(token), setting)).toEqual(waits)
  for (const path of [
    ["group", "msal", "app.example.com"],
    ["record", origin, null, "app", "tokens", '"refresh"'],
  ] satisfies Path[]) {
    expect(await waitOf(live(path), known(path), setting)).toEqual(waits)
  }
})

it("a key that was ticked once enters by itself, unless it is a new one again", async () => {
  const letIn = { ...setting, letIn: [idOf(token)] }
  expect(await waitOf(live(token), known(token), letIn)).toBe(null)
  expect(await waitOf(live(token), known(), letIn)).toMatchObject({
    why: "this browser did not have it",
    canTake: true,
  })
  const other: Path = ["localStorage", origin, null, "other"]
  expect(await waitOf(live(other), known(other), letIn)).not.toBe(null)
})

it("no tick brings in what this browser never writes", async () => {
  const never: [Path, string][] = [
    [["sessionStorage", "tab-1", origin, null, "token"], "it belongs to one tab"],
    [["tab", "tab-1"], "it belongs to one tab"],
    [["database", origin, null, "app"], "the schema of a database is the site's to change"],
    [["file", origin, null, "a.txt"], "files are not written here"],
    [["check"], "it is nothing that keeps anybody logged in"],
    [["localStorage", "https://left.example.com", null, "token"], "it is not kept in sync here"],
    [["localStorage", "https://example.org", null, "token"], "it is not kept in sync here"],
    [["localStorage", origin, null, "k".repeat(6000)], "its name is too long"],
  ]
  for (const [path, why] of never) {
    const letIn = { ...setting, letIn: [idOf(path)] }
    expect(await waitOf(live(path), known(path), letIn)).toEqual({ why, canTake: false, isLasting: false })
  }
})

it("a kind that was not chosen, and a group of an origin that was left out, are not kept in sync here", () => {
  const cookiesOnly = { ...setting, scope: { ...setting.scope, kinds: ["cookies" as const] } }
  expect(whyNotHere(idOf(token), cookiesOnly)).toBe("it is not kept in sync here")
  expect(whyNotHere(idOf(token), setting)).toBe(null)
  expect(whyNotHere(idOf(["group", "msal", "app.example.com"]), setting)).toBe(null)
  expect(whyNotHere(idOf(["group", "msal", "left.example.com"]), setting)).toBe("it is not kept in sync here")
})

describe("a cookie that somebody else changed", () => {
  const hour = 60 * 60_000
  const cookie = (change: Partial<Cookie> = {}): Cookie => ({
    name: "sid",
    value: "made up",
    domain: "app.example.com",
    path: "/",
    secure: true,
    httpOnly: true,
    hostOnly: true,
    sameSite: "lax",
    expiresAt: Date.now() + hour,
    partition: null,
    firstPartyDomain: "",
    ...change,
  })
  const sid: Path = ["cookies", "sid", "app.example.com", true, "/", null]
  const clocks = { now: clockAt(Date.now()), then: clockAt(Date.now() - hour) }
  const waits = async (own: Cookie[], theirs: unknown, path = sid, letIn: string[] = []) => {
    here.splice(0, Infinity, ...own)
    const change = { ...live(path, theirs), clock: clocks.now }
    const area: Path = ["area", "localStorage", origin, null]
    const fields = new Map([...known(area), [idOf(path), { ...before, clock: clocks.then }]])
    return waitOf(change, fields, { ...setting, letIn })
  }
  beforeEach(() => here.splice(0))

  it("enters by itself with a new value, and with the life that it had from then on", async () => {
    expect(await waits([cookie()], [cookie({ value: "next" })])).toBe(null)
    expect(await waits([cookie()], [cookie({ expiresAt: Date.now() + 2 * hour })])).toBe(null)
  })

  it.each<[string, Partial<Cookie>]>([
    ["this browser does not have it", { path: "/admin" }],
    ["this browser does not have it", { hostOnly: false }],
    ["its flags are others", { httpOnly: false }],
    ["its flags are others", { secure: false }],
    ["its flags are others", { sameSite: "none" }],
    ["its flags are others", { firstPartyDomain: "example.org" }],
    ["it would live longer", { expiresAt: Date.now() + 100 * hour }],
    ["it would live longer", { expiresAt: null }],
    ["it ends at once", { expiresAt: Date.now() + 1000 }],
  ])("waits where %s: %j", async (why, change) => {
    expect(await waits([cookie()], [cookie(change)])).toEqual({ why, canTake: true, isLasting: false })
  })

  it("may need fewer chunks than before, and takes no other part away", async () => {
    const [whole, first, second] = ["sid", "sid.0", "sid.1"].map((name) => cookie({ name })) as [Cookie, Cookie, Cookie]
    expect(await waits([first, second], [first])).toBe(null)
    expect(await waits([whole, second], [whole])).toBe(null)
    expect(await waits([first, second], [second])).toMatchObject({ why: "a part of it would go" })
    expect(await waits([whole, second], [second])).toMatchObject({ why: "a part of it would go" })
  })

  it("obeys the same rules in a group that was ticked", async () => {
    const key = cookie({ name: "msal.cache.encryption" })
    const group: Path = ["group", "msal", "app.example.com"]
    const inside = [idOf(group)]
    const withKey = (change: Partial<Cookie>, at = origin) =>
      waits([key], { cookies: [{ ...key, ...change }], items: [{ origin: at, item: ["msal.1", "x"] }] }, group, inside)
    expect(await withKey({ value: "next" })).toBe(null)
    expect(await withKey({ httpOnly: false })).toMatchObject({ why: "its flags are others" })
    expect(await withKey({}, "http://app.example.com")).toMatchObject({ why: "this browser has nothing of it there" })
    const none = await waits([key], { cookies: [], items: [] }, group, inside)
    expect(none).toMatchObject({ why: "a part of it would go", isLasting: true })
  })
})
