import { utf8ToText } from "../bytes.js"
import { parseName } from "../envelope.js"
import { isPspError } from "../errors.js"
import { mergeMembers, membersToJson, parseMembers, type MemberState } from "../members.js"
import type { CallOptions } from "../provider.js"
import type { CompactReport } from "./compact.js"
import { skip } from "./compact-session.js"
import { saveMembers } from "./save.js"
import type { VaultState } from "./state.js"
import type { StoredEnvelope } from "./stored.js"

/**
 * Keeps the newest member envelope of each writer in a device's folder, and removes the others where the kept ones say all
 * that they said. Where they do not (two processes of one device wrote at once), this device first writes it all.
 *
 * @param stored what owners wrote into one folder, oldest first
 * @returns what was removed
 */
export async function compactMembers(
  vault: VaultState,
  stored: StoredEnvelope[],
  { report, ...call }: CallOptions & { report: CompactReport },
): Promise<StoredEnvelope[]> {
  const newest = new Map(stored.map((envelope) => [envelope.writer, envelope]))
  const old = stored.filter((envelope) => newest.get(envelope.writer) !== envelope)
  if (old.length === 0) return []
  let kept: MemberState | null = null
  for (const { name } of newest.values()) {
    const state = await readMembers(vault, name, call).catch((error: unknown) => skip(report, name, error))
    if (state === null || state === "ended") return []
    kept = mergeMembers(kept ?? state, state)
  }
  const removed: StoredEnvelope[] = []
  for (const envelope of old) {
    const { name } = envelope
    const state = await readMembers(vault, name, call).catch((error: unknown) => skip(report, name, error))
    if (state === null || kept === null) continue
    if (state !== "ended" && membersToJson(mergeMembers(kept, state)) !== membersToJson(kept)) {
      await writeAll(vault, state, call)
      report.written++
      kept = mergeMembers(kept, vault.ownMembers())
    }
    await vault.provider.remove(name, call)
    removed.push(envelope)
  }
  return removed
}

async function writeAll(vault: VaultState, state: MemberState, call: CallOptions): Promise<void> {
  vault.remembered.members = mergeMembers(vault.ownMembers(), state)
  vault.remembered.isUnsaved = true
  await vault.reloadOwners()
  await saveMembers(vault, call)
}

/** Null for one that is no longer there. */
async function readMembers(vault: VaultState, name: string, call: CallOptions): Promise<MemberState | "ended" | null> {
  const bytes = await vault.provider.get(name, call)
  if (bytes === null) return null
  try {
    const sid = parseName(name)?.folder.split("/").at(-1) ?? ""
    const opened = await vault.openAs(bytes, ["member"], { sid, name })
    return parseMembers(utf8ToText(opened.plaintext))
  } catch (error) {
    if (isPspError(error, "expired")) return "ended"
    throw error
  }
}
