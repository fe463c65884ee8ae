import { fc } from "../../properties.js"
import { countsOf } from "../../../shared/readings.js"
import type { Kind } from "../../../shared/report.js"
import type { Cookie, IndexedDatabase, OriginState, Partition, Snapshot, TabState } from "../../../shared/snapshot.js"
import { exampleSnapshot } from "../example-snapshot.js"

export const randomSites: [string, string] = ["example.com", "login.example"]

/** Names that are keys of objects, empty, half a character, or look like an id. */
const text = fc.oneof(
  fc.constantFrom(
    "",
    "a",
    "b",
    "__proto__",
    "constructor",
    "toJSON",
    "length",
    "\ud800",
    "\udc00x",
    '["tab","1"]',
    "\0",
    "ä\u2028",
  ),
  fc.string({ unit: "binary", maxLength: 5 }),
)
const partition: fc.Arbitrary<Partition | null> = fc.option(
  fc.record({
    topLevelSite: fc.constantFrom("https://example.com", "https://login.example"),
    hasCrossSiteAncestor: fc.constantFrom(null, true, false),
  }),
)
const origin = fc.constantFrom("https://app.example.com", "http://app.example.com", "https://login.example:8443")

/** Chunks, what looks like chunks, and the key to MSAL's cache. */
const cookieName = fc.oneof(
  fc.constantFrom(
    "a",
    "a.0",
    "a.1",
    "a.10",
    "b",
    ".AspNetCore.Cookies",
    ".AspNetCore.CookiesC1",
    "msal.cache.encryption",
  ),
  text,
)
const cookie: fc.Arbitrary<Cookie> = fc.record({
  name: cookieName,
  value: text,
  domain: fc.constantFrom("example.com", "app.example.com", "login.example"),
  hostOnly: fc.boolean(),
  path: fc.constantFrom("/", "/app", "/app/", "/longer/path"),
  secure: fc.boolean(),
  httpOnly: fc.boolean(),
  sameSite: fc.constantFrom("unspecified" as const, "none" as const, "lax" as const, "strict" as const),
  expiresAt: fc.option(fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 })),
  partition,
})
const identityOf = ({ name, domain, hostOnly, path, partition }: Cookie) =>
  JSON.stringify([name, domain, hostOnly, path, partition])

const key = fc.oneof(text, fc.constantFrom("msal.account.keys", "msal.token.1", "msal.version"))
const items = fc.uniqueArray(fc.tuple(key, text), { selector: ([name]) => name, maxLength: 4 })

const index = fc.record({
  name: text,
  keyPath: fc.oneof(text, fc.array(text)),
  unique: fc.boolean(),
  multiEntry: fc.boolean(),
})
const records = fc.uniqueArray(fc.record({ key: text, value: text }), { selector: ({ key }) => key, maxLength: 3 })
const store = fc.record(
  {
    name: text,
    keyPath: fc.option(fc.oneof(text, fc.array(text))),
    autoIncrement: fc.boolean(),
    nextKey: fc.option(fc.integer({ min: 1 })),
    indexes: fc.array(index, { maxLength: 2 }),
    records,
  },
  { requiredKeys: ["name", "keyPath", "autoIncrement", "nextKey", "indexes"] },
)
const database: fc.Arbitrary<IndexedDatabase> = fc.record({
  name: text,
  version: fc.nat(),
  stores: fc.uniqueArray(store, { selector: ({ name }) => name, maxLength: 2 }),
})
const files = fc.uniqueArray(fc.record({ path: text, data: fc.option(text) }), {
  selector: ({ path }) => path,
  maxLength: 3,
})

const originState: fc.Arbitrary<OriginState> = fc.record(
  {
    origin,
    partition,
    localStorage: items,
    indexedDB: fc.uniqueArray(database, { selector: ({ name }) => name, maxLength: 2 }),
    opfs: fc.record({ files: fc.nat(), bytes: fc.nat(), entries: files }, { requiredKeys: ["files", "bytes"] }),
    cacheStorage: fc.record({ caches: fc.nat(), entries: fc.nat() }),
    serviceWorkers: fc.record({ scopes: fc.nat() }),
  },
  { requiredKeys: ["origin", "partition"] },
)
const placeOf = ({ origin, partition }: Pick<OriginState, "origin" | "partition">) =>
  JSON.stringify([origin, partition])

const tab: fc.Arbitrary<TabState> = fc.record({
  id: fc.oneof(fc.constantFrom("1", "2", "1.1"), text),
  url: fc.constantFrom("https://app.example.com/home", "https://login.example:8443/?x=1"),
  sessionStorage: fc.uniqueArray(fc.record({ origin, partition, items }), { selector: placeOf, maxLength: 2 }),
})

const { schema, account, capturedAt, capturedBy, context } = exampleSnapshot()
const parts = fc.record(
  {
    cookies: fc.uniqueArray(cookie, { selector: identityOf, maxLength: 8 }).map(longestPathFirst),
    origins: fc.uniqueArray(originState, { selector: placeOf, minLength: 1, maxLength: 4 }),
    tabs: fc.uniqueArray(tab, { selector: ({ id }) => id, maxLength: 3 }),
    context: fc.constantFrom(...(context === undefined ? [] : [context])),
    check: fc.constant({ url: "https://app.example.com/home", text: "Hello" }),
  },
  { requiredKeys: [] },
)
const kinds: Kind[] = ["localStorage", "indexedDB", "opfs"]

/** Any session of two sites: what is missing was not captured. */
export const snapshot: fc.Arbitrary<Snapshot> = parts.map((parts) => {
  const found = { schema, sites: randomSites, account, capturedAt, capturedBy, ...parts }
  return { ...found, report: { captured: countsOf(found, kinds), gaps: [] } }
})

export function longestPathFirst(cookies: Cookie[]): Cookie[] {
  return [...cookies].sort((a, b) => b.path.length - a.path.length)
}
