import "fake-indexeddb/auto"
import { IDBFactory } from "fake-indexeddb"
import { beforeEach, expect, it, vi } from "vitest"
import type * as Device from "../../extension/device.js"
import type { Connection } from "../../extension/native-port.js"
import type * as Trust from "../../extension/trust.js"
import { utf8 } from "../../shared/bytes.js"
import { createCard, createIdentity, parseCard, type Identity } from "../../shared/keys.js"
import type { Provider } from "../../shared/provider.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { openVault, type Vault, type VaultMemory } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"

vi.mock("wxt/browser", () => ({ browser: { runtime: { getPlatformInfo: async () => ({ os: "linux" }) } } }))

let device: typeof Device
let trust: typeof Trust
let store: Provider
let computer: Identity
let offers: string[]

/** Every test has a browser that was just installed, beside a computer that just ran `psp install`. */
beforeEach(async () => {
  vi.stubGlobal("navigator", { userAgent: "Mozilla/5.0 Chrome/156.0.0.0" })
  vi.stubGlobal("indexedDB", new IDBFactory())
  vi.resetModules()
  device = await import("../../extension/device.js")
  trust = await import("../../extension/trust.js")
  store = createMemoryProvider()
  computer = await createIdentity("desk")
  offers = []
})

async function connectionTo(identity: Identity | null): Promise<Connection> {
  const request = async (type: string, ask: { card?: string; prefix?: string; name?: string }) => {
    if (type === "offer") offers.push(ask.card ?? "")
    if (type === "get") {
      const bytes = await store.get(ask.name ?? "")
      return { answer: { found: bytes !== null }, body: bytes ?? new Uint8Array(0) }
    }
    const objects: unknown[] = []
    if (type === "list") for await (const object of store.list(ask.prefix ?? "")) objects.push(object)
    return { answer: {}, body: utf8(JSON.stringify(objects)) }
  }
  return {
    hello: {
      protocol: 1,
      version: "0.1.0",
      computer: identity === null ? null : { card: await createCard(identity) },
      store: { kind: "memory", ok: true },
    },
    request: request as Connection["request"],
    close: () => undefined,
  }
}

async function pressTrust(seen?: string): Promise<Trust.Trust> {
  const connection = await connectionTo(computer)
  const words = seen ?? (await parseCard(await createCard(computer))).fingerprint
  return trust.trustComputer(await device.openDeviceVault(store), connection, words)
}

function memoryOf(): VaultMemory {
  let text: string | null = null
  return {
    read: async () => text,
    write: async (next) => {
      text = next
    },
  }
}

async function tokenIn(vault: Vault, site: string): Promise<string | undefined> {
  return (await vault.load(site))?.cookies?.[0]?.value
}

it("an unknown computer is shown with its words, and trusted only when they were seen", async () => {
  const connection = await connectionTo(computer)
  const { fingerprint } = await parseCard(await createCard(computer))
  expect(await trust.trustOf(connection)).toEqual({ state: "unknown", name: "desk", fingerprint })
  await expect(pressTrust("other words than these six")).rejects.toMatchObject({ code: "card-changed" })
  expect(offers).toEqual([])
  expect(await trust.isTrusted()).toBe(false)
  expect(await pressTrust()).toEqual({ state: "trusted", name: "desk", fingerprint })
  expect(await trust.isTrusted()).toBe(true)
})

it("a trusted computer owns this browser's vault, with what was saved before it was trusted", async () => {
  const mine = await device.openDeviceVault(store)
  await mine.save(exampleSnapshot("example.com", "default", "before"))
  await pressTrust()
  const [offer = ""] = offers
  const theirs = await openVault(store, { identity: computer, owner: offer })
  await theirs.refresh()
  expect(theirs.isOwner).toBe(true)
  expect(await tokenIn(theirs, "example.com")).toContain("before")
})

it("a computer that is trusted is noted as added in the access history, once", async () => {
  for (let press = 0; press < 2; press++) {
    await pressTrust()
    const told: string[] = []
    for await (const item of (await device.openDeviceVault(store)).events()) {
      told.push(item.type === "event" ? `${item.kind} ${item.bot?.name ?? ""} by ${item.tool}` : item.code)
    }
    expect(told).toEqual(["added desk by extension"])
  }
})

it("a computer without an identity is told apart, and cannot be trusted", async () => {
  const connection = await connectionTo(null)
  expect(await trust.trustOf(connection)).toEqual({ state: "no-identity" })
  await expect(trust.trustComputer(await device.openDeviceVault(store), connection, "")).rejects.toMatchObject({
    code: "no-identity",
  })
})

it("a computer that shows another card than the trusted one is refused, not pinned again", async () => {
  await pressTrust()
  const { fingerprint: before } = await parseCard(await createCard(computer))
  computer = await createIdentity("desk")
  expect(await trust.trustOf(await connectionTo(computer))).toMatchObject({ state: "changed", before })
  await expect(pressTrust()).rejects.toMatchObject({ code: "card-changed" })
  expect(offers).toHaveLength(1)
})

