import { describe, expect, it, vi } from "vitest"
import { isPspError } from "../../../shared/errors.js"
import { readableFormats } from "../../../shared/formats/detect.js"
import { snapshotOf, sitesIn } from "../../../shared/formats/found.js"
import { readFoundFile } from "../../../shared/formats/read-file.js"
import { now } from "./session.js"
import { growth, linear } from "../../growth.js"

/** As a tool would use it: whatever the file is, a session or a refusal that we know. */
function survive(content: string | Uint8Array) {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
  const outcomes: string[] = []
  for (const format of [undefined, ...readableFormats]) {
    try {
      const { found } = readFoundFile(bytes, format)
      const [first] = sitesIn(found)
      if (first !== undefined) snapshotOf(found, { sites: [first.site], account: "default", now, format: "x" })
      outcomes.push("read")
    } catch (error) {
      if (!isPspError(error)) throw error
      expect(error.message).not.toContain("canary")
      outcomes.push(error.code)
    }
  }
  return outcomes
}

const inState = (value: string) =>
  `{"cookies":[{"name":"a","value":"b","domain":"a.example","x":${value}}],"origins":[{"origin":"https://a.example",` +
  `"localStorage":[],"indexedDB":[{"name":"d","version":1,"stores":[{"name":"s","keyPath":null,"autoIncrement":false,` +
  `"indexes":[],"records":[{"key":1,"valueEncoded":${value}},{"key":2,"value":${value}}]}]}]}]}`

