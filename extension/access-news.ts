import { hex, utf8 } from "../shared/bytes.js"
import { sha256 } from "../shared/hash.js"
import type { AccessEvent, Grant } from "../shared/vault.js"
import type { AccessTold } from "./access-told.js"

/**
 * What is worth a notification. `firstUse`: a bot used what it was handed for the first time since. `newDevice`: another device of the
 * person's used anything for the first time. `noGrant`: a bot used what is not, or no longer, handed to it. `refused`: it tried, and was
 * refused. `endsSoon`: a handoff comes to its end.
 */
export interface AccessNews {
  kind: "firstUse" | "newDevice" | "noGrant" | "refused" | "endsSoon"
  /** Of the bot or the device. */
  who: string
  site: string
  /** When it was, or will be (ms since epoch). */
  at: number
  /** The same for the same news. */
  id: string
}

/** What a look at the vault found. */
export interface AccessLook {
  vault: string
  /** Oldest first, from `lookFrom` on. */
  events: readonly AccessEvent[]
  grants: readonly Grant[]
  /** This browser's fingerprint: what it does itself is no news. */
  own: string
  /** ms since epoch. */
  now: number
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** How far back the first look learns what is not new (ms). */
const learned = 30 * day
/** A store may be late with its lists, and a clock slow: so far back what came since is looked for (ms). */
const overlap = day
/** Somebody who tries again and again is told of so often (ms). */
const again = day

/** From when on (ms since epoch) events are to be read. */
export function lookFrom({ vault, readAt }: AccessTold, of: string, now: number): number {
  return readAt === null || vault !== of ? now - learned : readAt - overlap
}

/** Decides what is news, each once; of what was there before the person asked to be told, it only learns. */
export async function newsOf(
  before: AccessTold,
  { vault, events, grants, own, now }: AccessLook,
): Promise<{ news: AccessNews[]; told: AccessTold }> {
  const isFirst = before.readAt === null || before.vault !== vault
  const since = before.vault === null || before.vault === vault ? before.since : now
  const old = isFirst ? { ...before, seen: [], known: [], ends: [], tried: {} } : before
  const [seen, known] = [new Set(old.seen), new Set(old.known)]
  const tried = new Map(Object.entries(old.tried).filter(([, at]) => now - at < again))
  const news: AccessNews[] = []
  for (const event of events) {
    const { kind, site, account, by, bot, at, name } = event
    if (seen.has(name)) continue
    const about = await keyOf([(bot ?? by).fingerprint, site, account])
    if (kind === "granted") known.delete(about)
    const what = newsKind(event, own)
    if (what === null) continue
    const isTry = what === "noGrant" || what === "refused"
    const key = what === "newDevice" ? await keyOf([by.fingerprint]) : about
    const isNews = isTry ? at - (tried.get(what + key) ?? -Infinity) >= again : !known.has(key)
    if (isTry && isNews) tried.set(what + key, at)
    if (!isTry) known.add(key)
    if (isNews && !(isFirst && at < since)) news.push({ kind: what, who: by.name, site, at, id: name })
  }
  const ends: string[] = []
  for (const { card, site, account, expiresAt, grantedAt } of grants) {
    if (expiresAt === null || expiresAt <= now || expiresAt - now > soonOf(expiresAt - grantedAt)) continue
    const id = await keyOf([card.fingerprint, site, account, String(expiresAt)])
    ends.push(id)
    if (!old.ends.includes(id)) news.push({ kind: "endsSoon", who: card.name, site, at: expiresAt, id })
  }
  const told = { ...before, vault, readAt: now, seen: events.map(({ name }) => name), known: [...known], ends }
  return { news, told: { ...told, tried: Object.fromEntries(tried) } }
}

function newsKind({ kind, by, wasGranted }: AccessEvent, own: string): AccessNews["kind"] | null {
  if (kind === "refused") return by.isBot && !wasGranted ? "refused" : null
  if (kind !== "opened" && kind !== "restored" && kind !== "saved") return null
  if (by.isBot) return wasGranted ? "firstUse" : "noGrant"
  return by.fingerprint === own ? null : "newDevice"
}

/** An hour before, of short handoffs a tenth of their time, and at least one look before (ms). */
function soonOf(span: number): number {
  return Math.min(hour, Math.max(span / 10, lookSpan))
}

/** The history is read at most so often (ms). */
export const lookSpan = 15 * minute

async function keyOf(parts: string[]): Promise<string> {
  return hex(await sha256(utf8(JSON.stringify(parts)))).slice(0, 32)
}
