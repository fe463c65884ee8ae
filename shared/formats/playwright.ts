import type { Cookie, OriginState, Snapshot } from "../snapshot.js"
import { leftOut, ofContext, ofTabs, unexpired, type Export } from "./export.js"

/**
 * The session as the file that Playwright reads as `storageState`:
 *
 *     { "cookies": [{ name, value, domain, path, expires, httpOnly, secure, sameSite?, partitionKey? }],
 *       "origins": [{ "origin": "https://app.example.com", "localStorage": [{ name, value }] }] }
 *
 * A domain without a leading dot is host-only; `expires` is in seconds, -1 for a session cookie; `sameSite` is left out where
 * the cookie has none. sessionStorage has no place in it.
 */
export function snapshotToPlaywright(snapshot: Snapshot, { now = Date.now() } = {}): Export {
  const { live, gaps } = unexpired(snapshot.cookies, now)
  const origins = snapshot.origins ?? []
  const state = {
    cookies: live.map(toPlaywrightCookie),
    origins: origins
      .filter(({ partition, localStorage }) => partition === null && localStorage !== undefined)
      .map(({ origin, localStorage = [] }) => ({
        origin,
        localStorage: localStorage.map(([name, value]) => ({ name, value })),
      })),
  }
  const why = "Playwright's storageState has no place for it"
  return {
    text: `${JSON.stringify(state, null, 2)}\n`,
    gaps: [
      ...gaps,
      ...origins.flatMap(ofOrigin),
      ...ofTabs(snapshot, why, "restore with the Playwright adapter"),
      ...ofContext(snapshot, why),
    ],
  }
}

function ofOrigin({ origin, partition, localStorage, indexedDB }: OriginState) {
  const items = partition === null ? 0 : (localStorage?.length ?? 0)
  return [
    ...leftOut("localStorage", origin, items, "partitioned item", "Playwright's storageState has no partitions"),
    ...leftOut("indexedDB", origin, indexedDB?.length ?? 0, "database", "IndexedDB is not exported yet"),
  ]
}

const sameSiteNames = { none: "None", lax: "Lax", strict: "Strict" } as const

function toPlaywrightCookie({ name, value, domain, hostOnly, path, expiresAt, partition, ...rest }: Cookie) {
  return {
    name,
    value,
    domain: hostOnly ? domain : `.${domain}`,
    path,
    expires: expiresAt === null ? -1 : expiresAt / 1000,
    httpOnly: rest.httpOnly,
    secure: rest.secure,
    ...(rest.sameSite === "unspecified" ? {} : { sameSite: sameSiteNames[rest.sameSite] }),
    ...(partition === null ? {} : partitionOf(partition)),
  }
}

/** Playwright writes and reads the second key part of Chromium under a name of its own. */
function partitionOf({ topLevelSite, hasCrossSiteAncestor }: NonNullable<Cookie["partition"]>) {
  return {
    partitionKey: topLevelSite,
    ...(hasCrossSiteAncestor === null ? {} : { _crHasCrossSiteAncestor: hasCrossSiteAncestor }),
  }
}
