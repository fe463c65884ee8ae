/** An address where people log in for other sites. */
export interface IdentityProvider {
  /** As a person knows it. */
  name: string
  /** `accounts.google.com`, or `*.okta.com` for every name below it. */
  host: string
  /** Only addresses below these paths are about logging in: people come from the other ones for many reasons. */
  paths?: string[]
}

/** Hosts that do nothing but logins, and the login pages of sites that do more. One row, one address. */
export const identityProviders: IdentityProvider[] = [
  { name: "Google", host: "accounts.google.com" },
  { name: "Microsoft", host: "login.microsoftonline.com" },
  { name: "Microsoft", host: "login.microsoftonline.us" },
  { name: "Microsoft", host: "login.partner.microsoftonline.cn" },
  { name: "Microsoft", host: "login.live.com" },
  { name: "Microsoft", host: "*.b2clogin.com" },
  { name: "Microsoft", host: "*.ciamlogin.com" },
  { name: "Apple", host: "appleid.apple.com" },
  { name: "Apple", host: "idmsa.apple.com" },
  { name: "Okta", host: "*.okta.com" },
  { name: "Okta", host: "*.oktapreview.com" },
  { name: "Okta", host: "*.okta-emea.com" },
  { name: "Auth0", host: "*.auth0.com" },
  { name: "OneLogin", host: "*.onelogin.com" },
  { name: "Ping", host: "*.pingone.com" },
  { name: "Ping", host: "*.pingone.eu" },
  { name: "Ping", host: "*.pingidentity.com" },
  { name: "Duo", host: "*.duosecurity.com" },
  { name: "JumpCloud", host: "sso.jumpcloud.com" },
  { name: "Amazon Cognito", host: "*.amazoncognito.com" },
  { name: "Clerk", host: "*.accounts.dev" },
  { name: "WorkOS", host: "*.authkit.app" },
  { name: "Kinde", host: "*.kinde.com" },
  { name: "FusionAuth", host: "*.fusionauth.io" },
  { name: "Cloudflare Access", host: "*.cloudflareaccess.com" },
  { name: "Firebase", host: "*.firebaseapp.com", paths: ["/__/auth/"] },
  { name: "Firebase", host: "*.web.app", paths: ["/__/auth/"] },
  { name: "Salesforce", host: "login.salesforce.com" },
  { name: "Salesforce", host: "test.salesforce.com" },
  { name: "Salesforce", host: "*.my.salesforce.com" },
  { name: "Atlassian", host: "id.atlassian.com" },
  { name: "Login.gov", host: "secure.login.gov" },
  { name: "Yahoo", host: "login.yahoo.com" },
  { name: "Twitch", host: "id.twitch.tv" },
  { name: "GitHub", host: "github.com", paths: ["/login", "/session", "/sessions"] },
  { name: "GitLab", host: "gitlab.com", paths: ["/users/sign_in", "/oauth"] },
  { name: "Facebook", host: "www.facebook.com", paths: ["/login", "/login.php", "/dialog/oauth"] },
  { name: "LinkedIn", host: "www.linkedin.com", paths: ["/oauth", "/uas/login", "/login"] },
  { name: "X", host: "x.com", paths: ["/i/oauth2", "/i/flow/login"] },
  { name: "Discord", host: "discord.com", paths: ["/oauth2", "/login"] },
  { name: "Slack", host: "slack.com", paths: ["/openid", "/oauth", "/signin"] },
]

/**
 * Paths by which an unknown host shows what it is: those that OpenID Connect servers run by many people answer at.
 * Keycloak, IdentityServer (Duende), Authentik.
 */
const tellingPaths = ["/protocol/openid-connect/", "/connect/checksession", "/connect/authorize", "/application/o/"]

const exactHosts = new Map<string, IdentityProvider>()
const parentHosts = new Map<string, IdentityProvider>()
for (const provider of identityProviders) {
  if (provider.host.startsWith("*.")) parentHosts.set(provider.host.slice(2), provider)
  else exactHosts.set(provider.host, provider)
}

/** The provider that a host belongs to, whatever the path; null for a host that is none we know. */
export function providerOfHost(host: string): IdentityProvider | null {
  const exact = exactHosts.get(host)
  if (exact !== undefined) return exact
  // No parent in the table has more than three labels.
  const labels = host.split(".").slice(1).slice(-3)
  for (let index = 0; index < labels.length; index++) {
    const parent = parentHosts.get(labels.slice(index).join("."))
    if (parent !== undefined) return parent
  }
  return null
}

/** The provider at an address, known by its host or by a telling path; null when the address is not about logging in. */
export function providerAt({ hostname, pathname }: URL): IdentityProvider | null {
  const known = providerOfHost(hostname)
  if (known !== null) return (known.paths ?? ["/"]).some((path) => isBelow(pathname, path)) ? known : null
  return tellingPaths.some((path) => pathname.includes(path))
    ? { name: "an OpenID Connect server", host: hostname }
    : null
}

function isBelow(pathname: string, path: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`)
}
