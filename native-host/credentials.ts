import { lstat, readFile } from "node:fs/promises"
import { join } from "node:path"
import { PspError } from "../shared/errors.js"
import { refuseForeign, writePrivateFile } from "./private-file.js"
import { placeOf } from "./store-address.js"
import { storeKind } from "./store-kind.js"

/**
 * `credentials.json` in PSP_HOME, 0600: what stores ask for, each kept for one place (see `placeOf`) and given to no other.
 *
 *     { "redis://ada@cache.example:6379": { "password": "…" },
 *       "s3://bucket?endpoint=https://s3.example": { "accessKeyId": "…", "secretAccessKey": "…", "sessionToken": "…" },
 *       "cloudflare-kv://account": { "token": "…" } }
 *
 * The native host that a browser starts has none of the shell's variables: this is where it finds them.
 */
export interface StoreCredentials {
  password?: string
  accessKeyId?: string
  secretAccessKey?: string
  sessionToken?: string
  token?: string
}

export type CredentialName = keyof StoreCredentials

const namesByKind: Record<string, CredentialName[]> = {
  redis: ["password"],
  rediss: ["password"],
  s3: ["accessKeyId", "secretAccessKey", "sessionToken"],
  "cloudflare-kv": ["token"],
}

/** What a store of this address can be given; nothing for one that asks for no credentials. */
export function credentialNames(address: string): CredentialName[] {
  return namesByKind[storeKind(address)] ?? []
}

export function credentialsPath(home: string): string {
  return join(home, "credentials.json")
}

/** What is kept for the place of this address; empty where there is none, also without a home. @throws as `readCredentials` */
export async function readStoreCredentials(home: string | null, address: string): Promise<StoreCredentials> {
  const place = home === null ? null : placeOf(address)
  if (home === null || place === null) return {}
  return (await readCredentials(home)).get(place) ?? {}
}

/**
 * Everything that is kept, by place.
 *
 * @throws `unsafe-permissions` when others may read the file, `bad-config` when it cannot be read; no word of what is in it
 */
export async function readCredentials(home: string): Promise<Map<string, StoreCredentials>> {
  const path = credentialsPath(home)
  if (!(await isSafe(path))) return new Map()
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, "utf8"))
  } catch (error) {
    // The error of JSON.parse repeats a piece of the text.
    throw bad(path, error instanceof SyntaxError ? "it is not JSON" : "the system does not let us")
  }
  return new Map(Object.entries(objectIn(value, path)).map(([place, kept]) => [place, credentialsIn(kept, path)]))
}

/** Keeps these beside what is kept for the place already; one that is null is forgotten. @throws as `readCredentials` */
export async function keepCredentials(
  home: string,
  place: string,
  changes: Partial<Record<CredentialName, string | null>>,
): Promise<void> {
  const all = await readCredentials(home)
  const merged = Object.entries({ ...all.get(place), ...changes }).filter(([, value]) => value !== null)
  if (merged.length === 0) all.delete(place)
  else all.set(place, credentialsIn(Object.fromEntries(merged), credentialsPath(home)))
  await writePrivateFile(credentialsPath(home), `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`)
}

/** False where there is no file. */
async function isSafe(path: string): Promise<boolean> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null
    throw bad(path, "the system does not let us look at it")
  })
  if (stats === null) return false
  if (!stats.isFile()) throw bad(path, "it is not a plain file")
  refuseForeign(stats, path, "credentials")
  return true
}

function credentialsIn(value: unknown, path: string): StoreCredentials {
  const kept: StoreCredentials = {}
  const known = new Set(Object.values(namesByKind).flat())
  const given = objectIn(value, path)
  for (const name of known) {
    const text = given[name]
    if (text === undefined) continue
    if (typeof text !== "string" || text === "") throw bad(path, `expected a text as ${name}`)
    kept[name] = text
  }
  return kept
}

function objectIn(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad(path, "expected an object")
  return { ...value }
}

function bad(path: string, why: string): PspError {
  return new PspError("bad-config", `Cannot read ${path}: ${why}`)
}
