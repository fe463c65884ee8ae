import { describe, expect, it } from "vitest"
import { placeOf, shownAddress, splitPassword } from "../../native-host/store-address.js"
import { withoutPasswords } from "../../native-host/terminal.js"

describe("the address of a store", () => {
  it.each([
    ["redis://ada:canary@Cache.example/3?prefix=x", "redis://ada@cache.example:6379"],
    ["redis://cache.example:6379", "redis://cache.example:6379"],
    ["rediss://:canary@[::1]:7000", "rediss://[::1]:7000"],
    ["s3://bucket/a?region=eu-west-1", "s3://bucket"],
    ["s3://bucket/b?endpoint=https%3A%2F%2FS3.example%2Fpath&pathStyle=1", "s3://bucket?endpoint=https://s3.example"],
    ["cloudflare-kv://account/one", "cloudflare-kv://account"],
    [
      "cloudflare-kv://account/two?endpoint=http%3A%2F%2F127.0.0.1%3A1%2Fv4",
      "cloudflare-kv://account?endpoint=http://127.0.0.1:1",
    ],
    ["file:///dir", null],
    ["memory:", null],
  ])("%s asks for the credentials of %s", (address, place) => {
    expect(placeOf(address)).toBe(place)
  })

  it.each([
    ["another server", "redis://ada@other.example"],
    ["another port", "redis://ada@h:1"],
    ["another user", "redis://eve@h"],
    ["a connection in the clear", "redis://ada@h"],
    ["a certificate of its own", `rediss://ada@h?ca=${encodeURIComponent(import.meta.filename)}`],
  ])("is another place for %s, so that a password goes only where it was meant for", (_title, address) => {
    expect(placeOf(address)).not.toBe(placeOf("rediss://ada@h"))
  })

  it("parts from its password, and stays the same without it", () => {
    expect(splitPassword("redis://ada:c%40n%2Fary@h:1/3?prefix=x")).toEqual({
      address: "redis://ada@h:1/3?prefix=x",
      password: "c@n/ary",
    })
    expect(splitPassword("rediss://:canary@h")).toEqual({ address: "rediss://h", password: "canary" })
    for (const address of ["redis://ada@h", "s3://bucket", "file:///a@b:c", "memory:"]) {
      expect(splitPassword(address)).toEqual({ address, password: null })
    }
  })

  it.each([
    ["redis://ada:canary@h:1/3?prefix=team.a", "redis://ada:…@h:1/3?prefix=team.a"],
    ["redis://:canary@h", "redis://:…@h"],
    ["redis://ada:can@ary@h", "redis://ada:…@h"],
    ["redis://ada:7/canary@h", "redis://ada:7/…"],
    ["redis://ada:can/ary@h", "redis:…"],
    ["redis://h?password=canary", "redis://h?…"],
    ["s3://id:canary@bucket/p?region=x", "s3://id:…@bucket/p?region=x"],
    [
      "s3://bucket?endpoint=https://u:canary@s3.example&pathStyle=1",
      "s3://bucket?endpoint=https://…@s3.example&pathStyle=1",
    ],
    ["s3://bucket?endpoint=https://s3.example&token=canary", "s3://bucket?endpoint=https://s3.example&…"],
    ["cloudflare-kv:canary", "cloudflare-kv:…"],
    ["canary", "unknown:…"],
    ["file:///dir/a", "file:///dir/a"],
    ["memory:", "memory:"],
  ])("%s is shown as %s", (address, shown) => {
    expect(shownAddress(address)).toBe(shown)
    expect(shown).not.toMatch(/canary|ary@/)
  })

  it("that was typed in a wrong place is cut where a password may be", () => {
    expect(withoutPasswords("unknown command 'redis://ada:can@ary@h/0'")).toBe("unknown command 'redis://…@h/0'")
    expect(withoutPasswords("unknown command 'lst'")).toBe("unknown command 'lst'")
  })
})
