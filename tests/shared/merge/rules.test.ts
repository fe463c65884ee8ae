import { describe, expect, it } from "vitest"
import { clockAt } from "../../../shared/hlc.js"
import { stateOf, type Live, type Register } from "../../../shared/merge.js"
import { wholeOf } from "../../../shared/merge/changes.js"
import { composeSnapshot, frameOf } from "../../../shared/merge/compose.js"
import { idOf, type Path } from "../../../shared/merge/fields.js"
import { admit, type Terms } from "../../../shared/merge/rules.js"
import type { Kind } from "../../../shared/report.js"
import { parseSnapshot, type Cookie } from "../../../shared/snapshot.js"
import { exampleSnapshot } from "../example-snapshot.js"

const now = 1_700_000_000_000
const stamp = { clock: clockAt(now), writer: "b".repeat(32) }
const all: Kind[] = ["cookies", "localStorage", "sessionStorage", "indexedDB", "context", "opfs"]
const owner: Terms = { sites: ["example.com"], kinds: "all", isOwner: true, clock: stamp.clock, now }
const bot: Terms = { ...owner, kinds: all, isOwner: false }

const app = "https://app.example.com"
const plain: Cookie = {
  ...{ name: "sid", value: "v", domain: "app.example.com", hostOnly: true, path: "/", secure: true, httpOnly: true },
  ...{ sameSite: "lax", expiresAt: null, partition: null },
}

function live(path: Path, value: unknown, more: Partial<Live> = {}): Live {
  return { field: idOf(path), ...stamp, born: stamp.clock, rank: 0, expiresAt: null, value, ...more }
}

/** The field of one cookie; its place is told by hand, so that a wrong one can be told. */
function cookie(change: Partial<Cookie> = {}, path?: Path): Live {
  const made = { ...plain, ...change }
  const { name, domain, hostOnly, partition } = made
  const part = partition === null ? null : [partition.topLevelSite, partition.hasCrossSiteAncestor]
  return live(path ?? ["cookies", name, domain, hostOnly, made.path, part], [made])
}

function whyOf(register: Register, terms: Terms): string | undefined {
  return admit([register], terms).refused[0]?.why
}

describe("what everybody may write", () => {
  const below = { topLevelSite: "https://example.com", hasCrossSiteAncestor: true }
  const part = ["https://example.com", true]
  const fine: [string, Register][] = [
    ["a cookie of a site", cookie()],
    ["a cookie of the whole site", cookie({ domain: "example.com", hostOnly: false })],
    ["a cookie of elsewhere that lives below a site", cookie({ domain: "widget.test", partition: below })],
    [
      "a cookie of a site that lives below another",
      cookie({ partition: { ...below, topLevelSite: "https://o.test" } }),
    ],
    ["storage of elsewhere that lives below a site", live(["localStorage", "https://widget.test", part, "k"], "v")],
    ["the start of an area", live(["area", "localStorage", app, null], 1)],
    ["a tab at a site", live(["tab", "1"], `${app}/home?x=1`)],
    ["sessionStorage", live(["sessionStorage", "1", app, null, "k"], "v")],
    ["a schema", live(["database", app, null, ""], { version: 1, stores: [] })],
    ["a record", live(["record", app, null, "db", "s", "1"], ["tag", "2"])],
    ["the next key of a store", live(["generator", app, null, "db", "s"], 7)],
    ["a file, and a folder", live(["file", app, null, "folder"], null)],
    ["counts of files", live(["area", "opfs", app, null], { files: 1, bytes: 2, isListed: true })],
    [
      "MSAL's key with its cache",
      live(["group", "msal", "app.example.com"], {
        cookies: [{ ...plain, name: "msal.cache.encryption" }],
        items: [{ origin: app, item: ["msal.token", "v"] }],
      }),
    ],
    ["what ends later", live(["localStorage", app, null, "k"], "v", { expiresAt: now + 1 })],
    ["what was written earlier", live(["localStorage", app, null, "k"], "v", { clock: clockAt(5), born: clockAt(5) })],
  ]
  it.each(fine)("%s", (_, register) => {
    expect(whyOf(register, owner)).toBeUndefined()
    expect(whyOf(register, bot)).toBeUndefined()
  })
})

