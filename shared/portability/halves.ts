import type { Gap } from "../report.js"
import type { Cookie, OriginState, Snapshot, StorageItem } from "../snapshot.js"
import { groupBy, liveCookies, portabilityGap, siteOfCookie } from "./gap.js"

/** Logins that a library keeps in two places, and of which one place is not in the snapshot. */
export function halfGaps(snapshot: Snapshot): Gap[] {
  return [...msalGaps(snapshot), ...clerkGaps(snapshot)]
}

const saveAgain = "Open the site, make sure that you are logged in, and save again"
const allowCookies = "Save again with cookies included"

/**
 * MSAL encrypts its tokens in localStorage with a key in a session cookie; without it, it throws them away.
 *
 * @see https://github.com/AzureAD/microsoft-authentication-library-for-js `lib/msal-browser/src/cache/LocalStorage.ts`
 */
const msalCookie = "msal.cache.encryption"

function msalGaps(snapshot: Snapshot): Gap[] {
  const keys = liveCookies(snapshot).filter(({ name }) => name === msalCookie)
  const stores = (snapshot.origins ?? []).filter(({ localStorage }) => localStorage !== undefined)
  return [...msalCookieMissing(snapshot, stores, keys), ...msalTokensMissing(stores, keys)]
}

function msalCookieMissing(snapshot: Snapshot, stores: OriginState[], keys: Cookie[]): Gap[] {
  const reached = hostsReached(keys)
  return stores.flatMap(({ origin, localStorage = [] }) => {
    const count = localStorage.filter(isEncryptedByMsal).length
    if (count === 0 || reached(hostOf(origin))) return []
    const captured = snapshot.cookies !== undefined
    return portabilityGap({
      where: origin,
      what: count === 1 ? "1 encrypted token (MSAL)" : `${count} encrypted tokens (MSAL)`,
      why: `the site encrypted its tokens with the cookie "${msalCookie}", and ${captured ? "this cookie is missing or expired" : "cookies were not captured"}`,
      fix: captured ? saveAgain : allowCookies,
      count,
    })
  })
}

function msalTokensMissing(stores: OriginState[], keys: Cookie[]): Gap[] {
  const captured = new Set(stores.flatMap(({ origin }) => withParents(hostOf(origin))))
  const hosts = new Set(stores.map(({ origin }) => hostOf(origin)))
  const lonely = keys.filter(({ domain, hostOnly }) => !(hostOnly ? hosts : captured).has(domain))
  return [...groupBy(lonely, ({ domain }) => domain).keys()].map((domain) =>
    portabilityGap({
      where: domain,
      what: `cookie "${msalCookie}"`,
      why: "it only opens the tokens in the site's localStorage, and that was not captured",
      fix: "Open this address of the site and save again",
      count: 1,
    }),
  )
}

function isEncryptedByMsal([key, value]: StorageItem): boolean {
  if (!key.startsWith("msal.") && !/token[-|]/.test(key)) return false
  return value.startsWith("{") && ['"id":', '"nonce":', '"data":'].every((part) => value.includes(part))
}

/**
 * Clerk keeps the login itself in the cookie `__client` of its own host (`clerk.<your domain>`, or `*.clerk.accounts.dev`
 * while developing); what the site has lives for a minute. `__client_uat` is 0 where nobody is logged in.
 *
 * @see https://clerk.com/docs/guides/how-clerk-works/overview
 */
function clerkGaps(snapshot: Snapshot): Gap[] {
  if (snapshot.cookies === undefined) return clerkWithoutCookies(snapshot)
  const cookies = liveCookies(snapshot)
  if (cookies.some(({ name }) => name === "__client")) return []
  const halves = cookies.filter(
    ({ name, value }) => (name === "__client_uat" || name.startsWith("__client_uat_")) && value !== "0" && value !== "",
  )
  return [...groupBy(halves, siteOfCookie).keys()].map((where) =>
    portabilityGap({
      where,
      what: 'cookie "__client" (Clerk)',
      why: "the login itself is in this cookie of the address that Clerk runs for the site, and it was not captured",
      fix: "Include that address (clerk.<site>, or the site accounts.dev) and save again; else the login ends within a minute",
      count: 1,
    }),
  )
}

function clerkWithoutCookies(snapshot: Snapshot): Gap[] {
  const origins = (snapshot.origins ?? []).filter(({ localStorage }) =>
    localStorage?.some(([key]) => key === "__clerk_environment"),
  )
  return [...groupBy(origins, ({ origin }) => origin).keys()].map((where) =>
    portabilityGap({
      where,
      what: "login by Clerk",
      why: "Clerk keeps logins in cookies, and cookies were not captured",
      fix: allowCookies,
      count: 1,
    }),
  )
}

/** Whether one of the cookies is sent to a host. */
function hostsReached(cookies: Cookie[]): (host: string) => boolean {
  const exact = new Set(cookies.map(({ domain }) => domain))
  const below = new Set(cookies.filter(({ hostOnly }) => !hostOnly).map(({ domain }) => domain))
  return (host) => exact.has(host) || withParents(host).some((parent) => below.has(parent))
}

/** `a.b.c`, `b.c`, `c`. A name has at most 127 labels, so that a hostile one stays cheap. */
function withParents(host: string): string[] {
  const labels = host.split(".", 127)
  return labels.map((_, index) => labels.slice(index).join("."))
}

function hostOf(origin: string): string {
  try {
    return new URL(origin).hostname
  } catch {
    return origin
  }
}
