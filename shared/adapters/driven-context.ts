import type { Jar } from "./cookie-jar.js"
import { hasMethod } from "./has-method.js"
import { isClosed } from "./steps.js"

/**
 * A browser context that a tool drives, as far as restoring and capturing use it. The names and meanings are those of
 * Playwright's `BrowserContext` (any since 1.40), which fits as it is; over CDP and BiDi there are contexts of our own.
 */
export interface DrivenContext {
  /** Gives a Disposable since 1.59, nothing before. */
  addInitScript(script: { content: string }): Promise<unknown>
  newPage(): Promise<DrivenPage>
  pages(): DrivenPage[]
  newCDPSession(target: DrivenPage | DrivenFrame): Promise<CdpSession>
  browser(): DrivenBrowser | null
  on(event: "page", listener: (page: DrivenPage) => void): unknown
  on(event: "close", listener: () => void): unknown
  off(event: "page", listener: (page: DrivenPage) => void): unknown
  off(event: "close", listener: () => void): unknown
}

export interface DrivenBrowser {
  version(): string
  browserType(): { name(): string }
  /** Only of Chromium. */
  newBrowserCDPSession?(): Promise<CdpSession>
}

export interface DrivenPage {
  goto(url: string, options: { waitUntil: "commit"; timeout: number }): Promise<unknown>
  evaluate(expression: string): Promise<unknown>
  addInitScript(script: { content: string }): Promise<unknown>
  route(url: string, handler: (route: DrivenRoute) => Promise<void>): Promise<unknown>
  url(): string
  mainFrame(): DrivenFrame
  frames(): DrivenFrame[]
  isClosed(): boolean
  close(): Promise<void>
  on(event: "framenavigated", listener: (frame: DrivenFrame) => void): unknown
  on(event: "request", listener: (request: DrivenRequest) => void): unknown
  off(event: "framenavigated", listener: (frame: DrivenFrame) => void): unknown
  off(event: "request", listener: (request: DrivenRequest) => void): unknown
}

export interface DrivenFrame {
  url(): string
  parentFrame(): DrivenFrame | null
  evaluate(expression: string): Promise<unknown>
}

export interface DrivenRequest {
  isNavigationRequest(): boolean
}

export interface DrivenRoute {
  fulfill(response: { contentType: string; body: string }): Promise<void>
}

export interface CdpSession {
  send(method: string, params?: object): Promise<unknown>
  detach(): Promise<void>
}

/** A context, and how its cookies are set and read. */
export interface DrivenTarget {
  context: DrivenContext
  jar: Jar
}

/** A signal that fires when the context closes, and a function that ends the watch. */
export function watchClose(context: DrivenContext): { gone: AbortSignal; stop: () => void } {
  const controller = new AbortController()
  const onClose = () => controller.abort()
  context.on("close", onClose)
  return { gone: controller.signal, stop: () => void context.off("close", onClose) }
}

/** A CDP session of the page; null where the browser is not Chromium. */
export async function openCdp(context: DrivenContext, page: DrivenPage): Promise<CdpSession | null> {
  const engine = context.browser()?.browserType().name()
  if (engine !== undefined && engine !== "chromium") return null
  return context.newCDPSession(page).catch((error: unknown) => {
    if (isClosed(error)) throw error
    return null
  })
}

/** Takes an init script away again; false where the tool cannot (Playwright before 1.59). */
export async function disposeOf(script: unknown): Promise<boolean> {
  if (!hasMethod(script, "dispose")) return false
  await script.dispose()
  return true
}
