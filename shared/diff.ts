import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { hex, randomBytes, utf8 } from "./bytes.js"
import { cookieDifferences, cookieId } from "./cookies.js"
import { placeOf } from "./database-pieces.js"
import { kinds, type Kind } from "./report.js"
import type { Cookie, IndexedDatabase, OriginState, Snapshot } from "./snapshot.js"

/** One thing that is not the same in two sessions. Names only: values are told as short hashes. */
export interface Difference {
  kind: Kind
  /** The origin (with its partition), cookie domain or site it concerns. */
  where: string
  /** The name as the site chose it: of a cookie, key, database, store, file or part of the browser context. */
  name: string
  change: "added" | "removed" | "changed"
  /** 8 hex digits that stand for the value; null where there is none, and for what has no value of its own. */
  before: string | null
  after: string | null
  /** What else of a cookie is not the same: `Secure`, `HttpOnly`, `SameSite`, `expiry`. */
  attributes: string[]
}

export interface SnapshotDiff {
  /** True when nothing differs; what was not compared may differ all the same. */
  same: boolean
  differences: Difference[]
  /** What only one of the two captured: nothing is known of it on the other side, so it is no difference. */
  notCompared: { kind: Kind; where: string; missingIn: "a" | "b" }[]
}

/**
 * What changed from `a` to `b`, by kind and name. Values never leave it: equal hashes are equal values within one call, and
 * with a key that nobody else has they can neither be looked up nor compared with those of another call.
 *
 * Order does not count, nor do ids of tabs: the first tab of an origin is compared with the first one of the other session.
 * Ends of cookies that differ by a second or less are the same, since tools write them in whole seconds.
 *
 * @param key bytes that the hashes depend on; random unless given
 */
export function diffSnapshots(a: Snapshot, b: Snapshot, { key = randomBytes(32) } = {}): SnapshotDiff {
  const hashOf = (value: string) => hex(hmac(sha256, key, utf8(escaped(value))).subarray(0, 4))
  const differences: Difference[] = []
  const notCompared: SnapshotDiff["notCompared"] = []
  const [before, after] = [areasOf(a), areasOf(b)]
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    const [one, other] = [before.get(id), after.get(id)]
    const { kind, where } = one ?? other ?? { kind: "cookies", where: "" }
    if (one?.fields && other?.fields) differences.push(...compare(kind, where, one.fields, other.fields, hashOf))
    else if (one?.fields || other?.fields) notCompared.push({ kind, where, missingIn: one?.fields ? "b" : "a" })
  }
  const rank = ({ kind }: { kind: Kind }) => kinds.indexOf(kind)
  return {
    same: differences.length === 0,
    differences: differences.sort((x, y) => rank(x) - rank(y)),
    notCompared: notCompared.sort((x, y) => rank(x) - rank(y)),
  }
}

interface Field {
  where?: string
  name: string
  value: string | null
  cookie?: Cookie
}

/** All of one kind in one place. Without `fields` it was not captured. */
interface Area {
  kind: Kind
  where: string
  fields: Map<string, Field> | null
}

function compare(
  kind: Kind,
  where: string,
  before: Map<string, Field>,
  after: Map<string, Field>,
  hashOf: (value: string) => string,
): Difference[] {
  const found: Difference[] = []
  const tell = (field: Field, change: Difference["change"], attributes: string[], pair: (Field | undefined)[]) => {
    const [old, now] = pair.map((side) => (typeof side?.value === "string" ? hashOf(side.value) : null))
    const line = { kind, where: field.where ?? where, name: field.name, change }
    found.push({ ...line, before: old ?? null, after: now ?? null, attributes })
  }
  for (const [id, field] of before) {
    const other = after.get(id)
    if (other === undefined) tell(field, "removed", [], [field, undefined])
    else {
      const attributes = field.cookie && other.cookie ? cookieDifferences(field.cookie, other.cookie) : []
      const others = attributes.filter((name) => name !== "value")
      if (field.value !== other.value || others.length > 0) tell(field, "changed", others, [field, other])
    }
  }
  for (const [id, field] of after) if (!before.has(id)) tell(field, "added", [], [undefined, field])
  return found
}

function areasOf(snapshot: Snapshot): Map<string, Area> {
  const areas = new Map<string, Area>()
  const add = (kind: Kind, where: string, fields: Area["fields"]) =>
    areas.set(`${kind} ${where}`, { kind, where, fields })
  const { cookies, origins, tabs, context, sites } = snapshot
  add("cookies", sites[0], cookies ? byId(cookies.map((item) => [cookieId(item), cookieField(item)])) : null)
  for (const state of origins ?? []) {
    const where = placeOf(state.origin, state.partition)
    const { localStorage, indexedDB, opfs } = state
    add("localStorage", where, localStorage ? byId(localStorage.map(([name, value]) => [name, { name, value }])) : null)
    add("indexedDB", where, indexedDB ? byId(indexedDB.flatMap(databaseFields)) : null)
    add("opfs", where, opfs?.entries ? byId(fileFields(opfs.entries)) : null)
  }
  addTabs(tabs ?? [], add)
  const parts =
    context &&
    Object.entries(context).map(([name, part]): [string, Field] => [name, { name, value: JSON.stringify(part) }])
  add("context", sites[0], parts ? byId(parts) : null)
  return areas
}

function addTabs(
  tabs: NonNullable<Snapshot["tabs"]>,
  add: (kind: Kind, where: string, fields: Area["fields"]) => void,
): void {
  const seen = new Map<string, number>()
  for (const { origin, partition, items } of tabs.flatMap(({ sessionStorage }) => sessionStorage)) {
    const place = placeOf(origin, partition)
    const nth = (seen.get(place) ?? 0) + 1
    seen.set(place, nth)
    const where = nth === 1 ? place : `${place} (tab ${nth})`
    add("sessionStorage", where, byId(items.map(([name, value]) => [name, { name, value }])))
  }
}

function cookieField(cookie: Cookie): Field {
  return { where: cookie.domain, name: cookie.name, value: cookie.value, cookie }
}

/** Keys of records are values too: apps keep mail addresses in them. A key generator's next number is no difference. */
function databaseFields({ name, version, stores }: IndexedDatabase): [string, Field][] {
  const whole: [string, Field] = [JSON.stringify([name]), { name, value: String(version) }]
  const inside = stores.flatMap(({ name: store, records, keyPath, autoIncrement, indexes }): [string, Field][] => {
    const label = `${name} / ${store}`
    return [
      [JSON.stringify([name, store]), { name: label, value: JSON.stringify([keyPath, autoIncrement, indexes]) }],
      ...(records ?? []).map(({ key, value }): [string, Field] => [
        JSON.stringify([name, store, key]),
        { name: `${label} / record`, value: `${key}\n${value}` },
      ]),
    ]
  })
  return [whole, ...inside]
}

function fileFields(entries: NonNullable<NonNullable<OriginState["opfs"]>["entries"]>): [string, Field][] {
  return entries.map(({ path, data }) => [path, { name: path, value: data }])
}

function byId(entries: [string, Field][]): Map<string, Field> {
  return new Map(entries)
}

/** UTF-8 has no lone surrogates: without this, two that differ would be one. */
function escaped(value: string): string {
  return /\p{Surrogate}/u.test(value) ? JSON.stringify(value) : value
}
