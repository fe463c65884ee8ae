import { botMembersToJson, isBotMembers, mergeBotMembers, parseBotMembers, type BotMembers } from "../bot-members.js"
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
 * that they said. Where they do not (two processes of one device wrote at once), this device first writes it all;
 * what a bot was told so stays.
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
  let kept: Told | null = null
  for (const { name } of newest.values()) {
    const state = await readMembers(vault, name, call).catch((error: unknown) => skip(report, name, error))
    if (state === null || state === "ended") return []
    kept = merge(kept ?? state, state)
  }
  const removed: StoredEnvelope[] = []
  for (const envelope of old) {
    const { name } = envelope
    const state = await readMembers(vault, name, call).catch((error: unknown) => skip(report, name, error))
    if (state === null || kept === null) continue
    if (state !== "ended" && textOf(merge(kept, state)) !== textOf(kept)) {
      if (!isOwners(state) || !isOwners(kept)) continue
      await writeAll(vault, state, call)
      report.written++
      kept = mergeMembers(kept, vault.ownMembers())
    }
    await vault.provider.remove(name, call)
    removed.push(envelope)
  }
  return removed
}

/** What an owner device, or a bot, was told. */
type Told = MemberState | BotMembers

function isOwners(told: Told): told is MemberState {
  return "index" in told
}

/** A folder holds both where a bot became an owner: what it was told as a bot is of no use then. */
function merge(a: Told, b: Told): Told {
  if (isOwners(a)) return isOwners(b) ? mergeMembers(a, b) : a
  return isOwners(b) ? b : mergeBotMembers(a, b)
}

function textOf(told: Told): string {
  return isOwners(told) ? membersToJson(told) : botMembersToJson(told)
}

async function writeAll(vault: VaultState, state: MemberState, call: CallOptions): Promise<void> {
  vault.remembered.members = mergeMembers(vault.ownMembers(), state)
  vault.remembered.isUnsaved = true
  await vault.reloadOwners()
  await saveMembers(vault, call)
}

/** Null for one that is no longer there. */
async function readMembers(vault: VaultState, name: string, call: CallOptions): Promise<Told | "ended" | null> {
  const bytes = await vault.provider.get(name, call)
  if (bytes === null) return null
  try {
    const sid = parseName(name)?.folder.split("/").at(-1) ?? ""
    const opened = await vault.openAs(bytes, ["member"], { sid, name })
    const text = utf8ToText(opened.plaintext)
    return isBotMembers(text) ? parseBotMembers(text) : parseMembers(text)
  } catch (error) {
    if (isPspError(error, "expired")) return "ended"
    throw error
  }
}
