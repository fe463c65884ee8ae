import { utf8ToText } from "../bytes.js"
import { digestOf, parseName, readHeader, type EnvelopeType, type OpenedEnvelope } from "../envelope.js"
import { isPspError } from "../errors.js"
import { clockMs, isClockPlausible } from "../hlc.js"
import { isBotMembers, parseBotMembers } from "../bot-members.js"
import { createCard, parseCard, type Card } from "../keys.js"
import { parseMembers } from "../members.js"
import { isObjectName, type CallOptions } from "../provider.js"
import { parseBase, parseDelta } from "../session-payload.js"
import { botsAt } from "./bot-sources.js"
import { defectOf, type Defect } from "./defect.js"
import { isStoreFault } from "./faults.js"
import { isBot } from "./granted.js"
import { eventWriters } from "./event-writers.js"
import { parseEvent } from "./event-payload.js"
import { parseLease } from "./lease-payload.js"
import { isPartName, joinParts, listNameOf, partNames } from "./parts.js"
import type { VaultState } from "./state.js"

/** What one look at an object told. */
export type Finding =
  | { kind: "sound"; opened: OpenedEnvelope; parts: string[]; defect?: Defect }
  | { kind: "part"; parts: string[] }
  | { kind: "expired" | "for-others"; opened: Pick<OpenedEnvelope, "header" | "headerId">; parts: string[] }
  | { kind: "defect"; defect: Defect; parts: string[] }
  /** Removed by somebody between the list and the look. */
  | { kind: "gone"; parts: string[] }

/** Reads an object and says what is wrong with it, if anything. @throws the provider's codes */
export async function checkObject(vault: VaultState, name: string, call: CallOptions): Promise<Finding> {
  const found = (code: Parameters<typeof defectOf>[0], of = name): Finding => ({
    kind: "defect",
    defect: defectOf(code, of),
    parts: [],
  })
  const parsed = parseName(name)
  const types = typesAt(vault, name)
  if (parsed === null || types === null) return found("extra")
  const bytes = await vault.provider.get(name, call)
  if (bytes === null) return (await isListed(vault, name, call)) ? found("missing") : { kind: "gone", parts: [] }
  const digest = await digestOf(bytes)
  if (digest !== parsed.digest) {
    const isOther =
      (await isSound(vault, bytes)) ||
      (await isSoundList(vault, bytes, call)) ||
      (await isNameOfNeighbour(vault, name, digest, call))
    return found(isOther ? "swapped" : "bit-rot")
  }
  if (types[0] === "event" && !(await isEventWriter(vault, parsed))) {
    // Of other bots than itself, a bot knows nothing.
    if (!isBot(vault.remembered)) return found("unknown-writer")
    const opened = await readHeader(bytes).catch(() => null)
    return opened === null ? found("damaged") : { kind: "for-others", opened, parts: [] }
  }
  const bot = await botOf(vault, name, parsed)
  const isOwners = types.includes("base") ? vault.authorOf(parsed) !== null : vault.owners().has(parsed.writer)
  if (!isOwners && bot === null) return found("unknown-writer")
  if (isPartName(name)) return { kind: "part", parts: [] }
  const parts = partNames({ name, bytes })
  const whole = await joinParts(vault.provider, { name, bytes }, call)
  if ("code" in whole) {
    // A part that rotted is met under its own name.
    if (whole.code === "bit-rot") return { kind: "part", parts }
    return { ...found(whole.code, whole.name), parts }
  }
  try {
    // One that is ahead is looked at as its writer's clock would have it.
    const isAhead = !isClockPlausible(parsed.clock, vault.now())
    const now = isAhead ? clockMs(parsed.clock) : vault.now()
    const opened = await vault.openAs(whole.bytes, bot === null ? types : types.filter((typ) => typ !== "base"), {
      name: whole.name,
      now,
      ...(bot !== null && { bot }),
    })
    checkInside(opened)
    return { kind: "sound", opened, parts, ...(isAhead ? { defect: defectOf("clock-ahead", name) } : {}) }
  } catch (error) {
    if (!isPspError(error) || isStoreFault(error.code)) throw error
    // Both are found out after its signature was checked.
    if (error.code === "expired") return { kind: "expired", opened: await readHeader(whole.bytes), parts }
    if (error.code === "not-for-me") return { kind: "for-others", opened: await readHeader(whole.bytes), parts }
    if (error.code === "not-trusted") return { ...found("unknown-writer"), parts }
    if (error.code === "too-new") return { ...found("too-new"), parts }
    return { ...found((await isSound(vault, whole.bytes)) ? "swapped" : "damaged"), parts }
  }
}

