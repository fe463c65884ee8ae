import { placeOf } from "../database-pieces.js"
import { PspError } from "../errors.js"
import type { Gap } from "../report.js"
import type { Cookie, OriginState, Snapshot, StoredFile } from "../snapshot.js"
import { leftOut, ofContext, ofFiles, ofOriginState, ofTabs, type Export } from "./export.js"
import type { Found } from "./found.js"
import { databasesToPlaywright } from "./playwright-databases.js"
import type { PlaywrightReader } from "./playwright-value.js"
import { readStorageState } from "./read-storage-state.js"
import { crossSiteAncestorOf, fitCookies, toCdpCookie } from "./write-cookies.js"

/**
 * The session as the file that Playwright reads as `storageState`:
 *
 *     { "cookies": [{ name, value, domain, path, expires, httpOnly, secure, sameSite?, partitionKey? }],
 *       "origins": [{ "origin": "https://app.example.com", "localStorage": [{ name, value }],
 *         "indexedDB"?: [database], "opfs"?: [{ path, type: "file" | "directory", base64? }] }] }
 *
 * A domain without a leading dot is host-only; `expires` is in seconds, -1 for a session cookie; `sameSite` is left out where
 * the cookie has none. Tabs and partitioned storage have no place in it. What would make Playwright refuse the whole file is
 * left out and named.
 *
 * @param version of the Playwright that reads it: 1.51 learned IndexedDB, 1.59 ArrayBuffers, 1.63 private files, 1.64 Maps
 *   and Sets; readers drop what they do not know without a word
 * @throws `usage` for what is no version
 */
export function snapshotToPlaywright(snapshot: Snapshot, { now = Date.now(), version = "1.65" } = {}): Export {
  const reader = parseVersion(version)
  const { kept, gaps } = fitCookies(snapshot.cookies, now)
  const origins = (snapshot.origins ?? []).map((state) => toPlaywrightOrigin(state, reader))
  const state = {
    cookies: kept.map(toPlaywrightCookie),
    origins: origins.flatMap(({ written }) => written),
  }
  const why = "Playwright's storageState has no place for it"
  return {
    text: `${JSON.stringify(state, null, 2)}\n`,
    gaps: [
      ...gaps,
      ...origins.flatMap((origin) => origin.gaps),
      ...ofTabs(snapshot, why, "restore with the Playwright adapter"),
      ...ofContext(snapshot, why),
    ],
  }
}

/** What a storageState holds, of any version. @throws `bad-snapshot` for what is none */
export function fromPlaywright(text: string): Found {
  return readStorageState(text, "Playwright's storageState")
}

const adapterFix = "restore with the Playwright adapter"

function toPlaywrightOrigin(state: OriginState, reader: PlaywrightReader): { written: object[]; gaps: Gap[] } {
  const { origin, partition, localStorage, indexedDB, opfs } = state
  if (partition !== null) {
    return { written: [], gaps: ofOriginState(state, "Playwright's storageState has no partitions", adapterFix) }
  }
  const where = placeOf(origin, partition)
  const gaps = opfs?.entries === undefined ? ofFiles(where, opfs, "") : []
  const written: Record<string, unknown> = {
    origin,
    localStorage: (localStorage ?? []).map(([name, value]) => ({ name, value })),
  }
  const old = `Playwright 1.${reader.minor} does not know them`
  if (indexedDB !== undefined && reader.minor < 51) {
    gaps.push(...leftOut("indexedDB", where, indexedDB.length, "database", old, "use Playwright 1.51 or newer"))
  } else if (indexedDB !== undefined && indexedDB.length > 0) {
    const { databases, gaps: ofDatabases } = databasesToPlaywright(indexedDB, where, reader)
    written["indexedDB"] = databases
    gaps.push(...ofDatabases)
  }
  if (opfs?.entries !== undefined && reader.minor < 63) {
    gaps.push(...ofFiles(where, opfs, old, "use Playwright 1.63 or newer"))
  } else if (opfs?.entries !== undefined && opfs.entries.length > 0) {
    written["opfs"] = opfs.entries.map(toPlaywrightFile)
  }
  const isEmpty = localStorage === undefined && Object.keys(written).length === 2
  return { written: isEmpty ? [] : [written], gaps }
}

function toPlaywrightFile({ path, data }: StoredFile) {
  return data === null ? { path, type: "directory" } : { path, type: "file", base64: data }
}

/** Playwright writes and reads the second key part of Chromium under a name of its own, and takes a missing one for true. */
function toPlaywrightCookie(cookie: Cookie) {
  const { partition, domain } = cookie
  return {
    ...toCdpCookie(cookie),
    ...(partition === null
      ? {}
      : {
          partitionKey: partition.topLevelSite,
          _crHasCrossSiteAncestor: crossSiteAncestorOf(partition, domain),
        }),
  }
}

function parseVersion(version: string): PlaywrightReader {
  const [, major, minor] = /^v?(\d{1,3})\.(\d{1,4})(?:\.|$)/.exec(version) ?? []
  if (major === undefined) {
    throw new PspError("usage", "Cannot write a storageState: expected a version of Playwright such as 1.65")
  }
  return { minor: major === "1" ? Number(minor) : Number(major) > 1 ? Infinity : 0 }
}
