import { shellWord } from "./shell-word.js"
import { defaultAccount } from "./site.js"

/**
 * What makes a bot find what it was granted: whom to trust and where it lies; its identity and its credentials are its own. Nothing of
 * it is a secret.
 *
 * @param ownerCard of the device that granted
 * @param store address as everybody may see it
 */
export function handoffCommands(
  ownerCard: string,
  { site, account, store }: { site: string; account: string; store: string },
): [trust: string, restore: string] {
  const where = `--store ${shellWord(withoutPassword(store))}`
  const which = account === defaultAccount ? shellWord(site) : `${shellWord(site)} --account ${shellWord(account)}`
  return [`psp trust ${ownerCard} ${where}`, `psp restore ${which} ${where} ${restored}`]
}

/** As `handoffCommands`, for a sealed file that the bot was given. */
export function fileCommands(ownerCard: string, file: string): [trust: string, restore: string] {
  return [`psp trust ${ownerCard}`, `psp restore ${shellWord(file)} ${restored}`]
}

const restored = "--format playwright --out state.json"

/** The place of one that is not shown: who uses the store has a password of their own. */
function withoutPassword(address: string): string {
  return address.replace(/^([a-z]+:\/\/[^/@?#]*?):…@/, "$1@").replace(/^([a-z]+:\/\/)@/, "$1")
}
