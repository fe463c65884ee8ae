import { seal, type SealedEnvelope, type SealInput } from "../envelope.js"
import { basePlaintext, type Base } from "../session-payload.js"
import type { VaultState } from "./state.js"

/** A whole session, sealed to the owners and whoever else is named. @throws `too-large` */
export function sealBase(
  vault: VaultState,
  base: Base,
  header: Pick<SealInput["header"], "sid" | "clock" | "exp" | "seen">,
  alsoTo: string[] = [],
): Promise<SealedEnvelope> {
  return seal({
    header: { typ: "base", vault: vault.id, ...header },
    plaintext: basePlaintext(base.snapshot, base),
    recipients: [...alsoTo, ...[...vault.owners().values()].map(({ recipient }) => recipient)],
    writer: vault.identity,
  })
}
