import type { Cookie, OriginState, Snapshot } from "../../../shared/snapshot.js"
import { exampleSnapshot } from "../example-snapshot.js"

export const now = 1_750_000_000_000

export function cookie(fields: Partial<Cookie> = {}): Cookie {
  return {
    name: "sid",
    value: "abc",
    domain: "app.example.com",
    hostOnly: true,
    path: "/",
    secure: true,
    httpOnly: true,
    sameSite: "unspecified",
    expiresAt: null,
    partition: null,
    ...fields,
  }
}

/** A session of cookies alone. */
export function cookieSession(...cookies: Cookie[]): Snapshot {
  const { schema, sites, account, capturedAt, capturedBy, report } = exampleSnapshot()
  return { schema, sites, account, capturedAt, capturedBy, cookies, report }
}

/** An origin of a second site, with databases, files and what is only counted; values are recognisable. */
export function richState() {
  const origin = "https://login.other.example"
  const databases: NonNullable<OriginState["indexedDB"]> = [
    {
      name: "vault",
      version: 2,
      stores: [
        {
          name: "keys",
          keyPath: null,
          autoIncrement: true,
          nextKey: 2,
          indexes: [{ name: "byUser", keyPath: "user", unique: true, multiEntry: false }],
          records: [{ key: "1", value: '"canary-record"' }],
        },
      ],
    },
  ]
  const files = [{ path: "notes.bin", data: "AAAA" }]
  const state: OriginState = {
    origin,
    partition: null,
    localStorage: [["login", "canary-second-site"]],
    indexedDB: databases,
    opfs: { files: 1, bytes: 3, entries: files },
    cacheStorage: { caches: 1, entries: 4 },
    serviceWorkers: { scopes: 1 },
  }
  return { origin, databases, files, state }
}

/** The example, with a second site that it leans on. */
export function richSession(): Snapshot {
  const snapshot = exampleSnapshot()
  snapshot.sites = ["example.com", "other.example"]
  snapshot.origins?.push(richState().state)
  snapshot.cookies?.push(cookie({ name: "idp", value: "canary-idp", domain: "login.other.example" }))
  return snapshot
}
