import { defaultAccount } from "../site.js"
import type { SessionOptions } from "./load.js"
import { recordOf, upsertRecord } from "./records.js"
import { refresh } from "./refresh.js"
import { saveMembers } from "./save.js"
import type { VaultState } from "./state.js"
import { sessionFolder } from "./stored.js"

/** Forgets a session: first its entry, then its objects. */
export async function remove(
  vault: VaultState,
  site: string,
  { account = defaultAccount, ...call }: SessionOptions = {},
): Promise<{ removed: number }> {
  const { remembered, provider } = vault
  await refresh(vault, call)
  if (recordOf(vault, site, account) === undefined) return { removed: 0 }
  const { sid } = upsertRecord(vault, site, account, true)
  await saveMembers(vault, call)
  let removed = 0
  for await (const { name } of provider.list(sessionFolder(vault, sid), call)) {
    await provider.remove(name, call)
    removed++
  }
  remembered.marks = Object.fromEntries(Object.entries(remembered.marks).filter(([other]) => other !== sid))
  await vault.remember()
  return { removed }
}
