import { sha256 } from "@noble/hashes/sha2.js"
import { hex, utf8 } from "../bytes.js"
import { parseName } from "../envelope.js"
import type { CallOptions } from "../provider.js"
import { liveGrants } from "./copies.js"
import { liveRecords } from "./records.js"
import { refresh } from "./refresh.js"
import type { VaultState } from "./state.js"
import { isLeaseName } from "./stored.js"

export interface SessionVersion {
  site: string
  account: string
  /** Another text as soon as others added something to the session, or took it away; says nothing else. */
  version: string
}

/**
 * Which sessions others wrote to since somebody looked, for the price of one list of the store however many there are. What this
 * device wrote changes no version, and nothing but members is opened; whether what came counts, `loadSession` says.
 */
export async function versions(vault: VaultState, call: CallOptions = {}): Promise<SessionVersion[]> {
  await refresh(vault, call)
  const names = new Map<string, string[]>()
  for await (const { name } of vault.provider.list(`${vault.id}/sessions/`, call)) {
    if (isLeaseName(name) || parseName(name)?.writer === vault.writerId) continue
    const sid = name.split("/")[2] ?? ""
    names.set(sid, [...(names.get(sid) ?? []), name])
  }
  await vault.remember()
  return liveRecords(vault).map(({ site, account, sid }) => {
    const copies = [...new Set(liveGrants(vault, sid).map(({ copy }) => copy))].sort()
    const all = [sid, ...copies].flatMap((folder) => names.get(folder) ?? [])
    return { site, account, version: hex(sha256(utf8(all.join("\n"))).subarray(0, 16)) }
  })
}
