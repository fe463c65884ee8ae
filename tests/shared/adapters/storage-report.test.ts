import { describe, expect, it } from "vitest"
import {
  countDatabase,
  countFiles,
  countWritten,
  uncarriedGaps,
  unreachedGaps,
  visitsOf,
  type Part,
  type Visit,
  type Written,
} from "../../../shared/adapters/storage-report.js"
import { kinds } from "../../../shared/report.js"
import type { IndexedDatabase, OriginState, StorageItem, TabState } from "../../../shared/snapshot.js"
import { exampleSnapshot } from "../example-snapshot.js"

const app = "https://app.example.com"
const framed = "https://framed.example.com"
const partition = { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true }
const items: StorageItem[] = [
  ["one", "canary-1"],
  ["two\u001b", "canary-2"],
]
const nothing: Visit = { origin: app, partition: null, local: null, session: null, databases: null, files: null }

describe("the visits of a restore", () => {
  it("are one for each storage, with all that belongs there", () => {
    const tab: TabState = {
      id: "1",
      url: app,
      sessionStorage: [
        { origin: app, partition: null, items },
        { origin: "https://login.example.com", partition: null, items: [] },
        { origin: framed, partition, items },
      ],
    }
    const origins: OriginState[] = [
      { origin: app, partition: null, localStorage: [], indexedDB: [] },
      { origin: "https://unread.example.com", partition: null },
      { origin: framed, partition, localStorage: items },
      { origin: framed, partition: null, opfs: { files: 1, bytes: 1, entries: [{ path: "a", data: "" }] } },
    ]
    expect(visitsOf(origins, [tab], kinds)).toEqual([
      { ...nothing, local: [], databases: [], session: [items] },
      { ...nothing, origin: framed, partition, local: items, session: [items] },
      { ...nothing, origin: framed, files: [{ path: "a", data: "" }] },
      { ...nothing, origin: "https://login.example.com", session: [[]] },
    ])
    expect(visitsOf(origins, [], ["cookies"])).toEqual([])
  })

  it("are none without storage", () => {
    expect(visitsOf(undefined, [], kinds)).toEqual([])
  })
})

describe("the report of a visit", () => {
  function report(written: Written, local: StorageItem[] = items) {
    const part: Part = { set: {}, gaps: [] }
    countWritten({ ...nothing, local }, { local, session: null }, written, part)
    return part
  }

  it("counts what stayed", () => {
    expect(report({ local: [], session: null })).toEqual({ set: { localStorage: 2 }, gaps: [] })
    expect(report({ local: [], session: null }, [])).toEqual({ set: { localStorage: 0 }, gaps: [] })
  })

  it("names the keys that did not, and no value", () => {
    const { set, gaps } = report({ local: [1], session: null })
    expect(set).toEqual({ localStorage: 1 })
    expect(gaps).toMatchObject([{ kind: "localStorage", where: app, what: 'key "two\\u001b"', count: 1 }])
    expect(JSON.stringify(gaps)).not.toContain("canary")
  })

  it("says when the browser refused the storage", () => {
    expect(report({ local: "SecurityError", session: null })).toMatchObject({
      set: { localStorage: 0 },
      gaps: [{ why: "the browser refused the storage (SecurityError)", count: 2 }],
    })
  })

  it("names all that waited when something else than the blank page answered", () => {
    const part: Part = { set: {}, gaps: [] }
    const databases: IndexedDatabase[] = [{ name: "a", version: 1, stores: [] }]
    unreachedGaps({ ...nothing, origin: framed, partition, local: items, databases }, part)
    expect(part.set).toEqual({ localStorage: 0 })
    expect(part.gaps.map(({ kind, where, what }) => [kind, where, what])).toEqual([
      ["localStorage", `${framed} below https://shop.example`, "2 items"],
      ["indexedDB", `${framed} below https://shop.example`, "1 database"],
    ])
  })
})

describe("the report of a database", () => {
  const store = { name: "s\u202e", keyPath: null, autoIncrement: true, nextKey: 9, indexes: [] }
  const records = [1, 2, 3, 4].map((key) => ({ key: String(key), value: '"canary"' }))
  const database: IndexedDatabase = { name: "", version: 1, stores: [{ ...store, records }] }

  it("counts the records that are there, and says of each fault how often and why", () => {
    const part: Part = { set: {}, gaps: [] }
    const failed: [number, number, string][] = [
      [0, 0, "QuotaExceededError"],
      [0, 2, "ConstraintError"],
    ]
    countDatabase(nothing, database, { fault: null, failed, counts: [1], generators: ["DataError"] }, part)
    expect(part.set).toEqual({ indexedDB: 1 })
    expect(part.gaps.map(({ what, why, count }) => [what, why, count])).toEqual([
      ['1 record of store "s?" of database ""', "no room is left for this origin", 1],
      ['1 record of store "s?" of database ""', "a unique index has that value already", 1],
      ['1 record of store "s?" of database ""', "it was written, but is not there", 1],
      ['key generator of store "s?" of database ""', "its next number could not be set (DataError)", 1],
    ])
    expect(JSON.stringify(part)).not.toContain("canary")
  })

  it.each([
    ["late", "holds"],
    ["differs", "another version"],
    ["UnknownError", "UnknownError"],
  ])("says why one could not be made: %s", (fault, why) => {
    const part: Part = { set: {}, gaps: [] }
    countDatabase(nothing, database, { fault, failed: [], counts: [], generators: [] }, part)
    expect(part).toMatchObject({ set: { indexedDB: 0 }, gaps: [{ what: 'database ""' }] })
    expect(part.gaps[0]?.why).toContain(why)
  })
})

it("private files that were not written are counted, folders are not", () => {
  const part: Part = { set: {}, gaps: [] }
  const files = [
    { path: "folder", data: null },
    { path: "folder/a", data: "" },
    { path: "b", data: "" },
  ]
  countFiles(nothing, files, [0, 2], part)
  expect(part).toMatchObject({ set: { opfs: 1 }, gaps: [{ kind: "opfs", what: "1 private file" }] })
})

it("private files that were only counted are named as not carried", () => {
  const snapshot = exampleSnapshot()
  snapshot.origins?.push({ origin: app, partition: null, opfs: { files: 2, bytes: 9 } })
  expect(uncarriedGaps(snapshot, kinds).map(({ kind, what }) => [kind, what])).toEqual([["opfs", "2 private files"]])
  expect(uncarriedGaps(snapshot, ["cookies"])).toEqual([])
})
