import { describe, expect, it } from "vitest"
import { isPspError } from "../../../shared/errors.js"
import { fromAgentBrowser, snapshotToAgentBrowser } from "../../../shared/formats/agent-browser.js"
import { fromBrowserUse, snapshotToBrowserUse } from "../../../shared/formats/browser-use.js"
import { fromCookieEditor, snapshotToCookieEditor } from "../../../shared/formats/cookie-editor.js"
import { snapshotToCurlJar } from "../../../shared/formats/curl-jar.js"
import { detectFormat } from "../../../shared/formats/detect.js"
import { fileText } from "../../../shared/formats/file-text.js"
import { sitesIn, snapshotOf, type Found } from "../../../shared/formats/found.js"
import { fromNetscape, snapshotToNetscape } from "../../../shared/formats/netscape.js"
import { fromPlaywright, snapshotToPlaywright } from "../../../shared/formats/playwright.js"
import { fromPuppeteer, snapshotToPuppeteer } from "../../../shared/formats/puppeteer.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { cookie, cookieSession, now, richSession, richState } from "./session.js"

const json = (value: unknown) => JSON.stringify(value)
const raw = { name: "sid", value: "canary", domain: "app.example.com", path: "/" }
const what = ({ gaps }: Found) => gaps.map((gap) => [gap.where, gap.what, gap.why])

