import { isLive, type GrantRecord } from "../grants.js"
import type { Card } from "../keys.js"
import { ownersLetInBy } from "../ownership.js"
import { grantOf, type Grant } from "./grant.js"
import type { VaultState } from "./state.js"

/** What stays of an owner device that was removed, beside what it had saved. */
export interface LetIn {
  /** Owners that it added, a recovery identity included, and whom these added; without this device and whom this one added. */
  devices: Card[]
  /** That it made, as they say themselves, and that have not ended. */
  grants: Grant[]
  /** Grants that have not ended and do not tell who made them: an earlier version did. */
  untold: number
}

/** What a removed device had let in, under the keys that it has and those that it replaced by them. */
export async function letInBy(vault: VaultState, card: Card): Promise<LetIn> {
  const members = vault.ownMembers()
  const replaced = [...vault.former().values()].filter((one) => one.by === card.writerId && one.card.name === card.name)
  const ids = new Set([card.writerId, ...replaced.map((one) => one.card.writerId)])
  const devices = await ownersLetInBy(vault.id, members, { ids, except: vault.writerId })
  const live = members.grants.filter((grant) => isLive(grant, vault.now()))
  const isIts = ({ by }: GrantRecord) => by !== undefined && ids.has(by)
  return {
    devices,
    grants: await Promise.all(live.filter(isIts).map((grant) => grantOf(grant, vault.now()))),
    untold: live.filter(({ by }) => by === undefined).length,
  }
}
