import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { parseAnswer, parseFrame, parseRequest, type Head } from "../../shared/protocol.js"
import { version } from "../../shared/version.js"

const badMessage = expect.objectContaining({ name: "PspError", code: "bad-message" }) as unknown
const parseJson = (json: string) => parseFrame(JSON.parse(json))

describe("protocol frames", () => {
  it.each([
    { id: 1, seq: 0, last: true, head: { type: "hello" }, data: "" },
    { id: 2147483647, seq: 7, last: false, data: "x" },
    { id: 1, ack: 0 },
    { id: 0, abort: { code: "full", message: "Full" } },
  ])("reads %j", (frame) => {
    expect(parseFrame(frame)).toEqual(frame)
  })

  it.each([
    "null",
    "1",
    '"x"',
    "[]",
    "{}",
    '{"id":"1","ack":0}',
    '{"id":-1,"ack":0}',
    '{"id":1.5,"ack":0}',
    '{"id":1e99,"ack":0}',
    '{"id":1,"ack":-1}',
    '{"id":1,"ack":0,"seq":0}',
    '{"id":1,"abort":"x"}',
    '{"id":1,"abort":{"code":"full"}}',
    '{"id":0,"seq":0,"last":true,"head":{},"data":""}',
    '{"id":1,"seq":0,"last":true,"data":""}',
    '{"id":1,"seq":1,"last":true,"head":{},"data":""}',
    '{"id":1,"seq":0,"last":1,"head":{},"data":""}',
    '{"id":1,"seq":0,"last":true,"head":[],"data":""}',
    '{"id":1,"seq":0,"last":true,"head":{},"data":1}',
    '{"id":1,"seq":0,"last":true,"head":{},"data":"","more":1}',
    '{"id":1,"seq":0,"last":true,"head":{},"data":"","__proto__":{}}',
    '{"__proto__":{"id":1,"ack":0}}',
  ])("refuses %s", (json) => {
    expect(() => parseJson(json)).toThrow(badMessage)
  })

  it("refuses data longer than a frame", () => {
    const data = "x".repeat(256 * 1024 + 1)
    expect(() => parseFrame({ id: 1, seq: 1, last: true, data })).toThrow(badMessage)
  })

  it("cuts the message of an abort, and calls a code it does not know `internal`", () => {
    const frame = parseFrame({ id: 1, abort: { code: "toString", message: "x".repeat(5000) } })
    expect(frame).toMatchObject({ abort: { code: "internal" } })
    expect("abort" in frame && frame.abort.message.length).toBe(1000)
  })
})

describe("protocol requests", () => {
  const name = "v/sessions/abc/0123456789ab0000-x.psp"

  it.each([
    { type: "put", name },
    { type: "put", name, expiresAt: 1_800_000_000_000 },
    { type: "get", name },
    { type: "remove", name },
    { type: "list", prefix: "v/sessions/" },
    { type: "list", prefix: "" },
    { type: "watch", prefix: "v/", known: null },
    { type: "watch", prefix: "v/", known: "0123456789abcdef0123456789abcdef" },
    { type: "hello", protocol: 1, version: "1.2.3-beta.1" },
    { type: "offer", card: `psp1${"q".repeat(200)}` },
    { type: "store" },
    { type: "credentials", address: "s3://bucket" },
    { type: "set-store", address: "file:///srv/sessions" },
    { type: "set-store", address: null },
  ])("reads %j", (head) => {
    expect(parseRequest(head)).toEqual(head)
  })

  it.each([
    "../../../etc/passwd",
    "/etc/passwd",
    "v/..",
    "v/../x",
    "v//x",
    "v/./x",
    "v\\x",
    "C:/x",
    "v/x\0",
    "v/X",
    "v/.partial",
    "",
    "a/".repeat(9) + "a",
    "a".repeat(600),
    5,
    null,
    ["v/x"],
  ])("refuses %j as the name of an object", (name) => {
    for (const type of ["put", "get", "remove"]) expect(() => parseRequest({ type, name })).toThrow(badMessage)
  })

  it.each(["..", "/", "v/../", "V", "a\0"])("refuses %j as a prefix", (prefix) => {
    expect(() => parseRequest({ type: "list", prefix })).toThrow(badMessage)
    expect(() => parseRequest({ type: "watch", prefix, known: null })).toThrow(badMessage)
  })

  it("refuses keys it does not know, and types that are none", () => {
    expect(() => parseRequest({ type: "get", name, path: "/etc" })).toThrow(badMessage)
    expect(() => parseRequest({ type: "get", name, expiresAt: 1 })).toThrow(badMessage)
    for (const expiresAt of ["1", -1, 0.5, null]) {
      expect(() => parseRequest({ type: "put", name, expiresAt })).toThrow(badMessage)
    }
    for (const type of ["toString", "__proto__", "", undefined, 1]) {
      expect(() => parseRequest({ type, name })).toThrow(badMessage)
    }
  })

  it.each(["", "file:///a\nb", "redis://h/\0", "x".repeat(2001), 5, undefined, {}])(
    "refuses %j as an address",
    (address) => {
      for (const type of ["credentials", "set-store"]) {
        expect(() => parseRequest({ type, address })).toThrow(badMessage)
        expect(() => parseRequest({ type, address: "memory:", password: "x" })).toThrow(badMessage)
      }
      expect(() => parseRequest({ type: "credentials", address: null })).toThrow(badMessage)
      expect(() => parseRequest({ type: "store", address: "memory:" })).toThrow(badMessage)
    },
  )

  it("reads the hello of a newer extension, so that it can be told", () => {
    expect(parseRequest({ type: "hello", protocol: 9, version: "9.0.0", news: true })).toEqual({
      type: "hello",
      protocol: 9,
      version: "9.0.0",
    })
  })
})

