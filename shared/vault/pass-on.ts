import { scopeRegisters } from "../grant-scope.js"
import { parseCard } from "../keys.js"
import type { Register } from "../merge.js"
import { pathOf } from "../merge/fields.js"
import type { CallOptions } from "../provider.js"
import { copyReaders, liveGrants } from "./copies.js"
import type { LoadedSession } from "./load.js"
import { seenOf } from "./marks.js"
import { putWhole } from "./parts.js"
import { endedBy, sealDelta } from "./save-changes.js"
import type { VaultState } from "./state.js"

/**
 * Hands on to the bots of a session what others did in it, as small envelopes into the copies that they read: a bot looks into
 * nobody's folder but its own. Registers keep their clocks, so whoever wrote later still counts.
 *
 * @param registers of the state that was loaded; whoever wrote one is not told of it
 * @returns how many envelopes were written
 * @throws `not-owner`
 */
export async function passOn(
  vault: VaultState,
  session: Pick<LoadedSession, "sid" | "snapshot" | "expiresAt">,
  registers: readonly Register[],
  call: CallOptions = {},
): Promise<number> {
  vault.ownMembers()
  const { sid, snapshot, expiresAt } = session
  const { sites } = snapshot
  const readers = registers.length === 0 ? [] : await copyReaders(vault, sid)
  const writers = await writersByCopy(vault, sid)
  let written = 0
  for (const { copy, terms, recipients } of readers) {
    const own = writers.get(copy) ?? new Set()
    const others = registers.filter(({ writer }) => own.size > 1 || !own.has(writer))
    const news = terms.names === undefined ? others : others.filter((register) => !isGroupEnd(register))
    const covered = scopeRegisters(news, terms, sites).map((register) => endedBy(register, terms.expiresAt))
    if (covered.length === 0) continue
    const header = { clock: vault.tick(), exp: Math.min(expiresAt, terms.expiresAt ?? expiresAt), sid: copy }
    for (const some of recipients) {
      const sealed = await sealDelta(vault, covered, some, { ...header, seen: seenOf(vault.remembered, sid) })
      await putWhole(vault.provider, sealed, call)
      written++
    }
  }
  if (written > 0) await vault.remember()
  return written
}

/** A whole save notes a group as gone wherever there was none: with chosen names that would name the session's other places. */
function isGroupEnd(register: Register): boolean {
  return "deleted" in register && pathOf(register.field)[0] === "group"
}

/** Writer ids of the bots that read each copy of a session. */
async function writersByCopy(vault: VaultState, sid: string): Promise<Map<string, Set<string>>> {
  const writers = new Map<string, Set<string>>()
  for (const { copy, card } of liveGrants(vault, sid)) {
    writers.set(copy, (writers.get(copy) ?? new Set()).add((await parseCard(card)).writerId))
  }
  return writers
}
