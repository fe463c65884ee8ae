import { PspError } from "./errors.js"
import { mergeBotGrants, parseBotGrant, type BotGrant } from "./grants.js"
import { isStatement, type OwnerStatement } from "./members.js"

/**
 * What the owners tell one bot: whom to believe, and what it was granted. The plaintext of a `member` envelope to a bot. No
 * index key and no list of sessions: a bot learns the ids of its own copies, and cannot test guesses of others.
 */
export interface BotMembers {
  /** Card of the vault's first owner. */
  root: string
  statements: OwnerStatement[]
  grants: BotGrant[]
}

/** True for the plaintext of a `member` envelope to a bot; an owner's begins otherwise. */
export function isBotMembers(json: string): boolean {
  return json.startsWith('{"kind":"bot"')
}

export function botMembersToJson({ root, statements, grants }: BotMembers): string {
  return JSON.stringify({ kind: "bot", v: 1, root, statements, grants })
}

/**
 * Reads what `botMembersToJson` wrote; keys it does not know are left aside.
 *
 * @throws `damaged`, `too-new`
 */
export function parseBotMembers(json: string): BotMembers {
  const bad = (what: string) => new PspError("damaged", `Cannot read grants of a bot: ${what} is not as expected`)
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw bad("the JSON")
  }
  const { kind, v, root, statements, grants } = (value ?? {}) as Partial<Record<string, unknown>>
  if (typeof v === "number" && v > 1) {
    throw new PspError("too-new", "Cannot read grants of a bot: a newer version wrote them; update this one")
  }
  if (kind !== "bot" || typeof root !== "string") throw bad("the kind")
  if (!Array.isArray(statements) || !statements.every(isStatement)) throw bad("the list of owners")
  if (!Array.isArray(grants)) throw bad("the list of grants")
  const parsed = grants.map(parseBotGrant)
  if (!parsed.every((grant) => grant !== null)) throw bad("a grant")
  return {
    root,
    statements: statements.map(({ action, card, clock, by, sig }) => ({ action, card, clock, by, sig })),
    grants: parsed,
  }
}

/** As `mergeMembers`: the root is the first argument's. */
export function mergeBotMembers(a: BotMembers, b: BotMembers): BotMembers {
  const statements = new Map([...a.statements, ...b.statements].map((statement) => [statement.sig, statement]))
  const sorted = [...statements.values()].sort((x, y) => (x.clock + x.sig < y.clock + y.sig ? -1 : 1))
  return { root: a.root, statements: sorted, grants: mergeBotGrants(a.grants, b.grants) }
}
