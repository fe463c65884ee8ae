import { browser, type Browser } from "wxt/browser"
import type { Gap } from "../shared/report.js"
import { belongsToSite } from "../shared/site.js"
import type { Cookie, Partition } from "../shared/snapshot.js"

/**
 * All cookies of a site in one store, partitioned ones included, in the order the browser sends them.
 *
 * `partitionKey: {}` asks for every partition, else Chrome and Firefox leave partitioned cookies out;
 * `firstPartyDomain: null` does the same for Firefox with first-party isolation, and Chrome refuses to know it.
 */
export async function captureCookies(site: string, storeId: string, gaps: Gap[]): Promise<Cookie[]> {
  const details = { domain: site, storeId, partitionKey: {} }
  const found = await getAll(import.meta.env.FIREFOX ? { ...details, firstPartyDomain: null } : details)
  const cookies = found.filter(({ domain }) => belongsToSite(withoutDot(domain), site)).map(toCookie)
  if (cookies.length < found.length) {
    gaps.push({
      kind: "cookies",
      where: site,
      what: "cookies of other sites",
      why: "the browser named them under this domain, but they belong to another site",
      fix: "",
      count: found.length - cookies.length,
    })
  }
  return cookies
}

type BrowserCookie = Browser.cookies.Cookie & {
  partitionKey?: { topLevelSite?: string; hasCrossSiteAncestor?: boolean }
  firstPartyDomain?: string
}

async function getAll(details: object): Promise<BrowserCookie[]> {
  return (await browser.cookies.getAll(details)) as BrowserCookie[]
}

function toCookie(cookie: BrowserCookie): Cookie {
  return {
    name: import.meta.env.FIREFOX ? nameFromBytes(cookie.name) : cookie.name,
    value: cookie.value,
    domain: withoutDot(cookie.domain),
    hostOnly: cookie.hostOnly,
    path: cookie.path,
    secure: cookie.secure,
    httpOnly: cookie.httpOnly,
    sameSite: sameSiteOf(cookie.sameSite),
    // Seconds, with a fraction in Chrome.
    expiresAt: cookie.expirationDate === undefined ? null : Math.round(cookie.expirationDate * 1000),
    partition: partitionOf(cookie.partitionKey),
    ...(cookie.firstPartyDomain === undefined || cookie.firstPartyDomain === ""
      ? {}
      : { firstPartyDomain: cookie.firstPartyDomain }),
  }
}

/** Firefox reads a cookie's value as UTF-8, but gives its name byte by byte (ESR 153). */
export function nameFromBytes(name: string): string {
  if (!/[\x80-\xff]/.test(name) || /[^\0-\xff]/.test(name)) return name
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(name, (char) => char.charCodeAt(0)))
  } catch {
    return name
  }
}

function sameSiteOf(value: string): Cookie["sameSite"] {
  if (value === "no_restriction") return "none"
  return value === "lax" || value === "strict" ? value : "unspecified"
}

function partitionOf(key: BrowserCookie["partitionKey"]): Partition | null {
  if (key?.topLevelSite === undefined || key.topLevelSite === "") return null
  return { topLevelSite: key.topLevelSite, hasCrossSiteAncestor: key.hasCrossSiteAncestor ?? null }
}

function withoutDot(domain: string): string {
  return domain.replace(/^\./, "")
}
