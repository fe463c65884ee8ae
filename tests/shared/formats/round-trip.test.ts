import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { cookieId } from "../../../shared/cookies.js"
import { diffSnapshots } from "../../../shared/diff.js"
import type { Export } from "../../../shared/formats/export.js"
import { snapshotToAgentBrowser } from "../../../shared/formats/agent-browser.js"
import { snapshotToBrowserUse } from "../../../shared/formats/browser-use.js"
import { snapshotToCookieEditor } from "../../../shared/formats/cookie-editor.js"
import { snapshotToCurlJar } from "../../../shared/formats/curl-jar.js"
import { snapshotOf } from "../../../shared/formats/found.js"
import { snapshotToNetscape } from "../../../shared/formats/netscape.js"
import { snapshotToPlaywright } from "../../../shared/formats/playwright.js"
import { snapshotToPuppeteer } from "../../../shared/formats/puppeteer.js"
import { readFoundFile } from "../../../shared/formats/read-file.js"
import type { ReadableFormat } from "../../../shared/formats/detect.js"
import type { Cookie, IndexedDatabase, Snapshot, StorageItem } from "../../../shared/snapshot.js"
import { createStructuredCodec, type Encoded } from "../../../shared/structured.js"
import { cookieSession, now } from "./session.js"

const origins = ["https://a.example", "https://sub.a.example", "http://a.example:8080"]
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("", "\t", "\n", "a;b", "\ud800", "__proto__", "length", '"'),
)
const partition = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  fc.record({
    topLevelSite: fc.constantFrom("https://shop.example", "https://a.example"),
    hasCrossSiteAncestor: fc.boolean(),
  }),
)

const cookies = fc.uniqueArray(
  fc.record<Cookie>({
    name: fc.oneof(text, fc.constantFrom("sid", "__Host-x", "__Secure-y")),
    value: text,
    domain: fc.constantFrom("a.example", "sub.a.example"),
    hostOnly: fc.boolean(),
    path: fc.constantFrom("/", "/in", "/in/deep", "nonsense"),
    secure: fc.boolean(),
    httpOnly: fc.boolean(),
    sameSite: fc.constantFrom("unspecified", "none", "lax", "strict"),
    expiresAt: fc.oneof(fc.constant(null), fc.integer({ min: now - 5000, max: now + 1e11 })),
    partition,
  }),
  { selector: cookieId, maxLength: 8 },
)

const items = fc.uniqueArray(fc.tuple(text, text), { selector: ([key]: StorageItem) => key, maxLength: 5 })
const codec = createStructuredCodec()
const encode = (value: unknown) => (codec.encode(value) as Encoded).text
const value = fc
  .anything({
    maxDepth: 3,
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    key: text,
  })
  .map(encode)

const databases = fc.uniqueArray(
  fc.record<IndexedDatabase>({
    name: text,
    version: fc.integer({ min: 1, max: 9 }),
    stores: fc.uniqueArray(
      fc.record({
        name: text,
        keyPath: fc.constant(null),
        autoIncrement: fc.constant(false),
        nextKey: fc.constant(null),
        indexes: fc.constant([{ name: "i", keyPath: ["a", "b"], unique: true, multiEntry: false }]),
        records: fc.uniqueArray(fc.record({ key: fc.oneof(fc.integer(), fc.string()).map(encode), value }), {
          selector: ({ key }) => key,
          maxLength: 4,
        }),
      }),
      { selector: ({ name }) => name, maxLength: 2 },
    ),
  }),
  { selector: ({ name }) => name, maxLength: 2 },
)

/** A session of one site with every kind in it. */
const sessions = fc
  .record({ cookies, states: fc.tuple(items, items, items), databases, tab: items, isTab: fc.boolean() })
  .map(({ cookies: jar, states, databases: indexedDB, tab, isTab }): Snapshot => ({
    ...cookieSession(...jar),
    sites: ["a.example"],
    origins: origins.map((origin, at) => ({
      origin,
      partition: null,
      localStorage: states[at] ?? [],
      ...(at === 0 ? { indexedDB } : {}),
    })),
    ...(isTab
      ? {
          tabs: [
            {
              id: "1",
              url: "https://a.example/",
              sessionStorage: [{ origin: "https://a.example", partition: null, items: tab }],
            },
          ],
        }
      : {}),
  }))

const formats: [ReadableFormat, (snapshot: Snapshot, options: { now: number }) => Export][] = [
  ["playwright", snapshotToPlaywright],
  ["puppeteer", snapshotToPuppeteer],
  ["cookie-editor", snapshotToCookieEditor],
  ["netscape", snapshotToNetscape],
  ["curl-jar", snapshotToCurlJar],
  ["browser-use", snapshotToBrowserUse],
  ["agent-browser", snapshotToAgentBrowser],
]

describe.each(formats)("a session through %s", (format, write) => {
  it("is the same afterwards, but for what was named as lost", () => {
    fc.assert(
      fc.property(sessions, (session) => {
        const { text: written, gaps } = write(session, { now })
        const { found } = readFoundFile(new TextEncoder().encode(written), format)
        const back = snapshotOf(found, { sites: ["a.example"], account: "default", now, format })
        const { differences, notCompared } = diffSnapshots(session, back)
        const lost = (kind: string) =>
          gaps.filter((gap) => gap.kind === kind).reduce((sum, { count }) => sum + count, 0)
        for (const kind of ["cookies", "localStorage", "sessionStorage", "indexedDB"] as const) {
          const missing = differences.filter((line) => line.kind === kind)
          expect(missing.filter(({ change }) => change === "added")).toEqual([])
          expect(missing.length, `${kind} ${JSON.stringify(missing)}`).toBeLessThanOrEqual(lost(kind))
          const held = notCompared.filter((line) => line.kind === kind && hasItems(session, kind))
          if (lost(kind) === 0) expect(held.filter(({ where }) => hasItemsAt(session, kind, where))).toEqual([])
        }
        // What was named as not there must not be there.
        const kept = (back.cookies ?? []).length
        expect(kept).toBe((session.cookies ?? []).length - leftOutCookies(gaps))
      }),
      { numRuns: 150 },
    )
  })
})

function leftOutCookies(gaps: Export["gaps"]): number {
  const whole = gaps.filter(({ kind, what }) => kind === "cookies" && !what.includes("SameSite"))
  return whole.reduce((sum, { count }) => sum + count, 0)
}

function hasItems(session: Snapshot, kind: string): boolean {
  return kind === "cookies" ? (session.cookies ?? []).length > 0 : true
}

function hasItemsAt({ origins: states = [], tabs = [] }: Snapshot, kind: string, where: string): boolean {
  if (kind === "cookies") return true
  if (kind === "sessionStorage")
    return tabs.some((tab) => tab.sessionStorage.some(({ origin, items: list }) => origin === where && list.length > 0))
  const state = states.find(({ origin }) => origin === where)
  return ((kind === "localStorage" ? state?.localStorage : state?.indexedDB) ?? []).length > 0
}
