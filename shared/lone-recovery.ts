import { parseCard, type Card } from "./keys.js"
import { additionsOf, ownersOf, type OwnerStatement } from "./ownership.js"
import { recoveryName } from "./recovery.js"

/**
 * Recovery identities that know none of the owner devices of now. One remembers nothing but its own word of when it was made, and
 * learns of later devices from those that it names. Once they are all gone their last words end, and then it opens nothing.
 */
export async function loneRecoveries(
  vault: string,
  told: { root: string; statements: OwnerStatement[] },
): Promise<Card[]> {
  const owners = [...(await ownersOf(vault, told)).values()]
  const root = await parseCard(told.root)
  const additions = await additionsOf(vault, told)
  const knows = (recovery: Card) => {
    const since = additions.find(({ about }) => about.writerId === recovery.writerId)?.clock ?? ""
    // When it is used it says anew whom it knows, so what it added itself counts as well.
    const known = additions.filter(({ by, clock }) => clock < since || by === recovery.writerId)
    return new Set([root.writerId, ...known.map(({ about }) => about.writerId)])
  }
  return owners
    .filter(({ name }) => name === recoveryName)
    .filter((recovery) => {
      const known = knows(recovery)
      return !owners.some(({ writerId }) => writerId !== recovery.writerId && known.has(writerId))
    })
}
