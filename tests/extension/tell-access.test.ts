import { readFileSync } from "node:fs"
import { beforeEach, describe, expect, it, vi } from "vitest"
import type { AccessEvent } from "../../shared/vault.js"
import { PspError } from "../../shared/errors.js"
import { readTold } from "../../extension/access-told.js"
import { switchTell } from "../../extension/tell-switch.js"
import { tellAccess, tellFromNow, watchTold } from "../../extension/tell-access.js"

interface Shown {
  id: string
  title: string
  message: string
}

const world = vi.hoisted(() => ({
  kept: new Map<string, string>(),
  mayNotify: true,
  isLocked: false,
  looks: 0,
  fault: null as Error | null,
  events: [] as AccessEvent[],
  shown: [] as Shown[],
  opened: [] as string[],
  asked: [] as string[],
  answer: true,
  clicks: [] as ((id: string) => void)[],
  duringLook: (): Promise<void> => Promise.resolve(),
}))

vi.mock("wxt/browser", () => ({
  browser: {
    runtime: {
      sendMessage: async (message: object) => {
        world.asked.push(`background ${JSON.stringify(message)}`)
        return { answer: null }
      },
      getURL: (path: string) => `ext://us${path}`,
    },
    tabs: { create: async ({ url }: { url: string }) => void world.opened.push(url) },
    permissions: {
      contains: async () => world.mayNotify,
      request: (wanted: object) => {
        world.asked.push(`browser ${JSON.stringify(wanted)}`)
        return Promise.resolve((world.mayNotify = world.answer))
      },
      remove: async () => !(world.mayNotify = false),
      onAdded: { addListener: () => undefined },
    },
    notifications: {
      create: async (id: string, { title, message }: Shown) => void world.shown.push({ id, title, message }),
      clear: async () => true,
      onClicked: { addListener: (listener: (id: string) => void) => void world.clicks.push(listener) },
    },
  },
}))
vi.mock("../../extension/db.js", () => ({
  readKept: async (name: string) => world.kept.get(name) ?? null,
  writeKept: async (name: string, value: string) => void world.kept.set(name, value),
  updateKept: async (name: string, change: (before: string | null) => string) =>
    void world.kept.set(name, change(world.kept.get(name) ?? null)),
  deleteKept: async (name: string) => void world.kept.delete(name),
}))
vi.mock("../../extension/device.js", () => ({ isDeviceLocked: async () => world.isLocked }))
vi.mock("../../extension/host.js", () => ({
  withReadingHost: async (work: (vault: object) => Promise<unknown>) => {
    world.looks++
    if (world.fault !== null) throw world.fault
    const done = await work({
      id: "vault",
      card: { fingerprint: "own words" },
      async *events() {
        yield* world.events
      },
      grants: async () => [],
    })
    await world.duringLook()
    return done
  },
}))
vi.mock("../../extension/i18n.js", () => ({
  // As the browser does it: the text with what goes into it.
  i18n: {
    t: (key: string, ...rest: unknown[]) => {
      const found = key.split(".").reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], english)
      const text = typeof found === "string" ? found : (found as { n: string }).n
      const given = rest.at(-1)
      return text.replace(/\$(\d)/g, (_all, at: string) => (Array.isArray(given) ? String(given[Number(at) - 1]) : ""))
    },
  },
}))

const english: unknown = JSON.parse(readFileSync(new URL("../../extension/locales/en.json", import.meta.url), "utf8"))
const minute = 60_000
const start = Date.UTC(2027, 0, 15, 8)

beforeEach(() => {
  vi.stubGlobal("navigator", {
    locks: { request: (_name: string, _options: object, work: (lock: object) => unknown) => work({}) },
  })
  Object.assign(world, {
    mayNotify: true,
    isLocked: false,
    looks: 0,
    fault: null,
    events: [],
    shown: [],
    opened: [],
    asked: [],
  })
  world.duringLook = () => Promise.resolve()
  world.kept.clear()
})