/** What may lie in the folder of a name; null for a folder that is none of ours. */
function typesAt({ id }: VaultState, name: string): EnvelopeType[] | null {
  const [vault, room, owner, ...rest] = name.split("/")
  if (vault !== id || owner === undefined) return null
  const isSession = /^[a-z2-7]{26}$/.test(owner)
  const isDevice = /^[0-9a-f]{32}$/.test(owner)
  if (room === "sessions" && isSession && (rest.length === 1 || (rest.length === 2 && rest[0] === "parts")))
    return ["base", "delta"]
  if (room === "sessions" && isSession && rest.length === 2 && rest[0] === "leases") return ["lease"]
  if (room === "members" && isDevice && rest.length === 1) return ["member"]
  if (room === "events" && isDevice && rest.length === 1) return ["event"]
  return null
}

/** A bot that may save back writes into the folder of its copy: changes and leases. */
async function botOf(
  vault: VaultState,
  name: string,
  { writer, clock }: { writer: string; clock: string },
): Promise<Card | null> {
  const [, room, copy = ""] = name.split("/")
  if (room === "events") return (await eventWriters(vault)).get(writer)?.card ?? ownCard(vault, writer)
  if (vault.owners().has(writer)) return null
  // What a device told as an owner stays after it was removed: from it others learn who came after it.
  const before = vault.former().get(writer)
  if (room === "members") return before !== undefined && clock <= before.until ? before.card : null
  if (room !== "sessions") return null
  return (await botsAt(vault, copy, { isWriting: true })).get(writer) ?? null
}

/** Each writes into its own folder. */
async function isEventWriter(
  vault: VaultState,
  { folder, writer }: { folder: string; writer: string },
): Promise<boolean> {
  if (!folder.endsWith(`/${writer}`)) return false
  return writer === vault.writerId || (await eventWriters(vault)).has(writer)
}

async function ownCard({ identity, writerId }: VaultState, writer: string): Promise<Card | null> {
  return writer === writerId ? parseCard(await createCard({ ...identity, vault: null })) : null
}

function checkInside({ header, plaintext }: OpenedEnvelope): void {
  if (header.typ === "base") parseBase(plaintext)
  if (header.typ === "delta") parseDelta(plaintext)
  if (header.typ === "event") parseEvent(plaintext, header.clock)
  if (header.typ === "lease") parseLease(plaintext, clockMs(header.clock))
  if (header.typ !== "member") return
  const text = utf8ToText(plaintext)
  if (isBotMembers(text)) parseBotMembers(text)
  else parseMembers(text)
}

/** True for an envelope that an owner of this vault signed, under whatever name. */
async function isSound(vault: VaultState, bytes: Uint8Array): Promise<boolean> {
  try {
    await vault.openAs(bytes, ["member", "base", "delta", "lease", "event"], {})
    return true
  } catch (error) {
    return isPspError(error) && (error.code === "expired" || error.code === "not-for-me")
  }
}

/** True for a list of parts that gives such an envelope where it belongs. */
async function isSoundList(vault: VaultState, bytes: Uint8Array, call: CallOptions): Promise<boolean> {
  const name = await listNameOf(bytes)
  if (name === null || !isObjectName(name)) return false
  const whole = await joinParts(vault.provider, { name, bytes }, call)
  return "bytes" in whole && isSound(vault, whole.bytes)
}

/** True when the bytes belong to another name of the same folder; a part alone does not tell what it is. */
async function isNameOfNeighbour(vault: VaultState, name: string, digest: string, call: CallOptions): Promise<boolean> {
  const folder = name.slice(0, name.lastIndexOf("/") + 1)
  for await (const other of vault.provider.list(folder, call)) if (parseName(other.name)?.digest === digest) return true
  return false
}

async function isListed(vault: VaultState, name: string, call: CallOptions): Promise<boolean> {
  for await (const other of vault.provider.list(name, call)) if (other.name === name) return true
  return false
}
