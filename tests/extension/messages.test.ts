import { beforeEach, expect, it, vi } from "vitest"
import { answerMessages, ask, type Handlers } from "../../extension/messages.js"
import { PspError } from "../../shared/errors.js"

interface Sender {
  id?: string
  url?: string
  origin?: string
  frameId?: number
}
type Listener = (message: unknown, sender: Sender) => Promise<unknown> | undefined

const fake = vi.hoisted((): { listeners: Listener[]; sender: Sender } => ({ listeners: [], sender: {} }))

vi.mock("wxt/browser", () => ({
  browser: {
    runtime: {
      id: "our-id",
      onMessage: { addListener: (listener: Listener) => void fake.listeners.push(listener) },
      // As browsers do it: JSON between two processes.
      sendMessage: async (message: unknown) => {
        const copy = JSON.parse(JSON.stringify(message)) as unknown
        return fake.listeners.map((listener) => listener(copy, fake.sender)).find((answer) => answer !== undefined)
      },
    },
  },
}))

const storeView: Awaited<ReturnType<Handlers["store"]>> = {
  address: "file:///vault",
  source: "default",
  credentials: [],
  trial: null,
  mayChange: true,
  fault: null,
}

const handlers: { [K in keyof Handlers]: ReturnType<typeof vi.fn<Handlers[K]>> } = {
  save: vi.fn<Handlers["save"]>(async () => null),
  permission: vi.fn<Handlers["permission"]>(async () => null),
  cancel: vi.fn<Handlers["cancel"]>(async () => null),
  wake: vi.fn<Handlers["wake"]>(async () => null),
  computer: vi.fn<Handlers["computer"]>(async () => ({ isThere: false, code: "host-missing", message: "not there" })),
  trust: vi.fn<Handlers["trust"]>(async () => ({ state: "no-identity" })),
  sessions: vi.fn<Handlers["sessions"]>(async () => ({ entries: [], isKnown: true })),
  unlocked: vi.fn<Handlers["unlocked"]>(async () => null),
  tell: vi.fn<Handlers["tell"]>(async () => null),
  waiting: vi.fn<Handlers["waiting"]>(async () => []),
  lost: vi.fn<Handlers["lost"]>(async () => []),
  dismissLost: vi.fn<Handlers["dismissLost"]>(async () => null),
  store: vi.fn<Handlers["store"]>(async () => storeView),
  credentials: vi.fn<Handlers["credentials"]>(async () => []),
  setStore: vi.fn<Handlers["setStore"]>(async () => storeView),
  cancelStore: vi.fn<Handlers["cancelStore"]>(async () => null),
  remember: vi.fn<Handlers["remember"]>(async () => true),
  pick: vi.fn<Handlers["pick"]>(async () => true),
  sync: vi.fn<Handlers["sync"]>(async () => null),
  syncs: vi.fn<Handlers["syncs"]>(async () => []),
  health: vi.fn<Handlers["health"]>(async () => []),
  syncsEnded: vi.fn<Handlers["syncsEnded"]>(async () => []),
  dismissEnded: vi.fn<Handlers["dismissEnded"]>(async () => null),
  syncNow: vi.fn<Handlers["syncNow"]>(async () => null),
  takeIn: vi.fn<Handlers["takeIn"]>(async () => null),
  undoTaken: vi.fn<Handlers["undoTaken"]>(async () => 0),
  reloadPages: vi.fn<Handlers["reloadPages"]>(async () => null),
  forget: vi.fn<Handlers["forget"]>(async () => ({ canUndo: true })),
  restorePlan: vi.fn<Handlers["restorePlan"]>(async () => ({
    sites: [],
    cookies: [],
    synced: [],
    tabs: 0,
    savedBack: [],
  })),
  restoreHere: vi.fn<Handlers["restoreHere"]>(async () => []),
  unforget: vi.fn<Handlers["unforget"]>(async () => null),
}