it("a computer that made itself new keys, as the vault's owners say, is the same one", async () => {
  await pressTrust()
  await (await device.openDeviceVault(store)).save(exampleSnapshot("example.com"))
  const [before, memory] = [computer, memoryOf()]
  const old = await openVault(store, { identity: before, owner: offers[0] ?? "", memory })
  await old.refresh()
  computer = await createIdentity("desk")
  await old.addOwner(await createCard(computer))
  // Not before the old keys are gone: somebody else's device may be an owner, too.
  expect(await trust.trustOf(await connectionTo(computer))).toMatchObject({ state: "changed" })
  const next = await openVault(store, { identity: computer, memory })
  await next.removeOwner(await createCard({ ...before, vault: next.id }))
  expect(await trust.trustOf(await connectionTo(computer))).toMatchObject({ state: "trusted", name: "desk" })
  expect(await trust.trustOf(await connectionTo(before))).toMatchObject({ state: "changed" })
  expect(await tokenIn(next, "example.com")).toBeDefined()
})

it("a computer that owns sessions already lets this browser in, which brings along what it saved meanwhile", async () => {
  const memory = memoryOf()
  const theirs = await openVault(store, { identity: computer, memory })
  await theirs.save(exampleSnapshot("old.example", "default", "theirs"))
  await (await device.openDeviceVault(store)).save(exampleSnapshot("example.com", "default", "before"))

  expect(await pressTrust()).toMatchObject({ state: "waiting", name: "desk" })
  expect(await trust.isTrusted()).toBe(false)
  // Until `psp trust` there, this browser goes on with the vault it has.
  const waiting = await device.openDeviceVault(store)
  expect(await trust.checkAdoption(waiting, store)).toBe(false)
  await waiting.save(exampleSnapshot("new.example", "default", "meanwhile"))

  await (await openVault(store, { identity: computer, memory })).addOwner(offers[0] ?? "")
  expect(await trust.checkAdoption(await device.openDeviceVault(store), store)).toBe(true)
  expect(await trust.trustOf(await connectionTo(computer))).toMatchObject({ state: "trusted" })

  const joined = await device.openDeviceVault(store)
  expect(joined.id).toBe(theirs.id)
  const sites = ["example.com", "new.example", "old.example"]
  expect((await joined.list()).map(({ site }) => site)).toEqual(sites)
  const seen = await openVault(store, { identity: computer, memory })
  expect(await Promise.all(sites.map((site) => tokenIn(seen, site)))).toEqual([
    expect.stringContaining("before"),
    expect.stringContaining("meanwhile"),
    expect.stringContaining("theirs"),
  ])
})

it("what is kept for an hour only has no more time when the vaults become one", async () => {
  const memory = memoryOf()
  const theirs = await openVault(store, { identity: computer, memory })
  await theirs.save(exampleSnapshot("old.example", "default", "theirs"))
  const end = Date.now() + 3_600_000
  const own = await device.openDeviceVault(store)
  await own.save(exampleSnapshot("example.com", "default", "before"), { endOf: () => end })
  await pressTrust()
  await theirs.addOwner(offers[0] ?? "")
  expect(await trust.checkAdoption(await device.openDeviceVault(store), store)).toBe(true)
  const moved = await (await device.openDeviceVault(store)).loadSession("example.com")
  const { ends = [] } = moved?.stamped().stamps ?? {}
  expect(ends.map(([at]) => at)).toEqual([end])
})

it("of a session that both saved, the later one stays when the vaults become one", async () => {
  const memory = memoryOf()
  await (await device.openDeviceVault(store)).save(exampleSnapshot("example.com", "default", "earlier"))
  const theirs = await openVault(store, { identity: computer, memory, now: () => Date.now() + 60_000 })
  await theirs.save(exampleSnapshot("example.com", "default", "later"))
  await pressTrust()
  await theirs.addOwner(offers[0] ?? "")
  expect(await trust.checkAdoption(await device.openDeviceVault(store), store)).toBe(true)
  expect(await tokenIn(await device.openDeviceVault(store), "example.com")).toContain("later")
})

it("a move that was cut off in the middle is finished the next time", async () => {
  const memory = memoryOf()
  const theirs = await openVault(store, { identity: computer, memory })
  await theirs.save(exampleSnapshot("old.example", "default", "theirs"))
  const mine = await device.openDeviceVault(store)
  await mine.save(exampleSnapshot("one.example", "default", "one"))
  await mine.save(exampleSnapshot("two.example", "default", "two"))
  await pressTrust()
  await (await openVault(store, { identity: computer, memory })).addOwner(offers[0] ?? "")
  let puts = 0
  const failing: Provider = {
    ...store,
    put: async (name, bytes) => {
      if (++puts > 1) throw new Error("stopped")
      return store.put(name, bytes)
    },
  }
  await expect(trust.checkAdoption(await device.openDeviceVault(store), failing)).rejects.toThrow("stopped")
  expect(await trust.isTrusted()).toBe(false)
  expect(await trust.checkAdoption(await device.openDeviceVault(store), store)).toBe(true)
  const joined = await device.openDeviceVault(store)
  expect((await joined.list()).map(({ site }) => site)).toEqual(["old.example", "one.example", "two.example"])
})

it("pages and background that start at the same moment are one device", async () => {
  const another = async () => {
    vi.resetModules()
    const { thisDevice } = await import("../../extension/device.js")
    return thisDevice
  }
  const starts = [device.thisDevice, await another(), await another()]
  const identities = await Promise.all(starts.map((start) => start()))
  expect(new Set(identities.map(({ age }) => age)).size).toBe(1)
})
