import { laterClock } from "../hlc.js"
import { defaultAccount } from "../site.js"
import type { SessionOptions } from "./load.js"
import { renewCopies } from "./copies.js"
import { revokeRecords } from "./grant.js"
import { putRecord, recordOf, upsertRecord } from "./records.js"
import { refresh } from "./refresh.js"
import type { VaultState } from "./state.js"
import { newestOf, sessionFolder, toStored } from "./stored.js"

/** Forgets a session: first its entry, then its objects. */
export async function remove(
  vault: VaultState,
  site: string,
  { account = defaultAccount, ...call }: SessionOptions = {},
): Promise<{ removed: number }> {
  const { remembered, provider } = vault
  await refresh(vault, call)
  const known = recordOf(vault, site, account)
  if (known === undefined) return { removed: 0 }
  vault.ownMembers()
  const { sid } = known
  const names: string[] = []
  for await (const { name } of provider.list(sessionFolder(vault, sid), call)) names.push(name)
  // The entry is stamped later than each save that goes: where one stays behind or is shown for a while, it is not later.
  const { last } = newestOf(
    vault,
    names.flatMap((name) => toStored(name, 0) ?? []),
  )
  remembered.clock = laterClock(remembered.clock, last?.clock ?? null)
  if (known.removed && last !== null && last.clock > known.clock) putRecord(vault, { ...known, clock: vault.tick() })
  upsertRecord(vault, site, account, true)
  // A bot that may open it must not find it there again when somebody saves it anew.
  const granted = (remembered.members?.grants ?? []).filter((grant) => grant.sid === sid)
  await revokeRecords(vault, granted, call)
  const copies = granted.flatMap(({ copy, old }) => [copy, ...old])
  await renewCopies(vault, copies, null, { ...call, isCut: true })
  for (const name of names) await provider.remove(name, call)
  remembered.marks = Object.fromEntries(Object.entries(remembered.marks).filter(([other]) => other !== sid))
  await vault.remember()
  return { removed: names.length }
}
