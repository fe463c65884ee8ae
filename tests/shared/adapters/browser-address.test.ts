import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { describe, expect, it } from "vitest"
import { connectBidiAddress } from "../../../shared/adapters/bidi/address.js"
import { connectCdpAddress } from "../../../shared/adapters/cdp/address.js"

const ways = [
  ["CDP", connectCdpAddress, "http://127.0.0.1:9222"],
  ["BiDi", connectBidiAddress, "ws://127.0.0.1:9222"],
] as const

const untold = expect.not.stringContaining("canary") as string

describe.each(ways)("an address for %s", (_, connect, example) => {
  it.each([
    "",
    "http://",
    "ftp://canary",
    "mailto:canary",
    "file:///canary",
    "http://[canary",
    "ws://127.0.0.1:99999/canary",
    "127.0.0.1:port?token=canary",
    "ws://127.0.0.1:1/?token=canary#canary",
    "http://user:canary@127.0.0.1:1",
  ])("that cannot be one (%j) is refused with what was expected, and no part of it", async (address) => {
    const refused = connect(address)
    await expect(refused).rejects.toMatchObject({ code: "usage", message: untold })
    await expect(refused).rejects.toThrow(`expected ${example}`)
  })

  it("where nobody listens is told without its path and query", async () => {
    await expect(connect("ws://127.0.0.1:1/canary?token=canary")).rejects.toMatchObject({
      code: "bad-target",
      message: untold,
    })
  })

  it("is not gone to once the work is called off, and the message says so", async () => {
    const signal = AbortSignal.abort()
    for (const address of ["ws://127.0.0.1:1", "http://127.0.0.1:1"]) {
      await expect(connect(address, { signal })).rejects.toMatchObject({
        code: "aborted",
        message: expect.stringContaining("called off") as string,
      })
    }
  })

  it("of one who takes the line and says nothing can be called off, or ends by itself", async () => {
    const { address, heard, close } = await silentServer()
    try {
      const controller = new AbortController()
      const connecting = connect(address, { signal: controller.signal })
      const told = expect(connecting).rejects.toMatchObject({
        code: "aborted",
        message: expect.stringContaining("called off") as string,
      })
      await heard
      controller.abort()
      await told
      await expect(connect(address, { timeoutMs: 20 })).rejects.toMatchObject({
        code: "aborted",
        message: expect.stringContaining("within 20 ms") as string,
      })
    } finally {
      close()
    }
  })
})

it.each(["mailto:canary", "http://127.0.0.1:1", "ws://127.0.0.1:1/#canary", "ws://"])(
  "a browser that tells %j as its websocket is none that can be used",
  async (webSocketDebuggerUrl) => {
    const server = createServer((_, response) => void response.end(JSON.stringify({ webSocketDebuggerUrl })))
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo
    try {
      await expect(connectCdpAddress(`127.0.0.1:${port}`)).rejects.toMatchObject({
        code: "bad-target",
        message: untold,
      })
    } finally {
      server.close()
    }
  },
)

async function silentServer(): Promise<{ address: string; heard: Promise<void>; close: () => void }> {
  const server = createServer(() => undefined)
  const heard = new Promise<void>((resolve) => {
    server.on("connection", () => resolve())
  })
  server.on("upgrade", () => undefined)
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { address: `ws://127.0.0.1:${port}`, heard, close }
}
