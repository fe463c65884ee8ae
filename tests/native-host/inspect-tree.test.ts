import { stateOf } from "../../shared/merge.js"
import { describe, expect, it } from "vitest"
import { sessionFacts } from "../../native-host/inspect-facts.js"
import { inspectTree } from "../../native-host/inspect-tree.js"
import { clockAt } from "../../shared/hlc.js"
import { createCard, createIdentity, parseCard } from "../../shared/keys.js"
import type { Snapshot, StorageItem } from "../../shared/snapshot.js"
import { createStructuredCodec } from "../../shared/structured.js"
import { cookie, richSession, richState } from "../shared/formats/session.js"

const now = 1_750_000_000_000
const hour = 60 * 60 * 1000

interface Asked {
  showsValues?: boolean
  all?: boolean
}

async function factsOf(snapshot: Snapshot, { showsValues = false }: Asked = {}) {
  const writer = await parseCard(await createCard(await createIdentity("laptop")))
  const clock = clockAt(now - hour)
  const since = () => ({ known: new Map(), digestOf: String, heads: {} })
  const merged = {
    isPlain: true,
    state: () => stateOf([]),
    since,
    base: () => ({ snapshot }),
    without: () => snapshot,
    stamped: () => ({ snapshot }),
    heads: {},
    refused: [],
    unread: 0,
  }
  const about = { site: "example.com", account: "default", sid: "s", writer, recipients: [] }
  const session = { ...merged, ...about, names: null, ahead: [], withheld: [] }
  return sessionFacts(
    { ...session, snapshot, clock, savedAt: now - hour, expiresAt: now + 30 * 24 * hour },
    showsValues,
  )
}

async function treeOf(snapshot: Snapshot, asked: Asked = {}): Promise<string> {
  const lines = inspectTree(await factsOf(snapshot, asked), { now, all: asked.all === true })
  for (const line of lines) expect(line).not.toContain("\n")
  return lines.join("\n")
}

function at(text: string, from: string, lines: number): string[] {
  const all = text.split("\n")
  const start = all.findIndex((line) => line.trim() === from)
  expect(start, from).toBeGreaterThan(-1)
  return all.slice(start, start + lines).map((line) => line.trim())
}

function fullSession(): Snapshot {
  const snapshot = richSession()
  const partition = { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true }
  snapshot.capturedBy.store = { id: "7", name: "Work", isPrivate: true }
  snapshot.cookies?.push(
    cookie({ name: "chips", partition, expiresAt: now + 90 * 60 * 1000, path: "/cart", sameSite: "none" }),
    cookie({ name: "old", value: "", hostOnly: false, expiresAt: now - 3 * 24 * hour, firstPartyDomain: "a.test" }),
  )
  snapshot.origins?.push({ ...richState().state, partition })
  const tab = snapshot.tabs?.[0]
  if (tab !== undefined) tab.url = "https://app.example.com/reset?token=canary-address"
  tab?.sessionStorage.push({ origin: "https://login.other.example", partition, items: [] })
  return snapshot
}

