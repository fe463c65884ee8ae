import "fake-indexeddb/auto"
import { IDBFactory } from "fake-indexeddb"
import { beforeEach, expect, it, vi } from "vitest"
import type * as KnownOrigins from "../../extension/known-origins.js"
import type { OriginState, Snapshot } from "../../shared/snapshot.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"

let known: typeof KnownOrigins

beforeEach(async () => {
  vi.stubGlobal("indexedDB", new IDBFactory())
  vi.resetModules()
  known = await import("../../extension/known-origins.js")
})

const frame = { topLevelSite: "https://example.com", hasCrossSiteAncestor: true }

function savedWith(origins: OriginState[], isPrivate = false): Snapshot {
  const snapshot = exampleSnapshot("example.com")
  return { ...snapshot, origins, capturedBy: { ...snapshot.capturedBy, store: { id: "0", name: null, isPrivate } } }
}

it("origins of every save of an account are known, less the partitioned ones", async () => {
  await known.rememberOrigins(savedWith([{ origin: "https://app.example.com", partition: null }]))
  const api = { origin: "https://api.example.com", partition: null }
  await known.rememberOrigins(savedWith([api, { origin: "https://ads.test", partition: frame }]))
  const found = await known.knownOriginsOf("example.com", savedWith([]).account)
  expect(found).toEqual(["https://api.example.com", "https://app.example.com"])
  expect(await known.knownOriginsOf("example.com", "another account")).toEqual([])
})

it("a private window leaves no origin behind", async () => {
  await known.rememberOrigins(savedWith([{ origin: "https://app.example.com", partition: null }], true))
  expect(await known.knownOriginsOf("example.com", savedWith([]).account)).toEqual([])
})

it("a forgotten session's origins are forgotten with it", async () => {
  const saved = savedWith([{ origin: "https://app.example.com", partition: null }])
  await known.rememberOrigins(saved)
  await known.forgetOrigins("example.com", saved.account)
  expect(await known.knownOriginsOf("example.com", saved.account)).toEqual([])
})
