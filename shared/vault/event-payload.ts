import { utf8 } from "../bytes.js"
import { errorCodeOf, PspError, type ErrorCode } from "../errors.js"
import { clockMs, isClock, type Clock } from "../hlc.js"
import { parsePayload } from "../payload.js"

/*
 * An entry of the access history: what one writer did with one session, sealed to the owners. The plaintext is JSON:
 *
 *     { "kind": "event", "v": 1, "what": one of `eventKinds`, "site", "account", "at": ms, "tool", "version",
 *       "names": [ what changed, by name ], "more": names that were left out, "bot": { "name", "fingerprint" } | null,
 *       "reason": code | null,
 *       "n": running number of the writer, from 1, "before": [ "<clock>-<digest>" of the writer's events before it ] }
 *
 * An event names the few that came before it, the newest first, by stamp and digest of the whole object. So one that is missing
 * among others is noticed, also where two runs of one writer wrote at once and the chain has two ends for a while.
 */

const ofSessions = ["opened", "restored", "saved", "granted", "revoked", "refused"] as const
/** Of owner devices, and of no site: one was added, removed, made itself new keys, or was made by the recovery identity. */
const ofDevices = ["added", "removed", "rotated", "recovered"] as const
export const eventKinds = [...ofSessions, ...ofDevices] as const
export type EventKind = (typeof eventKinds)[number]

/** What a tool says it did. Names only: never a value. */
export interface EventSays {
  kind: EventKind
  /** Empty where it is about a device. */
  site: string
  account: string
  /** What did it, for people: `psp restore`, `playwright`. */
  tool: string
  /** Names of what changed, or was left aside. */
  names?: readonly string[]
  /** Whom it is about, where that is not the writer: the bot that something was granted to, the device that was removed. */
  bot?: { name: string; fingerprint: string }
  /** Why it was refused. */
  reason?: ErrorCode
}

/** Where an event stands among those of its writer. */
export interface EventPlace {
  /** From 1. */
  n: number
  /** Those before it, the newest first; none for a writer's first. */
  before: EventKey[]
}

/** `<clock>-<digest>` of an event: its name but for the writer, who is the same all along. */
export type EventKey = string

export interface ParsedEvent {
  facts: EventFacts
  place: EventPlace
}

/** What an event tells of. */
export interface EventFacts {
  kind: EventKind
  site: string
  account: string
  tool: string
  /** Of the tool. */
  version: string
  /** ms since epoch. */
  at: number
  names: string[]
  /** How many more names there were. */
  more: number
  bot: { name: string; fingerprint: string } | null
  reason: ErrorCode | null
}

/** So many of those before it are named. */
export const mostBefore = 8
export const mostNames = 50
const longest = { site: 255, account: 255, tool: 100, version: 50, name: 200, fingerprint: 100 }

export function eventPlaintext(
  { kind, site, account, tool, names = [], bot, reason }: EventSays,
  { n, before }: EventPlace,
  { at, version }: { at: number; version: string },
): Uint8Array {
  const event = {
    what: kind,
    site: site.slice(0, longest.site),
    account: account.slice(0, longest.account),
    at,
    tool: tool.slice(0, longest.tool),
    version: version.slice(0, longest.version),
    names: names.slice(0, mostNames).map((name) => name.slice(0, longest.name)),
    more: Math.max(0, names.length - mostNames),
    bot:
      bot === undefined
        ? null
        : { name: bot.name.slice(0, longest.name), fingerprint: bot.fingerprint.slice(0, longest.fingerprint) },
    reason: reason ?? null,
  }
  return utf8(JSON.stringify({ kind: "event", v: 1, ...event, n, before: before.slice(0, mostBefore) }))
}

/** @param clock of its envelope @throws `damaged`, `too-new` */
export function parseEvent(bytes: Uint8Array, clock: Clock): ParsedEvent {
  const damaged = new PspError("damaged", "Cannot read an event: what was sealed is not as expected")
  const payload = parsePayload(bytes, "event", "an event")
  const { what, site, account, at, tool, version, names, more, bot, reason, n, before } = payload
  const known = eventKinds.find((one) => one === what)
  if (typeof what === "string" && known === undefined)
    throw new PspError("too-new", "Cannot read an event: a newer version wrote it; update this one")
  if (known === undefined || !isText(site, longest.site) || !isText(account, longest.account)) throw damaged
  if (!isText(tool, longest.tool) || !isText(version, longest.version)) throw damaged
  if (!isCount(at) || at > clockMs(clock) || !isCount(more) || !isCount(n)) throw damaged
  if (!Array.isArray(names) || names.length > mostNames || !names.every(isName)) throw damaged
  if (reason !== null && typeof reason !== "string") throw damaged
  if (!isAbout(bot) || !isBefore(before, clock) || n < 1 || (n === 1) !== (before.length === 0)) throw damaged
  const about = bot === null ? null : { name: bot.name, fingerprint: bot.fingerprint }
  const code = reason === null ? null : errorCodeOf(reason)
  const facts = { kind: known, site, account, tool, version, at, names, more, bot: about, reason: code }
  return { facts, place: { n, before } }
}

/** The stamp in a key. */
export function clockOfKey(key: EventKey): Clock {
  return key.slice(0, 16)
}

export function isEventKey(value: unknown): value is EventKey {
  return typeof value === "string" && /^[0-9a-f]{16}-[0-9a-f]{32}$/.test(value) && isClock(clockOfKey(value))
}

function isBefore(value: unknown, clock: Clock): value is EventKey[] {
  return (
    Array.isArray(value) &&
    value.length <= mostBefore &&
    value.every((key) => isEventKey(key) && clockOfKey(key) < clock)
  )
}

function isAbout(value: unknown): value is { name: string; fingerprint: string } | null {
  if (value === null) return true
  if (typeof value !== "object") return false
  const { name, fingerprint } = value as Partial<Record<string, unknown>>
  return isText(name, longest.name) && isText(fingerprint, longest.fingerprint)
}

function isName(value: unknown): value is string {
  return isText(value, longest.name)
}

function isText(value: unknown, most: number): value is string {
  return typeof value === "string" && value.length <= most
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
}