describe("what nobody may write", () => {
  const outside = "it is not of the session's sites"
  const unknown = "it is no field that this version knows"
  const shape = "its value is not what such a field holds"
  const elsewhere = { topLevelSite: "https://evil.test", hasCrossSiteAncestor: true }
  const k = (origin: string) => live(["localStorage", origin, null, "k"], "v")
  const group = (value: unknown) => live(["group", "msal", "app.example.com"], value)
  const item = (origin: string, key = "msal.t") => group({ cookies: [], items: [{ origin, item: [key, "v"] }] })
  const deep = JSON.parse("[".repeat(50_000) + "]".repeat(50_000)) as unknown
  const refused: [string, Register, string][] = [
    ["a cookie of another site", cookie({ domain: "evil.test" }), outside],
    ["a cookie of a site whose name only ends alike", cookie({ domain: "badexample.com" }), outside],
    ["a cookie of everybody", cookie({ domain: "com", hostOnly: false }), outside],
    ["a partitioned cookie of elsewhere", cookie({ domain: "evil.test", partition: elsewhere }), outside],
    ["a cookie that says another domain than its field", cookie({ domain: "evil.test" }, pathOfPlain()), shape],
    ["a cookie with a leading dot", cookie({ domain: ".example.com" }), shape],
    ["no cookie at all", live(pathOfPlain(), []), shape],
    ["a cookie with an unknown key", live(pathOfPlain(), [{ ...plain, more: 1 }]), shape],
    ["a chunk as a field of its own", cookie({ name: "sid.0" }), shape],
    ["storage of another site", k("https://evil.test"), outside],
    [
      "storage of elsewhere below elsewhere",
      live(["localStorage", "https://w.test", ["https://evil.test", true], "k"], "v"),
      outside,
    ],
    ["an origin with a path", k("https://app.example.com/x"), outside],
    ["an origin with its default port", k("https://app.example.com:443"), outside],
    ["an origin in capitals", k("https://APP.example.com"), outside],
    ["an origin with a user", k("https://u@app.example.com"), outside],
    ["an origin of another scheme", k("ftp://app.example.com"), outside],
    ["an origin that is none", k("https://["), outside],
    ["an area of another site", live(["area", "localStorage", "https://evil.test", null], 1), outside],
    ["a tab's storage of another site", live(["sessionStorage", "1", "https://evil.test", null, "k"], "v"), outside],
    ["a tab's area of another site", live(["area", "sessionStorage", "1", "https://evil.test", null], 1), outside],
    ["records of another site", live(["area", "records", "https://evil.test", null, "db", "s"], 1), outside],
    ["a number where text belongs", live(["localStorage", app, null, "k"], 1), shape],
    ["a schema without its keys", live(["database", app, null, "db"], { version: 1, stores: [{ name: "s" }] }), shape],
    ["a version that is endless", live(["database", app, null, "db"], { version: Infinity, stores: [] }), shape],
    ["a next key that is endless", live(["generator", app, null, "db", "s"], Infinity), shape],
    ["a file that is a number", live(["file", app, null, "f"], 1), shape],
    ["counts that are none", live(["area", "opfs", app, null], null), shape],
    [
      "counts of files that are text",
      live(["area", "opfs", app, null], { files: "1", bytes: 1, isListed: true }),
      shape,
    ],
    ["an area that holds much", live(["area", "localStorage", app, null], deep), shape],
    [
      "an origin's place inside its counts",
      live(["area", "origin", app, null], { origin: "https://evil.test" }),
      shape,
    ],
    ["a group of nothing", group({ cookies: [], items: [] }), shape],
    ["a group with an item of another host", item("https://evil.test"), shape],
    ["a group with an item that is not of it", item(app, "k"), shape],
    ["a group with an origin that is none", item("https://["), shape],
    ["a group with an origin that is written otherwise", item("https://app.example.com:443"), shape],
    ["a group with another cookie", group({ cookies: [plain], items: [] }), shape],
    ["an unknown group", live(["group", "other", "app.example.com"], { cookies: [plain], items: [] }), unknown],
    ["a member of a group as a field of its own", live(["localStorage", app, null, "msal.t"], "v"), unknown],
    ["an unknown kind", live(["spell", app], "v"), unknown],
    ["a key of every object", live(["__proto__", app], "v"), unknown],
    ["an unknown area", live(["area", "spell", app, null], 1), unknown],
    ["an area with more than its place", live(["area", "cookies", "x"], 1), unknown],
    ["a partition that is none", live(["localStorage", app, [{}], "k"], "v"), unknown],
    ["an area's partition that is none", live(["area", "localStorage", app, {}], 1), unknown],
    ["an id with spaces", { ...k(app), field: `["localStorage", "${app}", null, "k"]` }, unknown],
    ["an id with an escape too many", { ...k(app), field: `["localStorage","${app}",null,"\\u006b"]` }, unknown],
    ["an id that is no JSON", { ...k(app), field: "k" }, unknown],
    ["an id that is no list", { ...k(app), field: '{"0":"check"}' }, unknown],
    ["an id that is null", { ...k(app), field: "null" }, unknown],
    ["a check elsewhere", live(["check"], { url: "https://evil.test/" }), "its address is not of the session's sites"],
    [
      "what is later than its envelope",
      { ...k(app), clock: clockAt(now + 1) },
      "its clock is later than its envelope's",
    ],
  ]
  it.each(refused)("%s", (_, register, why) => {
    expect(whyOf(register, owner)).toBe(why)
    expect(whyOf(register, { ...bot, isOwner: false })).toBeTypeOf("string")
  })

  it("a deletion outside of the session's sites, and one later than its envelope", () => {
    const gone = (field: string, clock = stamp.clock): Register => ({ field, ...stamp, clock, deleted: true })
    expect(whyOf(gone(k("https://evil.test").field), owner)).toBe(outside)
    expect(whyOf(gone(k(app).field, clockAt(now + 1)), owner)).toBe("its clock is later than its envelope's")
    expect(whyOf(gone(k(app).field), owner)).toBeUndefined()
  })
})

