import { plainName } from "../plain-name.js"
import type { Gap } from "../report.js"
import type { OriginState, Snapshot } from "../snapshot.js"
import { groupBy, portabilityGap } from "./gap.js"

/**
 * Where libraries keep the key that their tokens are bound to (DPoP, RFC 9449), by database and store. The sources are in
 * `docs/portability.md`.
 */
const tokenKeys: { library: string; database: string; stores: string[] }[] = [
  { library: "Auth0", database: "auth0-spa-js", stores: ["keypair"] },
  { library: "oidc-client", database: "oidc", stores: ["dpop"] },
  { library: "AT Protocol (Bluesky)", database: "@atproto-oauth-client", stores: ["session", "state"] },
  { library: "Okta", database: "OktaAuthJs", stores: ["DPoPKeys"] },
  { library: "Microsoft (MSAL)", database: "msal.db", stores: ["msal.db.keys"] },
]

/**
 * Keys that the capture met and had to leave behind: one gap for each origin. Whether a key cannot leave is not guessed
 * here; the capture's own gaps say so.
 */
export function boundKeyGaps(snapshot: Snapshot): Gap[] {
  const left = snapshot.report.gaps.filter(
    ({ kind, what, why }) => kind === "indexedDB" && what.includes("CryptoKey") && why.includes("extractable"),
  )
  const originStates = groupBy(snapshot.origins ?? [], ({ origin }) => origin)
  return [...groupBy(left, originIn)].map(([where, keys]) => {
    const library = tokenKeyLibrary(originStates.get(where) ?? [])
    const count = keys.reduce((sum, gap) => sum + gap.count, 0)
    return portabilityGap({ where, count, ...(library === null ? someKey(count) : tokenKey(library)) })
  })
}

function tokenKey(library: string): Pick<Gap, "what" | "why" | "fix"> {
  return {
    what: `DPoP key of ${library}`,
    why: "the login's tokens are bound to a key that cannot leave this browser, so they will not work elsewhere",
    fix: "Log in once in the place where the session is to be used, or ask the site for another way in for programs",
  }
}

function someKey(count: number): Pick<Gap, "what" | "why" | "fix"> {
  return {
    what: count === 1 ? "a key" : `${count} keys`,
    why: "the site made a key that cannot leave this browser; what was signed or encrypted with it will not work elsewhere",
    fix: "Try it: if the restored session is logged out, log in once in the place where it is to be used",
  }
}

/** A gap may name the database after its origin. */
function originIn({ where }: Gap): string {
  return /^https?:\/\/[^/\s]+/.exec(where)?.[0] ?? where
}

function tokenKeyLibrary(states: OriginState[]): string | null {
  const databases = states.flatMap(({ indexedDB }) => indexedDB ?? [])
  for (const { name, stores } of databases) {
    const known = tokenKeys.find(
      ({ database, stores: wanted }) => database === name && stores.some((store) => wanted.includes(store.name)),
    )
    if (known !== undefined) return known.library
  }
  const named = databases.find(({ name, stores }) => isDpopName(name) || stores.some((store) => isDpopName(store.name)))
  return named === undefined ? null : `the site (database "${plainName(named.name, 40)}")`
}

function isDpopName(name: string): boolean {
  return name.slice(0, 200).toLowerCase().includes("dpop")
}
