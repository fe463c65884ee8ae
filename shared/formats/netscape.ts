import type { Cookie, Snapshot } from "../snapshot.js"
import { beyondCookies, ofCookies, unexpired, type Export } from "./export.js"

/**
 * The cookies as a Netscape `cookies.txt`, which curl, wget and yt-dlp read. A line has seven fields, parted by tabs:
 *
 *     #HttpOnly_.example.com   TRUE         /      TRUE     1893456000       sid    abc
 *     domain                   subdomains   path   secure   seconds or 0     name   value
 *
 * `#HttpOnly_` before the domain is no comment; 0 is a session cookie. There is no place for SameSite and for partitions.
 *
 * @see https://curl.se/docs/http-cookies.html
 */
export function snapshotToNetscape(snapshot: Snapshot, { now = Date.now() } = {}): Export {
  const { live, gaps } = unexpired(snapshot.cookies, now)
  const partitioned = live.filter(({ partition }) => partition !== null)
  const unfit = live.filter((cookie) => cookie.partition === null && !fitsLine(cookie))
  const written = live.filter((cookie) => cookie.partition === null && fitsLine(cookie))
  const held = written.filter(({ sameSite }) => sameSite !== "unspecified")
  return {
    text: ["# Netscape HTTP Cookie File", "", ...written.map(toLine), ""].join("\n"),
    gaps: [
      ...gaps,
      ...ofCookies(partitioned, "partitioned cookie", "cookies.txt has no partitions", adapterFix),
      ...ofCookies(unfit, "cookie", "a tab, line break or missing name does not fit a line of cookies.txt", adapterFix),
      ...ofCookies(held, "SameSite attribute", "cookies.txt has no SameSite"),
      ...beyondCookies(snapshot, "cookies.txt"),
    ],
  }
}

const adapterFix = "restore with --format playwright, or with an adapter"

function toLine({ name, value, domain, hostOnly, path, secure, httpOnly, expiresAt }: Cookie): string {
  const host = hostOnly ? domain : `.${domain}`
  // 0 says "session": a cookie that ends within this second ends with the next one.
  const expires = expiresAt === null ? 0 : Math.max(1, Math.ceil(expiresAt / 1000))
  return [httpOnly ? `#HttpOnly_${host}` : host, yes(!hostOnly), path, yes(secure), expires, name, value].join("\t")
}

/** Readers split at tabs and lines, and curl skips a line whose name is missing. */
function fitsLine({ name, value, domain, path }: Cookie): boolean {
  return name !== "" && !/[\u0000-\u001f\u007f]/.test(name + value + domain + path)
}

function yes(value: boolean): "TRUE" | "FALSE" {
  return value ? "TRUE" : "FALSE"
}
