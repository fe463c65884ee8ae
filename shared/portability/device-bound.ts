import type { Gap } from "../report.js"
import { siteOf } from "../site.js"
import type { Cookie, Snapshot } from "../snapshot.js"
import { botGuardOf } from "./browser-bound.js"
import { cookieNames, groupBy, liveCookies, portabilityGap, siteOfCookie } from "./gap.js"

const fix = "Log in once in the place where the session is to be used: the key cannot be copied, and is not meant to be"

/**
 * Logins that the site ties, or may tie, to a key in this device (Device Bound Session Credentials). What the site said
 * in a header is the best evidence, then Google's known cookies, then the shape of a cookie; a site gets one gap.
 *
 * @param sessionHeaders origins that answered with `Secure-Session-Registration` or `Secure-Session-Challenge`, or with
 *   their first names `Sec-Session-*`. Those of other sites than the snapshot's are left out.
 * @see https://w3c.github.io/webappsec-dbsc/
 */
export function deviceBoundGaps(snapshot: Snapshot, sessionHeaders: string[]): Gap[] {
  const cookies = liveCookies(snapshot)
  const gaps = [
    ...announced(snapshot, sessionHeaders),
    ...oneForEachSite(cookies.filter(isRenewedByGoogle), {
      why: "Google renews this login every few minutes and keeps only the newest; Chrome may also tie it to a key of this device",
      fix,
    }),
    ...oneForEachSite(
      cookies.filter((cookie) => isShortLivedLogin(cookie, snapshot.capturedAt)),
      {
        why: "it lives for minutes only, so it may be part of a login that this browser keeps renewing with a key of its own",
        fix: "Try it: if the restored session ends within minutes, log in once in the place where it is to be used",
      },
    ),
  ]
  return [...groupBy(gaps, ({ where }) => where).values()].flatMap((sameSite) => sameSite.slice(0, 1))
}

function announced(snapshot: Snapshot, sessionHeaders: string[]): Gap[] {
  const sites = new Set<string | null>(snapshot.sites)
  const origins = new Set(sessionHeaders.filter((origin) => /^https?:\/\//.test(origin) && sites.has(siteOf(origin))))
  return [...groupBy([...origins], (origin) => siteOf(origin) ?? origin)].map(([site, group]) =>
    portabilityGap({
      where: site,
      what: "device-bound session",
      why: "the site asked your browser to tie the login to a key that never leaves this device, so a copy may end within minutes",
      fix,
      count: group.length,
    }),
  )
}

function oneForEachSite(cookies: Cookie[], words: { why: string; fix: string }): Gap[] {
  return [...groupBy(cookies, siteOfCookie)].map(([where, group]) =>
    portabilityGap({ where, what: cookieNames(group.map(({ name }) => name)), ...words, count: group.length }),
  )
}

/** `__Secure-1PSIDTS` and its kind. @see https://knowledge.workspace.google.com/admin/security/prevent-cookie-theft-with-session-binding */
const googleCookies = new Set([
  ...["__Secure-1PSIDTS", "__Secure-3PSIDTS", "__Secure-1PSIDRTS", "__Secure-3PSIDRTS"],
  ...["SIDCC", "__Secure-1PSIDCC", "__Secure-3PSIDCC"],
])

function isRenewedByGoogle(cookie: Cookie): boolean {
  if (!googleCookies.has(cookie.name)) return false
  const site = siteOfCookie(cookie)
  return site === "youtube.com" || site.startsWith("google.")
}

/** What lives no longer than this looks like the cookie of a device-bound session, which is renewed all the time. */
const shortLifeMs = 10 * 60 * 1000
/** One step of logging in, a form, a message, a measurement: short-lived for other reasons. */
const ofOneStep = /state|nonce|pkce|verifier|csrf|xsrf|oauth|oidc|saml|flash|redirect|return|challenge|txn|otp|mfa/i
const ofAnalytics =
  /^(?:_ga|_gid|_gat|_gcl|_fbp|_hj|_dc_gtm|_uet|_clsk|_dd_s|amp_|ajs_|mp_|optimizely|OptanonConsent|s_sq)/

function isShortLivedLogin({ name, secure, httpOnly, expiresAt }: Cookie, capturedAt: number): boolean {
  if (!secure || !httpOnly || expiresAt === null) return false
  if (expiresAt - capturedAt > shortLifeMs) return false
  return botGuardOf(name) === null && !isOfOtherUse(name)
}

/** True for the name of a cookie of one step of logging in, or of measurement: it holds no login. */
export function isOfOtherUse(cookieName: string): boolean {
  return ofOneStep.test(cookieName.slice(0, 200)) || ofAnalytics.test(cookieName)
}