describe("a reader of Playwright's storageState", () => {
  it("reads databases, private files and localStorage that the writer wrote, and the key generator's next number", () => {
    const { text } = snapshotToPlaywright(richSession(), { now })
    const found = fromPlaywright(text)
    const { databases, files, origin } = richState()
    const state = found.origins?.find((item) => item.origin === origin)
    expect(state).toEqual({
      origin,
      partition: null,
      localStorage: [["login", "canary-second-site"]],
      indexedDB: databases,
      opfs: { files: 1, bytes: 3, entries: files },
    })
    expect(found.gaps).toEqual([])
  })

  it("reads files of versions without databases, and leaves a kind that is missing unknown", () => {
    const found = fromPlaywright(json({ cookies: [], origins: [{ origin: "https://a.example", localStorage: [] }] }))
    expect(found).toEqual({
      cookies: [],
      origins: [{ origin: "https://a.example", partition: null, localStorage: [] }],
      gaps: [],
    })
    expect(fromPlaywright('{"cookies":[]}')).toEqual({ cookies: [], gaps: [] })
  })

  it("takes the key of a record from its value where the store has a key path", () => {
    const records = [
      { value: { id: 7, at: { x: "k" } } },
      {
        valueEncoded: {
          o: [
            { k: "id", v: 9 },
            { k: "when", v: { d: "2026-01-01T00:00:00.000Z" } },
          ],
          id: 1,
        },
      },
      { value: { none: 1 } },
    ]
    const store = { name: "s", keyPath: "id", autoIncrement: true, indexes: [], records }
    const indexedDB = [{ name: "db", version: 1, stores: [store] }]
    const found = fromPlaywright(json({ origins: [{ origin: "https://a.example", localStorage: [], indexedDB }] }))
    const read = found.origins?.[0]?.indexedDB?.[0]?.stores[0]
    expect(read).toMatchObject({ nextKey: 10, records: [{ key: "7" }, { key: "9" }] })
    expect(read?.records?.[1]?.value).toBe('{"id":9,"when":{"$":["Date",1767225600000]}}')
    expect(what(found)).toEqual([
      ["https://a.example", '1 record of store "s" of database "db"', "a record without its key cannot be read"],
    ])
  })

  it("leaves out a cookie that is malformed, with its reason and no value, and keeps the others", () => {
    const cookies = [
      raw,
      { ...raw, name: 1 },
      { ...raw, value: null },
      { ...raw, domain: "co.uk" },
      { ...raw, domain: ".com" },
      { ...raw, domain: "a/b" },
      { ...raw, secure: "yes" },
      { ...raw, expires: "soon" },
      { ...raw, sameSite: "Canary" },
      { ...raw, sameSite: {} },
      { ...raw, partitionKey: 5 },
      { ...raw, partitionKeyOpaque: true },
      "canary",
      null,
    ]
    const found = fromPlaywright(json({ cookies }))
    expect(found.cookies).toEqual([cookie({ value: "canary", secure: false, httpOnly: false })])
    expect(found.gaps.reduce((sum, { count }) => sum + count, 0)).toBe(cookies.length - 1)
    expect(json(found.gaps)).not.toMatch(/canary/i)
  })

  it("takes an end of 0 or -1 for a session cookie and one beyond the year 9999 for its end", () => {
    const ends = [0, -1, 1e300, 1_900_000_000.5].map((expires) => ({ ...raw, expires }))
    expect(fromPlaywright(json({ cookies: ends })).cookies?.map(({ expiresAt }) => expiresAt)).toEqual([
      null,
      null,
      253_402_300_799_000,
      1_900_000_000_500,
    ])
    expect(
      fromPlaywright('{"cookies":[{"name":"a","value":"b","domain":"a.example","expires":1e999}]}').cookies,
    ).toEqual([expect.objectContaining({ expiresAt: 253_402_300_799_000 })])
  })

  it("reads all three ways to say a partition", () => {
    const top = "https://shop.example"
    const keys = [
      { partitionKey: top, _crHasCrossSiteAncestor: false },
      { partitionKey: top },
      { partitionKey: { topLevelSite: top, hasCrossSiteAncestor: true } },
      { partitionKey: { sourceOrigin: top, hasCrossSiteAncestor: false } },
      { partitionKey: "" },
    ]
    const found = fromPlaywright(json({ cookies: keys.map((key) => ({ ...raw, ...key })) }))
    expect(found.cookies?.map(({ partition }) => partition?.hasCrossSiteAncestor)).toEqual([
      false,
      null,
      true,
      false,
      undefined,
    ])
  })

  it.each([
    "javascript:canary",
    "https://canary@shop.example",
    "https://shop.example/canary",
    "about:canary",
    "canary",
  ])("leaves out a cookie below %j, which is no site, and names it", (partition) => {
    for (const partitionKey of [partition, { topLevelSite: partition }, { sourceOrigin: partition }]) {
      const found = fromPlaywright(json({ cookies: [{ ...raw, partitionKey }] }))
      expect(found.cookies).toEqual([])
      expect(found.gaps).toMatchObject([{ kind: "cookies", why: "its partition is hidden or none that is known" }])
    }
  })

  it("takes private files where their origin may keep them only, and names the others", () => {
    const paths = ["ok/in.bin", "..", "../../etc/x", "a/../../x", "/etc/x", "a//x", "./x", "a\\..\\x", "a/", "n\u0000"]
    const opfs = paths.map((path) => ({ path, type: "file", base64: "AAAA" }))
    const found = fromPlaywright(json({ origins: [{ origin: "https://a.example", localStorage: [], opfs }] }))
    expect(found.origins?.[0]?.opfs).toEqual({ files: 1, bytes: 3, entries: [{ path: "ok/in.bin", data: "AAAA" }] })
    expect(what(found)).toEqual([
      ["https://a.example", "9 private files", "its path leads to no place within the origin"],
    ])
  })

  it("names passkeys, origins of no site and keys that stand twice", () => {
    const items = [
      { name: "k", value: "canary-old" },
      { name: "k", value: "new" },
      { name: "__proto__", value: "p" },
      { name: "n" },
    ]
    const state = {
      credentials: [{ id: "x" }],
      origins: [
        { origin: "https://a.example/", localStorage: items },
        { origin: "file:///tmp" },
        { origin: "https://co.uk" },
      ],
    }
    const found = fromPlaywright(json(state))
    expect(found.origins).toEqual([
      {
        origin: "https://a.example",
        partition: null,
        localStorage: [
          ["k", "new"],
          ["__proto__", "p"],
        ],
      },
    ])
    expect(found.gaps.map((gap) => [gap.where, gap.what])).toEqual([
      ["https://a.example", "1 item"],
      ["https://a.example", "1 item"],
      ["the file", "1 origin"],
      ["the file", "1 origin"],
      ["the file", "1 passkey"],
    ])
  })

  it("refuses what is none, and says nothing of what stood there", () => {
    for (const text of ["", "canary", "null", "[]", "{}", '{"cookies":"canary"}', '{"cookies":[{"a":"canary']) {
      try {
        fromPlaywright(text)
        expect.unreachable(text)
      } catch (error) {
        expect(isPspError(error, "bad-snapshot"), text).toBe(true)
        expect(String(error)).not.toContain("canary")
      }
    }
  })
})

