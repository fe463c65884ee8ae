import type { Cookie } from "../snapshot.js"
import { fromPlain, plainFields, type Jar, type PlainCookie } from "./cookie-jar.js"
import type { DrivenContext, DrivenPage } from "./driven-context.js"

/** A `BrowserContext` of Playwright 1.40 or later, described by what is used of it. */
export interface PlaywrightContext extends DrivenContext {
  addCookies(cookies: PlaywrightCookie[]): Promise<void>
  cookies(): Promise<PlaywrightCookie[]>
  newPage(): Promise<PlaywrightPage>
  pages(): PlaywrightPage[]
}

export interface PlaywrightPage extends DrivenPage {
  reload(options: { waitUntil: "commit"; timeout: number }): Promise<unknown>
}

/** A cookie as Playwright gives and takes it; times in seconds, -1 for a session cookie. */
export interface PlaywrightCookie extends PlainCookie {
  expires: number
  partitionKey?: string
}

/**
 * The jar by Playwright's public API. It holds everything but Chromium's second key part of a partition, which it takes to
 * be true; and it reads an unspecified SameSite as Lax.
 */
export function publicJar(context: PlaywrightContext): Jar {
  return {
    set: (cookies) => context.addCookies(cookies.map(toPlaywrightCookie)),
    read: async () => (await context.cookies()).map(fromPlaywrightCookie),
    isExact: false,
    knowsAncestors: true,
    holds: ({ partition }) => partition?.hasCrossSiteAncestor !== false,
  }
}

function toPlaywrightCookie(cookie: Cookie): PlaywrightCookie {
  return {
    expires: -1,
    ...plainFields(cookie),
    ...(cookie.partition === null ? {} : { partitionKey: cookie.partition.topLevelSite }),
  }
}

function fromPlaywrightCookie(cookie: PlaywrightCookie): Cookie {
  // Not in Playwright's types, but in what it gives on Chromium.
  const { _crHasCrossSiteAncestor: ancestor } = cookie as { _crHasCrossSiteAncestor?: boolean }
  const { partitionKey: topLevelSite } = cookie
  const partition = topLevelSite === undefined ? null : { topLevelSite, hasCrossSiteAncestor: ancestor ?? null }
  return fromPlain(cookie, partition)
}
