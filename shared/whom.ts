import { wordlist } from "@scure/bip39/wordlists/english.js"
import { PspError } from "./errors.js"
import { parseCard, type Card } from "./keys.js"

/**
 * Whom a person means: by a card, by the six words over its keys, however they are parted, or by a name. Which of these it is
 * follows from the text alone. So nobody is found by a name that reads as the words of somebody else.
 */
export type Whom = { by: "card"; card: Card } | { by: "words"; words: string } | { by: "name"; name: string }

/** @throws `bad-card`, `too-new` */
export async function parseWhom(text: string): Promise<Whom> {
  const name = text.trim()
  if (name.startsWith("psp1")) return { by: "card", card: await parseCard(name) }
  const words = name.toLowerCase().split(/[\s-]+/)
  const isFingerprint = words.length === 6 && words.every((word) => wordlist.includes(word))
  return isFingerprint ? { by: "words", words: words.join(" ") } : { by: "name", name }
}

/** Whether this one is meant, or may be: of a name there can be several. */
export function isMeant(whom: Whom, { name, fingerprint }: Pick<Card, "name" | "fingerprint">): boolean {
  if (whom.by === "name") return name === whom.name
  return fingerprint === (whom.by === "card" ? whom.card.fingerprint : whom.words)
}

/**
 * The one that is meant; null where nobody is.
 *
 * @param groups a name is looked for in each of them, until one has it; a card or words in all
 * @param key one of its keys: another card of that one may name another vault
 * @throws `bad-card`, `too-new`, `usage` for a name of several
 */
export async function oneMeant(
  text: string,
  groups: readonly (readonly Card[])[],
  { key, what }: { key: "writerId" | "recipientId"; what: string },
): Promise<Card | null> {
  const whom = await parseWhom(text)
  const isThis = whom.by === "card" ? (card: Card) => card[key] === whom.card[key] : (card: Card) => isMeant(whom, card)
  const all = whom.by === "name" ? groups : [groups.flat()]
  const meant = all.map((cards) => cards.filter(isThis)).find(({ length }) => length > 0) ?? []
  const [one, ...others] = new Map(meant.map((card) => [card[key], card])).values()
  if (one === undefined) return null
  if (others.length === 0) return one
  const words = [one, ...others].map(({ fingerprint }) => `"${fingerprint}"`).join(", ")
  throw new PspError("usage", `Cannot tell which ${what} is meant: several have that name; give the words: ${words}`)
}
