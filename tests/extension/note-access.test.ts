import { beforeEach, expect, it, vi } from "vitest"
import { changeNames, noteAccess, readUntold, tool } from "../../extension/note-access.js"
import { PspError } from "../../shared/errors.js"
import { changesOf, knownAfter } from "../../shared/merge/changes.js"
import { idOf } from "../../shared/merge/fields.js"
import type { EventSays } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"

const session = vi.hoisted((): { stored: Record<string, unknown> } => ({ stored: {} }))

vi.mock("wxt/browser", () => ({
  browser: {
    storage: {
      session: {
        get: async (name: string) => ({ [name]: session.stored[name] }),
        set: async (values: object) => void Object.assign(session.stored, values),
      },
    },
  },
}))

const saved: EventSays = { kind: "saved", site: "example.com", account: "default", tool }

beforeEach(() => {
  session.stored = {}
})

it("what is done is told to the history at once, and nothing is told of nothing", async () => {
  const record = vi.fn<(events: unknown) => Promise<void>>(async () => undefined)
  await noteAccess({ record }, [saved, saved])
  await noteAccess({ record }, [])
  expect(record.mock.calls.map(([events]) => events)).toEqual([[saved, saved]])
  expect(await readUntold()).toBeNull()
})

it("what the history does not take fails nothing, and is counted with its reason", async () => {
  const away = { record: () => Promise.reject(new PspError("unreachable", "Cannot reach the store")) }
  await noteAccess(away, [saved])
  await noteAccess({ record: () => Promise.reject(new Error("of another kind")) }, [saved, saved])
  expect(await readUntold()).toMatchObject({ count: 3, why: "The access history does not tell of this: it failed" })
})

it("changes are told by name and never by value, each once, without where tabs are", () => {
  const digestOf = (json: string) => json
  const before = exampleSnapshot("example.com", "default", "canary-one")
  const stamp = { clock: "0000000000000001", writer: "w" }
  const first = changesOf(new Map(), before, { stamp, digestOf })
  const { known } = knownAfter({ known: new Map(), digestOf }, first)
  const { cookies = [], ...rest } = exampleSnapshot("example.com", "default", "canary-two")
  const later = { clock: "0000000000000002", writer: "w" }
  const second = changesOf(known, { ...rest, cookies: cookies.slice(1) }, { stamp: later, digestOf })
  const added = changeNames(new Map(), first.changed)
  const changed = changeNames(known, second.changed)
  expect(added.length).toBeGreaterThan(2)
  for (const name of added)
    expect(name).toMatch(/^added (?:cookie|key|database|a record of|file|group|origin|context|\w+)/)
  expect(changed.some((name) => name.startsWith("removed cookie "))).toBe(true)
  expect(changed.some((name) => name.startsWith("changed key "))).toBe(true)
  expect(new Set(changed).size).toBe(changed.length)
  expect([...added, ...changed].join("\n")).not.toMatch(/canary|a tab/)
})

it("names fifty changes at most, and counts the rest", () => {
  const changed = Array.from({ length: 120 }, (_, nth) => ({
    field: idOf(["localStorage", "https://app.example.com", null, `key ${nth}`]),
    clock: "1",
    writer: "w",
    deleted: true as const,
  }))
  const names = changeNames(new Map(), changed)
  expect(names).toHaveLength(50)
  expect(names.at(-1)).toBe("71 more changes")
  expect(changeNames(new Map(), changed.slice(0, 50))).toHaveLength(50)
})
