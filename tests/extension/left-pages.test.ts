import { beforeEach, expect, it, vi } from "vitest"
import { listenToPages, watchLeftPages, withLeftPages } from "../../extension/left-pages.js"
import { freshSync, type SyncSetting } from "../../extension/sync-settings.js"
import type { OriginState, Snapshot } from "../../shared/snapshot.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"

type Listener = (message: unknown, sender: object) => Promise<unknown> | undefined

interface Fake {
  listener: Listener | null
  settings: SyncSetting[]
  session: Map<string, unknown>
}
const fake = vi.hoisted((): Fake => ({ listener: null, settings: [], session: new Map() }))

vi.mock("wxt/browser", () => ({
  browser: {
    runtime: {
      id: "our-id",
      onMessage: { addListener: (listener: Listener) => void (fake.listener = listener) },
    },
    cookies: { getAllCookieStores: async () => [{ id: "0", tabIds: [7] }] },
    tabs: { query: async () => [{ id: 7, url: `${origin}/home`, incognito: false, discarded: false }] },
    scripting: { executeScript: async () => [{ documentId: "document-7", frameId: 0 }] },
    storage: {
      session: {
        get: async (name: string) => ({ [name]: fake.session.get(name) }),
        set: async (items: object) => Object.entries(items).forEach(([name, value]) => fake.session.set(name, value)),
        remove: async (name: string) => void fake.session.delete(name),
      },
    },
  },
}))
vi.mock("../../extension/sync-settings.js", async (original) => ({
  ...(await original<object>()),
  readSettings: async () => fake.settings,
}))

const origin = "https://app.example.com"
const setting: SyncSetting = {
  ...freshSync,
  site: "example.com",
  account: "default",
  mode: "save",
  scope: { alsoSites: [], kinds: ["cookies", "localStorage"], withoutOrigins: [], storeId: "0" },
}
const counts = { databases: null, opfs: null, cacheStorage: { caches: 2, entries: 9 }, serviceWorkers: { scopes: 0 } }
const sender = { id: "our-id", url: `${origin}/home`, origin, documentId: "document-7" }
const looks = vi.fn<(isMeant: (setting: SyncSetting) => boolean) => Promise<void>>(async () => undefined)

/** What the background answers, and what a look without any open page would add then. */
async function say(of: { from?: object; page?: object | null; message?: object } = {}) {
  const read = { origin, url: `${origin}/home`, local: [["token", "last"]], errors: {}, ancestors: [], frames: [] }
  const page = of.page === null ? null : JSON.stringify({ ...read, ...of.page })
  const message = { type: "leaving", page, counts, ...of.message }
  const answer: unknown = await fake.listener?.(message, { ...sender, ...of.from })
  return { answer, origins: withLeftPages(withOrigins(undefined), setting).origins }
}

function withOrigins(origins: OriginState[] | undefined): Snapshot {
  const { schema, sites, account, capturedAt, capturedBy, report } = exampleSnapshot("example.com")
  return { schema, sites, account, capturedAt, capturedBy, report, ...(origins && { origins }) }
}

beforeEach(async () => {
  fake.settings = [setting]
  fake.session.clear()
  looks.mockClear()
  watchLeftPages(looks)
  await listenToPages(setting)
})

it("what a page held when it was left is in the next look, once, and asks for one", async () => {
  const { answer, origins } = await say()
  expect(answer).toBe(true)
  expect(origins).toEqual([
    { origin, partition: null, localStorage: [["token", "last"]], cacheStorage: { caches: 2, entries: 9 } },
  ])
  expect(looks).toHaveBeenCalledOnce()
  expect(looks.mock.calls[0]?.[0](setting)).toBe(true)
  expect(looks.mock.calls[0]?.[0]({ ...setting, site: "other.com" })).toBe(false)
  expect(withLeftPages(withOrigins(undefined), setting).origins).toBeUndefined()
})

it("a page that only went from view asks for a look, and says nothing itself", async () => {
  expect(await say({ page: null })).toEqual({ answer: true, origins: undefined })
  expect(looks).toHaveBeenCalledOnce()
})

it("where a page of the origin is open, what that one says counts", async () => {
  await fake.listener?.({ type: "leaving", page: pageWith("left"), counts }, sender)
  const open = { origin, partition: null, localStorage: [["token", "open"]] } satisfies OriginState
  expect(withLeftPages(withOrigins([open]), setting).origins).toEqual([open])
  expect(withLeftPages(withOrigins(undefined), setting).origins).toBeUndefined()
})

const pageWith = (token: string) => JSON.stringify({ origin, local: [["token", token]], errors: {} })

it.each([
  ["a site that is not kept in sync", []],
  ["an origin that is unticked", [{ ...setting, scope: { ...setting.scope, withoutOrigins: [origin] } }]],
  ["a scope of cookies alone", [{ ...setting, scope: { ...setting.scope, kinds: ["cookies"] } }]],
] as [string, SyncSetting[]][])("a page of %s is told that nobody wants to hear of it", async (_of, settings) => {
  fake.settings = settings
  expect(await say()).toEqual({ answer: false, origins: undefined })
  expect(looks).not.toHaveBeenCalled()
})

it("what a page held is of the account that was kept in sync, and not of the one that is next", async () => {
  await fake.listener?.({ type: "leaving", page: pageWith("left"), counts }, sender)
  expect(withLeftPages(withOrigins(undefined), { ...setting, account: "work" }).origins).toBeUndefined()
  expect(withLeftPages(withOrigins(undefined), setting).origins).toHaveLength(1)
})

it("a page of another cookie store is not asked to tell", async () => {
  fake.session.clear()
  fake.settings = [{ ...setting, scope: { ...setting.scope, storeId: "firefox-container-1" } }]
  await listenToPages(setting)
  expect(fake.session.size).toBe(0)
})

it("a page of another cookie store is not taken for the one that is kept in sync", async () => {
  const other = { ...setting, scope: { ...setting.scope, storeId: "firefox-container-1" } }
  fake.settings = [other]
  expect((await say()).answer).toBe(true)
  expect(withLeftPages(withOrigins(undefined), other).origins).toBeUndefined()
  expect(looks.mock.calls[0]?.[0](other)).toBe(false)
})

it("an origin that was unticked meanwhile, and one without ticked localStorage, is not taken along", async () => {
  const scopes = [{ withoutOrigins: [origin] }, { kinds: ["cookies", "indexedDB"] as SyncSetting["scope"]["kinds"] }]
  for (const scope of scopes) {
    await fake.listener?.({ type: "leaving", page: pageWith("left"), counts }, sender)
    const narrow = { ...setting, scope: { ...setting.scope, ...scope } }
    expect(withLeftPages(withOrigins(undefined), narrow).origins).toBeUndefined()
  }
})

it.each([
  ["another extension", { from: { id: "their-id" } }],
  ["a frame, or a page that was not asked to tell", { from: { documentId: "document-8" } }],
  ["a sandboxed page", { from: { origin: "null" } }],
  ["nobody's document", { from: { documentId: undefined } }],
  ["a page of ours", { from: { url: "chrome-extension://our-id/popup.html" } }],
  ["a page about another origin", { page: { origin: "https://www.example.com" } }],
  ["a page of another site about this one", { from: { url: "https://evil.test/", origin: "https://evil.test" } }],
  ["a page without text", { message: { page: 3 } }],
])("what a page says of another origin, frame or extension is not heard: %s", async (_who, of) => {
  expect((await say(of)).origins).toBeUndefined()
})
