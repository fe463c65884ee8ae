import type { Cookie, Snapshot } from "../snapshot.js"
import { beyondCookies, ofCookies, unexpired, type Export } from "./export.js"
import { gapsOf, theFile, whereOf, type Found } from "./found.js"
import { domainOf, expiryOf } from "./read-cookie.js"
import { notThis } from "./read-json.js"

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
  return writeLines(snapshot, now, ["# Netscape HTTP Cookie File", ""])
}

/**
 * What a `cookies.txt` of any tool holds. A line ends in LF or CRLF; a value may be missing; the second field says whether the
 * subdomains get it, as curl does it, whatever dot stands before the domain.
 *
 * @throws `bad-snapshot` when no line of it is a cookie's, and it does not say that it is such a file
 */
export function fromNetscape(text: string): Found {
  const cookies: Cookie[] = []
  const refused = new Map<string, number>()
  for (const line of linesOf(text)) {
    if (/^\s*$/.test(line) || (line.startsWith("#") && !line.startsWith(httpOnlyMark))) continue
    const read = fromLine(line)
    if ("why" in read) refused.set(`${read.where}\n${read.why}`, (refused.get(`${read.where}\n${read.why}`) ?? 0) + 1)
    else cookies.push(read)
  }
  if (cookies.length === 0 && !isNetscapeHeader(text)) throw notThis("cookies.txt", "no line of it has seven fields")
  return {
    cookies,
    gaps: [
      ...gapsOf(refused, "cookies", "line"),
      ...ofCookies(cookies, "SameSite attribute", "cookies.txt has no SameSite"),
    ],
  }
}

/** The first line that readers look for. */
export function isNetscapeHeader(text: string): boolean {
  return /^# (?:Netscape )?HTTP Cookie File/.test(text)
}

/** Shared with curl's jar, which begins with other words. */
export function writeLines(
  snapshot: Snapshot,
  now: number,
  head: string[],
  fits: (cookie: Cookie) => boolean = fitsLine,
): Export {
  const { live, gaps } = unexpired(snapshot.cookies, now)
  const partitioned = live.filter(({ partition }) => partition !== null)
  const unfit = live.filter((cookie) => cookie.partition === null && !fits(cookie))
  const written = live.filter((cookie) => cookie.partition === null && fits(cookie))
  const held = written.filter(({ sameSite }) => sameSite !== "unspecified")
  return {
    text: [...head, ...written.map(toLine), ""].join("\n"),
    gaps: [
      ...gaps,
      ...ofCookies(partitioned, "partitioned cookie", "cookies.txt has no partitions", adapterFix),
      ...ofCookies(
        unfit,
        "cookie",
        "a tab, line break, broken Unicode or missing name does not fit a line of cookies.txt",
        adapterFix,
      ),
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

const httpOnlyMark = "#HttpOnly_"

function fromLine(line: string): Cookie | { where: string; why: string } {
  const isHttpOnly = line.startsWith(httpOnlyMark)
  const fields = (isHttpOnly ? line.slice(httpOnlyMark.length) : line).split("\t")
  const [host = "", subdomains = "", path = "", secure = "", expires = "", name = "", value = ""] = fields
  if (fields.length < 6 || fields.length > 7) return { where: theFile, why: "it does not have seven fields" }
  const domain = domainOf(host)
  if (domain === null) return { where: theFile, why: "its domain is missing, no hostname, or everybody's" }
  const where = whereOf(domain.hostname)
  const flags = [subdomains, secure].map((flag) => flag.toUpperCase())
  if (flags.some((flag) => flag !== "TRUE" && flag !== "FALSE")) {
    return { where, why: "one of its flags is neither TRUE nor FALSE" }
  }
  if (!/^-?\d{1,25}(?:\.\d{1,25})?$/.test(expires) && expires !== "") {
    return { where, why: "its end is no number of seconds" }
  }
  return {
    name,
    value,
    domain: domain.hostname,
    hostOnly: flags[0] === "FALSE",
    path: path === "" ? "/" : path,
    secure: flags[1] === "TRUE",
    httpOnly: isHttpOnly,
    sameSite: "unspecified",
    expiresAt: expiryOf(Number(expires)),
    partition: null,
  }
}

/** One after the other: a list of all lines would be a second copy of the file. */
function* linesOf(text: string): Generator<string, void, undefined> {
  let start = 0
  while (start < text.length) {
    const found = text.indexOf("\n", start)
    const end = found === -1 ? text.length : found
    yield text.slice(start, text[end - 1] === "\r" && end > start ? end - 1 : end)
    start = end + 1
  }
}

/** Readers split at tabs and lines, curl skips a line whose name is missing, and half a surrogate pair is no UTF-8. */
export function fitsLine({ name, value, domain, path }: Cookie): boolean {
  return name !== "" && !/[\u0000-\u001f\u007f\p{Surrogate}]/u.test(name + value + domain + path)
}

function yes(value: boolean): "TRUE" | "FALSE" {
  return value ? "TRUE" : "FALSE"
}
