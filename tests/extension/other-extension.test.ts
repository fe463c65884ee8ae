import { beforeEach, expect, it, vi } from "vitest"
import { startBackground } from "../../extension/background.js"
import { livePort } from "../../extension/live-port.js"

type Listener = (...told: unknown[]) => unknown

const fake = vi.hoisted((): { listeners: Map<string, Listener[]>; asked: string[] } => ({
  listeners: new Map(),
  asked: [],
}))

/** A browser that has every event there is, notes what else is asked of it, and never answers. */
vi.mock("wxt/browser", () => {
  const at = (path: string): unknown =>
    new Proxy(() => undefined, {
      get: (_target, name) =>
        path === "runtime" && name === "id" ? "our-id" : at(`${path}.${String(name)}`.replace(/^\./, "")),
      apply(_target, _this, [given]: unknown[]) {
        const [, event] = /^(.+)\.addListener$/.exec(path) ?? []
        if (event === undefined) fake.asked.push(path)
        else fake.listeners.set(event, [...(fake.listeners.get(event) ?? []), given as Listener])
        return new Promise(() => undefined)
      },
    })
  return { browser: at("") }
})

const theirs = { id: "their-id", url: "chrome-extension://their-id/page.html", origin: "chrome-extension://their-id" }
const asPosted = ["save", "sessions", "trust", "setStore", "forget", "wake", "sync", "takeIn", "handOff", "leaving"]

/** What the browser would say of an event; everybody who listens hears it. */
const tell = (event: string, ...told: unknown[]) =>
  (fake.listeners.get(event) ?? []).map((listener) => listener(...told))

beforeEach(() => {
  vi.stubGlobal("location", { origin: "chrome-extension://our-id" })
  fake.listeners.clear()
  startBackground()
  fake.asked.length = 0
})

it("the background listens to its own pages, and to nobody outside", () => {
  const events = [...fake.listeners.keys()].filter((event) => /^runtime\.on.*(?:Message|Connect)/.test(event))
  expect(events.sort()).toEqual(["runtime.onConnect", "runtime.onMessage"])
  const ours = { id: "our-id", url: "chrome-extension://our-id/popup.html" }
  const answers = tell("runtime.onMessage", { type: "computer" }, ours)
  expect(answers.filter((answer) => answer !== undefined)).toEqual([expect.any(Promise)])
})

it("100 messages and 20 ports of another extension are not answered, also where a browser would pass them on", () => {
  const answers = Array.from({ length: 100 }, (_, at) => {
    const asked = { site: "example.com", account: "default", fingerprint: "words", page: null, counts: null }
    const ask = { type: asPosted[at % asPosted.length], ...asked }
    const events = [...fake.listeners.keys()].filter((event) => /^runtime\.on.*Message/.test(event))
    return events.flatMap((event) => tell(event, ask, theirs))
  })
  expect(new Set(answers.flat())).toEqual(new Set([undefined]))
  for (let at = 0; at < 20; at++) {
    const port = {
      name: at % 2 === 0 ? livePort : "other",
      sender: theirs,
      postMessage: vi.fn(),
      onMessage: { addListener: vi.fn() },
      onDisconnect: { addListener: vi.fn() },
    }
    tell("runtime.onConnect", port)
    tell("runtime.onConnectExternal", port)
    for (const touched of [port.postMessage, port.onMessage.addListener, port.onDisconnect.addListener])
      expect(touched).not.toHaveBeenCalled()
  }
  expect(fake.asked).toEqual([])
})
