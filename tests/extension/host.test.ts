import { beforeEach, expect, it, vi } from "vitest"
import { changingStore, withHost, withVaultOffline } from "../../extension/host.js"
import { createFakeLocks } from "./fake-locks.js"

const host = vi.hoisted(() => ({ events: [] as string[], hello: Promise.resolve() }))

vi.mock("../../extension/native-port.js", () => ({
  connect: async () => {
    host.events.push("connect")
    await host.hello
    return { hello: { store: { kind: "file", ok: true } }, close: () => host.events.push("close") }
  },
}))
vi.mock("../../extension/device.js", () => ({ openDeviceVault: async () => ({}) }))

beforeEach(() => {
  host.events.length = 0
  host.hello = Promise.resolve()
  vi.stubGlobal("navigator", { locks: createFakeLocks() })
})

const { signal } = new AbortController()
const note = (event: string) => async () => void host.events.push(event)

it("the host is asked for its store only once whoever changes it is done, and the store changes only after the work", async () => {
  await Promise.all([
    withHost(note("before")),
    changingStore(signal, async () => {
      host.events.push("changing")
      await new Promise((resolve) => setImmediate(resolve))
      host.events.push("changed")
    }),
    withHost(note("after")),
  ])
  expect(host.events).toEqual(["connect", "before", "close", "changing", "changed", "connect", "after", "close"])
})

it("a host that does not answer holds up no seal", async () => {
  let answer: () => void = () => undefined
  host.hello = new Promise((resolve) => (answer = resolve))
  const save = withHost(note("work"))
  await withVaultOffline(note("seal"))
  answer()
  await save
  expect(host.events).toEqual(["connect", "seal", "work", "close"])
})