const intent = {
  id: "click-1",
  tabId: 7,
  site: "example.com",
  account: "default",
  kinds: ["cookies" as const],
  withoutOrigins: ["https://www.example.com"],
  alsoSites: [],
  openFirst: [],
}

beforeEach(() => {
  vi.stubGlobal("location", { origin: "chrome-extension://our-id" })
  fake.listeners.length = 0
  fake.sender = { id: "our-id", url: "chrome-extension://our-id/popup.html" }
  for (const handler of Object.values(handlers)) handler.mockClear()
  answerMessages(handlers)
})

it("a page of the extension gets the background's answer", async () => {
  expect(await ask("forget", { site: "example.com", account: "work" })).toEqual({ canUndo: true })
  expect(handlers.forget).toHaveBeenCalledWith({ site: "example.com", account: "work" })
  expect(await ask("save", { intent })).toBeNull()
  expect(handlers.save).toHaveBeenCalledWith({ intent })
})

it("an expected fault arrives with its code, anything else as internal without its text", async () => {
  handlers.trust.mockRejectedValueOnce(new PspError("card-changed", "Cannot trust this computer"))
  await expect(ask("trust", { fingerprint: "six words" })).rejects.toMatchObject({
    code: "card-changed",
    message: "Cannot trust this computer",
  })
  handlers.wake.mockRejectedValueOnce(new Error("secret"))
  const error: unknown = await ask("wake", {}).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: "internal", message: expect.not.stringContaining("secret") as string })
})

it.each([
  ["another extension", { id: "their-id", url: "chrome-extension://their-id/page.html" }],
  ["a content script of ours in a page", { id: "our-id", url: "https://example.com/" }],
  ["a page whose address only begins like ours", { id: "our-id", url: "chrome-extension://our-id.evil.example/" }],
  ["a sender that says nothing of itself", {}],
])("%s gets no answer", async (_who, sender) => {
  fake.sender = sender
  await expect(ask("wake", {})).rejects.toMatchObject({ code: "internal" })
  expect(handlers.wake).not.toHaveBeenCalled()
})

/** Has what each of the types asks for. */
const fits = {
  intent,
  granted: true,
  fingerprint: "six words",
  site: "example.com",
  account: "default",
  id: "click-1",
  address: "file:///vault",
  mode: "save",
  scope: { alsoSites: [], kinds: ["cookies"], withoutOrigins: [], storeId: "0" },
  ticks: [],
  storeId: "0",
  letIn: [],
  check: { url: "https://example.com/home" },
  tabId: 7,
}
const askEach = () =>
  Object.keys(handlers).flatMap((type) => fake.listeners.map((listener) => listener({ ...fits, type }, fake.sender)))
const calls = () => Object.values(handlers).filter(({ mock }) => mock.calls.length > 0).length

it("a page of ours is answered by each handler, whether or not the browser tells of its origin and its frame", async () => {
  for (const more of [{}, { origin: "chrome-extension://our-id", frameId: 0 }]) {
    for (const handler of Object.values(handlers)) handler.mockClear()
    Object.assign(fake.sender, more)
    for (const reply of askEach()) expect(await reply).toHaveProperty("answer")
    expect(calls()).toBe(Object.keys(handlers).length)
  }
})

it("300 messages of every type from pages, content scripts, frames and other extensions run no handler", () => {
  const [page, ours] = ["https://example.com", "chrome-extension://our-id"]
  const senders: Sender[] = [
    { url: `${page}/`, origin: page, frameId: 0 },
    { id: "our-id", url: `${page}/`, origin: page, frameId: 0 },
    { id: "our-id", url: `${page}/frame`, origin: page, frameId: 4 },
    { id: "our-id", url: "about:srcdoc", origin: page, frameId: 5 },
    { id: "our-id", url: `blob:${ours}/1234`, origin: ours, frameId: 0 },
    { id: "our-id", url: `${ours}/dashboard.html`, origin: ours, frameId: 6 },
    { id: "our-id", url: `${ours}/popup.html`, origin: "null", frameId: 0 },
    { id: "our-id", url: `${ours}/popup.html`, origin: page, frameId: 0 },
    { id: "our-id", url: `${ours}.example.com/popup.html` },
    { id: "our-id" },
    { id: "their-id", url: `${ours}/popup.html`, origin: ours, frameId: 0 },
  ]
  const replies = senders.flatMap((sender) => {
    fake.sender = sender
    return askEach()
  })
  expect(replies.length).toBeGreaterThanOrEqual(300)
  expect(new Set(replies)).toEqual(new Set([undefined]))
  expect(calls()).toBe(0)
})

