import fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import { clockAt } from "../../shared/hlc.js"
import { createCard, createIdentity, type Identity } from "../../shared/keys.js"
import {
  mergeStatements,
  ownershipOf,
  parseStatement,
  signOwnerStatement,
  statementId,
  type OwnerStatement,
} from "../../shared/ownership.js"

const vault = "0".repeat(32)
const names = ["root", "a", "b", "c"] as const
type Name = (typeof names)[number]
let people: Record<Name, Identity & { card: string }>
/** Root added all others. */
let added: OwnerStatement[]

beforeAll(async () => {
  const make = async (name: string) => {
    const identity = await createIdentity(name)
    return { ...identity, card: await createCard(identity) }
  }
  people = { root: await make("root"), a: await make("a"), b: await make("b"), c: await make("c") }
  added = [await say("root", "add", "a", 1), await say("root", "add", "b", 2), await say("root", "add", "c", 3)]
})

const say = (by: Name, action: "add" | "remove", about: Name, at: number, knew?: OwnerStatement[]) =>
  signOwnerStatement(people[by], vault, {
    action,
    card: people[about].card,
    clock: clockAt(at),
    ...(action === "remove" && knew !== undefined ? { knew: knew.map(statementId) } : {}),
  })

async function namesAfter(...statements: OwnerStatement[]): Promise<string[]> {
  const { owners } = await ownershipOf(vault, { root: people.root.card, statements })
  return [...owners.values()].map(({ name }) => name).sort()
}

describe("a removal of an owner", () => {
  it("ends what the removed device says from then on, also where it dates that before", async () => {
    const removal = await say("a", "remove", "c", 10, [])
    const fresh = await createIdentity("planted")
    const planted = await signOwnerStatement(people.c, vault, {
      action: "add",
      card: await createCard(fresh),
      clock: clockAt(5),
    })
    const others = [await say("c", "remove", "b", 4, []), await say("c", "remove", "root", 4, [])]
    expect(await namesAfter(...added, removal, planted, ...others)).toEqual(["a", "b", "root"])
  })

  it("leaves what the removed device had said before, as far as it was known", async () => {
    const early = await say("root", "add", "a", 1)
    const chain = [early, await say("a", "add", "b", 2)]
    const removal = await say("b", "remove", "a", 3, chain.slice(1))
    expect(await namesAfter(...chain, removal)).toEqual(["b", "root"])
  })

  it("is for ever: whoever adds the same keys again adds nothing", async () => {
    const statements = [...added, await say("a", "remove", "c", 10, []), await say("b", "add", "c", 20)]
    expect(await namesAfter(...statements)).toEqual(["a", "b", "root"])
  })

  it("of each other puts both out while anybody else is in, and never the last one", async () => {
    const both = [await say("a", "remove", "c", 10, []), await say("c", "remove", "a", 4, [])]
    expect(await namesAfter(...added, ...both)).toEqual(["b", "root"])
    const two = [await say("root", "add", "a", 1)]
    const each = [await say("a", "remove", "root", 10, two), await say("root", "remove", "a", 11, [])]
    expect(await namesAfter(...two, ...each)).toEqual(["root"])
  })

  it("by two leaves both in, whatever the removed device says of either later", async () => {
    const removals = [await say("a", "remove", "c", 10, []), await say("b", "remove", "c", 12, [])]
    const against = [await say("c", "remove", "a", 4, []), await say("c", "remove", "b", 20, [])]
    expect(await namesAfter(...added, ...removals, ...against)).toEqual(["a", "b", "root"])
  })

  it("of the first owner leaves those whom it had added", async () => {
    const removal = await say("a", "remove", "root", 10, added)
    const late = await say("root", "remove", "b", 9, [])
    expect(await namesAfter(...added, removal, late)).toEqual(["a", "b", "c"])
    const { former } = await ownershipOf(vault, { root: people.root.card, statements: [...added, removal] })
    expect([...former.values()].map(({ card, until }) => [card.name, until])).toEqual([["root", clockAt(10)]])
  })

  it("that names other statements than were signed does not count", async () => {
    const removal = await say("a", "remove", "c", 10, added.slice(0, 1))
    expect(await namesAfter(...added, { ...removal, knew: [] })).toEqual(["a", "b", "c", "root"])
    const { knew, ...silent } = removal
    expect(knew).toHaveLength(1)
    expect(await namesAfter(...added, silent)).toEqual(["a", "b", "c", "root"])
  })
})

describe("owners", () => {
  it("are the same whatever order statements are learned in, circles of removals included", async () => {
    const pool = [...added]
    for (const by of names) {
      for (const about of names) {
        if (by === about) continue
        pool.push(await say(by, "remove", about, 10 + names.indexOf(by), []))
        pool.push(await say(by, "remove", about, 20 + names.indexOf(about), added))
      }
    }
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(pool, { minLength: 1 }), fc.nat(), async (some, at) => {
        const other = [...some.slice(at % some.length), ...some.slice(0, at % some.length)]
        const found = await namesAfter(...some)
        expect(found.length).toBeGreaterThan(0)
        expect(await namesAfter(...mergeStatements(other, some))).toEqual(found)
      }),
      { numRuns: 300 },
    )
  })

  it("come back from JSON, and what is no statement is refused", async () => {
    const removal = await say("a", "remove", "c", 10, added)
    expect(parseStatement(JSON.parse(JSON.stringify(removal)))).toEqual(removal)
    expect(parseStatement({ ...removal, later: 1 })).toEqual(removal)
    for (const bad of [null, { ...removal, knew: "x" }, { ...removal, knew: ["a,b"] }, { ...removal, action: "x" }]) {
      expect(parseStatement(bad)).toBeNull()
    }
  })
})