describe("a reader of cookies.txt", () => {
  it("reads HttpOnly, Windows line ends, a missing value, spaces and quotes as they are", () => {
    const text = [
      "# Netscape HTTP Cookie File",
      '#HttpOnly_.example.com\tTRUE\t/\tTRUE\t1900000000\tsid\ta b"c"',
      "# comment\tTRUE\t/\tTRUE\t0\tno\tno",
      "app.example.com\tFALSE\t/in\tFALSE\t0\tempty",
      "   ",
      ".example.com\tFALSE\t\tfalse\t-1\thost\tx",
    ].join("\r\n")
    const { cookies } = fromNetscape(text)
    expect(cookies).toEqual([
      cookie({ value: 'a b"c"', domain: "example.com", hostOnly: false, expiresAt: 1_900_000_000_000 }),
      cookie({ name: "empty", value: "", path: "/in", secure: false, httpOnly: false }),
      cookie({ name: "host", value: "x", domain: "example.com", secure: false, httpOnly: false }),
    ])
  })

  it("names lines that are none, and says that SameSite is unknown", () => {
    const line = "app.example.com\tFALSE\t/\tFALSE\t0\tsid\tx"
    const found = fromNetscape(
      [line, "a b c", `${line}\ty`, line.replace("FALSE", "maybe"), line.replace("\t0\t", "\tsoon\t")].join("\n"),
    )
    expect(found.cookies).toHaveLength(1)
    expect(what(found)).toEqual([
      ["the file", "2 lines", "it does not have seven fields"],
      ["app.example.com", "1 line", "one of its flags is neither TRUE nor FALSE"],
      ["app.example.com", "1 line", "its end is no number of seconds"],
      ["app.example.com", "1 SameSite attribute", "cookies.txt has no SameSite"],
    ])
    expect(() => fromNetscape("nothing\nof\nit")).toThrow("seven fields")
    expect(fromNetscape("# Netscape HTTP Cookie File\n").cookies).toEqual([])
  })

  it("is written for curl without the lines that curl skips", () => {
    const long = cookie({ name: "long", value: "v".repeat(4000), path: `/${"p".repeat(1000)}` })
    const { text, gaps } = snapshotToCurlJar(cookieSession(cookie(), long), { now })
    expect(fromNetscape(text).cookies).toEqual([cookie()])
    expect(gaps).toMatchObject([{ count: 1 }])
    expect(detectFormat(text)).toBe("curl-jar")
  })
})

describe("Puppeteer's and Cookie-Editor's lists", () => {
  const partition = { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true }

  it("keep what they can hold, with the partition as an object in Puppeteer's", () => {
    const partitioned = cookie({ name: "p", partition, sameSite: "none" })
    const snapshot = cookieSession(
      cookie({ sameSite: "lax", expiresAt: now + 5000 }),
      cookie({ name: "s" }),
      partitioned,
    )
    const puppeteer = snapshotToPuppeteer(snapshot, { now })
    expect(JSON.parse(puppeteer.text)).toMatchObject([
      { expires: (now + 5000) / 1000, sameSite: "Lax" },
      {},
      { partitionKey: { sourceOrigin: "https://shop.example", hasCrossSiteAncestor: true } },
    ])
    expect(puppeteer.text).not.toContain("-1")
    expect(fromPuppeteer(puppeteer.text)).toEqual({ cookies: snapshot.cookies, gaps: [] })
    expect(puppeteer.gaps).toEqual([])
    const editor = snapshotToCookieEditor(snapshot, { now })
    expect(fromCookieEditor(editor.text).cookies).toEqual(snapshot.cookies?.slice(0, 2))
    expect(editor.gaps).toMatchObject([{ what: "1 partitioned cookie" }])
  })

  it("read what extensions export: null for what they do not know, partitions of chrome.cookies", () => {
    const exported = [
      {
        ...raw,
        domain: ".example.com",
        hostOnly: false,
        sameSite: null,
        session: true,
        expirationDate: 5,
        storeId: null,
      },
      { ...raw, sameSite: "no_restriction", secure: true, partitionKey: partition, expirationDate: 1_900_000_000.25 },
    ]
    expect(fromCookieEditor(json(exported)).cookies).toMatchObject([
      { hostOnly: false, sameSite: "unspecified", expiresAt: null },
      { hostOnly: true, sameSite: "none", partition, expiresAt: 1_900_000_000_250 },
    ])
  })
})

describe("state files of browser-use and agent-browser", () => {
  const snapshot = richSession()

  it("carry sessionStorage too, and name what they cannot hold", () => {
    const use = snapshotToBrowserUse(snapshot, { now })
    const found = fromBrowserUse(use.text)
    expect(found.cookies).toEqual(snapshot.cookies)
    expect(found.tabs?.[0]?.sessionStorage).toEqual(snapshot.tabs?.[0]?.sessionStorage)
    expect(use.gaps.map(({ kind }) => kind)).toEqual(["indexedDB", "opfs", "context"])
    const agent = snapshotToAgentBrowser(snapshot, { now })
    expect(fromAgentBrowser(agent.text)).toEqual(found)
    expect(json([use.gaps, agent.gaps])).not.toContain("canary")
  })

  it("give a partition to browser-use as CDP names it, and none to agent-browser", () => {
    const partition = { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true }
    const one = cookieSession(cookie({ partition }))
    expect(JSON.parse(snapshotToBrowserUse(one, { now }).text)).toMatchObject({
      cookies: [{ partitionKey: partition }],
    })
    const agent = snapshotToAgentBrowser(one, { now })
    expect(JSON.parse(agent.text)).toMatchObject({ cookies: [] })
    expect(agent.gaps).toMatchObject([{ what: "1 partitioned cookie" }])
  })

  it("take the first of several tabs and name what differs in the others", () => {
    const two = exampleSnapshot()
    const area = (value: string) => [
      { origin: "https://app.example.com", partition: null, items: [["tab", value] as [string, string]] },
    ]
    two.tabs?.push({ id: "2", url: "https://app.example.com/", sessionStorage: area("other") })
    const { text, gaps } = snapshotToBrowserUse(two, { now })
    expect(text).toContain("canary-tab")
    expect(text).not.toContain("other")
    expect(gaps).toMatchObject([{ kind: "sessionStorage", what: "1 item" }, { kind: "context" }])
  })
})

