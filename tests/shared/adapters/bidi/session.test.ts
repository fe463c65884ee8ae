import { expect, test } from "vitest"
import { connectBidi } from "../../../../shared/adapters/bidi/connection.js"
import { openBidiSession } from "../../../../shared/adapters/bidi/session.js"
import type { Transport } from "../../../../shared/adapters/transport.js"

interface Asked {
  id: number
  method: string
}

/** A browser that answers each method as told, by a result or an error's code. */
function lineTo(answers: Record<string, object | string>): { transport: Transport; asked: string[] } {
  const asked: string[] = []
  const transport: Transport = {
    send(message) {
      const { id, method } = JSON.parse(message) as Asked
      asked.push(method)
      const answer = answers[method] ?? "unknown command"
      const told = typeof answer === "string" ? { error: answer, message: "canary" } : { result: answer }
      queueMicrotask(() => transport.onMessage(JSON.stringify({ id, ...told })))
    },
    onMessage: () => undefined,
    onClose: () => undefined,
    close: () => {
      asked.push("closed")
      transport.onClose()
    },
  }
  return { transport, asked }
}

test("a session is begun where there is none, and ended with the connection", async () => {
  const capabilities = { browserName: "Firefox", browserVersion: "153.7.0" }
  const { transport, asked } = lineTo({
    "browser.getUserContexts": "invalid session id",
    "session.new": { sessionId: "1", capabilities },
    "session.end": {},
  })
  const session = await openBidiSession(connectBidi(transport))
  expect(session.browser).toEqual({ name: "firefox", version: "153.7.0" })
  await session.close()
  expect(asked).toEqual(["browser.getUserContexts", "session.new", "session.end", "closed"])
})

test("a session that is there is used and not ended, and a page tells whose it is", async () => {
  const { transport, asked } = lineTo({
    "browser.getUserContexts": { userContexts: [] },
    "browsingContext.getTree": { contexts: [{ context: "1" }] },
    "script.evaluate": { result: { value: "Mozilla/5.0 (X11; rv:153.0) Gecko/20100101 Firefox/153.0" } },
  })
  const session = await openBidiSession(connectBidi(transport))
  expect(session.browser).toEqual({ name: "firefox", version: "153.0" })
  await session.close()
  expect(asked).not.toContain("session.new")
  expect(asked).not.toContain("session.end")
})

test.each(["session not created", "unknown command"])("what refuses a session (%s) is no target", async (code) => {
  const { transport, asked } = lineTo({ "browser.getUserContexts": "invalid session id", "session.new": code })
  const opening = openBidiSession(connectBidi(transport))
  await expect(opening).rejects.toMatchObject({ code: "bad-target" })
  await expect(opening).rejects.not.toThrow(/canary/)
  expect(asked.at(-1)).toBe("closed")
})

test("an error is known by its code, and what the browser says beside is not repeated", async () => {
  const { transport } = lineTo({ "storage.setCookie": "unable to set cookie" })
  const sending = connectBidi(transport).send("storage.setCookie")
  await expect(sending).rejects.toMatchObject({ code: "unable to set cookie" })
  await expect(sending).rejects.not.toThrow(/canary/)
})

test("who waits for an answer when the line ends hears of it", async () => {
  const { transport } = lineTo({})
  transport.send = () => undefined
  const connection = connectBidi(transport)
  const sending = connection.send("session.status")
  transport.onClose()
  await expect(sending).rejects.toMatchObject({ code: "bad-target" })
  await expect(connection.send("session.status")).rejects.toMatchObject({ code: "bad-target" })
  expect(connection.closed.aborted).toBe(true)
})
