import { cookieDifferences, cookieFault, cookieId, describeCookies, isShortened, maxCookieAge } from "../cookies.js"
import type { Fault } from "../cookies.js"
import type { Gap } from "../report.js"
import { belongsToSite, siteOf } from "../site.js"
import type { Cookie } from "../snapshot.js"
import type { BlankPage, LazyBlankPage } from "./blank-page.js"
import { cdpJar, type Jar } from "./cookie-jar.js"
import type { Step } from "./steps.js"

export interface CookieWork {
  jar: Jar
  cookies: Cookie[]
  /** The session's sites: whatever else they have in the context goes when `replace` is true. */
  sites: string[]
  replace: boolean
  blank: LazyBlankPage
  step: Step
}

/**
 * Sets the cookies that a browser would keep and reads them back. It begins at once when the jar holds all of them,
 * else it waits for the page that a CDP session needs.
 */
export async function restoreCookies({ jar, cookies, sites, replace, blank, step }: CookieWork): Promise<CookieResult> {
  const now = Date.now()
  const { settable, refused } = sortOut(cookies, jar, now)
  const ofSites = [...new Set([...sites, ...settable.map(({ domain }) => siteOf(domain) ?? domain)])]
  const exact = (page: BlankPage | null) => (page?.cdp && !jar.isExact ? cdpJar(page.cdp) : jar)
  let writer = settable.every((cookie) => jar.holds(cookie)) ? jar : exact(await blank.get())
  let batch = settable
  if (replace) {
    const found = leftovers(await step("reading cookies", () => writer.read(ofSites)), settable, sites)
    if (!found.every((cookie) => jar.holds(cookie))) writer = exact(await blank.get())
    batch = [...found, ...settable]
  }
  const rejected = await setCookies(writer, batch, step)
  const reader = exact(await blank.getIfOpened())
  const got = await step("reading cookies back", () => reader.read(ofSites))
  const tried = settable.filter((cookie) => !rejected.some((item) => item.cookie === cookie))
  const changed = compareCookies(tried, got, reader, now)
  const stayed = replace
    ? leftovers(got, settable, sites).map((cookie) => ({ cookie, why: staysWhy, fix: staysFix }))
    : []
  const lost = changed.filter(({ isSet }) => isSet !== true).length
  const gaps = cookieGaps([
    ...refused,
    ...rejected.filter(({ cookie }) => settable.includes(cookie)),
    ...changed,
    ...stayed,
  ])
  return { set: { cookies: tried.length - lost }, gaps }
}

export interface CookieResult {
  set: { cookies: number }
  gaps: Gap[]
}

const staysWhy = "it was there before and could not be removed"
const staysFix = "restore into a fresh context"

/** Cookies that are to be set, and the gaps of those that cannot be. */
function sortOut(cookies: Cookie[], jar: Jar, now: number): { settable: Cookie[]; refused: Refused[] } {
  const settable: Cookie[] = []
  const refused: Refused[] = []
  for (const cookie of cookies.map(jar.knowsAncestors ? withChromiumPartition : withFirefoxPartition)) {
    const fault = cookieFault(cookie, now) ?? isolationFault(cookie) ?? jar.faultOf?.(cookie) ?? null
    if (fault === null) settable.push(cookie)
    else refused.push({ cookie, ...fault })
  }
  return { settable, refused }
}

/** Cookies of the sites that are there but are not part of the session, made to expire: a jar forgets those it is given. */
function leftovers(existing: Cookie[], wanted: Cookie[], sites: string[]): Cookie[] {
  const ids = new Set(wanted.map(cookieId))
  return existing
    .filter((cookie) => sites.some((site) => belongsToSite(cookie.domain, site)) && !ids.has(cookieId(cookie)))
    .map((cookie) => ({ ...cookie, value: "", expiresAt: 1000 }))
}

/**
 * Sets cookies, in their order. One that the browser refuses makes the whole batch fail: halves are tried until it stands
 * alone, so that it costs nobody else.
 */
async function setCookies(jar: Jar, cookies: Cookie[], step: Step): Promise<Refused[]> {
  if (cookies.length === 0) return []
  try {
    await step("setting cookies", () => jar.set(cookies))
    return []
  } catch (error) {
    if (!(error instanceof Error) || error.name === "PspError") throw error
    if (cookies.length === 1) return cookies.map((cookie) => ({ cookie, why: "the browser refused it", fix: "" }))
    const middle = cookies.length >> 1
    return [
      ...(await setCookies(jar, cookies.slice(0, middle), step)),
      ...(await setCookies(jar, cookies.slice(middle), step)),
    ]
  }
}

/** What of the cookies that were set is not there, or not as it was meant to be. */
function compareCookies(wanted: Cookie[], got: Cookie[], jar: Jar, now: number): Refused[] {
  const byId = new Map(got.map((cookie) => [cookieId(cookie), cookie]))
  return wanted.flatMap((cookie): Refused[] => {
    const kept = byId.get(cookieId(cookie))
    if (kept === undefined) return [{ cookie, why: "the browser took it and did not keep it", fix: "" }]
    const told = jar.isExact || cookie.sameSite !== "unspecified" ? kept : { ...kept, sameSite: cookie.sameSite }
    const differences = cookieDifferences(cookie, told)
    if (differences.length === 1 && differences[0] === "expiry" && isShortened(cookie, now)) {
      const days = maxCookieAge / 86_400_000
      return [{ cookie, why: `the browser keeps it for ${days} days at most`, fix: "", isSet: true }]
    }
    return differences.length === 0
      ? []
      : [{ cookie, why: `the browser changed its ${differences.join(", ")}`, fix: "" }]
  })
}

interface Refused extends Fault {
  cookie: Cookie
  /** True for one that is there, but not quite as captured. */
  isSet?: boolean
}

/** One gap for each domain and reason. */
function cookieGaps(refused: Refused[]): Gap[] {
  const groups = new Map<string, Refused[]>()
  for (const item of refused) {
    const key = JSON.stringify([item.cookie.domain, item.why])
    groups.set(key, [...(groups.get(key) ?? []), item])
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const what = describeCookies(group.map(({ cookie }) => cookie.name))
    return [{ kind: "cookies", where: first.cookie.domain, what, why: first.why, fix: first.fix, count: group.length }]
  })
}

/** Firefox knows the top-level site only; Chromium wants to know too whether a frame of another site stands between. */
function withChromiumPartition(cookie: Cookie): Cookie {
  const { partition, domain } = cookie
  if (partition?.hasCrossSiteAncestor !== null) return cookie
  const isSameSite = siteOf(partition.topLevelSite) === siteOf(domain)
  return { ...cookie, partition: { ...partition, hasCrossSiteAncestor: !isSameSite } }
}

function withFirefoxPartition(cookie: Cookie): Cookie {
  const { partition } = cookie
  return partition === null ? cookie : { ...cookie, partition: { ...partition, hasCrossSiteAncestor: null } }
}

function isolationFault({ firstPartyDomain, domain }: Cookie): Fault | null {
  if (firstPartyDomain === undefined || firstPartyDomain === "" || firstPartyDomain === siteOf(domain)) return null
  return {
    why: "it belongs to another site by Firefox's first-party isolation, which this browser does not have",
    fix: "",
  }
}
