import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { maxSnapshotBytes, parseSnapshot, snapshotToJson, type Snapshot } from "../../shared/snapshot.js"
import { basePlaintext } from "../../shared/session-payload.js"
import { exampleSnapshot } from "./example-snapshot.js"

/** The example with one place changed; `path` as in the error messages. */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(exampleSnapshot()) as unknown as Record<string, unknown>
  const keys = path.split(".")
  const last = keys.pop() ?? ""
  const parent = keys.reduce((at, key) => at[key] as Record<string, unknown>, copy)
  if (value === undefined) Reflect.deleteProperty(parent, last)
  else Object.defineProperty(parent, last, { value, enumerable: true, configurable: true, writable: true })
  return copy
}

describe("parseSnapshot", () => {
  it("gives back what snapshotToJson wrote, lone surrogates and a key named length included", () => {
    const snapshot = exampleSnapshot()
    expect(parseSnapshot(snapshotToJson(snapshot))).toEqual(snapshot)
    expect(new TextDecoder().decode(new TextEncoder().encode(snapshotToJson(snapshot)))).toBe(snapshotToJson(snapshot))
  })

  it("keeps not captured, absent and empty apart", () => {
    const bare: Snapshot = {
      schema: 1,
      sites: ["example.com"],
      account: "default",
      capturedAt: 1,
      capturedBy: { tool: "t", version: "1", browser: { engine: "firefox", major: null } },
      report: { captured: {}, gaps: [] },
    }
    const empty: Snapshot = {
      ...bare,
      cookies: [],
      origins: [{ origin: "https://example.com", partition: null, localStorage: [] }],
      tabs: [],
    }
    expect(Object.keys(parseSnapshot(snapshotToJson(bare)))).not.toContain("cookies")
    expect(parseSnapshot(snapshotToJson(empty))).toEqual(empty)
    expect(parseSnapshot(snapshotToJson(empty)).origins?.[0]).not.toHaveProperty("indexedDB")
  })

  it.each([
    ["schema", "1", "schema"],
    ["schema", undefined, "schema"],
    ["sites", [], "sites"],
    ["sites.0", "", "sites.0"],
    ["account", "", "account"],
    ["capturedAt", -1, "capturedAt"],
    ["capturedAt", 1.5, "capturedAt"],
    ["cookies", {}, "cookies"],
    ["cookies.0.value", 7, "cookies.0.value"],
    ["cookies.0.domain", ".example.com", "cookies.0.domain"],
    ["cookies.0.sameSite", "Lax", "cookies.0.sameSite"],
    ["cookies.0.expiresAt", undefined, "cookies.0.expiresAt"],
    ["cookies.0.partition", "https://a.example", "cookies.0.partition"],
    ["cookies.0.extra", 1, "cookies.0.extra"],
    ["origins.0.origin", "https://example.com/path", "origins.0.origin"],
    ["origins.0.origin", "javascript:alert(1)", "origins.0.origin"],
    ["origins.0.localStorage.0", ["only a key"], "origins.0.localStorage.0.1"],
    ["tabs.0.sessionStorage.0.items.0", ["a", "b", "c"], "tabs.0.sessionStorage.0.items.0"],
    ["context.viewport.scale", null, "context.viewport.scale"],
    ["report.gaps", [{ kind: "nonsense" }], "report.gaps.0.kind"],
    ["report", undefined, "report"],
  ])("refuses %s = %j and names the place", (path, value, named) => {
    const attempt = () => parseSnapshot(JSON.stringify(changed(path, value)))
    expect(attempt).toThrow(expect.objectContaining({ code: "bad-snapshot" }))
    expect(attempt).toThrow(named)
  })

  it("tells a newer schema from a fault", () => {
    expect(() => parseSnapshot(changed("schema", 2))).toThrow(expect.objectContaining({ code: "too-new" }))
  })

  it("refuses an own __proto__ key anywhere, and stays unpolluted", () => {
    const json = snapshotToJson(exampleSnapshot())
    for (const hostile of [
      json.replace("{", '{"__proto__":{"polluted":true},'),
      json.replace('"httpOnly"', '"__proto__":{"polluted":true},"httpOnly"'),
      json.replace('"viewport":{', '"viewport":{"__proto__":1,'),
    ]) {
      expect(() => parseSnapshot(hostile)).toThrow(expect.objectContaining({ code: "bad-snapshot" }))
    }
    expect(() => parseSnapshot(json.replace("{", '{"constructor":1,'))).toThrow("constructor")
    expect({}).not.toHaveProperty("polluted")
  })

  it("refuses deep nesting without running out of stack", () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
    expect(() => parseSnapshot(deep)).toThrow(expect.objectContaining({ code: "bad-snapshot" }))
    expect(() => parseSnapshot(`{"a":${deep}}`)).toThrow("levels")
  })

  it("an object whose texts are larger than a snapshot may be is refused, as a text is", () => {
    const half = "x".repeat(maxSnapshotBytes / 2)
    const origins = ["one", "two"].map((name) => ({
      origin: `https://${name}.example.com`,
      partition: null,
      localStorage: [["big", half]],
    }))
    expect(() => parseSnapshot({ ...exampleSnapshot(), origins })).toThrow(
      expect.objectContaining({ code: "too-large" }) as Error,
    )
  })

  it("what is too large only with its escapes is refused before it is sealed", () => {
    const escaped = '"'.repeat(maxSnapshotBytes / 2)
    const origins = [{ origin: "https://app.example.com", partition: null, localStorage: [["big", escaped]] }]
    const snapshot = parseSnapshot({ ...exampleSnapshot(), origins })
    expect(() => basePlaintext(snapshot)).toThrow(expect.objectContaining({ code: "too-large" }) as Error)
  })

  it("refuses more than fits an envelope before parsing it", () => {
    expect(() => parseSnapshot("x".repeat(maxSnapshotBytes + 1))).toThrow(
      expect.objectContaining({ code: "too-large" }),
    )
  })

  it("never repeats a value in its message, and prints hostile keys harmlessly", () => {
    const message = (input: unknown) => {
      try {
        parseSnapshot(input)
        return ""
      } catch (error) {
        return (error as Error).message
      }
    }
    expect(message(changed("cookies.0.sameSite", "canary-secret"))).not.toContain("canary")
    expect(message(changed("cookies.0.value", { canary: "secret" }))).not.toContain("secret")
    expect(message(changed("cookies.0.\u001b[31m\u202e", 1))).toMatch(/^[\x20-\x7e…]+$/)
    expect(message(changed(`cookies.0.${"k".repeat(10_000)}`, 1)).length).toBeLessThan(250)
  })

  it("answers any JSON with a snapshot or a PspError", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => parseSnapshot(value)).toThrow(expect.objectContaining({ name: "PspError" }))
      }),
    )
    for (const text of ["", "{", "null", "1", '"text"', "[]", "\u0000"]) {
      expect(() => parseSnapshot(text)).toThrow(expect.objectContaining({ code: "bad-snapshot" }))
    }
  })
})
