import { expect, it, vi } from "vitest"
import { withHost } from "../../extension/host.js"

const events: string[] = vi.hoisted(() => [])

vi.mock("../../extension/native-port.js", () => ({
  connect: async () => {
    events.push("connect")
    return { hello: { store: { kind: "file", ok: true } }, close: () => events.push("close") }
  },
}))
vi.mock("../../extension/device.js", () => ({ openDeviceVault: async () => ({}) }))

it("the host is asked for its store only once whoever changes it is done, and is let go of before the next", async () => {
  vi.stubGlobal("navigator", {
    locks: {
      request: async (name: string, work: () => Promise<unknown>) => {
        events.push(`lock ${name}`)
        try {
          return await work()
        } finally {
          events.push("unlock")
        }
      },
    },
  })
  await withHost(async () => void events.push("work"))
  expect(events).toEqual(["lock vault", "connect", "work", "close", "unlock"])
})
