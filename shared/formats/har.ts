import type { Gap } from "../report.js"
import type { Cookie } from "../snapshot.js"
import { leftOut, ofCookies } from "./export.js"
import { countBy, gapsOf, theFile, whereOf, type Found } from "./found.js"
import { createHarJar, type HarJar } from "./har-jar.js"
import { expiryOf, sameSiteByName } from "./read-cookie.js"
import { isObject, listAt, notThis, own, parseJsonFile, textAt, type JsonObject } from "./read-json.js"
import { defaultPath, parseSetCookie, type SetCookie } from "./set-cookie.js"

/**
 * The cookies of an HTTP archive, as they were at its end. Responses are replayed in the order of time: what a `Set-Cookie`
 * says later wins, and one that ends a cookie takes it away. A cookie that was only ever sent has no attributes: it is taken as
 * a host-only session cookie, and that is named.
 *
 *     { "log": { "entries": [{ startedDateTime, time, "request": { url, cookies, headers },
 *       "response": { cookies: [{ name, value, path?, domain?, expires?, httpOnly?, secure?, sameSite? }], headers } }] } }
 *
 * A browser's export "without sensitive data" holds neither.
 *
 * @throws `bad-snapshot` for what is none
 * @see http://www.softwareishard.com/blog/har-12-spec/
 */
export function fromHar(text: string): Found {
  const file = parseJsonFile(text, format)
  const log = isObject(file) ? own(file, "log") : null
  const entries = isObject(log) ? listAt(log, "entries") : null
  if (entries === null) throw notThis(format, "expected a log with entries")
  const jar = createHarJar()
  const refused = new Map<string, number>()
  const refuse = (where: string, why: string) => {
    refused.set(`${where}\n${why}`, (refused.get(`${where}\n${why}`) ?? 0) + 1)
  }
  const visits = entries.flatMap((entry) => visitOf(entry) ?? [])
  for (const visit of visits.sort((a, b) => a.at - b.at)) replay(visit, jar, refuse)
  const cookies = jar.cookies()
  const guessed = cookies.filter((cookie) => jar.isOnlySent(cookie))
  return {
    cookies,
    gaps: [
      ...leftOut(
        "cookies",
        theFile,
        entries.length - visits.length,
        "request",
        "it is malformed, or no http(s) request",
      ),
      ...gapsOf(refused, "cookies", "cookie"),
      ...ofCookies(guessed, "cookie", "only its name and value are known: taken as a host-only session cookie"),
      ...[...countBy(jar.dropped(), ({ domain }) => domain)].flatMap(([domain, count]) =>
        leftOut("cookies", domain, count, "cookie", "there are more of that name than anybody has"),
      ),
      ...(cookies.length === 0 && visits.length > 0 ? [noCookies] : []),
    ],
  }
}

const format = "an HTTP archive (HAR)"

const noCookies: Gap = {
  kind: "cookies",
  where: theFile,
  what: "all cookies",
  why: "none of its requests and responses has one",
  fix: "export it with sensitive data",
  count: 1,
}

interface Visit {
  url: URL
  /** When the response was there, ms since epoch. */
  at: number
  request: JsonObject
  response: JsonObject
}

function visitOf(entry: unknown): Visit[] | null {
  const request = isObject(entry) ? own(entry, "request") : null
  const address = isObject(request) ? textAt(request, "url")?.replace(/^ws/, "http") : null
  if (!isObject(entry) || !isObject(request) || !address || !/^https?:\/\//.test(address) || !URL.canParse(address)) {
    return null
  }
  const response = own(entry, "response")
  const start = Date.parse(textAt(entry, "startedDateTime") ?? "")
  const took = own(entry, "time")
  const at = (Number.isNaN(start) ? 0 : start) + (typeof took === "number" && took > 0 ? took : 0)
  return [{ url: new URL(address), at, request, response: isObject(response) ? response : {} }]
}

function replay(
  { url, at, request, response }: Visit,
  jar: HarJar,
  refuse: (where: string, why: string) => void,
): void {
  const few = (parts: string[]) => {
    if (parts.length > maxAtOnce) refuse(whereOf(url.hostname), `there are more than ${maxAtOnce} in one message`)
    return parts.slice(0, maxAtOnce).filter((part) => part.trim() !== "")
  }
  jar.sent(sentWith(request, few), url)
  const headers = headersOf(response, "set-cookie").flatMap((value) => few(value.split("\n", maxAtOnce + 1)))
  const set =
    headers.length > 0
      ? headers.map((header) => parseSetCookie(header, url, at))
      : (listAt(response, "cookies") ?? []).map((raw) => ofObject(raw, url, at))
  for (const made of set) {
    if ("why" in made) refuse(whereOf(url.hostname), made.why)
    else jar.set(made.cookie, made.isGone, url.hostname.toLowerCase())
  }
}

/** Cookies in one header; browsers keep a fifth of that for a whole site. */
const maxAtOnce = 1000

/** What a request sent; some tools keep only the list, some only the header. */
function sentWith(request: JsonObject, few: (parts: string[]) => string[]): { name: string; value: string }[] {
  const [header] = headersOf(request, "cookie")
  if (header !== undefined) {
    return few(header.split(/;[ ]?/, maxAtOnce + 1)).map((pair) => {
      const at = pair.indexOf("=")
      return at === -1
        ? { name: "", value: pair.trim() }
        : { name: pair.slice(0, at).trim(), value: pair.slice(at + 1).trim() }
    })
  }
  return (listAt(request, "cookies") ?? []).flatMap((raw) => {
    const [name, value] = isObject(raw) ? [textAt(raw, "name"), textAt(raw, "value")] : [null, null]
    return name === null || value === null ? [] : [{ name, value }]
  })
}

function headersOf(message: JsonObject, name: string): string[] {
  return (listAt(message, "headers") ?? []).flatMap((raw) => {
    const [key, value] = isObject(raw) ? [textAt(raw, "name"), textAt(raw, "value")] : [null, null]
    return key !== null && value !== null && key.length === name.length && key.toLowerCase() === name ? [value] : []
  })
}

/** A response's cookie without its header: the same words, as a header. */
function ofObject(raw: unknown, url: URL, at: number): SetCookie {
  const [name, value] = isObject(raw) ? [textAt(raw, "name"), textAt(raw, "value")] : [null, null]
  if (!isObject(raw) || name === null || value === null) return { why: "its name or value is no text" }
  const domain = textAt(raw, "domain") ?? ""
  const made = parseSetCookie(domain === "" ? "x" : `x; domain=${domain.replaceAll(";", "?")}`, url, at)
  if ("why" in made) return made
  const end = Date.parse(textAt(raw, "expires") ?? "")
  const expiresAt = Number.isNaN(end) ? null : (expiryOf(end / 1000) ?? 0)
  const path = textAt(raw, "path") ?? ""
  const cookie: Cookie = {
    ...made.cookie,
    name,
    value,
    path: path.startsWith("/") ? path : defaultPath(url.pathname),
    secure: own(raw, "secure") === true,
    httpOnly: own(raw, "httpOnly") === true,
    sameSite: sameSiteByName(textAt(raw, "sameSite") ?? "") ?? "unspecified",
    expiresAt,
  }
  // Firefox and Chromium tell the domain of every cookie; only with a dot is it one of the subdomains too.
  const isHostOnly = domain === "" || (!domain.startsWith(".") && cookie.domain === url.hostname.toLowerCase())
  return { cookie: { ...cookie, hostOnly: isHostOnly }, isGone: expiresAt !== null && expiresAt <= at }
}
