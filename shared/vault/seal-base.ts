import { seal, type SealedEnvelope, type SealInput } from "../envelope.js"
import { basePlaintext } from "../session-payload.js"
import type { Snapshot } from "../snapshot.js"
import type { VaultState } from "./state.js"

/** A whole session, sealed to the owners and whoever else is named. @throws `too-large` */
export function sealBase(
  vault: VaultState,
  snapshot: Snapshot,
  header: Pick<SealInput["header"], "sid" | "clock" | "exp" | "seen">,
  alsoTo: string[] = [],
): Promise<SealedEnvelope> {
  return seal({
    header: { typ: "base", vault: vault.id, ...header },
    plaintext: basePlaintext(snapshot),
    recipients: [...alsoTo, ...[...vault.owners().values()].map(({ recipient }) => recipient)],
    writer: vault.identity,
  })
}
