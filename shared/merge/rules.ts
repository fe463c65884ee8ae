import * as v from "valibot"
import { cookieFault } from "../cookies.js"
import { nameOfField } from "../field-names.js"
import type { Clock } from "../hlc.js"
import { isCheckAddress, loginCheckSchema, type LoginCheck } from "../login-check.js"
import type { Register } from "../merge.js"
import { isOfSites } from "../partition.js"
import type { Kind } from "../report.js"
import { belongsToSite } from "../site.js"
import {
  contextSchema,
  cookieSchema,
  databaseSchema,
  fileCountsShape,
  isOrigin,
  originCountsSchema,
  type Cookie,
} from "../snapshot.js"
import { groupOfCookie, groupOfItem } from "./field-groups.js"
import { idOf, kindsOf, pathOf, type FieldId, type Group, type Path } from "./fields.js"

/** What a writer may change of a session. */
export interface Terms {
  /** Of the session. */
  sites: readonly string[]
  /** `all` for owners too. */
  kinds: "all" | readonly Kind[]
  /** Of these kinds only what is called so (`field-names.ts`); all of them when left out. */
  names?: readonly string[] | undefined
  isOwner: boolean
  /** Of the envelope: none of its registers may be later. */
  clock: Clock
  /** ms since epoch. */
  now: number
}

/** A register that does not count, and the reason in one clause. */
export interface Refusal {
  register: Register
  why: string
}

/**
 * Looks at every register that a writer's envelope carries: only what its writer may say enters the merge. The rest is named.
 */
export function admit(registers: Register[], terms: Terms): { admitted: Register[]; refused: Refusal[] } {
  const admitted: Register[] = []
  const refused: Refusal[] = []
  for (const register of registers) {
    const why = faultOf(register, terms)
    if (why === null) admitted.push(register)
    else refused.push({ register, why })
  }
  return { admitted, refused }
}

/** True for a field of these kinds, names and sites, and of the kind that belongs to none. */
export function isFieldOf(id: FieldId, { kinds, sites, names }: Pick<Terms, "kinds" | "sites" | "names">): boolean {
  const path = readPath(id)
  if (path === null || !isOfSession(path, sites) || !isCalled(path, names)) return false
  const own = kindsOf(path)
  return kinds === "all" || (own.length > 0 && own.every((kind) => kinds.includes(kind)))
}

/** What has no name is not among chosen ones. */
function isCalled(path: Path, names: readonly string[] | undefined): boolean {
  return names === undefined || names.includes(nameOfField(path) ?? "")
}

function faultOf(register: Register, { sites, kinds, names, isOwner, clock, now }: Terms): string | null {
  if (!isOwner && register.field.length > maxBotField) return "its name is too long"
  const path = readPath(register.field)
  if (path === null) return "it is no field that this version knows"
  if (register.clock > clock) return "its clock is later than its envelope's"
  const own = kindsOf(path)
  if (kinds !== "all" && !own.every((kind) => kinds.includes(kind))) return "it is not of the kinds that were granted"
  if (!isOwner && (own.length === 0 || path[0] === "context")) return "only owners may write it"
  if (!isCalled(path, names)) return "it is not one of the names that were granted"
  if (!isOwner && "deleted" in register) return "a bot's deletion waits for the person"
  if (!isOfSession(path, sites)) return "it is not of the session's sites"
  if ("deleted" in register) return null
  if (register.value === undefined) return isOwner ? null : "a bot's deletion waits for the person"
  if (!isValue(path, register.value)) return "its value is not what such a field holds"
  if (!isAddressOfSession(path, register.value, sites, isOwner)) return "its address is not of the session's sites"
  if (isOwner) return null
  // What is over, a field or a cookie, is a deletion in disguise.
  if (register.expiresAt !== null && register.expiresAt <= now) return "its time is over"
  const cookies =
    path[0] === "cookies" ? (register.value as Cookie[]) : path[0] === "group" ? (register.value as Group).cookies : []
  if (cookies.length > maxMembers) return "it is larger than such a field may be"
  return cookies.map((cookie) => cookieFault(cookie, now)?.why).find((why) => why !== undefined) ?? null
}

/** In characters: what it names is shown to people, and remembered. */
const maxBotField = 5000

/** More members than any login has in one group: chunks of 4 KiB. */
const maxMembers = 50

const text = v.string()
const partition = v.nullable(v.strictTuple([text, v.nullable(v.boolean())]))
const place = [text, partition] as const
const area = v.literal("area")