it.each([null, "wake", { type: "constructor" }, { type: "__proto__" }, { type: 3 }, {}, []])(
  "a message that is none of ours, %j, gets no answer",
  (message) => {
    expect(fake.listeners.map((listener) => listener(message, fake.sender))).toEqual([undefined])
  },
)

it.each([
  ["no intent", { type: "save" }],
  ["a tab that is no number", { type: "save", intent: { ...intent, tabId: "7" } }],
  ["a site that is no text", { type: "save", intent: { ...intent, site: {} } }],
  ["an empty account", { type: "save", intent: { ...intent, account: "" } }],
  ["an account without end", { type: "save", intent: { ...intent, account: "a".repeat(201) } }],
  ["origins that are no list", { type: "save", intent: { ...intent, withoutOrigins: "all" } }],
  ["sites that are no list", { type: "save", intent: { ...intent, alsoSites: undefined } }],
  [
    "origins without end",
    { type: "save", intent: { ...intent, openFirst: Array.from({ length: 101 }, () => "https://a.test") } },
  ],
  ["no fingerprint", { type: "trust" }],
])("a message with %s is refused before anything happens", async (_what, message) => {
  expect(await fake.listeners[0]?.(message, fake.sender)).toMatchObject({ error: { code: "bad-message" } })
  expect(handlers.save).not.toHaveBeenCalled()
  expect(handlers.trust).not.toHaveBeenCalled()
})

it("kinds that this build does not know are left out of an intent", async () => {
  await fake.listeners[0]?.(
    { type: "save", intent: { ...intent, kinds: ["cookies", "passwords", "__proto__"] } },
    fake.sender,
  )
  expect(handlers.save).toHaveBeenCalledWith({ intent: { ...intent, kinds: ["cookies"] } })
})

it("a login check crosses with its fields, and a wrong one does not", async () => {
  const session = { site: "example.com", account: "default" }
  const check = { url: "https://example.com/home", text: "Ada" }
  expect(await ask("remember", { ...session, check })).toBe(true)
  expect(handlers.remember).toHaveBeenLastCalledWith({ ...session, check })
  await ask("remember", { ...session, check: null })
  expect(handlers.remember).toHaveBeenLastCalledWith({ ...session, check: null })
  const tooLong = { ...check, text: "x".repeat(201) }
  await expect(ask("remember", { ...session, check: tooLong })).rejects.toMatchObject({ code: "bad-message" })
  await expect(ask("pick", { ...session, check, tabId: "1" as unknown as number })).rejects.toMatchObject({
    code: "bad-message",
  })
})

it("no message adds a recipient, not even one from a page of ours: a handoff is made in the page that shows it", async () => {
  fake.sender = { id: "our-id", url: "chrome-extension://our-id/dashboard.html" }
  const verbs = ["handOff", "hand-off", "grant", "addOwner", "addRecipient", "exportTo", "revoke", "acceptCard"]
  const asks = verbs.flatMap((type) =>
    Array.from({ length: 25 }, (_, at) => ({ type, card: `psp1${at}`, site: "example.com", account: "default" })),
  )
  expect(asks).toHaveLength(200)
  for (const message of asks) {
    expect(fake.listeners.map((listener) => listener(message, fake.sender))).toEqual([undefined])
  }
})
