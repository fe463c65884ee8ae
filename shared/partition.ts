import { isOriginOfSite, siteOf } from "./site.js"
import type { Partition } from "./snapshot.js"

/**
 * The partition that a document's storage lives in: null for first-party storage. Browsers key storage by the top-level
 * site and by whether a document of another site stands in between (https://privacycg.github.io/storage-partitioning/).
 *
 * @param ancestors origins of the documents around it, its parent first; `"null"` for an opaque one
 * @param engine Firefox has no second key part: null there
 */
export function partitionOf(origin: string, ancestors: readonly string[], engine: string): Partition | null {
  const top = ancestors.at(-1)
  if (top === undefined || ancestors.every((above) => isSameSite(above, origin))) return null
  return { topLevelSite: schemefulSiteOf(top) ?? "null", hasCrossSiteAncestor: engine === "firefox" ? null : true }
}

/** `https://example.com` for any origin of it; null for what has no site. Ports do not count. */
export function schemefulSiteOf(origin: string): string | null {
  const site = siteOf(origin)
  const scheme = /^https?:\/\//.exec(origin)?.[0]
  return site === null || scheme === undefined ? null : `${scheme}${site}`
}

export function isSamePartition(one: Partition | null, other: Partition | null): boolean {
  return one?.topLevelSite === other?.topLevelSite && one?.hasCrossSiteAncestor === other?.hasCrossSiteAncestor
}

export function isOfSites(origin: string, sites: readonly string[]): boolean {
  return sites.some((site) => isOriginOfSite(origin, site))
}

function isSameSite(one: string, other: string): boolean {
  const site = schemefulSiteOf(one)
  return site !== null && site === schemefulSiteOf(other)
}
