import { parseName } from "../envelope.js"
import type { Clock } from "../hlc.js"
import type { Card } from "../keys.js"
import type { SessionRecord } from "../members.js"
import type { CallOptions } from "../provider.js"
import { botSources } from "./bot-sources.js"
import { renewCopies } from "./copies.js"
import { openNewest, type LoadedSession } from "./load.js"
import { note, seenOf } from "./marks.js"
import { putWhole } from "./parts.js"
import { sealBase } from "./seal-base.js"
import type { VaultState } from "./state.js"
import { sessionFolder, toStored, type StoredEnvelope } from "./stored.js"

/**
 * Seals the newest state of a session to the owners of now, and removes what came before: all of it may be open to somebody who
 * was one. Its history ends there, as it does at a revocation. What somebody saves meanwhile stays, and is merged as ever.
 *
 * @param removed who must not open it any more, and until when it was an owner
 * @returns how many objects were removed, and how many changes of bots stay that it can open, since they wait for the person; null where
 *   there was nothing to do
 * @throws what opening the session throws
 */
export async function resealWithout(
  vault: VaultState,
  record: SessionRecord,
  { card, until }: { card: Card; until: Clock },
  call: CallOptions,
): Promise<{ removed: number; waiting: number } | null> {
  const names: string[] = []
  for await (const { name } of vault.provider.list(sessionFolder(vault, record.sid), call)) names.push(name)
  const stored = names.flatMap((name) => toStored(name, 0) ?? [])
  const session = await openNewest(vault, record, stored, call)
  if (session === null) return null
  const copies = await copiesBy(vault, record.sid, card, call)
  const owners = new Set([...vault.owners().values()].map(({ recipientId }) => recipientId))
  const isToOwners = session.recipients.every((id) => owners.has(id)) && owners.size === session.recipients.length
  const isOld = ({ clock, writer }: StoredEnvelope) => writer === card.writerId || clock <= until
  const fromBots = (await botSources(vault, record.sid, stored, call)).map(({ sid, stored }) => ({
    sid,
    // What a bot sealed to it as an owner.
    old: stored.filter(({ clock }) => clock <= until),
  }))
  const old = fromBots.flatMap(({ old }) => old)
  const merged = old.filter(({ writer, clock }) => clock <= (session.heads[writer] ?? ""))
  const waiting = old.length - merged.length
  if (isToOwners && copies.length === 0 && merged.length === 0 && !stored.some(isOld))
    return waiting > 0 ? { removed: 0, waiting } : null
  await putAnew(vault, session, call)
  // Its changes are in what was just written: no need to fold them once more.
  const plain = { ...session, isPlain: true }
  await renewCopies(vault, copies, plain, { ...call, isCut: true })
  // A bot reads its own changes, and what owners made of all: from now on only the latter.
  const others = fromBots.filter(({ sid, old }) => !copies.includes(sid) && old.some((one) => merged.includes(one)))
  await renewCopies(
    vault,
    others.map(({ sid }) => sid),
    plain,
    { ...call, isCut: false },
  )
  const own = names.filter((name) => isHeld(vault, session, name) || parseName(name)?.writer === card.writerId)
  const gone = new Set([...own, ...merged.map(({ name }) => name)])
  for (const name of gone) await vault.provider.remove(name, call)
  await vault.remember()
  return { removed: gone.size, waiting }
}

/** Under a stamp of now, so that what is older is seen to be so by its name; each field keeps the stamp that it had. */
async function putAnew(vault: VaultState, session: LoadedSession, call: CallOptions): Promise<void> {
  const { sid, expiresAt } = session
  const clock = vault.tick()
  const base = session.stamped()
  const heads = { ...base.heads, [vault.writerId]: clock }
  const header = { sid, clock, exp: expiresAt, seen: seenOf(vault.remembered, sid) }
  const sealed = await sealBase(vault, { ...base, heads }, header)
  // The stamp first: a device that forgot it could stamp a later save with an earlier time.
  await vault.remember()
  await putWhole(vault.provider, sealed, call)
  note(vault.remembered, sid, vault.writerId, { clock, header: sealed.headerId, exp: expiresAt })
}

/** Ids of a session's copies for bots in which the device wrote something. */
async function copiesBy(vault: VaultState, sid: string, card: Card, call: CallOptions): Promise<string[]> {
  const grants = (vault.remembered.members?.grants ?? []).filter((grant) => grant.sid === sid)
  const copies = [...new Set(grants.flatMap(({ copy, old }) => [copy, ...old]))]
  const found: string[] = []
  for (const copy of copies) {
    for await (const { name } of vault.provider.list(sessionFolder(vault, copy), call)) {
      if (parseName(name)?.writer !== card.writerId) continue
      found.push(copy)
      break
    }
  }
  return found
}

/** True for what is in the state that was opened, its parts included; a lease is no state. */
function isHeld(vault: VaultState, { heads }: LoadedSession, name: string): boolean {
  const parsed = parseName(name)
  if (parsed === null || name.includes("/leases/")) return false
  return vault.authorOf(parsed) !== null && parsed.clock <= (heads[parsed.writer] ?? "")
}
