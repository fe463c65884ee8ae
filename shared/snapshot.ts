import * as v from "valibot"
import { PspError } from "./errors.js"
import { isCheckAddress, loginCheckSchema, type LoginCheck } from "./login-check.js"
import { gapKinds, type CaptureReport, type Gap } from "./report.js"

/**
 * The one model of a session at one moment, in the clear, in memory only. It is plain JSON.
 *
 * Three answers are kept apart everywhere:
 * - a **missing key**: not captured, nothing is known; a restore leaves that part alone and a merge deletes nothing;
 * - **null**: captured, and there was none (a browser without client hints, a tab without an opener);
 * - **an empty list, string or object**: captured, there, and empty.
 */
export interface Snapshot {
  /** Version of this model. A reader refuses a newer one with `too-new`. */
  schema: typeof schemaVersion
  /** Registrable domains; the first one names the session, others are what it leans on (an identity provider). */
  sites: [string, ...string[]]
  /** The person's label for this login, `default` unless they chose one. */
  account: string
  /** ms since epoch. */
  capturedAt: number
  capturedBy: CaptureSource
  /** In the order the browser would send them: longest path first, then oldest first. */
  cookies?: Cookie[]
  /** One entry for each origin (and partition) anything was read from. */
  origins?: OriginState[]
  /** One entry for each tab whose sessionStorage was read; the tab the person saved from is first. */
  tabs?: TabState[]
  context?: BrowserContextState
  /**
   * How being logged in looks. Optional also for readers: it is sealed beside the snapshot, where older ones leave it aside
   * (`session-payload.ts`), so the schema stays what it is.
   */
  check?: LoginCheck
  report: CaptureReport
}

export const schemaVersion = 1

/** Who took the snapshot, and from which cookie store (a Firefox container and a private window are stores). */
export interface CaptureSource {
  /** `extension`, `playwright`, … */
  tool: string
  /** Version of this project that captured. */
  version: string
  /** `chromium` or `firefox`, and its major version where it is known. */
  browser: { engine: string; major: number | null }
  /** The store all cookies of this snapshot came from. */
  store?: { id: string; name: string | null; isPrivate: boolean }
}

/** A cookie with everything a browser knows of it. Identity: name, domain, hostOnly, path, partition. */
export interface Cookie {
  name: string
  value: string
  /** Without a leading dot; see `hostOnly`. */
  domain: string
  /** True: sent to exactly `domain`. False: to its subdomains too. */
  hostOnly: boolean
  path: string
  secure: boolean
  httpOnly: boolean
  /** `unspecified` is not `lax`: browsers treat a cookie without the attribute differently (Lax+POST). */
  sameSite: "unspecified" | "none" | "lax" | "strict"
  /** ms since epoch; null for a session cookie. */
  expiresAt: number | null
  /** null: not partitioned (CHIPS). */
  partition: Partition | null
  /** Firefox first-party isolation; missing elsewhere. */
  firstPartyDomain?: string
}

/** The jar inside the jar: state that exists only below this top-level site. */
export interface Partition {
  /** `https://example.com`, scheme and registrable domain as the browser reports it. */
  topLevelSite: string
  /** Is the frame below another site? The second part of the key; null where the browser does not tell. */
  hasCrossSiteAncestor: boolean | null
}

/** State that belongs to an origin (below one top-level site when `partition` is set). */
export interface OriginState {
  /** `https://app.example.com`, never with a path. */
  origin: string
  partition: Partition | null
  localStorage?: StorageItem[]
  indexedDB?: IndexedDatabase[]
  /** The origin's private file system; without `entries` it was only counted. */
  opfs?: { files: number; bytes: number; entries?: StoredFile[] }
  cacheStorage?: { caches: number; entries: number }
  serviceWorkers?: { scopes: number }
}

/** Key and value, both possibly with lone surrogates (JSON escapes them), in the storage's own order. */
export type StorageItem = [key: string, value: string]

/** A file (Base64) or a folder (null) of the origin private file system; `path` is `folder/name`, names hold no slash. */
export interface StoredFile {
  path: string
  data: string | null
}

/** An IndexedDB database. `records` are encoded by the value codec (`structured.ts`), one line of ASCII JSON each. */
export interface IndexedDatabase {
  /** May be `""`. */
  name: string
  version: number
  stores: {
    name: string
    keyPath: string | string[] | null
    autoIncrement: boolean
    /** The key generator's next number; null without a generator. */
    nextKey: number | null
    indexes: { name: string; keyPath: string | string[]; unique: boolean; multiEntry: boolean }[]
    /** In key order. Missing: the schema was read, the records were not. */
    records?: { key: string; value: string }[]
  }[]
}

/** A tab: sessionStorage belongs to it, not to an origin. */
export interface TabState {
  /** Unique within the snapshot; means nothing outside of it. */
  id: string
  /** Where the tab was; may hold what the site put into its address, so it is shown by origin only. */
  url: string
  sessionStorage: { origin: string; partition: Partition | null; items: StorageItem[] }[]
}