describe("what only owners may do", () => {
  const waits = "a bot's deletion waits for the person"
  const ownersOnly = "only owners may write it"
  const many = Array.from({ length: 51 }, (_, n): Cookie => ({ ...plain, name: `sid.${n}` }))
  const forgotten = withoutValue(live(["localStorage", app, null, "k"], "v"))
  const refused: [string, Register, string][] = [
    ["delete a field", { field: cookie().field, ...stamp, deleted: true }, waits],
    ["delete an area", { field: '["area","cookies"]', ...stamp, deleted: true }, waits],
    ["forget a value", forgotten, waits],
    ["write what is over already", live(["localStorage", app, null, "k"], "v", { expiresAt: now }), "its time is over"],
    ["write the browser's context", live(["context"], exampleSnapshot().context), ownersOnly],
    ["say how being logged in looks", live(["check"], { url: `${app}/` }), ownersOnly],
    ["count caches", live(["area", "origin", app, null], {}), ownersOnly],
    ["send a tab elsewhere", live(["tab", "1"], "https://evil.test/"), "its address is not of the session's sites"],
    ["write a cookie that has expired", cookie({ expiresAt: now }), "it has expired"],
    [
      "write a cookie of a public suffix",
      cookie({
        domain: "co.uk",
        hostOnly: false,
        partition: { topLevelSite: "https://example.com", hasCrossSiteAncestor: null },
      }),
      "its domain is a public suffix, which is everybody",
    ],
    [
      "write a cookie that is too long",
      cookie({ value: "x".repeat(4097) }),
      "name and value are longer than 4096 bytes",
    ],
    ["write a cookie bomb", live(pathOfPlain(), many), "it is larger than such a field may be"],
  ]
  it.each(refused)("%s", (_, register, why) => {
    expect(whyOf(register, owner)).toBe(undefined)
    expect(whyOf(register, bot)).toBe(why)
  })

  it("a tab that is empty may be anybody's", () => {
    expect(whyOf(live(["tab", "1"], "about:blank"), bot)).toBeUndefined()
  })
})

