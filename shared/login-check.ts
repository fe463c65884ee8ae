import * as v from "valibot"
import { providerAt } from "./identity-providers.js"
import { belongsToSite, siteOf } from "./site.js"

/**
 * How being logged in looks, as the person told: at this address, without being sent to a login. The text and the element
 * are there only when one is logged in.
 */
export interface LoginCheck {
  /** http(s), at one of the session's sites; may hold what the site puts into its addresses, so it is shown by origin only. */
  url: string
  text?: string
  /** CSS. */
  selector?: string
}

export const maxCheckLengths = { url: 2048, text: 200, selector: 1000 } as const

const filled = (most: number) => v.pipe(v.string(), v.nonEmpty(), v.maxLength(most))

export const loginCheckSchema = v.strictObject({
  url: filled(maxCheckLengths.url),
  text: v.exactOptional(filled(maxCheckLengths.text)),
  selector: v.exactOptional(filled(maxCheckLengths.selector)),
}) satisfies v.GenericSchema<LoginCheck>

/** An address that may be looked at: http(s), of one of the sites, without a password in it. */
export function isCheckAddress(text: string, sites: readonly string[]): boolean {
  const url = urlOf(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") return false
  return sites.some((site) => belongsToSite(url.hostname, site))
}

/** What was looked for. */
export interface Expected extends LoginCheck {
  /** False: nobody said how being logged in looks, this is only where the session was. */
  isRemembered: boolean
}

/** What was there. */
export interface Seen {
  /** Where the page came to rest. */
  url: string
  /** HTTP; 0 where it is not known. */
  status: number
  /** null: not looked for. */
  hasText: boolean | null
  hasElement: boolean | null
  /** A field for a password is on the page. */
  asksPassword: boolean
}

export type LoginResult = "logged-in" | "logged-out" | "unclear"

export interface LoginVerdict {
  result: LoginResult
  /** One clause; names origins and statuses, never a text, a selector or the rest of an address. */
  why: string
}

/**
 * Is one logged in? Only what speaks clearly counts: everything that may have another reason (a server in trouble, a bot
 * wall, a page that moved) is unclear.
 *
 * @param seen null when the site did not answer
 */
export function judgeLogin(expected: Expected, seen: Seen | null): LoginVerdict {
  if (seen === null) return unclear("the site did not answer")
  const { status } = seen
  if (status === 401) return loggedOut("the site answered with status 401 (not logged in)")
  const found = [seen.hasText, seen.hasElement].filter((one) => one !== null)
  const hasAll = found.length > 0 && found.every(Boolean)
  const marks = marksOf(seen)
  const [asked, there] = [urlOf(expected.url), urlOf(seen.url)]
  if (asked === null || there === null) return unclear("the page came to rest at no web address")
  if (isSentToLogin(asked, there)) {
    const why = `it was sent to a login at ${there.origin}`
    return hasAll ? unclear(`${why}, but ${marks} of being logged in is there`) : loggedOut(why)
  }
  // Before the marks: an error page has none, whoever asks.
  if (status >= 400) return unclear(`the site answered with status ${status}`)
  if (siteOf(there.href) !== siteOf(asked.href)) return unclear(`it was sent to another site, ${there.origin}`)
  if (hasAll) return { result: "logged-in", why: `${marks} of being logged in is there` }
  if (found.length > 1 && found.some(Boolean)) return unclear("of the text and the element only one is there")
  if (!isSamePlace(asked, there)) return unclear(`it was sent to another page of ${there.origin}`)
  if (found.length > 0) return loggedOut(`${marks} of being logged in is missing`)
  if (!expected.isRemembered) return unclear("nobody has told how being logged in looks; there was no way to a login")
  if (seen.asksPassword) return unclear("the page is the remembered one, but has a field for a password")
  return { result: "logged-in", why: "the remembered page came, without a way to a login" }
}

/** True when the page is about logging in, and what was asked for was not. */
export function isSentToLogin(asked: URL, there: URL): boolean {
  if (providerAt(there) !== null && asked.host !== there.host) return true
  const before = loginWords(asked)
  return [...loginWords(there)].some((word) => !before.has(word))
}

const words = new Set(
  "login logon signin auth oauth oauth2 sso saml saml2 oidc openid authorize authenticate authentication reauth relogin".split(
    " ",
  ),
)
/** `?action=login` tells of the page, `?from=login` of where one was. */
const tellingKeys = new Set(["action", "mode", "page", "view", "screen", "route", "do", "a"])
const doneWords = new Set(["success", "ok", "done", "true", "complete", "completed", "false", "0"])

/** Words that speak of a login, with their place: a login elsewhere is news also where the address had the word. */
function loginWords({ hostname, pathname, hash, searchParams }: URL): Set<string> {
  const path = `${pathname}/${/^#!?\//.test(hash) ? hash.slice(1) : ""}`
  const inPath = path.split("/").flatMap((part) => wordsIn(part).map((word) => `path ${word}`))
  const inHost = hostname.split(".").flatMap((part) => wordsIn(part).map((word) => `host ${word}`))
  const inQuery = [...searchParams].flatMap(([key, value]) => {
    const told = tellingKeys.has(key.toLowerCase()) ? wordsIn(value) : []
    return doneWords.has(value.toLowerCase()) ? told : [...told, ...(words.has(key.toLowerCase()) ? [key] : [])]
  })
  return new Set([...inPath, ...inHost, ...inQuery.map((word) => `query ${word.toLowerCase()}`)])
}

/** `wp-login.php`, `sign-in`, `Sign_In`: the whole, its parts, and pairs of neighbours; not `author` or `blogging`. */
function wordsIn(part: string): string[] {
  const parts = part.toLowerCase().split(/[^a-z0-9]+/)
  const pairs = parts.slice(1).map((next, index) => `${parts[index] ?? ""}${next}`)
  return [...new Set([...parts, ...pairs])].filter((word) => words.has(word))
}

function marksOf({ hasText, hasElement }: Seen): string {
  if (hasText !== null && hasElement !== null) return "what is told"
  return hasText === null ? "the element" : "the text"
}

/** Queries come and go. */
function isSamePlace(asked: URL, there: URL): boolean {
  const path = ({ pathname }: URL) => pathname.replace(/\/+$/, "")
  return asked.origin === there.origin && path(asked) === path(there)
}

function unclear(why: string): LoginVerdict {
  return { result: "unclear", why }
}

function loggedOut(why: string): LoginVerdict {
  return { result: "logged-out", why }
}

function urlOf(text: string): URL | null {
  try {
    const url = new URL(text)
    return /^https?:$/.test(url.protocol) ? url : null
  } catch {
    return null
  }
}
