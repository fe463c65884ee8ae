import { PspError } from "../../errors.js"
import type { CdpSession, DrivenFrame, DrivenPage, DrivenRequest, DrivenRoute } from "../driven-context.js"
import type { CdpConnection, CdpEvent } from "./connection.js"
import { addScript, createScript, removeScript, type InitScript } from "./init-script.js"

/** A page of a CDP context, and what the context tells it. */
export interface CdpPage extends DrivenPage {
  targetId: string
  /** Of the page itself. */
  session: CdpSession
  sessionOf(frame: DrivenFrame): CdpSession | null
  /** Events of the page's sessions come here, in their order. */
  hear(event: CdpEvent): void
  /** Whether a session is one of this page's: its own, or that of a frame in another process. */
  owns(sessionId: string): boolean
  /** Resolves when its frames are known, and all scripts were in place before any of its documents ran. */
  ready: Promise<void>
  add(script: InitScript): Promise<void>
  /** For frames that come from now on; in those that are there it stays until `removeScript`. */
  drop(script: InitScript): void
  end(): void
}

interface FrameTree {
  frame: { id: string; parentId?: string; loaderId?: string; url: string; urlFragment?: string }
  childFrames?: FrameTree[]
}

interface Frame extends DrivenFrame {
  id: string
  parent: Frame | null
  sessionId: string
  address: string
  /** An isolated world of the document that is there: nothing that the page did to its builtins counts there. */
  world: Promise<number> | null
}

/** Frames in other processes are targets of their own, and wait like pages until our scripts are in place. */
const frameTargets = {
  autoAttach: true,
  waitForDebuggerOnStart: true,
  flatten: true,
  filter: [{ type: "iframe" }, { exclude: true }],
}

