import { PspError } from "../errors.js"
import { isGranted, type BotGrant } from "../grants.js"
import { createCard, parseCard } from "../keys.js"
import type { SessionRecord } from "../members.js"
import type { Remembered } from "../vault-memory.js"
import type { VaultState } from "./state.js"

/** What a bot was granted, as records of sessions: each is about the bot's copy, and there until it is taken back or ends. */
export function grantedRecords(vault: VaultState): SessionRecord[] {
  return (vault.remembered.granted?.grants ?? []).map((grant) => ({
    sid: grant.sid,
    site: grant.site,
    account: grant.account,
    clock: grant.clock,
    removed: !isGranted(grant) || hasEnded(grant, vault.now()),
  }))
}

/** True for an identity that opens what it was granted, and owns nothing. */
export function isBot({ members, granted }: Remembered): boolean {
  return members === null && granted !== null
}

/** Of a bot: whether its grant of the session lets it write. */
export function maySaveBack({ remembered }: VaultState, site: string, account: string): boolean {
  const grants = remembered.granted?.grants ?? []
  return grants.some((grant) => grant.site === site && grant.account === account && grant.mayWrite)
}

/** @throws `not-granted` when an owner took it back, `expired` when its time is over */
export function refuseEnded(vault: VaultState, site: string, account: string): void {
  const { remembered } = vault
  if (!isBot(remembered)) return
  const grant = remembered.granted?.grants.find((other) => other.site === site && other.account === account)
  if (grant === undefined) return
  if (!isGranted(grant)) {
    throw new PspError("not-granted", `Cannot open session of ${site}: an owner took it back; ask for a new grant`)
  }
  if (!hasEnded(grant, vault.now())) return
  const end = new Date(grant.expiresAt ?? 0).toISOString()
  throw new PspError("expired", `Cannot open session of ${site}: it was granted until ${end}; ask for a new grant`)
}

/**
 * A bot's list of grants is replaced as a whole, so the newest that it has seen of each owner must still be there, or a newer one.
 *
 * @param shown latest stamp by writer
 * @throws `rolled-back`
 */
export function refuseOldGrants(vault: VaultState, shown: ReadonlyMap<string, string>): void {
  const { remembered, recipientId } = vault
  if (!isBot(remembered)) return
  for (const [writer, { clock, exp = Infinity }] of Object.entries(remembered.marks[recipientId] ?? {})) {
    if (exp <= vault.now() || !vault.owners().has(writer) || (shown.get(writer) ?? "") >= clock) continue
    throw new PspError(
      "rolled-back",
      "Cannot read what was granted: the store shows an older list, or none, than this identity has seen; ask its owner",
    )
  }
}

function hasEnded({ expiresAt }: Pick<BotGrant, "expiresAt">, now: number): boolean {
  return expiresAt !== null && expiresAt <= now
}

/**
 * Whom a bot seals to what it writes: itself, and the owners of now by the statements that it checked. A grant's own list is of
 * when it was told: a device that was removed since may stand in it, and one that was added not.
 */
export async function readersAsBot(vault: VaultState, { recipients }: Pick<BotGrant, "recipients">): Promise<string[]> {
  const self = await parseCard(await createCard({ ...vault.identity, vault: null }))
  const owners = [...vault.owners().values()].map(({ recipient }) => recipient)
  return [...new Set([self.recipient, ...(owners.length > 0 ? owners : recipients)])]
}
