import fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import type { GrantRecord } from "../../shared/grants.js"
import { clockAt } from "../../shared/hlc.js"
import { createCard, createIdentity, writerIdOf, type Identity } from "../../shared/keys.js"
import { membersToJson, mergeMembers, parseMembers, type MemberState } from "../../shared/members.js"
import { ownersOf, signOwnerStatement, type OwnerStatement } from "../../shared/ownership.js"

const vault = "0".repeat(32)
const index = { clock: clockAt(1), key: Buffer.alloc(32, 1).toString("base64") }
let people: Record<"root" | "a" | "b" | "c", Identity & { card: string }>

beforeAll(async () => {
  const make = async (name: string) => {
    const identity = await createIdentity(name)
    return { ...identity, card: await createCard(identity) }
  }
  people = { root: await make("root"), a: await make("a"), b: await make("b"), c: await make("c") }
})

const say = (by: Identity, action: "add" | "remove", about: { card: string }, at: number) =>
  signOwnerStatement(by, vault, { action, card: about.card, clock: clockAt(at) })

async function namesAfter(...statements: OwnerStatement[]): Promise<string[]> {
  const owners = await ownersOf(vault, { root: people.root.card, statements })
  return [...owners.values()].map(({ name }) => name).sort()
}

describe("owners of a vault", () => {
  it("are the first one and whoever an owner added, in a chain", async () => {
    const { root, a, b } = people
    const chain = [await say(a, "add", b, 3), await say(root, "add", a, 2)]
    expect(await namesAfter(...chain)).toEqual(["a", "b", "root"])
    expect(await namesAfter(await say(a, "add", b, 3))).toEqual(["root"])
  })

  it("lose whoever an owner removed, and what that one says afterwards", async () => {
    const { root, a, c } = people
    const statements = [await say(root, "add", a, 2), await say(root, "remove", a, 3), await say(a, "add", c, 4)]
    expect(await namesAfter(...statements)).toEqual(["root"])
  })

  it("never become none", async () => {
    expect(await namesAfter(await say(people.root, "remove", people.root, 2))).toEqual(["root"])
  })

  it("are not changed by a forged, copied or altered statement", async () => {
    const { root, a, c } = people
    const genuine = await say(root, "add", a, 2)
    const forged = { ...(await say(c, "add", c, 2)), by: await writerIdOf(root) }
    const altered = { ...genuine, card: c.card }
    const elsewhere = await signOwnerStatement(root, "f".repeat(32), { action: "add", card: c.card, clock: clockAt(2) })
    expect(await namesAfter(forged, altered, elsewhere)).toEqual(["root"])
    expect(await namesAfter({ ...genuine, clock: clockAt(1) })).toEqual(["root"])
  })
})

describe("members", () => {
  const sid = (n: number) => `${"abcdefghijklmnopqrstuvwxyz"[n] ?? "a"}${"a".repeat(25)}`
  const record = fc.record({
    sid: fc.nat({ max: 3 }).map(sid),
    site: fc.constantFrom("a.example", "b.example"),
    account: fc.constantFrom("default", "work"),
    clock: fc.nat({ max: 5 }).map(clockAt),
    removed: fc.boolean(),
  })
  const marks = fc.subarray(["m0", "m1", "m2"])
  const grant = fc
    .record({
      bot: fc.nat({ max: 1 }),
      at: fc.nat({ max: 1 }),
      clock: fc.nat({ max: 3 }),
      copy: fc.nat({ max: 3 }),
      expiresAt: fc.constantFrom(null, 5),
      knew: marks,
      revoked: marks,
      by: fc.constantFrom(undefined, "a".repeat(32), "b".repeat(32)),
    })
    .map(({ bot, at, clock, copy, expiresAt, knew, revoked, by }): GrantRecord => ({
      bot: `${bot}`.repeat(32),
      card: "psp1",
      site: "a.example",
      account: "default",
      sid: sid(at),
      copy: sid(copy),
      old: [],
      kinds: "all",
      mayWrite: false,
      expiresAt,
      clock: clockAt(clock),
      knew,
      revoked,
      ...(by === undefined ? {} : { by }),
    }))
  const state = fc
    .record({
      sessions: fc.uniqueArray(record, { selector: (r) => r.sid }),
      grants: fc.uniqueArray(grant, { selector: (g) => `${g.bot}${g.sid}` }),
      key: fc.nat({ max: 3 }),
      keyAt: fc.nat({ max: 3 }),
    })
    .map(({ sessions, grants, key, keyAt }): MemberState => ({
      root: "root",
      statements: [],
      closed: [],
      index: { clock: clockAt(keyAt), key: Buffer.alloc(32, key).toString("base64") },
      sessions,
      grants,
    }))

  it("merge to the same whatever the order, and however often", () => {
    fc.assert(
      fc.property(state, state, state, (a, b, c) => {
        expect(mergeMembers(a, b)).toEqual(mergeMembers(b, a))
        expect(mergeMembers(mergeMembers(a, b), c)).toEqual(mergeMembers(a, mergeMembers(b, c)))
        expect(mergeMembers(mergeMembers(a, b), b)).toEqual(mergeMembers(a, b))
      }),
    )
  })

  it("come back from their JSON, with room for keys to come", () => {
    const members: MemberState = {
      root: people.root.card,
      statements: [],
      closed: [],
      index,
      sessions: [{ sid: sid(0), site: "a.example", account: "x", clock: clockAt(1), removed: false }],
      grants: [],
    }
    expect(parseMembers(membersToJson(members))).toEqual(members)
    expect(parseMembers(membersToJson(members).replace("{", '{"later":[1],'))).toEqual(members)
  })

  it("that are not as expected are refused by name of the part", () => {
    const json = membersToJson({ root: people.root.card, statements: [], closed: [], index, sessions: [], grants: [] })
    for (const [from, to] of [
      ['"kind":"owner"', '"kind":"bot"'],
      ['"sessions":[]', '"sessions":[{}]'],
      ['"statements":[]', '"statements":{}'],
      ['"key":"', '"key":"?'],
      ["{", ""],
    ]) {
      expect(() => parseMembers(json.replace(from ?? "", to ?? ""))).toThrow(
        expect.objectContaining({ code: "damaged" }),
      )
    }
    expect(() => parseMembers(json.replace('"v":1', '"v":2'))).toThrow(expect.objectContaining({ code: "too-new" }))
  })
})
