import { cookieId } from "../cookies.js"
import type { Gap } from "../report.js"
import type { Cookie, Snapshot } from "../snapshot.js"
import { comparedText } from "./changes.js"
import {
  areaOf,
  fieldsOf,
  idOf,
  pathOf,
  type Field,
  type FieldId,
  type Fields,
  type Group,
  type Path,
} from "./fields.js"
import { alignTabs } from "./seen-tabs.js"

/** What a context shows, with its tabs under the ids that the session has for them. */
export function seenIn(known: Fields, captured: Snapshot): { seen: Fields; gaps: Gap[] } {
  if (captured.tabs === undefined) return { seen: fieldsOf(captured), gaps: [] }
  const { tabs, gaps } = alignTabs(known, captured.tabs)
  return { seen: fieldsOf({ ...captured, tabs }), gaps }
}

/**
 * What a context says of a session, when it is known what it showed right after the session was put into it.
 *
 * A tool shows some of what it was given in another way (whole seconds, an end that was cut, SameSite it does not tell), and some
 * of it not at all. So three sides are compared: only what is not as it was shown before is news. What was not shown before and
 * is not now was never there to be deleted, and what was there before the session came is none of it.
 *
 * @param known the session's fields
 * @param before what the context showed then
 * @param seen what it shows now
 * @param now ms since epoch; a cookie whose end has come was not deleted by anybody
 * @returns the session's fields as the context has them, to be compared with `known`
 */
export function saidBy(known: Fields, before: Fields, seen: Fields, now: number): Fields {
  const said: Fields = new Map()
  for (const [id, field] of seen) {
    const [own, was] = [known.get(id), before.get(id)]
    if (isKept(pathOf(id), field)) said.set(id, own ?? field)
    else if (was === undefined || comparedText(was.value) !== comparedText(field.value)) {
      const value = own && was ? withOwnParts(id, own.value, was.value, field.value) : field.value
      said.set(id, { value, rank: own?.rank ?? field.rank })
    } else if (own !== undefined) said.set(id, own)
  }
  for (const [id, own] of known) {
    if (seen.has(id) || isGone(id, before, seen, now)) continue
    const area = areaOf(pathOf(id))
    if (area !== null && seen.has(area)) said.set(id, own)
  }
  return said
}

/** Where a tab is, and what of an origin is only counted, differs from browser to browser and is no state. */
function isKept([kind, name]: Path, { value }: Field): boolean {
  if (kind === "tab") return true
  if (kind !== "area") return false
  return name !== "opfs" || !(value as { isListed: boolean }).isListed
}

/** A cookie that rotated keeps what the tool only shows in another way. */
function withOwnParts(id: FieldId, own: unknown, was: unknown, value: unknown): unknown {
  const [kind] = pathOf(id)
  if (kind === "cookies") return cookiesWithOwnParts(own as Cookie[], was as Cookie[], value as Cookie[])
  if (kind !== "group") return value
  const [mine, before, group] = [own as Group, was as Group, value as Group]
  return { ...group, cookies: cookiesWithOwnParts(mine.cookies, before.cookies, group.cookies) }
}

function cookiesWithOwnParts(own: Cookie[], was: Cookie[], cookies: Cookie[]): Cookie[] {
  const find = (list: Cookie[], cookie: Cookie) => list.find((other) => cookieId(other) === cookieId(cookie))
  return cookies.map((cookie) => {
    const [mine, before] = [find(own, cookie), find(was, cookie)]
    if (mine === undefined || before === undefined) return cookie
    const part = <Key extends keyof Cookie>(key: Key) => (cookie[key] === before[key] ? mine[key] : cookie[key])
    return {
      ...cookie,
      value: part("value"),
      secure: part("secure"),
      httpOnly: part("httpOnly"),
      sameSite: part("sameSite"),
      expiresAt: part("expiresAt"),
    }
  })
}

/** True for what was there before and is not any more, by somebody's doing. */
function isGone(id: FieldId, before: Fields, seen: Fields, now: number): boolean {
  const was = before.get(id)
  if (was === undefined) return false
  const [kind, ...place] = pathOf(id)
  if (kind === "cookies") {
    return !(was.value as Cookie[]).every(({ expiresAt }) => expiresAt !== null && expiresAt <= now)
  }
  if (kind === "tab" || (kind === "area" && (place[0] === "sessionStorage" || place[0] === "tabs"))) return false
  return kind !== "sessionStorage" || isSameTab(place.slice(0, 3), before, seen)
}

/** Tabs have no name: one that holds no key of those that were there is another tab, or one that was never given any. */
function isSameTab(place: unknown[], before: Fields, seen: Fields): boolean {
  const start = idOf(["sessionStorage", ...place]).slice(0, -1)
  return [...seen.keys()].some((id) => id.startsWith(`${start},`) && before.has(id))
}
