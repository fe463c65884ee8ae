import type { Cookie, IndexedDatabase, OriginState, Snapshot, StorageItem, TabState } from "../shared/snapshot.js"
import type { LoadedSession } from "../shared/vault.js"

/**
 * What `psp inspect` tells: names, sizes and times of everything in a session. Values are in it only when they were asked
 * for, so nothing that is made of it can show one by accident. Keys of IndexedDB records are values too: apps keep mail
 * addresses in them. Sizes are bytes of UTF-8, of records in the text of the value codec.
 */
export type SessionFacts = ReturnType<typeof sessionFacts>

export type CookieFacts = ReturnType<typeof cookieFacts>
export type ItemFacts = ReturnType<typeof itemFacts>
export type OriginFacts = ReturnType<typeof originFacts>
export type StoreFacts = ReturnType<typeof databaseFacts>["stores"][number]
export type FileFacts = NonNullable<ReturnType<typeof fileFacts>["entries"]>[number]
export type TabFacts = ReturnType<typeof tabFacts>
export type ContextFacts = NonNullable<Snapshot["context"]>

export function sessionFacts({ snapshot, savedAt, expiresAt, writer }: LoadedSession, showsValues: boolean) {
  const { cookies, origins, tabs, context } = snapshot
  return {
    site: snapshot.sites[0],
    sites: snapshot.sites,
    account: snapshot.account,
    savedAt,
    savedBy: writer.name,
    expiresAt,
    capturedAt: snapshot.capturedAt,
    capturedBy: snapshot.capturedBy,
    captured: snapshot.report.captured,
    ...(cookies && { cookies: cookies.map((cookie) => cookieFacts(cookie, showsValues)) }),
    ...(origins && { origins: origins.map((state) => originFacts(state, showsValues)) }),
    ...(tabs && { tabs: tabs.map((tab) => tabFacts(tab, showsValues)) }),
    ...(context && { context }),
    gaps: snapshot.report.gaps,
  }
}

function cookieFacts({ value, ...cookie }: Cookie, showsValues: boolean) {
  return { ...cookie, bytes: bytesOf(value), ...(showsValues && { value }) }
}

function itemFacts([key, value]: StorageItem, showsValues: boolean) {
  return { key, bytes: bytesOf(value), ...(showsValues && { value }) }
}

/** Field by field: what a later version adds may be a value. */
function originFacts(state: OriginState, showsValues: boolean) {
  const { origin, partition, localStorage, indexedDB, opfs, cacheStorage, serviceWorkers } = state
  return {
    origin,
    partition,
    ...(localStorage && { localStorage: localStorage.map((item) => itemFacts(item, showsValues)) }),
    ...(indexedDB && { indexedDB: indexedDB.map((database) => databaseFacts(database, showsValues)) }),
    ...(opfs && { opfs: fileFacts(opfs, showsValues) }),
    ...(cacheStorage && { cacheStorage }),
    ...(serviceWorkers && { serviceWorkers }),
  }
}

function databaseFacts({ stores, ...database }: IndexedDatabase, showsValues: boolean) {
  return {
    ...database,
    stores: stores.map(({ records, ...store }) => ({
      ...store,
      ...(records && {
        count: records.length,
        // ASCII, both of them.
        bytes: records.reduce((sum, { key, value }) => sum + key.length + value.length, 0),
        ...(showsValues && { records }),
      }),
    })),
  }
}

function fileFacts({ files, bytes, entries }: NonNullable<OriginState["opfs"]>, showsValues: boolean) {
  return {
    files,
    bytes,
    ...(entries && {
      entries: entries.map(({ path, data }) => ({
        path,
        /** null: a folder. */
        bytes: data === null ? null : bytesOfBase64(data),
        ...(showsValues && data !== null && { data }),
      })),
    }),
  }
}

/** A tab's address may hold what the site put into it: only its origin is told. */
function tabFacts({ id, url, sessionStorage }: TabState, showsValues: boolean) {
  return {
    id,
    origin: originOf(url),
    sessionStorage: sessionStorage.map(({ items, ...area }) => ({
      ...area,
      items: items.map((item) => itemFacts(item, showsValues)),
    })),
  }
}

function originOf(url: string): string | null {
  const origin = URL.canParse(url) ? new URL(url).origin : "null"
  return origin === "null" ? null : origin
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text)
}

function bytesOfBase64(data: string): number {
  return Buffer.byteLength(data, "base64")
}
