import { describe, expect, it } from "vitest"
import { countWritten, uncarriedGaps, visitsOf } from "../../../shared/adapters/storage-report.js"
import { kinds, type Gap } from "../../../shared/report.js"
import type { OriginState, StorageItem, TabState } from "../../../shared/snapshot.js"
import { exampleSnapshot } from "../example-snapshot.js"

const app = "https://app.example.com"
const partition = { topLevelSite: "https://shop.example", hasCrossSiteAncestor: true }
const items: StorageItem[] = [
  ["one", "canary-1"],
  ["two\u001b", "canary-2"],
]

describe("the visits of a restore", () => {
  it("are one for each origin, with localStorage and the tab's sessionStorage together", () => {
    const tab: TabState = {
      id: "1",
      url: app,
      sessionStorage: [
        { origin: app, partition: null, items },
        { origin: "https://login.example.com", partition: null, items: [] },
        { origin: "https://framed.example.com", partition, items },
      ],
    }
    const origins: OriginState[] = [
      { origin: app, partition: null, localStorage: [] },
      { origin: "https://unread.example.com", partition: null },
      { origin: "https://framed.example.com", partition, localStorage: items },
    ]
    expect([...visitsOf(origins, tab)]).toEqual([
      [app, { local: [], session: items }],
      ["https://login.example.com", { local: null, session: [] }],
    ])
  })

  it("are none without storage", () => {
    expect(visitsOf(undefined, null).size).toBe(0)
  })
})

describe("the report of a visit", () => {
  function report(written: Parameters<typeof countWritten>[2], local: StorageItem[] | null = items) {
    const part = { set: {}, gaps: [] as Gap[] }
    countWritten(app, { local, session: null }, written, part)
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

  it("says when the browser refused the storage, or something else answered", () => {
    expect(report({ local: "SecurityError", session: null })).toMatchObject({
      set: { localStorage: 0 },
      gaps: [{ why: "the browser refused the storage (SecurityError)", count: 2 }],
    })
    expect(report(null)).toMatchObject({ set: { localStorage: 0 }, gaps: [{ fix: "restore into a fresh context" }] })
    expect(report(null, []).gaps).toMatchObject([{ what: "the storage", count: 1 }])
  })
})

describe("what is not put back yet", () => {
  it("is named once for each place, and only of wanted kinds", () => {
    const snapshot = exampleSnapshot()
    const stores = { version: 1, stores: [] }
    snapshot.origins?.push(
      {
        origin: app,
        partition: null,
        indexedDB: [
          { name: "", ...stores },
          { name: "b", ...stores },
        ],
      },
      { origin: app, partition, localStorage: items },
    )
    expect(uncarriedGaps(snapshot, kinds).map(({ kind, where, what }) => [kind, where, what])).toEqual([
      ["indexedDB", app, "2 databases"],
      ["localStorage", `${app} below https://shop.example`, "2 items"],
    ])
    expect(uncarriedGaps(snapshot, ["cookies"])).toEqual([])
    expect(uncarriedGaps(exampleSnapshot(), kinds)).toEqual([])
  })
})
