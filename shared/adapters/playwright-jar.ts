import type { Cookie, Partition } from "../snapshot.js"
import type { CdpSession, PlaywrightContext, PlaywrightCookie } from "./playwright-target.js"

/** A jar of one context: how it is written and read, by the public API or below it. */
export interface Jar {
  set(cookies: Cookie[]): Promise<void>
  /** Null for `sameSite` where the jar cannot tell `unspecified` from `lax`. */
  read(): Promise<Cookie[]>
  canTellSameSite: boolean
}

/**
 * The jar by Playwright's public API. It holds everything but Chromium's second key part of a partition, which it takes to
 * be true; and it reads an unspecified SameSite as Lax.
 */
export function publicJar(context: PlaywrightContext): Jar {
  return {
    set: (cookies) => context.addCookies(cookies.map(toPlaywrightCookie)),
    read: async () => (await context.cookies()).map(fromPlaywrightCookie),
    canTellSameSite: false,
  }
}

/**
 * The jar by CDP, below the public API. `Network`, not `Storage`: the cookie calls of `Storage` in a page's session act on
 * the browser's default context, whatever context the page belongs to (Chromium 156).
 */
export function cdpJar(cdp: CdpSession): Jar {
  return {
    set: async (cookies) => {
      await cdp.send("Network.setCookies", { cookies: cookies.map(toCdpCookie) })
    },
    read: async () => {
      const { cookies } = (await cdp.send("Network.getAllCookies")) as { cookies: CdpCookie[] }
      return cookies.map(fromCdpCookie)
    },
    canTellSameSite: true,
  }
}

/** True when the public API holds the cookie without a loss. */
export function isHeldByPublicJar({ partition }: Cookie): boolean {
  return partition?.hasCrossSiteAncestor !== false
}

interface CdpCookie {
  name: string
  value: string
  domain: string
  path: string
  expires?: number
  httpOnly: boolean
  secure: boolean
  sameSite?: "Strict" | "Lax" | "None"
  partitionKey?: { topLevelSite: string; hasCrossSiteAncestor: boolean }
}

const sameSiteNames = { none: "None", lax: "Lax", strict: "Strict" } as const
const sameSiteByName = { None: "none", Lax: "lax", Strict: "strict" } as const

function toPlaywrightCookie(cookie: Cookie): PlaywrightCookie {
  return {
    ...commonFields(cookie),
    ...(cookie.partition === null ? {} : { partitionKey: cookie.partition.topLevelSite }),
  }
}

function fromPlaywrightCookie(cookie: PlaywrightCookie): Cookie {
  // Not in Playwright's types, but in what it gives on Chromium.
  const { _crHasCrossSiteAncestor: ancestor } = cookie as { _crHasCrossSiteAncestor?: boolean }
  const { partitionKey: topLevelSite } = cookie
  const partition = topLevelSite === undefined ? null : { topLevelSite, hasCrossSiteAncestor: ancestor ?? null }
  return fromFields(cookie, partition)
}

function toCdpCookie(cookie: Cookie): CdpCookie {
  const { partition } = cookie
  const { expires, ...fields } = commonFields(cookie)
  return {
    ...fields,
    ...(expires === -1 ? {} : { expires }),
    ...(partition === null
      ? {}
      : {
          partitionKey: {
            topLevelSite: partition.topLevelSite,
            hasCrossSiteAncestor: partition.hasCrossSiteAncestor ?? false,
          },
        }),
  }
}

function fromCdpCookie(cookie: CdpCookie): Cookie {
  return fromFields(cookie, cookie.partitionKey ?? null)
}

function commonFields(cookie: Cookie): Omit<PlaywrightCookie, "partitionKey"> {
  const { name, value, domain, hostOnly, path, secure, httpOnly, sameSite, expiresAt } = cookie
  return {
    name,
    value,
    // CDP and Playwright: no leading dot means host-only.
    domain: hostOnly ? domain : `.${domain}`,
    path,
    expires: expiresAt === null ? -1 : expiresAt / 1000,
    httpOnly,
    secure,
    ...(sameSite === "unspecified" ? {} : { sameSite: sameSiteNames[sameSite] }),
  }
}

function fromFields(cookie: Omit<CdpCookie, "partitionKey">, partition: Partition | null): Cookie {
  const { name, value, path, secure, httpOnly, sameSite, expires = -1 } = cookie
  return {
    name,
    value,
    domain: cookie.domain.replace(/^\./, ""),
    hostOnly: !cookie.domain.startsWith("."),
    path,
    secure,
    httpOnly,
    sameSite: sameSite === undefined ? "unspecified" : sameSiteByName[sameSite],
    // 0 and -1 both say "session" in what tools write.
    expiresAt: expires <= 0 ? null : Math.round(expires * 1000),
    partition,
  }
}
