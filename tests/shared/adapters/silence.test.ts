import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { connectBidi } from "../../../shared/adapters/bidi/connection.js"
import { openBidiContext } from "../../../shared/adapters/bidi/context.js"
import { lazyBlankPage } from "../../../shared/adapters/blank-page.js"
import { connectCdp } from "../../../shared/adapters/cdp/connection.js"
import { openCdpContext } from "../../../shared/adapters/cdp/context.js"
import type { DrivenContext, DrivenPage } from "../../../shared/adapters/driven-context.js"
import type { LentContext } from "../../../shared/adapters/lent-context.js"
import { createSteps } from "../../../shared/adapters/steps.js"
import type { Transport } from "../../../shared/adapters/transport.js"

interface Asked {
  id: number
  method: string
  params: Record<string, unknown>
  sessionId?: string
}

/** A browser that can be told to say nothing to some methods. */
function createBrowser(answers: (asked: Asked, tell: (event: object) => void) => object) {
  const silent = new Set<string>()
  const tell = (message: object) => transport.onMessage(JSON.stringify(message))
  const transport: Transport = {
    send: (text) => {
      const asked = JSON.parse(text) as Asked
      if (silent.has(asked.method)) return
      queueMicrotask(() => tell({ id: asked.id, result: answers(asked, tell) }))
    },
    onMessage: () => undefined,
    onClose: () => undefined,
    close: () => transport.onClose(),
  }
  return { transport, silent, tell }
}

async function openCdp() {
  let last = 0
  const browser = createBrowser(({ method, params }, tell) => {
    if (method === "Browser.getVersion") return { product: "Chrome/156" }
    if (method === "Target.getBrowserContexts") return { browserContextIds: [] }
    if (method === "Page.getFrameTree") return { frameTree: { frame: { id: `t${last}`, loaderId: "l", url: "" } } }
    if (method === "Target.createTarget") {
      const targetInfo = { targetId: `t${++last}`, type: "page", url: "about:blank" }
      tell({ method: "Target.attachedToTarget", params: { sessionId: `s${last}`, targetInfo } })
      return { targetId: targetInfo.targetId }
    }
    if (method === "Target.closeTarget") {
      tell({ method: "Target.targetDestroyed", params })
      tell({ method: "Target.detachedFromTarget", params: { sessionId: `s${last}` } })
    }
    return {}
  })
  const connection = connectCdp(browser.transport)
  return { ...browser, closed: connection.closed, context: await openCdpContext(connection, null) }
}

async function openBidi() {
  let last = 0
  const browser = createBrowser(({ method, params }, tell) => {
    if (method === "browser.getUserContexts") return { userContexts: [{ userContext: "default" }] }
    if (method === "browsingContext.getTree") return { contexts: [] }
    if (method === "browsingContext.create") {
      const context = `c${++last}`
      const params = { context, url: "about:blank", userContext: "default", parent: null }
      // Firefox may tell of it after the answer.
      setTimeout(() => tell({ method: "browsingContext.contextCreated", params }))
      return { context }
    }
    if (method === "browsingContext.close") tell({ method: "browsingContext.contextDestroyed", params })
    if (method === "browsingContext.navigate") {
      const told = { context: params["context"], url: params["url"], navigation: `n${++last}` }
      tell({ method: "browsingContext.navigationCommitted", params: told })
      return told
    }
    return {}
  })
  const session = { ...connectBidi(browser.transport), browser: { name: "firefox", version: "153" } }
  return { ...browser, closed: session.closed, context: await openBidiContext(session, null) }
}

async function opened(context: DrivenContext): Promise<DrivenPage> {
  const opening = context.newPage()
  await vi.advanceTimersByTimeAsync(1)
  return opening
}

const protocols = [
  ["CDP", openCdp, "Target.createTarget", "Target.closeTarget"],
  ["BiDi", openBidi, "browsingContext.create", "browsingContext.close"],
] as const

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** More than any limit (ms). */
const long = 120_000

describe.each(protocols)("a browser over %s that says nothing any more", (_, open, create, close) => {
  it("ends the opening of a page", async () => {
    const { context, silent } = await open()
    silent.add(create)
    const told = expect(context.newPage()).rejects.toMatchObject({ code: "aborted" })
    await vi.advanceTimersByTimeAsync(long)
    await told
  })

  it("ends the closing of a page, as if it was closed", async () => {
    const { context, silent } = await open()
    const page = await opened(context)
    silent.add(close)
    const closing = page.close()
    await vi.advanceTimersByTimeAsync(long)
    await closing
  })

  it("and goes away ends all of it at once", async () => {
    for (const method of [create, close]) {
      const { context, silent, transport } = await open()
      const page = await opened(context)
      silent.add(method)
      const work = method === create ? context.newPage() : page.close()
      const ended = work.then(
        () => "closed",
        (error: unknown) => error,
      )
      transport.close()
      expect(await ended).toEqual(method === create ? expect.objectContaining({ code: "bad-target" }) : "closed")
    }
  })
})

describe.each(protocols)("a context over %s", (_, open) => {
  it("leaves no listener at the connection for pages that came and went", async () => {
    const { context, closed } = await open()
    const [add, remove] = [vi.spyOn(closed, "addEventListener"), vi.spyOn(closed, "removeEventListener")]
    for (let at = 0; at < 12; at++) await (await opened(context)).close()
    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length)
  })
})

it("a page over BiDi keeps no listener of visits that have ended", async () => {
  const { context } = await openBidi()
  const page = await opened(context)
  const [add, remove] = [
    vi.spyOn(AbortSignal.prototype, "addEventListener"),
    vi.spyOn(AbortSignal.prototype, "removeEventListener"),
  ]
  for (let at = 0; at < 12; at++) await page.goto(`https://a.example/${at}`, { waitUntil: "commit", timeout: long })
  expect(remove.mock.calls.length).toBe(add.mock.calls.length)
  vi.restoreAllMocks()
})

describe("a blank page", () => {
  const contextWith = (newPage: LentContext["newPage"]) => ({ newPage }) as unknown as DrivenContext

  it("that never opens is closed all the same, and leaves no listener", async () => {
    const { signal } = new AbortController()
    const [add, remove] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")]
    const opening = contextWith(() => new Promise(() => undefined))
    const blank = lazyBlankPage(opening, createSteps("restore session", { timeoutMs: 10 }), signal)
    const refused = expect(blank.get()).rejects.toMatchObject({ code: "aborted" })
    await vi.advanceTimersByTimeAsync(10)
    await refused
    const closing = blank.close()
    await vi.advanceTimersByTimeAsync(long)
    await closing
    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length)
  })
})
