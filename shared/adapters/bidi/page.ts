import { isPspError } from "../../errors.js"
import type { DrivenFrame, DrivenPage, DrivenRequest, DrivenRoute } from "../driven-context.js"
import type { BidiConnection, BidiEvent } from "./connection.js"
import { inTime, tidied } from "../steps.js"
import { addPreload, evaluateIn } from "./script.js"

/** A top-level browsing context, and what the context tells it. */
export interface BidiPage extends DrivenPage {
  id: string
  /** Whether a browsing context is the page's own or a frame below. */
  owns(id: string): boolean
  /** Of one of its frames, as the browser knows it. */
  idOf(frame: DrivenFrame | undefined): string | null
  hear(event: BidiEvent): void
  /** Takes in a frame. */
  add(info: ContextInfo): void
  end(): void
}

/** As `browsingContext.getTree` and `contextCreated` tell of it. */
export interface ContextInfo {
  context: string
  url: string
  userContext: string
  parent?: string | null
  children?: ContextInfo[] | null
}

interface Frame extends DrivenFrame {
  id: string
  parent: Frame | null
  address: string
  /** Of the document that is there. */
  navigation: string | null
}

/** What the events of navigations have in common. */
interface Navigation {
  context: string
  navigation: string | null
  url: string
}

interface Blocked {
  context: string | null
  isBlocked: boolean
  intercepts?: string[]
  request: { request: string }
}

export function createBidiPage(connection: BidiConnection, info: ContextInfo): BidiPage {
  const frames = new Map<string, Frame>()
  const navigated = new Set<(frame: DrivenFrame) => void>()
  const requested = new Set<(request: DrivenRequest) => void>()
  /** Those who wait for what becomes of navigations of this page. */
  const outcomes = new Set<(navigation: string | null, isThere: boolean) => void>()
  const ended = new AbortController()
  let answer: { handler: (route: DrivenRoute) => Promise<void>; intercept: string } | null = null
  let release = () => Promise.resolve()

  const makeFrame = ({ context: id, url, parent }: ContextInfo): Frame => {
    const frame: Frame = {
      id,
      parent: frames.get(parent ?? "") ?? null,
      address: url,
      navigation: null,
      url: () => frame.address,
      parentFrame: () => frame.parent,
      evaluate: (expression) => evaluateIn(connection, id, expression),
    }
    frames.set(id, frame)
    return frame
  }
  const add = (found: ContextInfo) => {
    const frame = frames.get(found.context) ?? makeFrame(found)
    for (const child of found.children ?? []) add({ ...child, parent: frame.id })
  }
  const drop = (id: string) => {
    for (const frame of frames.values()) if (frame.parent?.id === id) drop(frame.id)
    frames.delete(id)
  }
  /** By the first event that tells of the document: not all browsers have `navigationCommitted`. */
  const arrive = ({ context, navigation, url }: Navigation) => {
    const frame = frames.get(context)
    if (frame === undefined || (navigation === null ? frame.address === url : frame.navigation === navigation)) return
    Object.assign(frame, { address: url, navigation })
    for (const listener of [...navigated]) listener(frame)
    for (const settle of [...outcomes]) settle(navigation, true)
  }
  const fail = ({ navigation }: Navigation) => {
    for (const settle of [...outcomes]) settle(navigation, false)
  }
  const move = ({ context, url }: Navigation) => {
    const frame = frames.get(context)
    if (frame !== undefined) frame.address = url
  }
  const fulfill = async (request: string, { contentType, body }: { contentType: string; body: string }) => {
    const headers = [{ name: "content-type", value: { type: "string", value: contentType } }]
    const response = { statusCode: 200, reasonPhrase: "OK", headers, body: { type: "string", value: body } }
    await connection.send("network.provideResponse", { request, ...response })
  }
  const on: Record<string, (params: never) => void> = {
    "browsingContext.navigationStarted": () => {
      for (const listener of [...requested]) listener({ isNavigationRequest: () => true })
    },
    "browsingContext.navigationCommitted": arrive,
    "browsingContext.domContentLoaded": arrive,
    "browsingContext.navigationFailed": fail,
    "browsingContext.navigationAborted": fail,
    "browsingContext.fragmentNavigated": move,
    "browsingContext.historyUpdated": move,
    "browsingContext.contextDestroyed": ({ context }: ContextInfo) => drop(context),
    "network.beforeRequestSent": ({ isBlocked, intercepts, request: { request } }: Blocked) => {
      if (!isBlocked || answer === null || intercepts?.includes(answer.intercept) === false) return
      // A request whose page is gone by now needs no answer.
      answer.handler({ fulfill: (response) => fulfill(request, response) }).catch(() => undefined)
    },
  }

  const main = makeFrame(info)
  add(info)
  const listenersOf = (event: string): Set<never> => (event === "request" ? requested : navigated) as Set<never>
  const page: BidiPage = {
    id: main.id,
    owns: (id) => frames.has(id),
    idOf: (frame) => [...frames.values()].find((other) => other === frame)?.id ?? null,
    hear: ({ method, params }) => on[method]?.(params as never),
    add,
    end: () => ended.abort(),
    async goto(url, { timeout }) {
      const heard = new Map<string | null, boolean>()
      let settle = (navigation: string | null, isThere: boolean) => void heard.set(navigation, isThere)
      const hear = (navigation: string | null, isThere: boolean) => settle(navigation, isThere)
      outcomes.add(hear)
      try {
        const asked = { context: main.id, url, wait: "none" }
        const isThere = await before(timeout, ended.signal, async () => {
          const { navigation } = (await connection.send("browsingContext.navigate", asked)) as Navigation
          // Without one it stayed within the document.
          if (navigation === null) return true
          return (
            heard.get(navigation) ??
            new Promise<boolean>((resolve) => {
              settle = (other, came) => {
                if (other === navigation) resolve(came)
              }
            })
          )
        })
        if (!isThere) throw new Error("The page did not get there")
      } finally {
        outcomes.delete(hear)
      }
      return null
    },
    evaluate: (expression) => main.evaluate(expression),
    addInitScript: ({ content }) => addPreload(connection, content, { contexts: [main.id] }),
    async route(_, handler) {
      const contexts = [main.id]
      const [{ subscription }, { intercept }] = (await Promise.all([
        connection.send("session.subscribe", { events: ["network.beforeRequestSent"], contexts }),
        connection.send("network.addIntercept", { phases: ["beforeRequestSent"], contexts }),
      ])) as [{ subscription?: string }, { intercept: string }]
      answer = { handler, intercept }
      release = async () => {
        await Promise.allSettled([
          connection.send("network.removeIntercept", { intercept }),
          subscription !== undefined && connection.send("session.unsubscribe", { subscriptions: [subscription] }),
        ])
      }
    },
    url: () => main.address,
    mainFrame: () => main,
    frames: () => [...frames.values()],
    isClosed: () => ended.signal.aborted,
    async close() {
      // The tool that has the browser counts a page until it hears that it is gone.
      const asked = connection.send("browsingContext.close", { context: main.id })
      await tidied(
        asked.then(() => new Promise<never>(() => undefined)),
        ended.signal,
      )
      await tidied(release(), connection.closed)
    },
    on: (event: string, listener: never) => void listenersOf(event).add(listener),
    off: (event: string, listener: never) => void listenersOf(event).delete(listener),
  }
  return page
}

async function before<Result>(timeout: number, ended: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  return inTime(timeout, work(), ended).catch((error: unknown) => {
    // A site that does not answer is no fault of the browser.
    throw isPspError(error, "aborted") ? new Error(`No answer within ${timeout} ms`) : error
  })
}