/** What the site could see of the browser. Restoring it keeps the session from looking stolen. */
export interface BrowserContextState {
  userAgent: string
  /** `navigator.userAgentData`; null where the browser has none (Firefox, Safari, insecure origins). */
  clientHints: ClientHints | null
  /** `navigator.languages`, most wanted first. */
  languages: string[]
  /** IANA name, `Europe/Vienna`. */
  timezone: string
  /** CSS pixels, and device pixels per CSS pixel. */
  viewport: { width: number; height: number; scale: number }
  colorScheme: "light" | "dark"
}

export interface ClientHints {
  brands: { brand: string; version: string }[]
  fullVersionList: { brand: string; version: string }[]
  platform: string
  platformVersion: string
  architecture: string
  bitness: string
  model: string
  mobile: boolean
  wow64: boolean
}

/** Most bytes of JSON a snapshot may have: what fits the 96 MiB of an envelope after padding and Base64. */
export const maxSnapshotBytes = 70 * 1024 * 1024 - 1024
const maxDepth = 64

const text = v.string()
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const list = <T extends v.GenericSchema>(item: T) => v.array(item)
const partition = v.nullable(v.strictObject({ topLevelSite: text, hasCrossSiteAncestor: v.nullable(v.boolean()) }))
const storageItem = v.strictTuple([text, text])
const webOrigin = v.pipe(
  text,
  v.check((value) => /^https?:\/\//.test(value) && isOrigin(value), "expected an http(s) origin without a path"),
)
const keyPath = v.union([text, list(text)])
const brand = v.strictObject({ brand: text, version: text })

/** @internal */
export const cookieSchema = v.strictObject({
  name: text,
  value: text,
  domain: v.pipe(
    text,
    v.check((value) => value !== "" && !value.startsWith("."), "expected a domain without a leading dot"),
  ),
  hostOnly: v.boolean(),
  path: text,
  secure: v.boolean(),
  httpOnly: v.boolean(),
  sameSite: v.picklist(["unspecified", "none", "lax", "strict"]),
  expiresAt: v.nullable(v.pipe(v.number(), v.finite())),
  partition,
  firstPartyDomain: v.exactOptional(text),
})

const storeShape = {
  name: text,
  keyPath: v.nullable(keyPath),
  autoIncrement: v.boolean(),
  indexes: list(v.strictObject({ name: text, keyPath, unique: v.boolean(), multiEntry: v.boolean() })),
}

/** @internal A database without its records and next keys. */
export const databaseSchema = v.strictObject({ version: count, stores: list(v.strictObject(storeShape)) })

const database = v.strictObject({
  name: text,
  version: count,
  stores: list(
    v.strictObject({
      ...storeShape,
      nextKey: v.nullable(v.number()),
      records: v.exactOptional(list(v.strictObject({ key: text, value: text }))),
    }),
  ),
})

/** @internal What is only counted of an origin. */
export const originCountsSchema = v.strictObject({
  cacheStorage: v.exactOptional(v.strictObject({ caches: count, entries: count })),
  serviceWorkers: v.exactOptional(v.strictObject({ scopes: count })),
})

/** @internal */
export const fileCountsShape = { files: count, bytes: count }

/** @internal */
export const contextSchema = v.strictObject({
  userAgent: text,
  clientHints: v.nullable(
    v.strictObject({
      brands: list(brand),
      fullVersionList: list(brand),
      platform: text,
      platformVersion: text,
      architecture: text,
      bitness: text,
      model: text,
      mobile: v.boolean(),
      wow64: v.boolean(),
    }),
  ),
  languages: list(text),
  timezone: text,
  viewport: v.strictObject({ width: v.number(), height: v.number(), scale: v.number() }),
  colorScheme: v.picklist(["light", "dark"]),
})

const gap = v.strictObject({
  kind: v.picklist(gapKinds),
  where: text,
  what: text,
  why: text,
  fix: text,
  count,
}) satisfies v.GenericSchema<Gap>

const fields = v.strictObject({
  schema: v.literal(schemaVersion),
  sites: v.tupleWithRest([v.pipe(text, v.nonEmpty())], v.pipe(text, v.nonEmpty())),
  account: v.pipe(text, v.nonEmpty()),
  capturedAt: count,
  capturedBy: v.strictObject({
    tool: text,
    version: text,
    browser: v.strictObject({ engine: text, major: v.nullable(count) }),
    store: v.exactOptional(v.strictObject({ id: text, name: v.nullable(text), isPrivate: v.boolean() })),
  }),
  cookies: v.exactOptional(list(cookieSchema)),
  origins: v.exactOptional(
    list(
      v.strictObject({
        origin: webOrigin,
        partition,
        localStorage: v.exactOptional(list(storageItem)),
        indexedDB: v.exactOptional(list(database)),
        opfs: v.exactOptional(
          v.strictObject({
            ...fileCountsShape,
            entries: v.exactOptional(list(v.strictObject({ path: text, data: v.nullable(text) }))),
          }),
        ),
        ...originCountsSchema.entries,
      }),
    ),
  ),
  tabs: v.exactOptional(
    list(
      v.strictObject({
        id: text,
        url: text,
        sessionStorage: list(v.strictObject({ origin: webOrigin, partition, items: list(storageItem) })),
      }),
    ),
  ),
  context: v.exactOptional(contextSchema),
  check: v.exactOptional(loginCheckSchema),
  report: v.strictObject({
    captured: v.strictObject({
      cookies: v.exactOptional(count),
      localStorage: v.exactOptional(count),
      sessionStorage: v.exactOptional(count),
      indexedDB: v.exactOptional(count),
      context: v.exactOptional(count),
      opfs: v.exactOptional(count),
    }),
    gaps: list(gap),
  }),
})

const snapshotSchema = v.pipe(
  fields,
  v.check(
    ({ check, sites }) => check === undefined || isCheckAddress(check.url, sites),
    "expected check.url to be an http(s) address of one of its sites",
  ),
) satisfies v.GenericSchema<Snapshot>

/**
 * The snapshot in a piece of JSON, or in what `JSON.parse` gave.
 *
 * @throws `bad-snapshot` with the path to the first fault, `too-new` for a later schema, `too-large` beyond
 *   `maxSnapshotBytes` (in characters: of the JSON, or of all texts in the object). The message names the place and what was expected there, never what stood there.
 */
export function parseSnapshot(input: unknown): Snapshot {
  const value = typeof input === "string" ? parseJson(input) : input
  refuseHostileShape(value)
  const version = (value as { schema?: unknown } | null)?.schema
  if (typeof version === "number" && version > schemaVersion) {
    throw new PspError(
      "too-new",
      `Cannot read snapshot: its schema ${version} is newer than this build (${schemaVersion})`,
    )
  }
  const result = v.safeParse(snapshotSchema, value, { abortEarly: true })
  if (result.success) return result.output
  throw badSnapshot(v.getDotPath(result.issues[0]) ?? "", describe(result.issues[0]))
}

/** The snapshot as JSON text: what is sealed. Lone surrogates are escaped, so the text is valid UTF-8. */
export function snapshotToJson(snapshot: Snapshot): string {
  return JSON.stringify(snapshot)
}

function parseJson(json: string): unknown {
  if (json.length > maxSnapshotBytes) {
    throw tooLarge(json.length)
  }
  try {
    return JSON.parse(json)
  } catch {
    throw badSnapshot("", "expected JSON")
  }
}

function tooLarge(characters: number): PspError {
  return new PspError("too-large", `Cannot read snapshot: ${characters} characters are more than ${maxSnapshotBytes}`)
}

/** Own `__proto__` keys and deep nesting are refused before the schema walks the value: `in` would see the prototype. */
function refuseHostileShape(root: unknown): void {
  const path: (string | number)[] = []
  const at = () => shorten(path.join("."))
  let characters = 0
  const look = (value: unknown) => {
    if (typeof value === "string") {
      // Lengths cost nothing; what escapes and UTF-8 add is seen when it is sealed.
      characters += value.length
      if (characters > maxSnapshotBytes) throw tooLarge(characters)
    }
    if (typeof value !== "object" || value === null) return
    if (path.length > maxDepth) throw badSnapshot(at(), `expected at most ${maxDepth} levels`)
    const within = (key: string | number, item: unknown) => {
      path.push(key)
      look(item)
      path.pop()
    }
    if (Array.isArray(value)) {
      value.forEach((item, index) => within(index, item))
      return
    }
    for (const [key, item] of Object.entries(value)) {
      if (key === "__proto__") throw badSnapshot(at(), "expected no key named __proto__")
      characters += key.length
      within(key, item)
    }
  }
  look(root)
  if (characters > maxSnapshotBytes) throw tooLarge(characters)
}

function describe(issue: v.BaseIssue<unknown>): string {
  if (issue.type === "strict_object")
    return issue.expected === "never" ? "expected no such key" : `expected ${issue.expected ?? "an object"}`
  if (issue.type === "check") return issue.message
  return `expected ${(issue.expected ?? issue.type).slice(0, 80)}`
}

function badSnapshot(path: string, what: string): PspError {
  const at = shorten(path.replace(/^\./, ""))
  return new PspError("bad-snapshot", `Cannot read snapshot${at === "" ? "" : ` at ${at}`}: ${what}`)
}

/** A key may be anything a hostile file holds: keep the path short and printable. */
function shorten(path: string): string {
  const printable = path.replace(/[^\w.$@-]/g, "?")
  return printable.length > 120 ? `${printable.slice(0, 117)}…` : printable
}

/** True for an origin as a browser writes it: no path, no user, no default port. */
export function isOrigin(text: string): boolean {
  try {
    return new URL(text).origin === text
  } catch {
    return false
  }
}
