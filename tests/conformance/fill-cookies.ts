/** Cookies of every kind, as Set-Cookie lines; each value says what its cookie is. */

const day = 86_400

/** What any origin of the site may set, over http too. */
export const plainCookies = [
  "host_only=only app; Path=/",
  "domain=whole site; Path=/; Domain=conf.test",
  "http_only=no script; Path=/; HttpOnly",
  "same_site_unset=unspecified; Path=/",
  "same_site_lax=lax; Path=/; SameSite=Lax",
  "same_site_strict=strict; Path=/; SameSite=Strict",
  `persistent=a day; Path=/; Max-Age=${day}`,
  `forever=clamped to 400 days; Path=/; Max-Age=${day * 3650}`,
  "deep=below account; Path=/account",
  "deeper=below account/deep; Path=/account/deep; HttpOnly",
  "twin=of the root; Path=/",
  "twin=of account; Path=/account",
  "twin=of the domain; Path=/; Domain=conf.test",
  "=nameless value; Path=/",
  "empty=; Path=/",
  'quoted="in quotes, with a comma"; Path=/',
  "utf8=naïve 🌿 ‮rtl; Path=/",
  "🌿=a name beyond ASCII; Path=/",
  "<b>markup</b>=<script>alert(1)</script>; Path=/",
  `long=${"x".repeat(4092)}; Path=/`,
]

/** What only https may set. */
export const secureCookies = [
  "secure=https only; Path=/; Secure",
  "same_site_none=none; Path=/; Secure; SameSite=None",
  "__Host-id=host prefix; Path=/; Secure; HttpOnly",
  "__Secure-id=secure prefix; Path=/; Domain=conf.test; Secure",
]

/** Of sessions that cannot travel, or whose halves only work together: challenges, chunks, a key for encrypted storage. */
export const unportableCookies = [
  "cf_clearance=bound to address and browser; Path=/; Domain=conf.test; Secure; HttpOnly; SameSite=None",
  "__cf_bm=short-lived; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=1800",
  "bound_session=renewed by the browser; Path=/; Secure; HttpOnly; Max-Age=600",
  "sb-conformance-auth-token.0=base64-first half; Path=/; SameSite=Lax; Max-Age=86400",
  "sb-conformance-auth-token.1=second half; Path=/; SameSite=Lax; Max-Age=86400",
  "msal.cache.encryption=%7B%22id%22%3A%221%22%2C%22key%22%3A%22k%22%7D; Path=/; Secure; SameSite=None",
  "__session=of the site; Path=/; SameSite=Lax",
  "__client_uat=1700000000; Path=/; Domain=conf.test; SameSite=Lax",
]

/** What stands in localStorage beside them. */
export const unportableItems: [key: string, value: string][] = [
  ["msal.account.keys", '["uid.utid-login.idp.test-tenant"]'],
  ["msal.token.keys.client", '{"idToken":[],"accessToken":[],"refreshToken":[]}'],
  ["__clerk_environment", "{}"],
]

/** Third-party frames keep them only where they are partitioned. */
export function partitionedCookies(label: string): string[] {
  return [
    `__Host-chips=${label}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned`,
    `chips_seen=${label}; Path=/; Secure; SameSite=None; Partitioned; Max-Age=${day}`,
    "unpartitioned=not for frames; Path=/; Secure; SameSite=None",
  ]
}
