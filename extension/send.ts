import type { Vault } from "../shared/vault.js"
import { withHost } from "./host.js"
import { noteAccess, tool } from "./note-access.js"
import { drain } from "./outbox.js"
import type { WaitingSave } from "./db.js"

/** @throws what the host or the store answered; what was not sent stays in the outbox */
export async function sendOutbox(): Promise<void> {
  await withHost(sendWith)
}

/** As `drain`, and tells the access history of what went out. */
export async function sendWith(vault: Vault): Promise<void> {
  const sent: WaitingSave[] = []
  try {
    await drain(vault, (save) => sent.push(save))
  } finally {
    await noteAccess(
      vault,
      sent.map(({ site, account, names = [] }) => ({ kind: "saved", site, account, tool, names })),
    )
  }
}
