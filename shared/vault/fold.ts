import type { CallOptions } from "../provider.js"
import type { LoadedSession } from "./load.js"
import { note, seenOf } from "./marks.js"
import { putWhole } from "./parts.js"
import { sealBase } from "./seal-base.js"
import type { VaultState } from "./state.js"

/**
 * Writes what a session came to by merging as one base, with the stamp of the newest that it holds: what anybody saves meanwhile
 * is merged with it as before.
 */
export async function fold(vault: VaultState, session: LoadedSession, call: CallOptions): Promise<void> {
  const { sid, clock, expiresAt } = session
  const seen = seenOf(vault.remembered, sid)
  const sealed = await sealBase(vault, session.base(), { sid, clock, exp: expiresAt, seen })
  await putWhole(vault.provider, sealed, call)
  note(vault.remembered, sid, vault.writerId, { clock, header: sealed.headerId, exp: expiresAt })
}
