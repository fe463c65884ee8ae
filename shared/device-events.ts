import type { Card } from "./keys.js"
import type { EventSays, Vault } from "./vault.js"

/** What became of an owner device. */
export type DeviceEvent = "added" | "removed" | "rotated" | "recovered"

/** For the access history; of no site. */
export function aboutDevice(
  kind: DeviceEvent,
  { name, fingerprint }: Pick<Card, "name" | "fingerprint">,
  tool: string,
): EventSays {
  return { kind, site: "", account: "default", tool, bot: { name, fingerprint } }
}

/** True where the access history tells that of this device already: whatever did it may have broken off before. */
export async function isNoted(
  vault: Pick<Vault, "events">,
  kind: DeviceEvent,
  { fingerprint }: Card,
): Promise<boolean> {
  for await (const item of vault.events()) {
    if (item.type === "event" && !item.by.isBot && item.kind === kind && item.bot?.fingerprint === fingerprint)
      return true
  }
  return false
}