describe("the format of a file", () => {
  it("is seen in what stands in it", () => {
    const snapshot = richSession()
    const texts = {
      playwright: snapshotToPlaywright(snapshot, { now }).text,
      puppeteer: snapshotToPuppeteer(snapshot, { now }).text,
      "cookie-editor": snapshotToCookieEditor(snapshot, { now }).text,
      netscape: snapshotToNetscape(snapshot, { now }).text,
      "curl-jar": snapshotToCurlJar(snapshot, { now }).text,
      "browser-use": snapshotToBrowserUse(snapshot, { now }).text,
      "agent-browser": snapshotToAgentBrowser(snapshot, { now }).text,
      har: json({ log: { entries: [] } }),
    }
    for (const [format, text] of Object.entries(texts)) expect(detectFormat(text), format).toBe(format)
    expect(detectFormat(".a.example\tTRUE\t/\tTRUE\t0\tn\tv\r\n")).toBe("netscape")
    for (const text of ["", "hello", "{}", "[1]", "7", "Cookie: sid=canary", "{"])
      expect(() => detectFormat(text)).toThrow(/^Cannot/)
  })

  it("is read from UTF-8 and UTF-16 with and without a mark, and from nothing else", () => {
    const text = '{"cookies":["ä"]}'
    const utf16 = new Uint8Array(Uint16Array.from(text, (char) => char.charCodeAt(0)).buffer)
    const swapped = utf16.map((_, at) => utf16[at ^ 1] ?? 0)
    const utf8 = new TextEncoder().encode(text)
    const marked = (mark: number[], bytes: Uint8Array) => Uint8Array.from([...mark, ...bytes])
    for (const bytes of [
      utf8,
      utf16,
      swapped,
      marked([0xef, 0xbb, 0xbf], utf8),
      marked([0xff, 0xfe], utf16),
      marked([0xfe, 0xff], swapped),
    ]) {
      expect(fileText(bytes)).toBe(text)
    }
    expect(fileText(new Uint8Array())).toBe("")
    const latin1 = Uint8Array.from(text, (char) => char.charCodeAt(0))
    for (const bytes of [latin1, marked([0xff, 0xfe, 0, 0], utf16), Uint8Array.of(0xff, 0xfe, 0x61)]) {
      expect(() => fileText(bytes)).toThrow("save it as UTF-8")
    }
  })
})

describe("sites in a file", () => {
  it("are listed with what there is of each, and one is taken when it is asked for", () => {
    const found = fromBrowserUse(snapshotToBrowserUse(richSession(), { now }).text)
    expect(sitesIn(found)).toEqual([
      { site: "example.com", cookies: 1, localStorage: 2, sessionStorage: 1, indexedDB: 0, opfs: 0 },
      { site: "other.example", cookies: 1, localStorage: 1, sessionStorage: 0, indexedDB: 0, opfs: 0 },
    ])
    const snapshot = snapshotOf(found, { sites: ["other.example"], account: "work", now, format: "browser-use" })
    expect(snapshot).toMatchObject({ sites: ["other.example"], account: "work", cookies: [{ name: "idp" }], tabs: [] })
    expect(JSON.stringify(snapshot)).not.toContain("app.example.com")
    expect(snapshot.report).toMatchObject({ captured: { cookies: 1, localStorage: 1, sessionStorage: 0 } })
  })

  it("leave out cookies that have ended, and of two that are one the earlier", () => {
    const cookies = [raw, { ...raw, value: "new" }, { ...raw, name: "old", expires: 5 }]
    const options = { sites: ["example.com"] as [string], account: "default", now, format: "playwright" }
    const snapshot = snapshotOf(fromPlaywright(json({ cookies })), options)
    expect(snapshot.cookies?.map(({ value }) => value)).toEqual(["new"])
    expect(snapshot.report.gaps.map((gap) => gap.what)).toEqual(["1 expired cookie", "1 cookie"])
  })
})