function use(at: number, more: Partial<AccessEvent> = {}): void {
  world.events.push({
    ...{ type: "event", kind: "opened", site: "example.com", account: "default", tool: "test", version: "1", at },
    ...{ names: ["changed cookie canary"], more: 0, bot: null, reason: null, wasGranted: true },
    ...{ by: { name: "ci-1", fingerprint: "its words", isBot: true }, name: `event ${world.events.length}` },
    ...more,
  })
}

describe("telling of the access history", () => {
  it("is off until the person asks for it, and then asks nobody", async () => {
    use(start)
    await tellAccess(start)
    expect(await readTold()).toBeNull()
    expect([world.looks, world.shown]).toEqual([0, []])
  })

  it("names the bot, the site and the time, and no value", async () => {
    await tellFromNow(true, start)
    await tellAccess(start)
    use(start + minute)
    use(start + minute, { kind: "refused", wasGranted: false, site: "other.example" })
    await tellAccess(start + 16 * minute)
    const when = new Date(start + minute).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })
    expect(world.shown.map(({ title }) => title)).toEqual(["A handoff is used", "A bot was refused"])
    for (const [at, site] of ["example.com", "other.example"].entries()) {
      const message = world.shown[at]?.message ?? ""
      for (const part of ["\u2068ci-1\u2069", site, when]) expect(message).toContain(part)
      expect(message).not.toMatch(/canary|\$\d/)
    }
  })

  it("looks at most every 15 minutes, also after a look that failed", async () => {
    await tellFromNow(true, start)
    world.fault = new PspError("host-missing", "away")
    for (let at = 0; at < 15; at++) await tellAccess(start + at * minute)
    expect(world.looks).toBe(1)
    world.fault = null
    use(start)
    await tellAccess(start + 15 * minute)
    await tellAccess(start + 16 * minute)
    expect([world.looks, world.shown.length]).toEqual([2, 1])
    // The clock was set back.
    await tellAccess(start)
    expect(world.looks).toBe(3)
  })

  it("waits while this browser is locked, and tells at once when it is unlocked", async () => {
    await tellFromNow(true, start)
    await tellAccess(start)
    world.isLocked = true
    use(start + minute)
    await tellAccess(start + 60 * minute)
    expect([world.looks, world.shown.length]).toEqual([1, 0])
    world.isLocked = false
    await tellAccess(start + 61 * minute)
    expect(world.shown).toHaveLength(1)
  })

  it("tells of many in one, and a click opens the history", async () => {
    watchTold()
    await tellFromNow(true, start)
    for (let at = 0; at < 30; at++) use(start + minute, { site: `site-${at}.example` })
    await tellAccess(start + 2 * minute)
    expect(world.shown).toHaveLength(4)
    expect(world.shown[3]?.message).toBe("There are 27 more in the access history.")
    for (const click of world.clicks) {
      click("of another")
      click(world.shown[0]?.id ?? "")
    }
    expect(world.opened).toEqual(["ext://us/dashboard.html#history"])
  })

  it("is forgotten and its permission given back when it is switched off, also in the middle of a look", async () => {
    await tellFromNow(true, start)
    use(start)
    world.duringLook = () => tellFromNow(false)
    await tellAccess(start + minute)
    expect(world.shown).toEqual([])
    expect(world.mayNotify).toBe(false)
    world.mayNotify = true
    expect(await readTold()).toBeNull()
  })

  it("asks the browser by the click itself, and only to switch it on", async () => {
    const question = 'browser {"permissions":["notifications"]}'
    world.answer = true
    const switching = switchTell(true)
    // Nothing was waited for: the gesture still counts.
    expect(world.asked).toEqual([question])
    expect(await switching).toBe("on")
    expect(await switchTell(false)).toBe("off")
    expect(world.asked.slice(1)).toEqual([
      'background {"type":"tell","isOn":true}',
      'background {"type":"tell","isOn":false}',
    ])
    world.answer = false
    expect(await switchTell(true)).toBe("refused")
    expect(world.asked.slice(3)).toEqual([question])
  })

  it("is off where the browser took the permission back", async () => {
    await tellFromNow(true, start)
    world.mayNotify = false
    use(start)
    await tellAccess(start)
    expect([world.looks, await readTold()]).toEqual([0, null])
  })
})
