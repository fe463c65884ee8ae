import { describe, expect, it } from "vitest"
import { fromHar } from "../../../shared/formats/har.js"
import { cookie } from "./session.js"

interface Step {
  url?: string
  at?: number
  sent?: string
  set?: string[]
  sentList?: object[]
  setList?: object[]
}

const start = Date.parse("2026-01-01T00:00:00.000Z")

/** Each step a second after the one before, unless it says when. */
function har(...steps: Step[]) {
  const entries = steps.map(
    ({ url = "https://app.example.com/in/page", at, sent, set = [], sentList, setList }, place) => ({
      startedDateTime: new Date(start + (at ?? place) * 1000).toISOString(),
      time: 100,
      request: { url, headers: sent === undefined ? [] : [{ name: "Cookie", value: sent }], cookies: sentList ?? [] },
      response: { headers: set.map((value) => ({ name: "set-cookie", value })), cookies: setList ?? [] },
    }),
  )
  return fromHar(JSON.stringify({ log: { version: "1.2", entries } }))
}

describe("cookies of an HTTP archive", () => {
  it("have the attributes of their Set-Cookie headers", () => {
    const { cookies, gaps } = har({
      set: [
        "sid=a=b; Domain=.Example.com; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "bare",
        'q="x y"; expires=Fri, 01-Jan-2027 00:00:00 GMT\nsecond=2; path=nonsense',
      ],
    })
    const seen = { domain: "app.example.com", hostOnly: true, path: "/in", secure: false, httpOnly: false }
    expect(cookies).toEqual([
      cookie({ value: "a=b", domain: "example.com", hostOnly: false, sameSite: "strict", expiresAt: start + 60_100 }),
      cookie({ ...seen, name: "", value: "bare" }),
      cookie({ ...seen, name: "q", value: '"x y"', expiresAt: Date.parse("2027-01-01T00:00:00Z") }),
      cookie({ ...seen, name: "second", value: "2" }),
    ])
    expect(gaps).toEqual([])
  })

  it("are those of the last response in time, whatever the order in the file, and go when they are ended", () => {
    const { cookies } = har(
      { at: 9, set: ["sid=new; path=/"] },
      { at: 1, set: ["sid=old; path=/", "gone=1; path=/", "also=1; path=/"] },
      { at: 5, set: ["gone=; path=/; max-age=0", "also=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT"] },
    )
    expect(cookies).toEqual([cookie({ value: "new", secure: false, httpOnly: false })])
  })

  it("take the value that a script gave them, as a request shows it, and keep their attributes", () => {
    const { cookies, gaps } = har({ set: ["sid=1; path=/; secure"] }, { sent: "sid=2; other=x" })
    expect(cookies).toEqual([
      cookie({ value: "2", httpOnly: false }),
      cookie({ name: "other", value: "x", httpOnly: false }),
    ])
    expect(gaps).toMatchObject([
      { where: "app.example.com", what: "1 cookie", why: expect.stringContaining("only its name") as string },
    ])
  })

  it("have their true attributes once a response shows them", () => {
    const { cookies, gaps } = har({ sent: "sid=1" }, { set: ["sid=2; domain=example.com; path=/"] }, { sent: "sid=2" })
    expect(cookies).toMatchObject([{ value: "2", domain: "example.com", hostOnly: false }])
    expect(gaps).toEqual([])
  })

  it("are read from the lists where there are no headers", () => {
    const set = {
      name: "a",
      value: "1",
      path: "/",
      domain: ".example.com",
      expires: "2027-01-01T00:00:00.000Z",
      httpOnly: true,
      sameSite: "Lax",
    }
    const { cookies } = har({
      setList: [set, { name: "b", value: "2", secure: true }, { name: "c" }],
      sentList: [{ name: "d", value: "4" }],
    })
    expect(cookies).toMatchObject([
      { name: "d", hostOnly: true },
      {
        name: "a",
        domain: "example.com",
        hostOnly: false,
        httpOnly: true,
        sameSite: "lax",
        expiresAt: Date.parse("2027-01-01"),
      },
      { name: "b", domain: "app.example.com", hostOnly: true, secure: true, path: "/in", expiresAt: null },
    ])
  })

  it("that a browser would not have kept, or that are partitioned, are named without a value", () => {
    const { cookies, gaps } = har({
      set: ["a=canary; domain=other.example", "b=canary; domain=com", "c=canary; partitioned; secure"],
    })
    expect(cookies).toEqual([])
    expect(gaps.map(({ what }) => what)).toEqual(["2 cookies", "1 cookie", "all cookies"])
    expect(JSON.stringify(gaps)).not.toContain("canary")
  })

  it("that an export left out are missed, and what is no request is counted", () => {
    const found = har({}, { url: "data:text/plain,x" }, { url: "https://" })
    expect(found.gaps).toMatchObject([{ what: "2 requests" }, { fix: "export it with sensitive data" }])
    expect(() => fromHar('{"log":{}}')).toThrow("expected a log with entries")
  })

  it("beyond what a browser sends or takes at once are named, and empty lines are none", () => {
    const many = Array.from({ length: 5000 }, (_, at) => `n${at}=v`)
    const sent = har({ sent: many.join("; ") })
    expect(sent.cookies).toHaveLength(1000)
    expect(sent.gaps).toMatchObject([{ why: expect.stringContaining("more than 1000") as string }, {}])
    const set = har({ set: [many.join("\n")] })
    expect(set.cookies).toHaveLength(1000)
    expect(set.gaps).toMatchObject([{ why: expect.stringContaining("more than 1000") as string }])
    expect(har({ set: ["\n\na=1\n\n"], sent: ";;; ;" }).cookies).toMatchObject([{ name: "a" }])
  })

  it("of a websocket and of an address count too", () => {
    const { cookies } = har(
      { url: "wss://app.example.com/ws", set: ["sid=1; path=/"] },
      { url: "http://127.0.0.1:8080/", set: ["ip=1; domain=127.0.0.1"] },
    )
    expect(cookies).toMatchObject([
      { name: "sid", domain: "app.example.com" },
      { name: "ip", domain: "127.0.0.1", hostOnly: true },
    ])
  })
})
