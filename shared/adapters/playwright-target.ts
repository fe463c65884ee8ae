import { PspError } from "../errors.js"
import { isClosed } from "./steps.js"

/** What the Playwright adapter uses of a `BrowserContext`; any version since 1.40 has it. */
export interface PlaywrightContext {
  addCookies(cookies: PlaywrightCookie[]): Promise<void>
  cookies(): Promise<PlaywrightCookie[]>
  /** Gives a Disposable since 1.59, nothing before. */
  addInitScript(script: { content: string }): Promise<unknown>
  newPage(): Promise<PlaywrightPage>
  pages(): PlaywrightPage[]
  newCDPSession(target: PlaywrightPage | PlaywrightFrame): Promise<CdpSession>
  browser(): PlaywrightBrowser | null
  on(event: "page", listener: (page: PlaywrightPage) => void): unknown
  on(event: "close", listener: () => void): unknown
  off(event: "page", listener: (page: PlaywrightPage) => void): unknown
  off(event: "close", listener: () => void): unknown
}

export interface PlaywrightBrowser {
  version(): string
  browserType(): { name(): string }
  /** Only of Chromium. */
  newBrowserCDPSession?(): Promise<CdpSession>
}

export interface PlaywrightPage {
  goto(url: string, options: { waitUntil: "commit"; timeout: number }): Promise<unknown>
  evaluate(expression: string): Promise<unknown>
  addInitScript(script: { content: string }): Promise<unknown>
  route(url: string, handler: (route: PlaywrightRoute) => Promise<void>): Promise<unknown>
  url(): string
  mainFrame(): PlaywrightFrame
  frames(): PlaywrightFrame[]
  isClosed(): boolean
  close(): Promise<void>
  on(event: "framenavigated", listener: (frame: PlaywrightFrame) => void): unknown
  on(event: "request", listener: (request: PlaywrightRequest) => void): unknown
  off(event: "framenavigated", listener: (frame: PlaywrightFrame) => void): unknown
  off(event: "request", listener: (request: PlaywrightRequest) => void): unknown
}

export interface PlaywrightFrame {
  url(): string
  parentFrame(): PlaywrightFrame | null
  evaluate(expression: string): Promise<unknown>
}

export interface PlaywrightRequest {
  isNavigationRequest(): boolean
}

export interface PlaywrightRoute {
  fulfill(response: { contentType: string; body: string }): Promise<void>
}

export interface CdpSession {
  send(method: string, params?: object): Promise<unknown>
  detach(): Promise<void>
}

/** A cookie as Playwright gives and takes it; times in seconds, -1 for a session cookie. */
export interface PlaywrightCookie {
  name: string
  value: string
  domain: string
  path: string
  expires: number
  httpOnly: boolean
  secure: boolean
  sameSite?: "Strict" | "Lax" | "None"
  partitionKey?: string
}

/** @throws `bad-target` when it is something else, saying what it looks like */
export function requirePlaywrightContext(target: unknown, doing: string): asserts target is PlaywrightContext {
  const needed = ["addCookies", "cookies", "addInitScript", "newPage", "pages", "newCDPSession"]
  if (needed.every((name) => hasMethod(target, name))) return
  const got = hasMethod(target, "mainFrame")
    ? "a page (pass page.context())"
    : hasMethod(target, "newContext")
      ? "a browser (pass await browser.newContext())"
      : hasMethod(target, "browserContexts") || hasMethod(target, "createCDPSession")
        ? "an object of Puppeteer"
        : target === null || target === undefined
          ? String(target)
          : `${typeof target === "object" ? "an object" : `a ${typeof target}`} without ${needed.find((name) => !hasMethod(target, name)) ?? ""}()`
  throw new PspError("bad-target", `Cannot ${doing}: expected a Playwright BrowserContext, got ${got}`)
}

/** A signal that fires when the context closes, and a function that ends the watch. */
export function watchClose(context: PlaywrightContext): { gone: AbortSignal; stop: () => void } {
  const controller = new AbortController()
  const onClose = () => controller.abort()
  context.on("close", onClose)
  return { gone: controller.signal, stop: () => void context.off("close", onClose) }
}

/** A CDP session of the page; null where the browser is not Chromium. */
export async function openCdp(context: PlaywrightContext, page: PlaywrightPage): Promise<CdpSession | null> {
  const engine = context.browser()?.browserType().name()
  if (engine !== undefined && engine !== "chromium") return null
  return context.newCDPSession(page).catch((error: unknown) => {
    if (isClosed(error)) throw error
    return null
  })
}

/** Takes an init script away again; false where this Playwright cannot (before 1.59). */
export async function disposeOf(script: unknown): Promise<boolean> {
  if (!hasMethod(script, "dispose")) return false
  await script.dispose()
  return true
}

function hasMethod<Name extends string>(
  value: unknown,
  name: Name,
): value is Record<Name, (...parameters: unknown[]) => unknown> {
  return (
    (typeof value === "object" || typeof value === "function") &&
    value !== null &&
    name in value &&
    typeof (value as Record<Name, unknown>)[name] === "function"
  )
}
