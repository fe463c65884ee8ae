import { PspError } from "./errors.js"
import { mergeBotGrants, parseBotGrant, type BotGrant } from "./grants.js"
import { isWriterList } from "./members.js"
import { mergeStatements, parseStatement, type OwnerStatement } from "./ownership.js"
import { parsePayload } from "./payload.js"

/**
 * What the owners tell one bot: whom to believe, and what it was granted. The plaintext of a `member` envelope to a bot. No
 * index key and no list of sessions: a bot learns the ids of its own copies, and cannot test guesses of others.
 */
export interface BotMembers {
  /** Card of the vault's first owner. */
  root: string
  statements: OwnerStatement[]
  /** As in `MemberState`. */
  closed: string[]
  grants: BotGrant[]
}

/** True for the plaintext of a `member` envelope to a bot; an owner's begins otherwise. */
export function isBotMembers(json: string): boolean {
  return json.startsWith('{"kind":"bot"')
}

export function botMembersToJson({ root, statements, closed, grants }: BotMembers): string {
  return JSON.stringify({ kind: "bot", v: 1, root, statements, closed, grants })
}

/**
 * Reads what `botMembersToJson` wrote; keys it does not know are left aside.
 *
 * @throws `damaged`, `too-new`
 */
export function parseBotMembers(json: string): BotMembers {
  const bad = (what: string) => new PspError("damaged", `Cannot read grants of a bot: ${what} is not as expected`)
  const { root, statements, closed = [], grants } = parsePayload(json, "bot", "grants of a bot")
  if (typeof root !== "string") throw bad("the first owner")
  const said = Array.isArray(statements) ? statements.map(parseStatement) : [null]
  if (!said.every((statement) => statement !== null)) throw bad("the list of owners")
  if (!isWriterList(closed)) throw bad("the list of removed owners")
  if (!Array.isArray(grants)) throw bad("the list of grants")
  const parsed = grants.map(parseBotGrant)
  if (!parsed.every((grant) => grant !== null)) throw bad("a grant")
  return {
    root,
    statements: said,
    closed,
    grants: parsed,
  }
}

/** As `mergeMembers`: the root is the first argument's. */
export function mergeBotMembers(a: BotMembers, b: BotMembers): BotMembers {
  const closed = [...new Set([...a.closed, ...b.closed])].sort()
  const statements = mergeStatements(a.statements, b.statements)
  return { root: a.root, statements, closed, grants: mergeBotGrants(a.grants, b.grants) }
}
