import type { Cookie, Snapshot } from "../../../shared/snapshot.js"
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
