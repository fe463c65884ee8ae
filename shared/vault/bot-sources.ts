import { isGranted, isLive, type GrantTerms } from "../grants.js"
import { clockMs, isClockPlausible, type Clock } from "../hlc.js"
import { createCard, parseCard, type Card } from "../keys.js"
import type { CallOptions } from "../provider.js"
import type { BotTerms, Source } from "./collect.js"
import { isBot } from "./granted.js"
import type { VaultState } from "./state.js"
import { listSession, type StoredEnvelope } from "./stored.js"

/**
 * Where changes by bots lie: a bot that may save back writes into the folder of its copy. An owner looks into those of all bots that
 * may; a bot sees its own changes only, and those of others once an owner has merged them.
 *
 * @param stored what lies in the session's own folder: for a bot, that is its copy
 */
export async function botSources(
  vault: VaultState,
  sid: string,
  stored: StoredEnvelope[],
  { at = Infinity, ...call }: CallOptions & { at?: number | undefined },
): Promise<Source[]> {
  const { remembered } = vault
  const isMeant = ({ clock }: StoredEnvelope) => clockMs(clock) <= at && isClockPlausible(clock, vault.now())
  if (isBot(remembered)) {
    const grant = remembered.granted?.grants.find((other) => other.sid === sid && other.mayWrite)
    const own = stored.filter((item) => item.writer === vault.writerId && isMeant(item))
    if (grant === undefined || own.length === 0) return []
    const card = await parseCard(await createCard({ ...vault.identity, vault: null }))
    return [
      {
        sid,
        stored: own,
        bot: { card, kinds: grant.kinds, names: grant.names, sites: grant.sites, isHeld: () => false },
      },
    ]
  }
  const grants = (remembered.members?.grants ?? []).filter(
    (grant) => grant.sid === sid && grant.mayWrite && isGranted(grant),
  )
  const folders = new Map<string, StoredEnvelope[]>()
  const sources: Source[] = []
  for (const grant of grants) {
    const { copy, card: text, kinds, names, sites } = grant
    const listed = folders.get(copy) ?? (await listSession(vault, copy, call))
    folders.set(copy, listed)
    const card = await parseCard(text)
    const written = listed.filter((item) => item.writer === card.writerId && isMeant(item))
    if (written.length === 0) continue
    const bot: BotTerms = { card, kinds, names, sites, isHeld: heldAfter(vault, grant, copy, card.writerId) }
    sources.push({ sid: copy, stored: written, bot })
  }
  return sources
}

/**
 * Bots that were ever granted a copy, by writer id.
 *
 * @param isWriting only those that may save back
 * @param isCounting only those whose word counts now
 */
export async function botsAt(
  vault: VaultState,
  copy: string,
  { isWriting = false, isCounting = false }: { isWriting?: boolean; isCounting?: boolean } = {},
): Promise<Map<string, Card>> {
  const grants = (vault.remembered.members?.grants ?? []).filter((grant) => {
    if (isCounting) return grant.copy === copy && grant.mayWrite && isLive(grant, vault.now())
    return (grant.copy === copy || grant.old.includes(copy)) && (grant.mayWrite || !isWriting)
  })
  const cards = await Promise.all(grants.map(({ card }) => parseCard(card)))
  return new Map(cards.map((card) => [card.writerId, card]))
}

/**
 * A bot's clock says what the bot wants: what this device first sees after a grant's end waits, whatever its stamp. What it saw
 * before stays.
 */
function heldAfter(
  vault: VaultState,
  { expiresAt }: Pick<GrantTerms, "expiresAt">,
  copy: string,
  writer: string,
): (clock: Clock) => boolean {
  if (expiresAt === null || expiresAt > vault.now()) return () => false
  const seen = vault.remembered.marks[copy]?.[writer]?.clock ?? ""
  return (clock) => clock > seen
}