describe("protocol answers", () => {
  const store = { kind: "file", ok: true }
  const hello = { protocol: 1, version: "0.1.0", computer: null, store }

  it("reads a hello and leaves aside what a newer host adds", () => {
    expect(parseAnswer("hello", { ...hello, news: 1, store: { ...store, news: 1 } })).toEqual(hello)
  })

  it.each<[string, Head]>([
    ["no protocol", { ...hello, protocol: "1" }],
    ["no version", { ...hello, version: "<b>" }],
    ["a computer without card", { ...hello, computer: {} }],
    ["a card that is none", { ...hello, computer: { card: "psp1 or so" } }],
    ["no store", { ...hello, store: null }],
    ["a store without kind", { ...hello, store: { ok: true } }],
    ["a store of no size", { ...hello, store: { ...store, maxObjectBytes: 0 } }],
  ])("calls a hello with %s garbled", (_title, head) => {
    expect(() => parseAnswer("hello", head)).toThrow(expect.objectContaining({ code: "host-garbled" }))
  })

  const trial = {
    at: 1,
    isCreateOnly: true,
    maxObjectBytes: 1,
    warnings: [{ code: "not-durable", message: "It ends" }],
  }
  const facts = {
    address: "s3://bucket",
    source: "config",
    credentials: [{ name: "accessKeyId", state: "kept" }],
    trial,
  }

  it("reads which store is set, without what else came with it", () => {
    expect(parseAnswer("store", facts)).toEqual(facts)
    expect(parseAnswer("set-store", { ...facts, trial: null })).toEqual({ ...facts, trial: null })
    const value = { ...facts, password: "canary", credentials: [{ name: "token", state: "kept", value: "canary" }] }
    expect(JSON.stringify(parseAnswer("store", value))).not.toContain("canary")
    expect(parseAnswer("store", { ...facts, trial: { ...trial, warnings: "none" } }).trial).toBeNull()
  })

  it.each<[string, Head]>([
    ["no address", { ...facts, address: null }],
    ["an address of two lines", { ...facts, address: "a\nb" }],
    ["a source that is none", { ...facts, source: "page" }],
    ["no credentials", { ...facts, credentials: null }],
    ["a credential that is a piece of a command", { ...facts, credentials: [{ name: "x; rm", state: "kept" }] }],
    ["a state that is none", { ...facts, credentials: [{ name: "token", state: "secret" }] }],
    ["credentials without end", { ...facts, credentials: Array.from({ length: 21 }, () => facts.credentials[0]) }],
  ])("calls a store with %s garbled", (_title, head) => {
    for (const type of ["store", "set-store"] as const) {
      expect(() => parseAnswer(type, head)).toThrow(expect.objectContaining({ code: "host-garbled" }))
    }
  })

  it("takes a digest for what is watched, and nothing else", () => {
    const names = "0123456789abcdef0123456789abcdef"
    expect(parseAnswer("watch", { names })).toEqual({ names })
    for (const wrong of [undefined, null, 1, "", names.slice(1), names.toUpperCase(), `${names}0`]) {
      expect(() => parseAnswer("watch", { names: wrong })).toThrow(expect.objectContaining({ code: "host-garbled" }))
      if (wrong !== null) expect(() => parseRequest({ type: "watch", prefix: "v/", known: wrong })).toThrow(badMessage)
    }
  })

  it("throws the error that the host answered with, for every request", () => {
    const head = { error: { code: "denied", message: "No" } }
    for (const type of [
      "hello",
      "put",
      "get",
      "list",
      "remove",
      "watch",
      "offer",
      "store",
      "credentials",
      "set-store",
    ] as const) {
      expect(() => parseAnswer(type, head)).toThrow(expect.objectContaining({ code: "denied", message: "No" }))
    }
    expect(() => parseAnswer("put", { error: 1 })).toThrow(badMessage)
  })
})

describe("version", () => {
  it("is the one in package.json", () => {
    const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as unknown
    expect(manifest).toMatchObject({ version })
  })
})