/** Takes up a page that was attached as `sessionId`. Whatever comes of it, a page that was held back for us goes on. */
export function createCdpPage(
  connection: CdpConnection,
  { targetId, url: firstUrl, sessionId }: { targetId: string; url: string; sessionId: string },
  scripts: Iterable<InitScript>,
  closeTarget: () => Promise<void>,
): CdpPage {
  const frames = new Map<string, Frame>()
  const sessions = new Set<string>()
  const added = new Set(scripts)
  const navigated = new Set<(frame: DrivenFrame) => void>()
  const requested = new Set<(request: DrivenRequest) => void>()
  let answer: ((route: DrivenRoute) => Promise<void>) | null = null
  const ended = new AbortController()

  const sessionFor = (id: string): CdpSession => ({
    send: (method, params) => connection.send(method, params, id),
    // Shared by all who look at the page; it ends with the context.
    detach: () => Promise.resolve(),
  })

  const sendingTo = (id: string) => (method: string, params?: object) => connection.send(method, params, id)

  const makeFrame = (id: string, parent: Frame | null, address: string, ofSession: string): Frame => {
    const frame: Frame = {
      id,
      parent,
      address,
      sessionId: ofSession,
      world: null,
      url: () => frame.address,
      parentFrame: () => frame.parent,
      evaluate: async (expression) => {
        const session = sessionFor(frame.sessionId)
        const world = (frame.world ??= worldOf(session, frame.id))
        world.catch(() => (frame.world = null))
        const options = { expression, contextId: await world, awaitPromise: true, returnByValue: true }
        const answered = session.send("Runtime.evaluate", options)
        answered.catch(() => (frame.world = null))
        const { result, exceptionDetails } = (await answered) as {
          result: { value?: unknown }
          exceptionDetails?: object
        }
        // What a page throws may hold anything: it is not repeated.
        if (exceptionDetails !== undefined) throw new Error("The page threw an error")
        return result.value
      },
    }
    frames.set(id, frame)
    return frame
  }
  const takeTree = ({ frame: { id, url, urlFragment = "" }, childFrames = [] }: FrameTree, of: string) => {
    const frame = frames.get(id) ?? makeFrame(id, null, "", of)
    Object.assign(frame, { sessionId: of, address: url + urlFragment })
    for (const child of childFrames) {
      const below = frames.get(child.frame.id) ?? makeFrame(child.frame.id, frame, "", of)
      below.parent = frame
      takeTree(child, of)
    }
  }

  /** Sent without waiting in between: a document that is held back goes on when the last of them is answered. */
  const enter = async (id: string) => {
    sessions.add(id)
    const send = sendingTo(id)
    const asked = [
      ...(answer === null ? [] : [send("Fetch.enable", { patterns: [{ urlPattern: "*" }] })]),
      send("Page.enable"),
      send("Target.setAutoAttach", frameTargets),
      ...[...added].map((script) => addScript(connection, script, id)),
      send("Page.getFrameTree").then((tree) => {
        takeTree((tree as { frameTree: FrameTree }).frameTree, id)
      }),
    ]
    const resumed = send("Runtime.runIfWaitingForDebugger")
    const [first] = (await Promise.allSettled([...asked, resumed])).filter(({ status }) => status === "rejected")
    if (first?.status === "rejected") throw first.reason
  }
  const leave = (id: string) => {
    sessions.delete(id)
    for (const frame of frames.values()) if (frame.sessionId === id && frame !== main) frames.delete(frame.id)
  }

  const on: Record<string, (params: never, id: string) => void> = {
    "Page.frameAttached": ({ frameId, parentFrameId }: { frameId: string; parentFrameId: string }, id) => {
      if (!frames.has(frameId)) makeFrame(frameId, frames.get(parentFrameId) ?? null, "", id)
    },
    "Page.frameStartedLoading": () => {
      for (const listener of [...requested]) listener({ isNavigationRequest: () => true })
    },
    "Page.frameNavigated": ({ frame: told }: FrameTree, id) => {
      const frame = frames.get(told.id) ?? makeFrame(told.id, frames.get(told.parentId ?? "") ?? null, "", id)
      Object.assign(frame, { sessionId: id, address: told.url + (told.urlFragment ?? ""), world: null })
      if (frame === main) shown = told.loaderId
      for (const listener of [...navigated]) listener(frame)
    },
    "Page.navigatedWithinDocument": ({ frameId, url }: { frameId: string; url: string }) => {
      const frame = frames.get(frameId)
      if (frame !== undefined) frame.address = url
    },
    "Page.frameDetached": ({ frameId, reason }: { frameId: string; reason?: string }, id) => {
      // A frame that moves to another process is told of there.
      if (reason !== "swap" && frames.get(frameId)?.sessionId === id) frames.delete(frameId)
    },
    "Target.attachedToTarget": ({ sessionId: child }: { sessionId: string }) => {
      enter(child).catch(() => undefined)
    },
    "Target.detachedFromTarget": ({ sessionId: child }: { sessionId: string }) => leave(child),
    "Fetch.requestPaused": ({ requestId }: { requestId: string }, id) => {
      const send = sendingTo(id)
      const fulfill: DrivenRoute["fulfill"] = async ({ contentType, body }) => {
        const responseHeaders = [{ name: "content-type", value: contentType }]
        const bytes = btoa(String.fromCharCode(...new TextEncoder().encode(body)))
        await send("Fetch.fulfillRequest", { requestId, responseCode: 200, responseHeaders, body: bytes })
      }
      // A request whose page is gone by now needs no answer.
      answer?.({ fulfill }).catch(() => undefined)
    },
  }

  // The id of a page is that of its main frame.
  const main = makeFrame(targetId, null, firstUrl, sessionId)
  /** The document of the main frame. */
  let shown: string | undefined
  const commitOf = (loaderId: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (shown !== loaderId) return
        navigated.delete(look)
        resolve()
      }
      navigated.add(look)
    })
  const listenersOf = (event: string): Set<never> => {
    return (event === "request" ? requested : navigated) as Set<never>
  }
  const page: CdpPage = {
    targetId,
    session: sessionFor(sessionId),
    sessionOf: (frame) => {
      const known = [...frames.values()].find((other) => other === frame)
      return known === undefined ? null : sessionFor(known.sessionId)
    },
    owns: (id) => sessions.has(id),
    hear: ({ method, params, sessionId: id }) => {
      if (id !== undefined) on[method]?.(params as never, id)
    },
    ready: Promise.resolve(),
    async add(script) {
      added.add(script)
      await Promise.all([...sessions].map((id) => addScript(connection, script, id)))
    },
    drop: (script) => void added.delete(script),
    end: () => ended.abort(),
    async goto(url, { timeout }) {
      let stop: (() => void) | undefined
      const stopped = new Promise<never>((_, reject) => {
        const timer = setTimeout(() => reject(new Error(`No answer within ${timeout} ms`)), timeout)
        const onEnd = () => reject(closedPage())
        ended.signal.addEventListener("abort", onEnd)
        stop = () => {
          clearTimeout(timer)
          ended.signal.removeEventListener("abort", onEnd)
        }
      })
      try {
        const { errorText, loaderId } = (await Promise.race([
          connection.send("Page.navigate", { url }, sessionId),
          stopped,
        ])) as { errorText?: string; loaderId?: string }
        if (errorText !== undefined) throw new Error(errorText)
        // The answer comes with the first byte of the document, which is not there yet.
        if (loaderId !== undefined && shown !== loaderId) await Promise.race([commitOf(loaderId), stopped])
      } finally {
        stop?.()
      }
      return null
    },
    evaluate: (expression) => main.evaluate(expression),
    addInitScript: async ({ content }) => {
      const script = createScript(content)
      await page.add(script)
      const dispose = async () => {
        page.drop(script)
        await removeScript(connection, script)
      }
      return { dispose }
    },
    async route(_, handler) {
      answer = handler
      const enable = (id: string) => connection.send("Fetch.enable", { patterns: [{ urlPattern: "*" }] }, id)
      await Promise.all([...sessions].map(enable))
    },
    url: () => main.address,
    mainFrame: () => main,
    frames: () => [...frames.values()],
    isClosed: () => ended.signal.aborted,
    close: closeTarget,
    on: (event: string, listener: never) => void listenersOf(event).add(listener),
    off: (event: string, listener: never) => void listenersOf(event).delete(listener),
  }
  page.ready = enter(sessionId)
  page.ready.catch(() => undefined)
  return page
}

async function worldOf(session: CdpSession, frameId: string): Promise<number> {
  const world = (await session.send("Page.createIsolatedWorld", { frameId, worldName: "psp" })) as {
    executionContextId: number
  }
  return world.executionContextId
}

function closedPage(): PspError {
  return new PspError("bad-target", "Cannot reach the page: it has been closed")
}
