import { seal, type SealedEnvelope, type SealInput } from "../envelope.js"
import { basePlaintext, type Base } from "../session-payload.js"
import type { VaultState } from "./state.js"

/**
 * A whole session, sealed to the owners and whoever else is named.
 *
 * @param isForOwners false for a part of a session: no owner may ever take it for the whole
 * @throws `too-large`
 */
export function sealBase(
  vault: VaultState,
  base: Base,
  header: Pick<SealInput["header"], "sid" | "clock" | "exp" | "seen">,
  alsoTo: string[] = [],
  isForOwners = true,
): Promise<SealedEnvelope> {
  const owners = isForOwners ? [...vault.owners().values()].map(({ recipient }) => recipient) : []
  return seal({
    header: { typ: "base", vault: vault.id, ...header },
    plaintext: basePlaintext(base.snapshot, base),
    recipients: [...alsoTo, ...owners],
    writer: vault.identity,
  })
}
