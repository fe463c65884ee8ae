import { deletionsOf, livesOf, type Register } from "../shared/merge.js"
import type { LoadedSession, Vault } from "../shared/vault.js"
import { notePassed, readMemory, type Passed } from "./sync-memory.js"

/**
 * Hands on to the bots of a session what they cannot see by themselves: what other bots saved back, and what this browser saved
 * before it knew that they were granted it. Once each.
 */
export async function tellBots(vault: Vault, session: LoadedSession): Promise<void> {
  const memory = await readMemory(session)
  if (memory === null) return
  const own = vault.card.writerId
  const owners = new Set(vault.owners().map(({ writerId }) => writerId))
  const copies = vault.known().find(({ sid }) => sid === session.sid)?.copies ?? []
  const { passed } = memory
  const isNewCopy = copies.some((copy) => !passed.copies.includes(copy))
  const told = new Map(passed.fields)
  const state = session.state()
  const isNews = ({ field, clock, writer }: Register) => {
    if (writer === own) return isNewCopy && clock > passed.own
    // A whole save of this browser holds it already.
    const isHeld = memory.known.get(field)?.clock === clock && !told.has(field)
    return !owners.has(writer) && !isHeld && told.get(field) !== clock
  }
  const all: Register[] = [...livesOf(state).values(), ...deletionsOf(state).values()]
  const news = all.filter(isNews)
  if (copies.length > 0) await vault.passOn(session, news)
  const fields = all
    .filter(({ writer }) => !owners.has(writer))
    .map(({ field, clock }): [string, string] => [field, clock])
  const latest = all.reduce((clock, one) => (one.writer === own && one.clock > clock ? one.clock : clock), "")
  const now: Passed = { fields, own: latest, copies }
  if (JSON.stringify(now) !== JSON.stringify(passed)) await notePassed(session, now)
}