describe("the tree of a session", () => {
  it("tells whose it is, when and from where it was taken, and when it ends", async () => {
    const [first, sites, saved, captured] = (await treeOf(fullSession())).split("\n")
    expect(first).toBe('example.com, account "default"')
    expect(sites).toBe("  with other.example")
    expect(saved).toBe('  saved 2025-06-15T14:06:40Z by "laptop", ends 2025-07-15T15:06:40Z (in 30 days)')
    expect(captured).toBe(
      '  captured 2023-11-14T22:13:20Z by test 0.0.0 in chromium 156, from container "Work", a private window',
    )
  })

  it("tells cookies by domain with flags, end and partition", async () => {
    expect(at(await treeOf(fullSession()), "cookies: 4", 6)).toEqual([
      "cookies: 4",
      "app.example.com",
      '"sid"  host-only  Secure  HttpOnly  session  26 B',
      '"chips"  "/cart"  host-only  Secure  HttpOnly  SameSite=none  in 2 hours  below https://shop.example (in a frame)  3 B',
      '"old"  with subdomains  Secure  HttpOnly  3 days ago  isolated to a.test  0 B',
      "login.other.example",
    ])
  })

  it("tells each origin's keys, databases, files, caches and workers, each partition apart", async () => {
    const tree = await treeOf(fullSession())
    const inside = [
      "localStorage: 1 key",
      '"login"  18 B',
      'database "vault", version 2: 1 store',
      'store "keys": keys beside the records, key generator at 2, 1 record, 16 B',
      'index "byUser" on "user", unique',
      "private files: 1, 3 B",
      '"notes.bin"  3 B',
      "caches: 1 with 4 responses, counted only",
      "service workers: 1, counted only",
    ]
    const name = "https://login.other.example"
    expect(at(tree, name, 10)).toEqual([name, ...inside])
    expect(at(tree, `${name} below https://shop.example`, 10).slice(1)).toEqual(inside)
    expect(at(tree, "https://app.example.com", 5).at(-1)).toBe("databases: not captured")
  })

  it("tells tabs by origin, with what each of them holds", async () => {
    expect(at(await treeOf(fullSession()), 'tab "1" at https://app.example.com', 4)).toEqual([
      'tab "1" at https://app.example.com',
      "sessionStorage of https://app.example.com: 1 key",
      '"tab"  10 B',
      "sessionStorage of https://login.other.example below https://shop.example: 0 keys",
    ])
  })

  it("tells what was not captured from what is empty", async () => {
    const { schema, sites, account, capturedAt, capturedBy, report } = fullSession()
    const bare = await treeOf({ schema, sites, account, capturedAt, capturedBy, report })
    for (const kind of ["cookies", "origins", "tabs", "browser context"])
      expect(bare).toContain(`${kind}: not captured`)
    const empty = await treeOf({
      ...fullSession(),
      cookies: [],
      origins: [],
      tabs: [{ id: "", url: "about:blank", sessionStorage: [] }],
    })
    expect(empty).toContain("cookies: 0")
    expect(empty).toContain('tab "" at no origin')
    expect(empty).not.toContain("not captured")
  })

  it("tells stores whose records were not read, folders, and files that were only counted", async () => {
    const snapshot = fullSession()
    snapshot.origins = [
      { origin: "https://a.test", partition: null, opfs: { files: 3, bytes: 5000 } },
      {
        origin: "https://b.test",
        partition: null,
        indexedDB: [
          {
            name: "",
            version: 1,
            stores: [{ name: "s", keyPath: ["a", "b"], autoIncrement: false, nextKey: null, indexes: [] }],
          },
        ],
        opfs: { files: 0, bytes: 0, entries: [{ path: "dir", data: null }] },
      },
    ]
    const tree = await treeOf(snapshot)
    expect(tree).toContain("private files: 3, 4.9 KiB, counted only")
    expect(tree).toContain('store "s": key ["a", "b"], records not captured')
    expect(tree).toContain('"dir"  folder')
  })

  it("never holds a value, a record key, a file or an address unless values were asked for", async () => {
    const snapshot = fullSession()
    const records = snapshot.origins?.at(-1)?.indexedDB?.[0]?.stores[0]?.records
    records?.push({ key: '"canary-key"', value: '{"$":["Map",["canary","canary"]]}' })
    for (const all of [false, true]) expect(await treeOf(snapshot, { all })).not.toContain("canary")
    const facts = JSON.stringify(await factsOf(snapshot))
    expect(facts).not.toContain("canary")
    expect(facts).not.toContain("AAAA")
    const open = JSON.stringify(await factsOf(snapshot, { showsValues: true }))
    for (const value of ["canary-cookie", "canary-second-site", "canary-tab", "canary-record", "canary-key", "AAAA"]) {
      expect(open).toContain(value)
    }
    expect(open).not.toContain("canary-address")
  })

  it("shows values when asked: texts as they are, records as a person reads them", async () => {
    const codec = createStructuredCodec()
    const value = await codec.encode(new Map([["when", [new Date(0), 5n, "\u001b[2J"]]]))
    const image = '{"$":["ImageData",{"$":["Uint8ClampedArray",{"$":["ArrayBuffer","AAAAAA=="]}]},1,1,"srgb"]}'
    const key = await codec.encode(
      await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, ["encrypt"]),
    )
    const snapshot = fullSession()
    const records = snapshot.origins?.at(-1)?.indexedDB?.[0]?.stores[0]?.records
    records?.push({ key: '["a",1]', value: value.text }, { key: "2", value: image }, { key: "3", value: key.text })
    const tree = await treeOf(snapshot, { showsValues: true })
    expect(tree).toContain("= canary-cookie-canary-token")
    expect(tree).toContain("1 = 'canary-record'")
    expect(tree).toContain("[ 'a', 1 ] = Map(1) { 'when' => [ 1970-01-01T00:00:00.000Z, 5n, '\\x1B[2J' ] }")
    expect(tree).toContain(`2 = ${image}`)
    expect(tree).toContain('3 = {"$":["CryptoKey"')
    expect(tree).toContain("= Base64 AAAA")
  })

  it("cuts long lists and long names unless everything is asked for", async () => {
    const snapshot = fullSession()
    const items = (count: number) => Array.from({ length: count }, (_, i): StorageItem => [`key-${i}`, "v"])
    const name = "n".repeat(5000)
    snapshot.origins = [
      { origin: "https://a.test", partition: null, localStorage: items(20) },
      { origin: "https://b.test", partition: null, localStorage: [...items(51), [name, "x".repeat(3000)]] },
    ]
    const short = await treeOf(snapshot)
    expect(short).toContain('"key-19"')
    expect(short).toContain('"key-14"  1 B\n      … and 37 more')
    const whole = await treeOf(snapshot, { all: true })
    expect(whole).toContain(`"${name}"`)
    expect(whole).not.toContain("more")
    snapshot.origins = [{ origin: "https://b.test", partition: null, localStorage: [[name, "x".repeat(3000)]] }]
    const long = await treeOf(snapshot, { showsValues: true })
    expect(long).toContain(`"${"n".repeat(79)}…"  2.9 KiB`)
    expect(long).toContain(`= ${"x".repeat(2000)}… (3000 characters)`)
  })

  it("makes every name that a site or a stranger chose harmless", async () => {
    const evil = '\u001b]0;x\u0007\u009b2J\u202e\u2066\u200b\u2028\r\n\ud800"\\\u{e0041}'
    const shown = '\\u001b]0;x\\u0007\\u009b2J\\u202e\\u2066\\u200b\\u2028\\u000d\\u000a\\ud800\\"\\\\\\udb40\\udc41'
    const evilPartition = { topLevelSite: evil, hasCrossSiteAncestor: null }
    const gap = { where: evil, what: evil, why: evil, fix: evil, count: 1 }
    const snapshot: Snapshot = {
      ...fullSession(),
      sites: [evil, evil],
      account: evil,
      capturedBy: {
        tool: evil,
        version: evil,
        browser: { engine: evil, major: null },
        store: { id: evil, name: evil, isPrivate: false },
      },
      cookies: [
        cookie({
          name: evil,
          value: evil,
          domain: evil,
          path: evil,
          firstPartyDomain: evil,
          partition: evilPartition,
        }),
      ],
      origins: [
        {
          origin: "https://a.test",
          partition: evilPartition,
          localStorage: [[evil, evil]],
          indexedDB: [
            {
              name: evil,
              version: 1,
              stores: [
                {
                  name: evil,
                  keyPath: evil,
                  autoIncrement: false,
                  nextKey: null,
                  indexes: [{ name: evil, keyPath: [evil], unique: false, multiEntry: true }],
                  records: [{ key: JSON.stringify(evil), value: evil }],
                },
              ],
            },
          ],
          opfs: { files: 1, bytes: 1, entries: [{ path: evil, data: evil }] },
        },
      ],
      tabs: [
        {
          id: evil,
          url: evil,
          sessionStorage: [{ origin: "https://a.test", partition: evilPartition, items: [[evil, evil]] }],
        },
      ],
      context: {
        userAgent: evil,
        clientHints: {
          ...{ brands: [], fullVersionList: [], architecture: "", bitness: "", model: "", mobile: false, wow64: false },
          platform: evil,
          platformVersion: evil,
        },
        languages: [evil],
        timezone: evil,
        viewport: { width: 1, height: 1, scale: 1 },
        colorScheme: "light",
      },
      report: {
        captured: {},
        gaps: [
          { ...gap, kind: "cookies" },
          { ...gap, kind: "portability" },
        ],
      },
    }
    for (const asked of [{}, { all: true }, { showsValues: true }]) {
      const tree = await treeOf(snapshot, asked)
      expect(tree).not.toMatch(/[^\P{C}\n]/u)
      expect(tree).toContain(`"${shown}"`)
    }
  })
})
