import type { SessionEntry, Vault } from "../shared/vault.js"
import type { SessionName } from "./forget.js"

/** Somebody else who uses a saved session now, by their own account. */
export interface InUse extends SessionName {
  /** Name on the card of who uses it. */
  holder: string
  isBot: boolean
  /** ms since epoch. */
  until: number
}

/** Who uses which session of the vault now; this browser says of itself nothing. @throws the provider's codes */
export async function readInUse(vault: Vault): Promise<InUse[]> {
  return (await vault.list({ leases: true })).flatMap(inUseOf)
}

/** What a listed session tells of it. */
export function inUseOf({ site, account, leases }: Pick<SessionEntry, "site" | "account" | "leases">): InUse[] {
  return leases
    .filter(({ isOwn }) => !isOwn)
    .map(({ holder, isBot, until }) => ({ site, account, holder, isBot, until }))
}
