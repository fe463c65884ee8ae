import { beforeEach, describe, expect, it } from "vitest"
import { createOwnWrites, type OwnWrites } from "../../../shared/providers/own-writes.js"

let time = 0
let own: OwnWrites

beforeEach(() => {
  time = 0
  own = createOwnWrites({ settlesAfter: 100, keepBytes: 10, now: () => time })
})

describe("what a provider wrote lately", () => {
  it("is known until the store shows it to everybody", () => {
    own.put("a", Uint8Array.of(1, 2))
    time = 99
    expect(own.of("a")).toEqual({ size: 2, bytes: Uint8Array.of(1, 2), age: 99 })
    expect(own.putsUnder("")).toEqual([{ name: "a", size: 2 }])
    time = 100
    expect(own.of("a")).toBeNull()
    expect(own.putsUnder("")).toEqual([])
  })

  it("says of a removed name that it was removed, until it is put again", () => {
    own.put("a", Uint8Array.of(1))
    own.remove("a")
    expect(own.of("a")).toBe("removed")
    expect(own.putsUnder("")).toEqual([])
    own.put("a", Uint8Array.of(1))
    expect(own.of("a")).toMatchObject({ size: 1 })
  })

  it("is listed in order, and only under the prefix", () => {
    for (const name of ["b/2", "a/1", "b/1", "c"]) own.put(name, Uint8Array.of(1))
    expect(own.putsUnder("b/").map(({ name }) => name)).toEqual(["b/1", "b/2"])
  })

  it("keeps the bytes of the newest, and of all the names and sizes", () => {
    for (const name of ["a", "b", "c"]) own.put(name, new Uint8Array(4))
    expect(own.of("a")).toEqual({ size: 4, bytes: null, age: 0 })
    expect(own.of("b")).toMatchObject({ bytes: new Uint8Array(4) })
    expect(own.of("c")).toMatchObject({ bytes: new Uint8Array(4) })
    own.put("too large", new Uint8Array(11))
    expect(own.of("too large")).toEqual({ size: 11, bytes: null, age: 0 })
    own.remove("b")
    own.put("d", new Uint8Array(6))
    expect(own.of("c")).toMatchObject({ bytes: new Uint8Array(4) })
  })

  it("is a copy", () => {
    const bytes = Uint8Array.of(1)
    own.put("a", bytes)
    bytes.fill(9)
    const first = own.of("a")
    if (first !== null && first !== "removed") first.bytes?.fill(8)
    expect(own.of("a")).toMatchObject({ bytes: Uint8Array.of(1) })
  })
})
