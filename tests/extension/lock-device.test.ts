import "fake-indexeddb/auto"
import { IDBFactory } from "fake-indexeddb"
import { Encrypter } from "age-encryption"
import { beforeEach, expect, it, vi } from "vitest"
import type * as Db from "../../extension/db.js"
import type * as Device from "../../extension/device.js"
import type * as LockDevice from "../../extension/lock-device.js"
import type * as Unlocked from "../../extension/unlocked.js"
import { openWithPassphrase } from "../../shared/passphrase.js"

const kept = vi.hoisted(() => ({ session: new Map<string, unknown>(), local: new Map<string, unknown>() }))

vi.mock("wxt/browser", () => {
  const area = (values: Map<string, unknown>) => ({
    get: async (key: string) => (values.has(key) ? { [key]: values.get(key) } : {}),
    set: async (entries: object) => Object.entries(entries).forEach(([key, value]) => values.set(key, value)),
    remove: async (key: string) => void values.delete(key),
  })
  const alarms = { create: async () => undefined, clear: async () => true }
  const runtime = { getPlatformInfo: async () => ({ os: "linux" }) }
  return { browser: { runtime, alarms, storage: { session: area(kept.session), local: area(kept.local) } } }
})

// There are no workers here, and little work is enough: what is derived is shown elsewhere.
vi.mock("../../extension/passphrase-worker.js", () => ({
  sealInWorker: async (secret: string, passphrase: string) => {
    const encrypter = new Encrypter()
    encrypter.setPassphrase(passphrase)
    encrypter.setScryptWorkFactor(2)
    return encrypter.encrypt(secret)
  },
  openInWorker: openWithPassphrase,
}))

const passphrase = "seven canaries at dawn"
const minute = 60_000

let db: typeof Db
let device: typeof Device
let lock: typeof LockDevice
let unlocked: typeof Unlocked

beforeEach(async () => {
  vi.stubGlobal("navigator", { userAgent: "Mozilla/5.0 Chrome/156.0.0.0" })
  vi.stubGlobal("indexedDB", new IDBFactory())
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2027, 0, 31) })
  kept.session.clear()
  kept.local.clear()
  vi.resetModules()
  db = await import("../../extension/db.js")
  device = await import("../../extension/device.js")
  lock = await import("../../extension/lock-device.js")
  unlocked = await import("../../extension/unlocked.js")
  return () => vi.useRealTimers()
})

const later = (ms: number) => vi.setSystemTime(Date.now() + ms)

async function lockedBrowser(): Promise<string> {
  const { age } = await device.thisDevice()
  await lock.setPassphrase(passphrase)
  await unlocked.lockNow()
  return age ?? ""
}

it("keeps the same keys and card under a passphrase, without the secret that opens", async () => {
  const before = await device.thisDevice()
  await lock.setPassphrase(passphrase)
  expect(await lock.lockState()).toBe("unlocked")
  expect(await device.thisDevice()).toMatchObject({ ...before })
  await unlocked.lockNow()
  expect(await lock.lockState()).toBe("locked")
  const locked = await device.thisDevice()
  expect(locked).toMatchObject({ name: before.name, writer: before.writer, vault: before.vault, age: null })
  const written = (await db.readSecret("identity")) ?? ""
  expect(written).not.toContain("PSP-IDENTITY")
  expect(written).not.toContain(before.age)
})

it("takes a passphrase away only when it is unlocked, and is then as before", async () => {
  const age = await lockedBrowser()
  await expect(lock.removePassphrase()).rejects.toMatchObject({ code: "locked" })
  await expect(lock.setPassphrase("another one, longer")).rejects.toMatchObject({ code: "locked" })
  await lock.unlockDevice(passphrase)
  await lock.removePassphrase()
  expect(await lock.lockState()).toBe("none")
  expect((await device.thisDevice()).age).toBe(age)
  expect([...kept.session.keys()]).toEqual([])
})

it("counts wrong passphrases, tells of them with the right one, and loses nothing by them", async () => {
  const age = await lockedBrowser()
  const before = await db.readSecret("identity")
  const since = Date.now()
  for (const wrong of ["one", "two", "three"]) {
    await expect(lock.unlockDevice(wrong)).rejects.toMatchObject({ code: "wrong-passphrase" })
    later(minute)
  }
  expect(await db.readSecret("identity")).toBe(before)
  expect(await lock.lockState()).toBe("locked")
  expect(await lock.unlockDevice(passphrase)).toEqual({ count: 3, since })
  expect((await device.thisDevice()).age).toBe(age)
  expect(await lock.unlockDevice(passphrase)).toBeNull()
})

it("locks when it was not used for 15 minutes, and not while it is", async () => {
  await lockedBrowser()
  await lock.unlockDevice(passphrase)
  later(14 * minute)
  await unlocked.noteUse()
  later(14 * minute)
  expect(await lock.lockState()).toBe("unlocked")
  // What works by itself is no use.
  await device.thisDevice()
  later(minute)
  expect(await lock.lockState()).toBe("locked")
  expect([...kept.session.keys()]).toEqual([])
})

it("locks as late as the person chose, and at once when the clock was set back", async () => {
  await lockedBrowser()
  await unlocked.writeLockAfter(60)
  await lock.unlockDevice(passphrase)
  later(59 * minute)
  expect(await lock.lockState()).toBe("unlocked")
  later(-120 * minute)
  expect(await lock.lockState()).toBe("locked")
})

it("does not open what somebody put in its place", async () => {
  await lockedBrowser()
  const text = JSON.parse((await db.readSecret("identity")) ?? "") as { recipient: string }
  const other = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"
  await db.writeSecret("identity", JSON.stringify({ ...text, recipient: other }))
  await expect(lock.unlockDevice(passphrase)).rejects.toMatchObject({ code: "bad-identity" })
  expect(await lock.lockState()).toBe("locked")
})

it("refuses a passphrase of less than 8 characters", async () => {
  await device.thisDevice()
  await expect(lock.setPassphrase("seven77")).rejects.toMatchObject({ code: "usage" })
  expect(await lock.lockState()).toBe("none")
})
