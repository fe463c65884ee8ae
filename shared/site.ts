import { getDomain, parse } from "tldts"
import { PspError } from "./errors.js"

/** The label of the one login most people have at a site. */
export const defaultAccount = "default"

/**
 * The site of a hostname or URL: its registrable domain, where private suffixes count (`foo.github.io` is a site of its
 * own, else everybody's pages would share one). An IP address, `localhost` and single-label hosts stand for themselves.
 *
 * @returns the site in lower case, or null for what has none (`about:blank`, a bare public suffix, `chrome:` pages).
 * @see https://github.com/remusao/tldts `allowPrivateDomains`
 */
export function siteOf(hostnameOrUrl: string): string | null {
  const hostname = hostnameOfInput(hostnameOrUrl)
  if (hostname === null || hostname === "") return null
  const parts = parse(hostname, { allowPrivateDomains: true, extractHostname: false })
  if (parts.isIp === true) return hostname
  if (!hostname.includes(".")) return hostname
  return getDomain(hostname, { allowPrivateDomains: true, extractHostname: false })
}

/** `siteOf`, for what a person typed: throws `usage` when there is no site in it. */
export function parseSite(text: string): string {
  const typed = text.trim()
  const site = siteOf(/^[^/:]+:\d+(?:\/|$)/.test(typed) ? `http://${typed}` : typed)
  if (site === null)
    throw new PspError("usage", `Cannot use "${text}" as a site: expected a domain such as example.com`)
  return site
}

/** True when a cookie domain or hostname (no leading dot) belongs to the site. */
export function belongsToSite(hostname: string, site: string): boolean {
  return hostname === site || (siteOf(hostname) === site && hostname.endsWith(`.${site}`))
}

/** True for an http(s) origin of the site. */
export function isOriginOfSite(origin: string, site: string): boolean {
  if (!/^https?:\/\//.test(origin)) return false
  const hostname = hostnameOf(origin)
  return hostname !== null && belongsToSite(hostname, site)
}

/** Match patterns that let an extension see every cookie and page of the site; no wildcard for IPs and single labels. */
export function permissionPatterns(site: string): string[] {
  const standsForItself = !site.includes(".") || parse(site, { allowPrivateDomains: true }).isIp === true
  return standsForItself ? [`*://${site}/*`] : [`*://*.${site}/*`]
}

function hostnameOfInput(input: string): string | null {
  if (/^[a-z][a-z0-9+.-]*:/i.test(input)) return /^https?:\/\//i.test(input) ? hostnameOf(input) : null
  return hostnameOf(`http://${input}`)
}

function hostnameOf(url: string): string | null {
  try {
    return new URL(url).hostname.toLowerCase().replace(/\.$/, "")
  } catch {
    return null
  }
}