/** The shape of each field: its path, and its value. Strict, since what passes is put together into a snapshot that all must read. */
const shapes = {
  cookies: [v.strictTuple([v.literal("cookies"), text, text, v.boolean(), text, partition]), v.array(cookieSchema)],
  localStorage: [v.strictTuple([v.literal("localStorage"), ...place, text]), text],
  group: [
    v.strictTuple([v.literal("group"), v.literal("msal"), text]),
    v.strictObject({
      cookies: v.array(cookieSchema),
      items: v.array(v.strictObject({ origin: text, item: v.strictTuple([text, text]) })),
    }),
  ],
  tab: [v.strictTuple([v.literal("tab"), text]), text],
  sessionStorage: [v.strictTuple([v.literal("sessionStorage"), text, ...place, text]), text],
  database: [v.strictTuple([v.literal("database"), ...place, text]), databaseSchema],
  generator: [v.strictTuple([v.literal("generator"), ...place, text, text]), v.pipe(v.number(), v.finite())],
  record: [v.strictTuple([v.literal("record"), ...place, text, text, text]), v.strictTuple([text, text])],
  file: [v.strictTuple([v.literal("file"), ...place, text]), v.nullable(text)],
  context: [v.strictTuple([v.literal("context")]), contextSchema],
  check: [v.strictTuple([v.literal("check")]), loginCheckSchema],
  "area cookies": [v.strictTuple([area, text]), v.literal(1)],
  "area tabs": [v.strictTuple([area, text]), v.literal(1)],
  "area origin": [v.strictTuple([area, text, ...place]), originCountsSchema],
  "area localStorage": [v.strictTuple([area, text, ...place]), v.literal(1)],
  "area sessionStorage": [v.strictTuple([area, text, text, ...place]), v.literal(1)],
  "area indexedDB": [v.strictTuple([area, text, ...place]), v.literal(1)],
  "area records": [v.strictTuple([area, text, ...place, text, text]), v.literal(1)],
  "area opfs": [v.strictTuple([area, text, ...place]), v.strictObject({ ...fileCountsShape, isListed: v.boolean() })],
} satisfies Record<string, [v.GenericSchema, v.GenericSchema]>

function shapeOf([kind, name]: Path): [v.GenericSchema, v.GenericSchema] | null {
  const key = kind === "area" ? `area ${String(name)}` : kind
  return Object.hasOwn(shapes, key) ? shapes[key as keyof typeof shapes] : null
}

/** Null for what is no id, or one that is not written as `idOf` writes it: it would be another field to the merge. */
export function readPath(field: string): Path | null {
  try {
    const path = pathOf(field)
    const shape = Array.isArray(path) ? shapeOf(path) : null
    if (shape === null || idOf(path) !== field || !v.is(shape[0], path)) return null
    const [kind, origin, part, key] = path
    // Part of a group that wins or loses together: by itself it would be there twice.
    if (kind === "localStorage" && part === null && groupOfItem(String(origin), null, String(key))[0] !== kind)
      return null
    return path
  } catch {
    return null
  }
}

function isValue(path: Path, value: unknown): boolean {
  const shape = shapeOf(path)
  if (shape === null || !v.is(shape[1], value)) return false
  const [kind] = path
  const id = idOf(path)
  if (kind === "cookies") {
    const cookies = value as Cookie[]
    return cookies.length > 0 && cookies.every((cookie) => idOf(groupOfCookie(cookie)) === id)
  }
  if (kind !== "group") return true
  const { cookies, items } = value as Group
  return (
    cookies.length + items.length > 0 &&
    cookies.every((cookie) => idOf(groupOfCookie(cookie)) === id) &&
    items.every(({ origin, item }) => isOrigin(origin) && idOf(groupOfItem(origin, null, item[0])) === id)
  )
}

/** Where a restore goes by itself: a bot must not send it elsewhere. The person's tabs may be anywhere. */
function isAddressOfSession([kind]: Path, value: unknown, sites: readonly string[], isOwner: boolean): boolean {
  if (kind === "check") return isCheckAddress((value as LoginCheck).url, sites)
  return kind !== "tab" || isOwner || value === "about:blank" || isCheckAddress(String(value), sites)
}

/** A partitioned cookie or origin of elsewhere belongs to the session where its top-level site does. */
function isOfSession(path: Path, sites: readonly string[]): boolean {
  const [kind, ...rest] = path
  const isTopOfSites = (part: unknown) => Array.isArray(part) && isOfSites(String(part[0]), sites)
  const isPlace = (origin: unknown, part: unknown) =>
    /^https?:/.test(String(origin)) &&
    isOrigin(String(origin)) &&
    (isOfSites(String(origin), sites) || isTopOfSites(part))
  switch (kind) {
    case "cookies":
      return sites.some((site) => belongsToSite(String(rest[1]), site)) || isTopOfSites(rest[4])
    case "group":
      return sites.some((site) => belongsToSite(String(rest[1]), site))
    case "localStorage":
    case "database":
    case "generator":
    case "record":
    case "file":
      return isPlace(rest[0], rest[1])
    case "sessionStorage":
      return isPlace(rest[1], rest[2])
    case "area":
      if (rest[0] === "cookies" || rest[0] === "tabs") return true
      return rest[0] === "sessionStorage" ? isPlace(rest[2], rest[3]) : isPlace(rest[1], rest[2])
    default:
      return true
  }
}
