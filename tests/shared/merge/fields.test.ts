import { fc } from "../../properties.js"
import { expect, it } from "vitest"
import { clockAt } from "../../../shared/hlc.js"
import { composeSnapshot, frameOf } from "../../../shared/merge/compose.js"
import { areaOf, fieldsOf, idOf, pathOf } from "../../../shared/merge/fields.js"
import { groupOfCookie } from "../../../shared/merge/field-groups.js"
import { wholeOf } from "../../../shared/merge/changes.js"
import { admit } from "../../../shared/merge/rules.js"
import { parseSnapshot, type Cookie, type Snapshot } from "../../../shared/snapshot.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { longestPathFirst, randomSites, snapshot } from "./random-snapshots.js"

const stamp = { clock: clockAt(10), writer: "a".repeat(32) }
const owner = { sites: randomSites, kinds: "all" as const, isOwner: true, clock: stamp.clock, now: 20 }

it("a snapshot taken apart and put together is the same, whatever it holds", () => {
  fc.assert(
    fc.property(snapshot, (before) => {
      const { snapshot: after, left } = composeSnapshot(frameOf(before), fieldsOf(before))
      expect(left).toEqual([])
      expect(withGroupsTogether(after)).toEqual(withGroupsTogether(before))
    }),
    { numRuns: 500 },
  )
})

it("the order in which fields come changes nothing", () => {
  const shuffled = snapshot.chain((one) =>
    fc.tuple(fc.constant(one), fc.shuffledSubarray([...fieldsOf(one)], { minLength: fieldsOf(one).size })),
  )
  fc.assert(
    fc.property(shuffled, ([before, fields]) => {
      const expected = composeSnapshot(frameOf(before), fieldsOf(before))
      expect(composeSnapshot(frameOf(before), new Map(fields))).toEqual(expected)
    }),
    { numRuns: 200 },
  )
})

it("what an owner captured is admitted, every field and every deletion of it", () => {
  fc.assert(
    fc.property(snapshot, (one) => {
      const sent = JSON.parse(JSON.stringify(wholeOf(one, stamp))) as ReturnType<typeof wholeOf>
      const deletions = sent.map(({ field }) => ({ field, ...stamp, deleted: true as const }))
      expect(admit([...sent, ...deletions], owner).refused).toEqual([])
    }),
    { numRuns: 200 },
  )
})

it("an id is one text, however often it is read and written, and so is the area it is in", () => {
  fc.assert(
    fc.property(snapshot, (one) => {
      const fields = fieldsOf(one)
      for (const id of fields.keys()) {
        expect(idOf(pathOf(id))).toBe(id)
        const area = areaOf(pathOf(id))
        if (area !== null) expect(fields.has(area)).toBe(true)
      }
    }),
    { numRuns: 200 },
  )
})

it("what is put together out of any of its fields is a snapshot still", () => {
  const some = snapshot.chain((one) => fc.tuple(fc.constant(one), fc.subarray([...fieldsOf(one)])))
  fc.assert(
    fc.property(some, ([before, fields]) => {
      const { snapshot: after } = composeSnapshot(frameOf(before), new Map(fields))
      expect(parseSnapshot(JSON.parse(JSON.stringify(after)))).toEqual(JSON.parse(JSON.stringify(after)))
    }),
    { numRuns: 200 },
  )
})

it("origins stay in the order in which they were captured", () => {
  const origins = ["https://b.example.com", "https://a.example.com"].map((origin) => ({
    origin,
    partition: null,
    localStorage: [["k", origin]] as [string, string][],
  }))
  const before = { ...exampleSnapshot(), origins }
  expect(composeSnapshot(frameOf(before), fieldsOf(before)).snapshot.origins).toEqual(origins)
})

it("cookies of several writers stand longest path first, and alike in whatever order they came", () => {
  const [sid] = exampleSnapshot().cookies ?? []
  const cookies = ["/", "/app", "/"].map((path, n) => ({ ...(sid ?? cookieMissing()), name: `c${n}`, path }))
  const fields = cookies.map((one) => [idOf(groupOfCookie(one)), { value: [one], rank: 0 }] as const)
  const names = (some: typeof fields) =>
    composeSnapshot(frameOf(exampleSnapshot()), new Map(some)).snapshot.cookies?.map(({ name }) => name)
  expect(names(fields)).toEqual(["c1", "c0", "c2"])
  expect(names([...fields].reverse())).toEqual(["c1", "c0", "c2"])
})

it("records of another schema than the one that won have no place", () => {
  const database = (version: number) => ({
    ...exampleSnapshot(),
    origins: [
      { origin: "https://app.example.com", partition: null, indexedDB: [{ name: "db", version, stores: [stored] }] },
    ],
  })
  const stored = {
    ...{ name: "s", keyPath: null, autoIncrement: false, nextKey: null, indexes: [] },
    records: [{ key: "1", value: "2" }],
  }
  const [old, upgraded] = [fieldsOf(database(1)), fieldsOf(database(2))]
  const schema = idOf(["database", "https://app.example.com", null, "db"])
  const mixed = new Map([...old, [schema, upgraded.get(schema) ?? { value: null, rank: 0 }]])
  const { snapshot: after, left } = composeSnapshot(frameOf(database(2)), mixed)
  expect(left).toEqual([idOf(["record", "https://app.example.com", null, "db", "s", "1"])])
  expect(after.origins?.[0]?.indexedDB?.[0]).toMatchObject({ version: 2, stores: [{ records: [] }] })
})

it("the order of an object's keys makes no other schema", () => {
  const index = { name: "i", keyPath: "k", unique: false, multiEntry: true }
  const turned = { multiEntry: true, unique: false, keyPath: "k", name: "i" }
  const withIndex = (one: typeof index): Snapshot => ({
    ...exampleSnapshot(),
    origins: [
      {
        origin: "https://app.example.com",
        partition: null,
        indexedDB: [
          {
            name: "db",
            version: 1,
            stores: [
              {
                name: "s",
                keyPath: null,
                autoIncrement: false,
                nextKey: null,
                indexes: [one],
                records: [{ key: "1", value: "2" }],
              },
            ],
          },
        ],
      },
    ],
  })
  const fields = fieldsOf(withIndex(index))
  for (const [id, field] of fieldsOf(withIndex(turned))) if (pathOf(id)[0] === "database") fields.set(id, field)
  expect(composeSnapshot(frameOf(withIndex(index)), fields).left).toEqual([])
})

/** What is one field stands together: cookies where the first of them stood, MSAL's items last. */
function withGroupsTogether(snapshot: Snapshot): Snapshot {
  const groups = new Map<string, Cookie[]>()
  for (const one of snapshot.cookies ?? []) {
    const id = idOf(groupOfCookie(one))
    groups.set(id, [...(groups.get(id) ?? []), one])
  }
  const byName = (a: Cookie, b: Cookie) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1)
  const cookies = [...groups.values()].flatMap((group) => group.sort(byName))
  const origins = snapshot.origins?.map((state) => {
    if (state.localStorage === undefined || state.partition !== null) return state
    const isGrouped = ([key]: [string, string]) => key.startsWith("msal.")
    const grouped = state.localStorage.filter(isGrouped).sort(([a], [b]) => (a < b ? -1 : 1))
    return { ...state, localStorage: [...state.localStorage.filter((item) => !isGrouped(item)), ...grouped] }
  })
  return {
    ...snapshot,
    ...(snapshot.cookies && { cookies: longestPathFirst(cookies) }),
    ...(origins && { origins }),
  }
}

function cookieMissing(): never {
  throw new Error("The example has a cookie")
}
