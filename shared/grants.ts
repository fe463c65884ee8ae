import { kindsOfNames, partsOfName } from "./field-names.js"
import { isClock, type Clock } from "./hlc.js"
import { kinds as allKinds, type Kind } from "./report.js"

/** What a grant lets a bot do: the same in an owner's list and in what the bot itself is told. */
export interface GrantTerms {
  site: string
  account: string
  /**
   * Sites that the session held when this was granted; the bot gets nothing of those that it holds only since. Left out by
   * earlier versions: then all of them.
   */
  sites?: string[]
  /** Which kinds of state the bot gets; `all` includes kinds that later versions capture. */
  kinds: "all" | Kind[]
  /** Of these kinds only what is called so (`field-names.ts`); `kinds` is then that of these names. All when left out. */
  names?: string[]
  /** Whether the bot may save what its visit changed. */
  mayWrite: boolean
  /** ms since epoch; null: until it is revoked. */
  expiresAt: number | null
  clock: Clock
  /** Marks of the revocations that whoever granted this knew of. */
  knew: string[]
  /** Marks of all revocations: one that the grant did not know ends it, whatever their clocks say. */
  revoked: string[]
}

/** A grant as the owner devices keep it: one for each bot and session. */
export interface GrantRecord extends GrantTerms {
  /** Recipient id of the bot. */
  bot: string
  card: string
  /** Of the session. */
  sid: string
  /** Id under which the bot's copies of the session lie; bots with the same terms share one. */
  copy: string
  /** Ids of copies that this bot could open under earlier terms. */
  old: string[]
  /** Writer id of the owner device that made it, or changed it last; not noted by early versions, and not told to bots. */
  by?: string
}

/** A grant as its bot is told. */
export interface BotGrant extends GrantTerms {
  /** Id under which its copies of the session lie. */
  sid: string
  /** Recipient strings of whoever reads what it saves back. */
  recipients: string[]
}

/** True when no revocation is unknown to it; its end is another matter. */
export function isGranted({ knew, revoked }: Pick<GrantTerms, "knew" | "revoked">): boolean {
  return revoked.every((mark) => knew.includes(mark))
}

/** @param now ms since epoch */
export function isLive(grant: Pick<GrantTerms, "knew" | "revoked" | "expiresAt">, now: number): boolean {
  return isGranted(grant) && (grant.expiresAt === null || grant.expiresAt > now)
}

/** A grant that was taken back. */
export function revokedBy<T extends GrantTerms>(grant: T, mark: string): T {
  return { ...grant, revoked: union(grant.revoked, [mark]) }
}

/** Commutative, associative and idempotent: a revocation beats every grant that did not know of it. */
export function mergeGrants(a: GrantRecord[], b: GrantRecord[]): GrantRecord[] {
  return mergeBy(
    [...a, ...b],
    ({ bot, sid }) => `${sid} ${bot}`,
    (x, y) => {
      const last = later(x, y)
      const copies = union([...x.old, x.copy], [...y.old, y.copy])
      return { ...last, revoked: union(x.revoked, y.revoked), old: copies.filter((copy) => copy !== last.copy) }
    },
  )
}

/** As `mergeGrants`, of what one bot was told. */
export function mergeBotGrants(a: BotGrant[], b: BotGrant[]): BotGrant[] {
  return mergeBy(
    [...a, ...b],
    ({ site, account }) => JSON.stringify([site, account]),
    (x, y) => ({ ...later(x, y), revoked: union(x.revoked, y.revoked) }),
  )
}

/** Null for what is none; keys it does not know are left aside. */
export function parseGrantRecord(value: unknown): GrantRecord | null {
  const terms = parseTerms(value)
  if (terms === null) return null
  const { bot, card, sid, copy, old, by } = value as Partial<Record<keyof GrantRecord, unknown>>
  if (typeof bot !== "string" || !/^[0-9a-f]{32}$/.test(bot) || typeof card !== "string") return null
  if (!isSid(sid) || !isSid(copy) || !Array.isArray(old) || !old.every(isSid)) return null
  if (by === undefined) return { bot, card, ...terms, sid, copy, old }
  return typeof by === "string" && /^[0-9a-f]{32}$/.test(by) ? { bot, card, ...terms, sid, copy, old, by } : null
}

/** As `parseGrantRecord`. */
export function parseBotGrant(value: unknown): BotGrant | null {
  const terms = parseTerms(value)
  if (terms === null) return null
  const { sid, recipients } = value as Partial<Record<keyof BotGrant, unknown>>
  if (!isSid(sid) || !isTextList(recipients)) return null
  return { ...terms, sid, recipients }
}

function parseTerms(value: unknown): GrantTerms | null {
  if (typeof value !== "object" || value === null) return null
  const { site, account, sites, kinds, names, mayWrite, expiresAt, clock, knew, revoked } = value as Partial<
    Record<keyof GrantTerms, unknown>
  >
  if (typeof site !== "string" || typeof account !== "string" || typeof mayWrite !== "boolean") return null
  if (sites !== undefined && !isTextList(sites)) return null
  if (names !== undefined && !isTextList(names)) return null
  if (expiresAt !== null && !Number.isSafeInteger(expiresAt)) return null
  if (!isClock(clock) || !isTextList(knew) || !isTextList(revoked) || (kinds !== "all" && !isTextList(kinds)))
    return null
  const known = kinds === "all" ? kinds : allKinds.filter((kind) => kinds.includes(kind))
  const noted = sites === undefined ? {} : { sites }
  const rest = { mayWrite, expiresAt: expiresAt as number | null, clock, knew, revoked }
  return { site, account, ...noted, ...(names === undefined ? { kinds: known } : ofNames(names)), ...rest }
}

/** Names of kinds that only later versions know are left aside. None at all is nothing, and never everything. */
function ofNames(names: string[]): Required<Pick<GrantTerms, "kinds" | "names">> {
  const known = names.filter((name) => partsOfName(name) !== null)
  return { kinds: kindsOfNames(known), names: known }
}

/** Whoever knew of more revocations granted anew after them; then the later one, then whatever is the same everywhere. */
function later<T extends GrantTerms & { by?: string }>(x: T, y: T): T {
  const order =
    x.knew.length - y.knew.length ||
    compare(x.clock, y.clock) ||
    compare(textOf(x), textOf(y)) ||
    // A device of an earlier version passes a grant on without it.
    compare(x.by ?? "", y.by ?? "")
  return order > 0 ? x : y
}

/** What tells two grants of one clock apart; what merging changes is no part of it. */
function textOf(grant: GrantTerms & { old?: unknown; by?: string }): string {
  return JSON.stringify({ ...grant, revoked: null, old: null, by: null })
}

function mergeBy<T>(all: T[], keyOf: (item: T) => string, join: (x: T, y: T) => T): T[] {
  const merged = new Map<string, T>()
  for (const item of all) {
    const key = keyOf(item)
    const known = merged.get(key)
    merged.set(key, known === undefined ? item : join(known, item))
  }
  return [...merged].sort(([x], [y]) => compare(x, y)).map(([, item]) => item)
}

function union(a: string[], b: string[]): string[] {
  return [...new Set([...a, ...b])].sort()
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function isSid(value: unknown): value is string {
  return typeof value === "string" && /^[a-z2-7]{26}$/.test(value)
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string")
}
