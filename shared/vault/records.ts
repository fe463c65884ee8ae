import { base32 } from "@scure/base"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { base64ToBytes, utf8 } from "../bytes.js"
import { clockMs } from "../hlc.js"
import type { SessionRecord } from "../members.js"
import { grantedRecords, isBot } from "./granted.js"
import type { VaultState } from "./state.js"

/** What the members say of a session, removed ones included; of a bot, what it was granted. */
export function recordOf(vault: VaultState, site: string, account: string): SessionRecord | undefined {
  return recordsOf(vault).find((record) => record.site === site && record.account === account)
}

export function removedAt(vault: VaultState, site: string, account: string): number | null {
  const record = recordOf(vault, site, account)
  return record?.removed === true ? clockMs(record.clock) : null
}

/** When this device saved it last (ms since epoch), as far as it remembers. */
export function savedAt(vault: VaultState, site: string, account: string): number | null {
  const sid = recordOf(vault, site, account)?.sid
  const mark = sid === undefined ? undefined : vault.remembered.marks[sid]?.[vault.writerId]
  return mark === undefined ? null : clockMs(mark.clock)
}

/** Sessions that were not removed. */
export function liveRecords(vault: VaultState): SessionRecord[] {
  return recordsOf(vault).filter(({ removed }) => !removed)
}

function recordsOf(vault: VaultState): SessionRecord[] {
  return isBot(vault.remembered) ? grantedRecords(vault) : (vault.remembered.members?.sessions ?? [])
}

/** Notes among the members that a session is there, or no longer. @throws `not-owner` */
export function upsertRecord(vault: VaultState, site: string, account: string, removed: boolean): SessionRecord {
  const members = vault.ownMembers()
  const known = recordOf(vault, site, account)
  if (known?.removed === removed) return known
  const sid = known?.sid ?? sidOf(members.index.key, site, account)
  return putRecord(vault, { sid, site, account, clock: vault.tick(), removed })
}

/** Takes a record for what the members say of its session; it goes out with them, once they are written. */
export function putRecord({ remembered }: VaultState, record: SessionRecord): SessionRecord {
  const { members } = remembered
  if (members === null) return record
  members.sessions = [...members.sessions.filter(({ sid }) => sid !== record.sid), record]
  remembered.isUnsaved = true
  return record
}

/** base32 of the first 16 bytes of HMAC-SHA-256(index key, site || 0x00 || account): only owners can test guesses. */
function sidOf(key: string, site: string, account: string): string {
  const tag = hmac(sha256, base64ToBytes(key) ?? new Uint8Array(32), utf8(`${site}\0${account}`))
  return base32.encode(tag.subarray(0, 16)).replaceAll("=", "").toLowerCase()
}