describe("kinds that were granted", () => {
  const why = "it is not of the kinds that were granted"
  const group = live(["group", "msal", "app.example.com"], {
    cookies: [],
    items: [{ origin: app, item: ["msal.token", "v"] }],
  })
  const kindOf: [Kind, Register][] = [
    ["cookies", cookie()],
    ["localStorage", live(["localStorage", app, null, "k"], "v")],
    ["sessionStorage", live(["tab", "1"], app)],
    ["sessionStorage", live(["sessionStorage", "1", app, null, "k"], "v")],
    ["sessionStorage", live(["area", "tabs"], 1)],
    ["indexedDB", live(["database", app, null, "db"], { version: 1, stores: [] })],
    ["indexedDB", live(["record", app, null, "db", "s", "1"], ["tag", "2"])],
    ["indexedDB", live(["generator", app, null, "db", "s"], 1)],
    ["opfs", live(["file", app, null, "f"], "")],
    ["opfs", live(["area", "opfs", app, null], { files: 1, bytes: 2, isListed: true })],
  ]
  it.each(kindOf)("%s alone", (kind, register) => {
    expect(whyOf(register, { ...bot, kinds: [kind] })).toBeUndefined()
    expect(whyOf(register, { ...bot, kinds: all.filter((one) => one !== kind) })).toBe(why)
  })

  it("a group needs every kind that it is made of", () => {
    expect(whyOf(group, { ...bot, kinds: ["cookies"] })).toBe(why)
    expect(whyOf(group, { ...bot, kinds: ["localStorage"] })).toBe(why)
    expect(whyOf(group, { ...bot, kinds: ["localStorage", "cookies"] })).toBeUndefined()
  })
})

it("one bad register takes no good one with it, and is named", () => {
  const [good, bad] = [cookie(), cookie({ domain: "evil.test" })]
  expect(admit([bad, good], bot)).toEqual({
    admitted: [good],
    refused: [{ register: bad, why: "it is not of the session's sites" }],
  })
})

it("whatever a bot gets admitted, the session can be read still", () => {
  const odd: Register[] = [
    live(["localStorage", "https://other.example.com", null, "__proto__"], "\ud800"),
    live(["file", app, null, "../x"], "not Base64"),
    live(["record", app, null, "none", "none", "1"], ["tag", "2"]),
    live(["generator", app, null, "none", "none"], -1.5),
    live(["sessionStorage", "9", app, null, "k"], "v"),
    live(["database", app, null, "__proto__"], { version: 0, stores: [] }),
    live(["area", "opfs", app, null], { files: 1, bytes: 2, isListed: false }),
    live(["tab", "__proto__"], `${app}/`),
    cookie({ name: "__proto__", domain: "example.com", hostOnly: false }),
  ]
  const { admitted, refused } = admit(odd, bot)
  expect(refused).toEqual([])
  const before = exampleSnapshot()
  const { fields } = stateOf([...wholeOf(before, { clock: clockAt(1), writer: "a".repeat(32) }), ...admitted])
  const shown = new Map([...fields].flatMap(([id, { lives }]) => [...lives.values()].map((one) => [id, one] as const)))
  const values = new Map([...shown].map(([id, { value, rank }]) => [id, { value, rank }]))
  const { snapshot } = composeSnapshot(frameOf(before), values)
  expect(parseSnapshot(JSON.parse(JSON.stringify(snapshot)))).toEqual(snapshot)
})

function pathOfPlain(): Path {
  return ["cookies", "sid", "app.example.com", true, "/", null]
}

function withoutValue(live: Live): Live {
  const forgotten = { ...live }
  delete forgotten.value
  return forgotten
}
