import type { Card } from "./keys.js"
import { looksAlike, nameOddities, type NameOddity } from "./look-alike.js"

/** Whom a card is compared with. */
export interface KnownCards {
  owners: readonly Card[]
  /** That something was granted to. */
  bots: readonly Card[]
}

/**
 * What a person has to know of a card before they accept it.
 *
 * - `owner-device`: one of the person's own devices, which opens everything already. It cannot be granted anything.
 * - `other-owner`: somebody keeps sessions of their own under it, in this very store.
 * - `known-as`: the same keys are known under another name.
 * - `half-known`: one of its two keys is that of a known card, the other is not.
 * - `same-name`: another card has this very name.
 * - `look-alike`: another card has a name that looks like it.
 * - `mixed-scripts`, `invisible`: the name is written so that it may look like another one.
 */
export type CardOddity =
  | { code: "owner-device" | "other-owner" | NameOddity }
  | { code: "known-as" | "half-known" | "same-name" | "look-alike"; name: string; fingerprint: string }

/** @param ownsSessions whether anything lies in the store under the vault that the card names */
export function odditiesOf(card: Card, { owners, bots }: KnownCards, ownsSessions: boolean): CardOddity[] {
  const found: CardOddity[] = []
  const isOwn = owners.some(
    ({ recipientId, writerId }) => recipientId === card.recipientId || writerId === card.writerId,
  )
  if (isOwn) found.push({ code: "owner-device" })
  else if (ownsSessions) found.push({ code: "other-owner" })
  const told = new Set<string>()
  for (const known of [...owners, ...bots]) {
    const code = oddityBeside(card, known)
    const key = `${code} ${known.name} ${known.fingerprint}`
    if (code === null || told.has(key)) continue
    told.add(key)
    found.push({ code, name: known.name, fingerprint: known.fingerprint })
  }
  return [...found, ...nameOddities(card.name).map((code) => ({ code }))]
}

/** True for a card that nothing can be granted to. */
export function isRefused(oddities: readonly CardOddity[]): boolean {
  return oddities.some(({ code }) => code === "owner-device")
}

function oddityBeside(card: Card, known: Card): "known-as" | "half-known" | "same-name" | "look-alike" | null {
  const isReader = card.recipientId === known.recipientId
  const isWriter = card.writerId === known.writerId
  if (isReader && isWriter) return card.name === known.name ? null : "known-as"
  if (isReader || isWriter) return "half-known"
  if (card.name === known.name) return "same-name"
  return looksAlike(card.name, known.name) ? "look-alike" : null
}
