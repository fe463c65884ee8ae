import { PspError } from "../../errors.js"
import { cdpContextJar } from "../cookie-jar.js"
import type { CdpSession, DrivenPage } from "../driven-context.js"
import type { LentContext } from "../lent-context.js"
import { inTime, tidied, usualLimitMs } from "../steps.js"
import type { CdpConnection, CdpEvent } from "./connection.js"
import { createScript, removeScript, type InitScript } from "./init-script.js"
import { createCdpPage, type CdpPage } from "./page.js"

interface TargetInfo {
  targetId: string
  type: string
  url: string
  browserContextId?: string
}

/** New pages wait until our scripts are in place, so that none of theirs runs before. */
const pageTargets = {
  autoAttach: true,
  waitForDebuggerOnStart: true,
  flatten: true,
  filter: [{ type: "page" }, { exclude: true }],
}

/**
 * Takes over a connection, and attaches to the pages of one browser context, those that are there and those that come, and holds
 * them until it is closed.
 *
 * @param id of the context; null for the browser's default one
 * @param timeoutMs for each answer until it is open; what is done with it has limits of its own
 * @throws `bad-target` when the browser has no such context; `aborted` when an answer takes too long
 */
export async function openCdpContext(
  connection: CdpConnection,
  id: string | null,
  timeoutMs = usualLimitMs,
): Promise<LentContext> {
  const pages = new Map<string, CdpPage>()
  const scripts = new Set<InitScript>()
  const opened = new Set<(page: DrivenPage) => void>()
  const closed = new Set<() => void>()
  const browser = await inTime(timeoutMs, facts(connection)).catch((error: unknown) => {
    // One that does not answer would not answer to this either.
    connection.close().catch(() => undefined)
    throw error
  })
  let isClosing = false
  const others = new Set(browser.contexts)
  if (id !== null && !others.has(id)) throw new PspError("bad-target", "Cannot use the browser context: it is closed")
  const isOurs = ({ browserContextId }: TargetInfo) =>
    id === null ? browserContextId === undefined || !others.has(browserContextId) : browserContextId === id

  const destroyed = new Set<(targetId: string) => void>()
  /** The tool that has the browser counts a page until it is destroyed. */
  const closeTarget = async (targetId: string) => {
    let stop: (() => void) | undefined
    const gone = new Promise<void>((resolve) => {
      const hearOf = (id: string) => {
        if (id === targetId) resolve()
      }
      destroyed.add(hearOf)
      stop = () => void destroyed.delete(hearOf)
    })
    await tidied(Promise.all([connection.send("Target.closeTarget", { targetId }), gone]), connection.closed)
    stop?.()
  }
  const attached = (sessionId: string, target: TargetInfo) => {
    if (isClosing || !isOurs(target) || target.url.startsWith("devtools:")) {
      // A page that is not for us, or comes too late: it was held back as well.
      void Promise.allSettled([
        connection.send("Runtime.runIfWaitingForDebugger", {}, sessionId),
        connection.send("Target.detachFromTarget", { sessionId }),
      ])
      return
    }
    const page = createCdpPage(connection, { ...target, sessionId }, scripts, () => closeTarget(target.targetId))
    pages.set(sessionId, page)
    for (const listener of [...opened]) listener(page)
    for (const wake of [...arrivals]) wake(page)
  }
  const arrivals = new Set<(page: CdpPage) => void>()
  const hear = (event: CdpEvent) => {
    if (event.sessionId !== undefined) {
      for (const page of pages.values()) if (page.owns(event.sessionId)) page.hear(event)
    } else if (event.method === "Target.attachedToTarget") {
      const { sessionId, targetInfo } = event.params as { sessionId: string; targetInfo: TargetInfo }
      attached(sessionId, targetInfo)
    } else if (event.method === "Target.detachedFromTarget") {
      const { sessionId } = event.params as { sessionId: string }
      pages.get(sessionId)?.end()
      pages.delete(sessionId)
    } else if (event.method === "Target.targetDestroyed") {
      const { targetId } = event.params as { targetId: string }
      for (const listener of [...destroyed]) listener(targetId)
    }
  }
  const stopListening = connection.listen(hear)
  const onClosed = () => {
    for (const page of pages.values()) page.end()
    for (const listener of [...closed]) listener()
  }
  connection.closed.addEventListener("abort", onClosed)
  try {
    // Answered when all that are there have been attached.
    const attaching = Promise.all([
      connection.send("Target.setDiscoverTargets", { discover: true, filter: pageTargets.filter }),
      connection.send("Target.setAutoAttach", pageTargets),
    ])
    await inTime(timeoutMs, attaching)
    await inTime(timeoutMs, Promise.allSettled([...pages.values()].map(({ ready }) => ready)))
  } catch (error) {
    stopListening()
    connection.close().catch(() => undefined)
    throw error
  }

  const browserSession: CdpSession = {
    send: (method, params) => connection.send(method, params),
    detach: () => Promise.resolve(),
  }
  const listenersOf = (event: string) => (event === "page" ? opened : closed) as Set<never>
  const context: LentContext = {
    jar: cdpContextJar(connection, id),
    async addInitScript({ content }) {
      const script = createScript(content)
      scripts.add(script)
      await Promise.all([...pages.values()].map((page) => page.add(script)))
      const dispose = async () => {
        scripts.delete(script)
        for (const page of pages.values()) page.drop(script)
        await removeScript(connection, script)
      }
      return { dispose }
    },
    async newPage() {
      const where = id === null ? {} : { browserContextId: id }
      let stop: (() => void) | undefined
      const open = async () => {
        const asked = connection.send("Target.createTarget", { url: "about:blank", background: true, ...where })
        const { targetId } = (await asked) as { targetId: string }
        const page = await new Promise<CdpPage>((resolve) => {
          const take = (arrived: CdpPage) => {
            if (arrived.targetId === targetId) resolve(arrived)
          }
          arrivals.add(take)
          stop = () => void arrivals.delete(take)
          for (const there of pages.values()) take(there)
        })
        await page.ready
        return page
      }
      return inTime(usualLimitMs, open(), connection.closed).finally(() => stop?.())
    },
    pages: () => [...pages.values()],
    newCDPSession: (target) => {
      for (const page of pages.values()) {
        if (page === target) return Promise.resolve(page.session)
        const session = "frames" in target ? null : page.sessionOf(target)
        if (session !== null) return Promise.resolve(session)
      }
      return Promise.reject(new PspError("bad-target", "Cannot reach the page: it has been closed"))
    },
    browser: () => ({
      version: () => browser.version,
      browserType: () => ({ name: () => "chromium" }),
      newBrowserCDPSession: () => Promise.resolve(browserSession),
    }),
    on: (event: string, listener: never) => void listenersOf(event).add(listener),
    off: (event: string, listener: never) => void listenersOf(event).delete(listener),
    async close() {
      connection.closed.removeEventListener("abort", onClosed)
      isClosing = true
      const letGo = { autoAttach: false, waitForDebuggerOnStart: false, flatten: true }
      await tidied(connection.send("Target.setAutoAttach", letGo), connection.closed)
      stopListening()
      await tidied(connection.close())
    },
  }
  return context
}

async function facts(connection: CdpConnection): Promise<{ version: string; contexts: string[] }> {
  const [{ product }, { browserContextIds: contexts }] = (await Promise.all([
    connection.send("Browser.getVersion"),
    connection.send("Target.getBrowserContexts"),
  ])) as [{ product: string }, { browserContextIds: string[] }]
  return { version: product.replace(/^[^/]*\//, ""), contexts }
}
