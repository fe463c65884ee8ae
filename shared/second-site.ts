import { providerAt, providerOfHost } from "./identity-providers.js"
import { plainName } from "./plain-name.js"
import { siteOf } from "./site.js"

/** The shape of a session at one site: names and addresses, no values. */
export interface SessionShape {
  site: string
  cookieNames: string[]
  /** Keys of localStorage and sessionStorage. */
  storageKeys: string[]
  /** Addresses the pages were reached from; often only their origin. */
  referrers: string[]
  /** Addresses of the frames in the pages. */
  frames: string[]
}

/** A site to offer to a person, and why, in one clause. */
export interface LeanedOnSite {
  site: string
  why: string
}

/** Most sites that are offered: a person decides about each. */
const maxSites = 5

/**
 * The other sites that a login seems to live on too, so that the popup can offer to include them. Nothing is guessed: a
 * library that names no address (`okta-token-storage`, `@@auth0spajs@@` with an audience of its own) offers nothing.
 *
 * Websites choose keys and addresses, so a page can make us offer a site that has nothing to do with it. The person
 * decides; known providers go before addresses that only a key claims.
 *
 * @returns at most five, best evidence first, never the site itself. Pure and linear.
 */
export function sitesItLeansOn(shape: SessionShape): LeanedOnSite[] {
  const own = siteOf(shape.site) ?? shape.site
  const hints = [
    ...shape.storageKeys.flatMap((key) => hintsOfKey(key)),
    ...shape.referrers.flatMap((address) =>
      hintOfAddress(address, 1, (name) => `you came from a login page of ${name}`),
    ),
    ...shape.frames.flatMap((address) =>
      hintOfAddress(address, 2, (name) => `its pages hold a login frame of ${name}`),
    ),
    ...shape.cookieNames.flatMap((name) => hintOfCookie(name)),
  ]
  const offered = new Map<string, LeanedOnSite>()
  for (const { host, why } of hints.sort((a, b) => a.rank - b.rank)) {
    if (offered.size === maxSites) break
    const site = siteOfHost(host)
    if (site === null || site === own || offered.has(site)) continue
    offered.set(site, { site, why: `${why} (${plainName(host, 80)})` })
  }
  return [...offered.values()]
}

/** Rank 0 is the best evidence: tokens that a known provider issued. */
interface Hint {
  rank: number
  host: string
  why: string
}

/** An address that is a provider only by what the site says of it. */
const claimed = 4

/** What is longer than this is no key of a login library, and no address worth reading. */
const maxLength = 2048

function hintsOfKey(key: string): Hint[] {
  if (key.length > maxLength) return []
  const known = keyReaders.find(({ isOurs }) => isOurs(key))
  if (known === undefined) return []
  const host = known.hostIn(key)
  if (host === null) return []
  const provider = providerOfHost(host)
  if (provider !== null) return [{ rank: 0, host, why: `its stored tokens were issued by ${provider.name}` }]
  return known.isIssuer ? [{ rank: claimed, host, why: "its stored tokens name this address as their issuer" }] : []
}

/** Libraries whose keys hold an address. `isIssuer`: that address is the provider also when we do not know it. */
const keyReaders: { isOurs: (key: string) => boolean; hostIn: (key: string) => string | null; isIssuer: boolean }[] = [
  // oidc-client and oidc-client-ts: oidc.user:<issuer>:<client id>
  { isOurs: (key) => key.startsWith("oidc.user:"), hostIn: (key) => hostAtStart(key.slice(10)), isIssuer: true },
  // MSAL: <account>-<environment>-<kind>-…, from version 4 on msal.2|<account>|<environment>|<kind>|…
  { isOurs: (key) => /^msal\.|(?:id|access|refresh)token[-|]/.test(key), hostIn: microsoftHostIn, isIssuer: false },
  // Auth0: @@auth0spajs@@::<client id>::<audience>::<scope>; the audience may be the tenant's own interface.
  {
    isOurs: (key) => key.startsWith("@@auth0spajs@@::"),
    hostIn: (key) => hostAtStart(key.split("::", 3)[2] ?? ""),
    isIssuer: false,
  },
]

/** The host of an address that text starts with; null when there is none. */
function hostAtStart(text: string): string | null {
  const [, host, next] = /^https?:\/\/([a-z0-9._-]+)(.?)/i.exec(text) ?? []
  // `https://known.example@other.example`: the part before @ is no host.
  return host === undefined || next === "@" ? null : host.toLowerCase()
}

/** `login.windows.net` is the name that MSAL keeps tokens under; people log in at login.microsoftonline.com. */
const microsoftHosts: [inKey: string, host: string][] = [
  ["login.windows.net", "login.microsoftonline.com"],
  ["login.microsoftonline.com", "login.microsoftonline.com"],
  ["login.microsoftonline.us", "login.microsoftonline.us"],
  ["login.partner.microsoftonline.cn", "login.partner.microsoftonline.cn"],
]

function microsoftHostIn(key: string): string | null {
  const known = microsoftHosts.find(([inKey]) => hasWhole(key, inKey))
  if (known !== undefined) return known[1]
  for (const domain of ["b2clogin.com", "ciamlogin.com"]) {
    const at = key.indexOf(`.${domain}`)
    if (at === -1 || !"-|".includes(key.charAt(at + 1 + domain.length) || " ")) continue
    const tenant = /[a-z0-9]+$/i.exec(key.slice(Math.max(0, at - 63), at))?.[0]
    if (tenant !== undefined) return `${tenant.toLowerCase()}.${domain}`
  }
  return null
}

/** Between the separators of a key, so that `login.windows.net.evil.example` is not taken for it. */
function hasWhole(key: string, host: string): boolean {
  return ["-", "|"].some((separator) => key.includes(`${separator}${host}${separator}`))
}

function hintOfAddress(address: string, rank: number, why: (provider: string) => string): Hint[] {
  if (address.length > maxLength || !/^https?:\/\//i.test(address)) return []
  let url: URL
  try {
    url = new URL(address)
  } catch {
    return []
  }
  const provider = providerAt(url)
  if (provider === null) return []
  const isKnown = providerOfHost(url.hostname) !== null
  return [{ rank: isKnown ? rank : claimed, host: url.hostname, why: why(provider.name) }]
}

/** Cookies that a provider's script sets on the sites that offer its login. */
function hintOfCookie(name: string): Hint[] {
  const known = loginCookies.find(({ isOurs }) => isOurs(name))
  return known === undefined ? [] : [{ rank: 3, host: known.host, why: `it offers to log in with ${known.provider}` }]
}

const loginCookies: { isOurs: (name: string) => boolean; host: string; provider: string }[] = [
  // One Tap and the older Google Sign-In.
  {
    isOurs: (name) => ["g_state", "G_ENABLED_IDPS", "G_AUTHUSER_H"].includes(name),
    host: "accounts.google.com",
    provider: "Google",
  },
  // fbsr_<app id>: the signed request of a person who is logged in by Facebook.
  { isOurs: (name) => /^fbsr_\d+$/.test(name), host: "www.facebook.com", provider: "Facebook" },
]

/** Only what looks like a host of the web is offered, so that the line stays readable. */
function siteOfHost(host: string): string | null {
  if (host.length > 253 || !/^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/.test(host)) return null
  return siteOf(host)
}
