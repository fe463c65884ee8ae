import { botMembersToJson } from "../bot-members.js"
import { utf8 } from "../bytes.js"
import { seal } from "../envelope.js"
import { isLive, type BotGrant, type GrantRecord } from "../grants.js"
import { maxClockAhead, type Clock } from "../hlc.js"
import { idOf, parseCard } from "../keys.js"
import type { BotNote } from "../vault-memory.js"
import type { Prepared } from "./save.js"
import type { VaultState } from "./state.js"

/**
 * A member envelope for each bot to whom there is something new to tell, or whose last one got old. A bot that lost
 * everything is told so once.
 */
export async function prepareBots(
  vault: VaultState,
  clock: Clock,
  { lifetime, renewal }: { lifetime: number; renewal: number },
): Promise<Pick<Prepared, "objects" | "superseded"> & { bots: Record<string, BotNote> }> {
  const { root, statements, closed, grants } = vault.ownMembers()
  const owners = [...vault.owners().values()].map(({ recipient }) => recipient)
  const prepared: Awaited<ReturnType<typeof prepareBots>> = { objects: [], superseded: [], bots: {} }
  for (const bot of new Set(grants.map((grant) => grant.bot))) {
    const own = grants.filter((grant) => grant.bot === bot)
    const [first] = own
    if (first === undefined) continue
    const text = utf8(
      botMembersToJson({ root, statements, closed, grants: own.map((grant) => botGrantOf(grant, owners)) }),
    )
    const says = await idOf(text)
    const last = vault.remembered.bots[bot]
    const age = vault.now() - (last?.writtenAt ?? 0)
    const isOld = age > renewal && own.some((grant) => isLive(grant, vault.now()))
    if (last?.says === says && !isOld && age >= -maxClockAhead) continue
    const { name, bytes } = await seal({
      header: { typ: "member", vault: vault.id, sid: bot, clock, exp: vault.now() + lifetime },
      plaintext: text,
      recipients: [(await parseCard(first.card)).recipient, ...owners],
      writer: vault.identity,
    })
    prepared.objects.push({ name, bytes })
    if (last !== undefined) prepared.superseded.push(last.name)
    prepared.bots[bot] = { name, says, writtenAt: vault.now() }
  }
  return prepared
}

function botGrantOf(grant: GrantRecord, recipients: string[]): BotGrant {
  const { site, account, sites, kinds, names, mayWrite, expiresAt, clock, knew, revoked, copy } = grant
  const noted = sites === undefined ? {} : { sites }
  const chosen = names === undefined ? {} : { names }
  return { site, account, ...noted, kinds, ...chosen, mayWrite, expiresAt, clock, knew, revoked, sid: copy, recipients }
}