describe("a file of anybody", () => {
  it("that is no JSON, or hardly so, is refused or read, and never worse", () => {
    const broken = [
      "",
      " ",
      "[",
      "]",
      "{",
      "[1,]",
      '{"a":}',
      "{'a':1}",
      "nul",
      "[1]x",
      '"\u0000"',
      '["\\u00"]',
      "[+1]",
      "[01]",
      "[.5]",
      "[1e]",
      "\ufeff{}",
      "\ufeff\ufeff[]",
      '{"cookies":[]',
      "/**/[]",
      '[{"name":"canary"',
      "[[[[[[[[[[",
      '{"a":1}{"b":2}',
      "NaN",
      "[Infinity]",
      '["\ud800"]',
      "\u2028",
      "a\u0000b",
      "%",
      "<html>canary</html>",
    ]
    for (const text of broken) survive(text)
    const odd = [
      "[]",
      "{}",
      "0",
      "-0",
      '""',
      "null",
      "true",
      "[null]",
      "[[]]",
      "[{}]",
      '{"cookies":{}}',
      '{"cookies":[[]],"origins":[[]]}',
      '{"origins":[{"origin":{}}]}',
      '{"log":{"entries":[null,{},{"request":{"url":"https://a.example/"}}]}}',
      '{"log":{"entries":[{"request":{"url":"https://a.example/","headers":[null,{},{"name":"Cookie","value":";;=;"}]},"response":{"headers":[{"name":"Set-Cookie","value":";;;"}],"cookies":[null]}}]}}',
    ]
    for (const text of odd) survive(text)
  })

  it("may have huge numbers, deep data, and keys that mean something to objects", () => {
    const deep = (open: string, close: string, levels: number) => open.repeat(levels) + "1" + close.repeat(levels)
    const values = [
      "1e400",
      "-1e400",
      "9".repeat(5000),
      `{"bi":"${"9".repeat(1_000_000)}"}`,
      '{"bi":"canary"}',
      '{"r":{"p":"(","f":"canary"}}',
      '{"ta":{"b":"AAA=","k":"f64"}}',
      '{"ta":{"b":"?","k":"constructor"}}',
      '{"ref":99}',
      '{"o":[{"k":"__proto__","v":{"o":[{"k":"polluted","v":1}],"id":2}}],"id":1}',
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
      '{"a":[{"ref":1}],"id":1}',
      '{"v":"constructor"}',
      '{"d":"never"}',
      '{"u":"https://a.example"}',
      deep('{"a":[', '],"id":1}', 20_000),
      deep("[", "]", 50_000),
      deep('{"__proto__":', "}", 20_000),
    ]
    for (const value of values) {
      survive(inState(value))
      survive(value)
    }
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined()
    for (const name of ["__proto__", "constructor", "toString", "length", "hasOwnProperty"]) {
      survive(`[{"name":"${name}","value":"v","domain":"a.example","sameSite":"${name}"}]`)
      survive(`a.example\tTRUE\t/\tTRUE\t0\t${name}\tv\n`)
      survive(`{"${name}":{},"cookies":[],"${name}":1}`)
    }
  })

  it("may hold names and values of every nasty kind, and they come through unchanged", () => {
    const naughty = [
      "",
      " ",
      "undefined",
      "NULL",
      "(null)",
      "true",
      "-1",
      "1/0",
      "0x0",
      "١٢٣",
      "Ω≈ç√∫",
      "田中さん",
      "👩‍👩‍👧",
      "\u202etest",
      "\u200b",
      "\ufeff",
      "Z̮̞̠͙͔ͅͅalgo",
      "' OR 1=1 --",
      "<script>alert(1)</script>",
      "../../etc/passwd",
      "$(touch x)",
      "%s%n",
      "{{7*7}}",
      "\u0000",
      "\r\n",
      "\t",
      "a;b",
      "a=b",
      "\ud800",
      "\udc00\ud800",
      "\u2028",
      "nil;drop",
    ]
    const localStorage = naughty.map((text, at) => ({ name: `${text}${at}`, value: text }))
    const cookies = naughty.map((value) => ({ name: value, value, domain: "a.example", path: value }))
    const { found } = readFoundFile(
      new TextEncoder().encode(JSON.stringify({ cookies, origins: [{ origin: "https://a.example", localStorage }] })),
    )
    expect(found.origins?.[0]?.localStorage).toEqual(localStorage.map(({ name, value }) => [name, value]))
    expect(found.cookies?.map(({ value }) => value)).toEqual(naughty)
    for (const domain of naughty)
      survive(
        JSON.stringify([
          { name: "a", value: "b", domain },
          { name: "a", value: "b", domain: `x.${domain}.example` },
        ]),
      )
    for (const text of naughty) survive(`a.example\tTRUE\t/\tTRUE\t0\t${text}\t${text}\n${text}`)
  })

  it("may be cut anywhere, and may be bytes of any kind", () => {
    const whole = inState('{"o":[{"k":"a","v":{"d":"2026-01-01T00:00:00.000Z"}}],"id":1}')
    for (let end = 0; end < whole.length; end += 7) survive(whole.slice(0, end))
    for (let seed = 1; seed < 60; seed++) {
      survive(
        Uint8Array.from(
          { length: 64 },
          (_, at) => (Math.imul(seed * 2_654_435_761 + at * 40_503, 2_246_822_519) >>> 13) & 0xff,
        ),
      )
    }
  })

  it.each([
    ["deep", "[".repeat(60_000)],
    ["deep in turns", '{"a":['.repeat(30_000)],
    ["full of small things", `[${"[],".repeat(9_000_000)}[]]`],
    ["full of numbers", `[${"0,".repeat(17_000_000)}0]`],
  ])("that is %s is refused before it is parsed", (_, text) => {
    const parse = vi.spyOn(JSON, "parse")
    try {
      for (const format of [undefined, "har"] as const) {
        expect(() => readFoundFile(new TextEncoder().encode(text), format)).toThrow(
          expect.objectContaining({ code: "too-large" }),
        )
      }
      expect(parse).not.toHaveBeenCalled()
    } finally {
      parse.mockRestore()
    }
  })

  it("may have any brackets in its texts", () => {
    const value = `${"[{".repeat(30_000)}\\"${"[,".repeat(30_000)}`
    const state = { cookies: [], origins: [{ origin: "https://a.example", localStorage: [{ name: "k", value }] }] }
    const { found } = readFoundFile(new TextEncoder().encode(JSON.stringify(state)))
    expect(found.origins?.[0]?.localStorage).toEqual([["k", value]])
  })

  describe("however it is filled", () => {
    const fill = (head: string, item: string, between: string, tail: string) => (bytes: number) =>
      new TextEncoder().encode(
        head +
          Array.from({ length: Math.floor(bytes / (item.length + between.length)) }, () => item).join(between) +
          tail,
      )
    const cookie = '{"name":"a","value":"b","domain":".sub.a.example","path":"/","expires":1900000000}'
    const entry =
      '{"startedDateTime":"2026-01-01T00:00:00Z","request":{"url":"https://a.example/","headers":[{"name":"Cookie","value":"a=1; b=2"}]},"response":{"headers":[{"name":"Set-Cookie","value":"a=1"}]}}'
    const files = {
      cookies: fill('{"cookies":[', cookie, ",", "]}"),
      lines: fill("", ".a.example\tTRUE\t/\tTRUE\t0\tn\tv", "\n", "\n"),
      noLines: fill("# Netscape HTTP Cookie File\n", "x", "\n", ""),
      oneLine: fill("# Netscape HTTP Cookie File\n", "\t", "", ""),
      semicolons: fill(
        '{"log":{"entries":[{"request":{"url":"https://a.example/"},"response":{"headers":[{"name":"set-cookie","value":"',
        ";",
        "",
        '"}]}}]}}',
      ),
      entries: fill('{"log":{"entries":[', entry, ",", "]}}"),
      items: fill(
        '{"origins":[{"origin":"https://a.example","localStorage":[',
        '{"name":"k","value":"v"}',
        ",",
        "]}]}",
      ),
      stores: fill(
        '{"origins":[{"origin":"https://a.example","localStorage":[],"indexedDB":[{"name":"d","version":1,"stores":[',
        "0",
        ",",
        "]}]}]}",
      ),
      origins: fill('{"origins":[', '{"origin":"https://a.example","localStorage":[]}', ",", "]}"),
    }
    const read = (bytes: Uint8Array) => {
      try {
        const { found } = readFoundFile(bytes)
        const [first] = sitesIn(found)
        if (first) snapshotOf(found, { sites: [first.site], account: "default", now, format: "x" })
      } catch (error) {
        if (!isPspError(error)) throw error
      }
    }

    it.each(Object.entries(files))("takes time in proportion to its size: %s", { timeout: 120_000 }, (_, filled) => {
      const work = (share: number) => {
        const bytes = filled(share * 2 * 1024 * 1024)
        return () => read(bytes)
      }
      expect(growth(work)).toBeLessThan(linear)
    })

    it("may have 50 MB", { timeout: 120_000 }, () => {
      const { found } = readFoundFile(files.cookies(50 * 1024 * 1024))
      expect(sitesIn(found)).toMatchObject([{ site: "a.example" }])
    })
  })
})
