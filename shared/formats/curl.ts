import { PspError } from "../errors.js"
import { siteOf } from "../site.js"
import type { Cookie, Snapshot } from "../snapshot.js"
import { beyondCookies, ofCookies, unexpired, type Export } from "./export.js"

/**
 * The header a browser would send to one URL, for `curl -H @FILE`: `Cookie: sid=abc; theme=dark`, in the order of
 * RFC 6265 §5.4. Without any cookie for that URL the text is empty.
 *
 * @throws `usage` for what is no http(s) URL
 */
export function snapshotToCurl(snapshot: Snapshot, { url, now = Date.now() }: { url: string; now?: number }): Export {
  const target = parseUrl(url)
  const { live, gaps } = unexpired(snapshot.cookies, now)
  const meant = live.filter((cookie) => isSentTo(cookie, target))
  const partitioned = meant.filter((cookie) => !isOfTopLevel(cookie, target))
  const unfit = meant.filter((cookie) => isOfTopLevel(cookie, target) && !fitsHeader(cookie))
  const sent = meant.filter((cookie) => isOfTopLevel(cookie, target) && fitsHeader(cookie))
  const others = live.filter((cookie) => !meant.includes(cookie))
  const pairs = inOrder(sent).map(({ name, value }) => (name === "" ? value : `${name}=${value}`))
  return {
    text: pairs.length === 0 ? "" : `Cookie: ${pairs.join("; ")}\n`,
    gaps: [
      ...gaps,
      ...ofCookies(others, "cookie", `a browser does not send it to ${target.origin}${target.pathname}`),
      ...ofCookies(partitioned, "partitioned cookie", "it is for frames below another site", "restore with an adapter"),
      ...ofCookies(unfit, "cookie", "a line break or broken Unicode does not fit a header", "restore with an adapter"),
      ...beyondCookies(snapshot, "a Cookie header"),
    ],
  }
}

/** Longest path first, then oldest first, which is the order cookies stand in. */
function inOrder(cookies: Cookie[]): Cookie[] {
  return cookies.toSorted((a, b) => b.path.length - a.path.length)
}

function isSentTo({ domain, hostOnly, path, secure }: Cookie, { hostname, pathname, protocol }: URL): boolean {
  const host = hostname.toLowerCase()
  const isHost = host === domain.toLowerCase() || (!hostOnly && host.endsWith(`.${domain.toLowerCase()}`))
  const isPath = pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`)
  return isHost && isPath && (!secure || protocol === "https:" || isTrustworthy(host))
}

/** The jar of a page that is opened at the URL itself: no partition, or the one below its own site. */
function isOfTopLevel({ partition }: Cookie, { href, protocol }: URL): boolean {
  if (partition === null) return true
  const { topLevelSite, hasCrossSiteAncestor } = partition
  const isSite = topLevelSite.startsWith(protocol) && siteOf(topLevelSite) === siteOf(href)
  return isSite && hasCrossSiteAncestor !== true
}

/** Browsers send Secure cookies to loopback without TLS. */
function isTrustworthy(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(?:\.\d+){3}$/.test(host)
}

function fitsHeader({ name, value }: Cookie): boolean {
  return !/[\r\n\0\p{Surrogate}]/u.test(name + value)
}

function parseUrl(text: string): URL {
  try {
    const url = new URL(text)
    if (url.protocol === "http:" || url.protocol === "https:") return url
  } catch {
    // Told below.
  }
  throw new PspError("usage", "Cannot make a Cookie header: expected an http(s) URL to send it to")
}
