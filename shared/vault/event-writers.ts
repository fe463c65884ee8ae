import { isGranted, type GrantRecord } from "../grants.js"
import { clockMs, type Clock } from "../hlc.js"
import { parseCard, type Card } from "../keys.js"
import type { MemberState } from "../members.js"
import { ownersOf } from "../ownership.js"
import { isBot } from "./granted.js"
import type { VaultState } from "./state.js"

/** Somebody whose events are believed, as far as their own word goes. */
export interface EventWriter {
  card: Card
  /** Whether it was an owner device when it stamped something so. */
  wasOwner: (clock: Clock) => boolean
  /** A bot that was ever granted something: what it tries after its grant is over is worth knowing, too. */
  isBot: boolean
  /** Whether a grant covered that session then, as far as is known: of earlier terms only the end is. */
  wasGranted: (session: { site: string; account: string }, clock: Clock) => boolean
}

/** All who were ever an owner device or a bot of this vault, by writer id; a bot knows of owners and itself only. */
export function eventWriters(vault: VaultState): Promise<Map<string, EventWriter>> {
  const { members, granted } = vault.remembered
  const told = members ?? granted
  // These are replaced and never changed in place; a card takes a signature to check.
  const known = kept.get(vault)
  const isSame = known?.statements === told?.statements && known?.grants === told?.grants
  if (known !== undefined && isSame) return known.writers
  const writers = writersOf(vault)
  kept.set(vault, { statements: told?.statements, grants: told?.grants, writers })
  return writers
}

const kept = new WeakMap<
  VaultState,
  { statements: unknown; grants: unknown; writers: Promise<Map<string, EventWriter>> }
>()

async function writersOf(vault: VaultState): Promise<Map<string, EventWriter>> {
  const told = vault.remembered.members ?? vault.remembered.granted
  const periods = told === null ? [{ from: "", owners: new Map(vault.owners()) }] : await ownerPeriods(vault.id, told)
  const cards = new Map(periods.flatMap(({ owners }) => [...owners]))
  const grantsBy = new Map<string, GrantRecord[]>()
  for (const grant of vault.remembered.members?.grants ?? []) {
    const card = await parseCard(grant.card)
    grantsBy.set(card.writerId, [...(grantsBy.get(card.writerId) ?? []), grant])
    if (!cards.has(card.writerId)) cards.set(card.writerId, card)
  }
  return new Map(
    [...cards].map(([id, card]): [string, EventWriter] => {
      const grants = grantsBy.get(id) ?? []
      const wasOwner = (clock: Clock) => periods.findLast(({ from }) => from <= clock)?.owners.has(id) === true
      const wasGranted: EventWriter["wasGranted"] = ({ site, account }, clock) =>
        grants.some((grant) => grant.site === site && grant.account === account && counted(grant, clock))
      return [id, { card, wasOwner, isBot: grants.length > 0, wasGranted }]
    }),
  )
}

/** True where this identity may leave events that somebody believes. */
export function mayWriteEvents(vault: VaultState): boolean {
  return vault.owners().has(vault.writerId) || isBot(vault.remembered)
}

/** Who owned the vault from which stamp on, the first from the beginning. */
async function ownerPeriods(
  vault: string,
  { root, statements }: Pick<MemberState, "root" | "statements">,
): Promise<{ from: Clock; owners: ReadonlyMap<string, Card> }[]> {
  const stamps = [...new Set(statements.map(({ clock }) => clock))].sort()
  return Promise.all(
    ["", ...stamps].map(async (from) => ({
      from,
      owners: await ownersOf(vault, { root, statements: statements.filter(({ clock }) => clock <= from) }),
    })),
  )
}

/** Before its end, and before each revocation that it does not know of; a mark begins with the clock of its revocation. */
function counted(grant: GrantRecord, clock: Clock): boolean {
  const { expiresAt, knew, revoked } = grant
  if (expiresAt !== null && clockMs(clock) >= expiresAt) return false
  return isGranted(grant) || revoked.every((mark) => knew.includes(mark) || clock < mark.slice(0, clock.length))
}
