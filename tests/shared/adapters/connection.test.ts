import { describe, expect, it } from "vitest"
import { connectBidi } from "../../../shared/adapters/bidi/connection.js"
import { openBidiContext } from "../../../shared/adapters/bidi/context.js"
import { openBidiSession } from "../../../shared/adapters/bidi/session.js"
import { connectCdp } from "../../../shared/adapters/cdp/connection.js"
import { openCdpContext } from "../../../shared/adapters/cdp/context.js"
import type { Transport } from "../../../shared/adapters/transport.js"

function createLine(): Transport & { isClosed: boolean } {
  return {
    isClosed: false,
    send: () => undefined,
    onMessage: () => undefined,
    onClose: () => undefined,
    close() {
      this.isClosed = true
    },
  }
}

const connections = [
  ["CDP", connectCdp],
  ["BiDi", connectBidi],
] as const

for (const [protocol, connect] of connections) {
  describe(`a connection by ${protocol}`, () => {
    it.each(["canary, no JSON", "null", "7", '{"id":1,"error":null}'])(
      "ends with a browser that says %s",
      async (text) => {
        const line = createLine()
        const connection = connect(line)
        const asked = connection.send("Browser.getVersion")
        const told = expect(asked).rejects.toMatchObject({
          code: "bad-target",
          message: expect.not.stringContaining("canary") as string,
        })
        expect(() => line.onMessage(text)).not.toThrow()
        await told
        expect([line.isClosed, connection.closed.aborted]).toEqual([true, true])
        await expect(connection.send("Browser.getVersion")).rejects.toMatchObject({ code: "bad-target" })
      },
    )

    it("ends when somebody who listens cannot take an event", () => {
      const line = createLine()
      const connection = connect(line)
      connection.listen(({ params }) => {
        expect((params as { sessionId: string }).sessionId.length).toBe(32)
      })
      expect(() => line.onMessage('{"method":"Target.attachedToTarget","params":{}}')).not.toThrow()
      expect(connection.closed.aborted).toBe(true)
    })
  })
}

it("CDP's own words of an error, which may name values, are not told on", async () => {
  const line = createLine()
  const asked = connectCdp(line).send("Storage.setCookies")
  line.onMessage('{"id":1,"error":{"message":"Invalid cookie value canary"}}')
  await expect(asked).rejects.toThrow(/^The browser refused it$/)
})

it("what a page over CDP did not answer before it was closed ends then, and what others were asked goes on", async () => {
  const line = createLine()
  const connection = connectCdp(line)
  const asked = connection.send("Page.enable", {}, "gone")
  const other = connection.send("Page.enable", {}, "here")
  line.onMessage('{"method":"Target.detachedFromTarget","params":{"sessionId":"gone"}}')
  await expect(asked).rejects.toThrow("Target closed")
  line.onMessage('{"id":2,"result":{},"sessionId":"here"}')
  expect(await other).toEqual({})
})

describe("a browser that never answers", () => {
  it("ends the opening of a context over CDP, and its line", async () => {
    const line = createLine()
    const opening = openCdpContext(connectCdp(line), null, 20)
    await expect(opening).rejects.toMatchObject({ code: "aborted" })
    expect(line.isClosed).toBe(true)
  })

  it("ends the beginning of a session over BiDi, and its line", async () => {
    const line = createLine()
    const opening = openBidiSession(connectBidi(line), { timeoutMs: 20 })
    await expect(opening).rejects.toMatchObject({ code: "aborted" })
    expect(line.isClosed).toBe(true)
  })

  it("ends the opening of a context over BiDi, and its session", async () => {
    const line = createLine()
    const session = { ...connectBidi(line), browser: { name: "firefox", version: "153" } }
    await expect(openBidiContext(session, null, 20)).rejects.toMatchObject({ code: "aborted" })
    expect(line.isClosed).toBe(true)
  })

  it("ends the beginning of a session over BiDi when it is called off", async () => {
    const line = createLine()
    const controller = new AbortController()
    const opening = openBidiSession(connectBidi(line), { signal: controller.signal })
    controller.abort()
    await expect(opening).rejects.toMatchObject({ code: "aborted" })
    expect(line.isClosed).toBe(true)
  })
})
