import type { Fault } from "../cookies.js"
import type { Cookie, Partition } from "../snapshot.js"
import type { CdpSession } from "./driven-context.js"

/** A jar of one context: how it is written and read. */
export interface Jar {
  /** In their order. One that the browser refuses may cost all of them. */
  set(cookies: Cookie[]): Promise<void>
  /**
   * Of all sites. A partition whose top-level site the browser does not tell has none (`""`).
   *
   * @param sites whose cookies matter: of others the partition may be missing where asking for each is the only way
   */
  read(sites: readonly string[]): Promise<Cookie[]>
  /** False where an unspecified SameSite reads as Lax. */
  isExact: boolean
  /** False where a partition is its top-level site alone (Firefox), and reads so. */
  knowsAncestors: boolean
  /** True when it keeps the cookie without a loss. */
  holds(cookie: Cookie): boolean
  /** Why it would not keep the cookie, beside what no browser keeps; null for one that it keeps. */
  faultOf?(cookie: Cookie): Fault | null
}

/**
 * The jar of a page's context by CDP. `Network`, not `Storage`: the cookie calls of `Storage` in a page's session act on
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
    isExact: true,
    knowsAncestors: true,
    holds: () => true,
  }
}

/**
 * The jar of a context, from a session of the browser itself: no page is needed.
 *
 * @param id of the context; null for the default one
 */
export function cdpContextJar({ send }: Pick<CdpSession, "send">, id: string | null): Jar {
  const where = id === null ? {} : { browserContextId: id }
  return {
    set: async (cookies) => {
      await send("Storage.setCookies", { cookies: cookies.map(toCdpCookie), ...where })
    },
    read: async () => {
      const { cookies } = (await send("Storage.getCookies", where)) as { cookies: CdpCookie[] }
      return cookies.map(fromCdpCookie)
    },
    isExact: true,
    knowsAncestors: true,
    holds: () => true,
  }
}

/** What the protocols have in common in a cookie; times in seconds. */
export interface PlainCookie {
  name: string
  value: string
  /** No leading dot means host-only. */
  domain: string
  path: string
  /** -1, 0 or none for a session cookie. */
  expires?: number
  httpOnly: boolean
  secure: boolean
  sameSite?: "Strict" | "Lax" | "None"
}

/** As the Chrome DevTools Protocol gives and takes it. */
interface CdpCookie extends PlainCookie {
  partitionKey?: { topLevelSite: string; hasCrossSiteAncestor: boolean }
}

function toCdpCookie(cookie: Cookie): CdpCookie {
  const { partition } = cookie
  if (partition === null) return plainFields(cookie)
  const { topLevelSite, hasCrossSiteAncestor } = partition
  return {
    ...plainFields(cookie),
    partitionKey: { topLevelSite, hasCrossSiteAncestor: hasCrossSiteAncestor ?? false },
  }
}

function fromCdpCookie(cookie: CdpCookie): Cookie {
  return fromPlain(cookie, cookie.partitionKey ?? null)
}

const sameSiteNames = { none: "None", lax: "Lax", strict: "Strict" } as const
const sameSiteByName = { None: "none", Lax: "lax", Strict: "strict" } as const

export function plainFields(cookie: Cookie): PlainCookie {
  const { name, value, domain, hostOnly, path, secure, httpOnly, sameSite, expiresAt } = cookie
  return {
    name,
    value,
    domain: hostOnly ? domain : `.${domain}`,
    path,
    ...(expiresAt === null ? {} : { expires: expiresAt / 1000 }),
    httpOnly,
    secure,
    ...(sameSite === "unspecified" ? {} : { sameSite: sameSiteNames[sameSite] }),
  }
}

export function fromPlain(cookie: PlainCookie, partition: Partition | null): Cookie {
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
