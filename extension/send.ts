import { withHost } from "./host.js"
import { drain } from "./outbox.js"

/** @throws what the host or the store answered; what was not sent stays in the outbox */
export async function sendOutbox(): Promise<void> {
  await withHost(async (vault) => drain(vault))
}
