import type { Cookie, Partition } from "../snapshot.js"
import { partitionPart, type Path } from "./fields.js"

/**
 * What only works together wins or loses together, so it is one field:
 *
 * - A cookie and its chunks: `name`, `name.0`, `name.1` (Auth.js, Supabase), `nameC1`, `nameC2` (ASP.NET Core). Half of one
 *   login and half of another is none.
 * - MSAL's localStorage and the cookie that holds the key to it.
 *
 * Decided by the name alone, so that every writer decides alike; two unrelated cookies `a.1` and `a.2` are then one field too, which
 * costs bytes and loses nothing.
 */
export function groupOfCookie({ name, domain, hostOnly, path, partition }: Cookie): Path {
  if (name === "msal.cache.encryption" && partition === null) return ["group", "msal", domain.toLowerCase()]
  return ["cookies", chunkStem(name), domain.toLowerCase(), hostOnly, path, partitionPart(partition)]
}

/** What a cookie and its chunks have in common. */
export function chunkStem(name: string): string {
  return name.startsWith(".AspNetCore.") ? name.replace(/C\d+$/, "") : name.replace(/\.\d+$/, "")
}

export function groupOfItem(origin: string, partition: Partition | null, key: string): Path {
  if (key.startsWith("msal.") && partition === null) return groupAt(origin)
  return ["localStorage", origin, partitionPart(partition), key]
}

/** The group that an origin may have items in, with a cookie of its host. */
export function groupAt(origin: string): Path {
  return ["group", "msal", new URL(origin).hostname]
}
