import { deletionsOf, livesOf, type SessionState, type Stamp } from "../shared/merge.js"
import { comparedText, type Known, type KnownFields } from "../shared/merge/changes.js"
import { pathOf, type FieldId } from "../shared/merge/fields.js"
import { hasEnded } from "../shared/merge/stamps.js"
import type { Refusal } from "../shared/merge/rules.js"
import type { Vault } from "../shared/vault.js"
import { createEntrance, type TakenIn } from "./entrance.js"
import type { SessionName } from "./forget.js"
import { withHost } from "./host.js"
import { waitOf, whyNotHere } from "./may-enter.js"
import { memberNames } from "./member-names.js"
import { tellBots } from "./tell-bots.js"
import { createDigest, learn, readMemory } from "./sync-memory.js"
import type { SyncSetting, Tick } from "./sync-settings.js"

/**
 * Lets into this browser what others changed of a session: of itself only rotations (`may-enter.ts`). All else waits for the person's
 * tick, by name; and what is ticked, for a page that it can be written through.
 */
export async function takeIn(setting: SyncSetting, ticked: readonly Tick[] = []): Promise<TakenIn> {
  const memory = await readMemory(setting)
  if (memory === null) return { held: [] }
  const digestOf = await createDigest()
  const seen = await withHost((vault) => look(vault, setting))
  if (seen === null) return { held: [] }
  const { state, nameOf, isOwner } = seen
  const { known } = memory
  const learned = new Map<FieldId, { before: Known | undefined; now: Known }>()
  const entrance = createEntrance({ setting, known, ticked, nameOf, isOwner, digestOf })
  for (const [field, live] of setting.mode === "both" ? livesOf(state) : []) {
    if (isAboutSession(field)) continue
    const before = known.get(field)
    if (pathOf(field)[0] === "area" || isSameStamp(before, live) || hasEnded(live, Date.now())) continue
    const { clock, writer, born, expiresAt, value } = live
    const now: Known = {
      clock,
      writer,
      born,
      expiresAt,
      digest: value === undefined ? "" : digestOf(comparedText(value)),
    }
    if (before?.digest === now.digest) {
      learned.set(field, { before, now })
      continue
    }
    // What this browser has changed since is newer than what it knows of others.
    if (before !== undefined && before.clock > clock) continue
    const wait = await waitOf(live, known, setting)
    if (wait !== null && !(wait.canTake && entrance.isTicked(live))) entrance.hold(live, wait)
    else await entrance.enter({ field, by: live, to: value, before, now })
  }
  for (const { register: deletion, why } of setting.mode === "both" ? deletionsIn(seen) : []) {
    const { field } = deletion
    const before = known.get(field)
    // Whatever is known was read once: it can be read.
    if (before === undefined || pathOf(field)[0] === "area" || before.clock > deletion.clock) continue
    const never = whyNotHere(field, setting)
    // It stays known: the next look finds it gone, and says so as this browser's own deletion.
    if (never === null && entrance.isTicked(deletion))
      await entrance.enter({ field, by: deletion, to: null, before, now: null })
    else entrance.hold(deletion, { why: never ?? why, canTake: never === null, isLasting: false })
  }
  const refused = setting.mode === "both" ? seen.refused.filter(({ register }) => !("deleted" in register)) : []
  for (const { register, why } of refused) entrance.hold(register, { why, canTake: false, isLasting: false })
  noteDead(state, known, learned)
  await learn(setting, learned)
  return entrance.end()
}

interface Seen {
  state: SessionState
  refused: Refusal[]
  nameOf: (writer: string) => string
  isOwner: (writer: string) => boolean
}

/** What tells of the session and of who saved it, and is nothing that a browser holds. */
function isAboutSession(field: FieldId): boolean {
  const [kind] = pathOf(field)
  return kind === "context" || kind === "check"
}

/** What owners deleted, and what bots would have. */
function deletionsIn({ state, refused }: Seen): Refusal[] {
  const byOwners = [...deletionsOf(state).values()].map((register) => ({ register, why: "it was deleted elsewhere" }))
  return [...byOwners, ...refused.filter(({ register }) => "deleted" in register)]
}

/**
 * What somebody else deleted, or saved anew as a whole, ended the life that this browser goes on writing: nobody would see it. From
 * now on what changes is a life of its own. What this browser wrote later than the one that took its place is written once more.
 */
function noteDead(
  { fields }: SessionState,
  known: KnownFields,
  learned: Map<FieldId, { before: Known | undefined; now: Known }>,
): void {
  for (const [field, before] of known) {
    const lives = fields.get(field)?.lives
    if (learned.has(field) || before.isDead === true || lives?.has(before.born) === true) continue
    const others = [...(lives?.values() ?? [])]
    const isLater = others.length > 0 && others.every(({ clock }) => clock < before.clock)
    learned.set(field, { before, now: { ...before, isDead: true, ...(isLater && { digest: "" }) } })
  }
}

async function look(vault: Vault, { site, account }: SessionName): Promise<Seen | null> {
  const session = await vault.loadSession(site, { account })
  if (session === null) return null
  await tellBots(vault, session)
  const owners = new Set(vault.owners().map(({ writerId }) => writerId))
  return {
    state: session.state(),
    refused: session.refused,
    nameOf: await memberNames(vault),
    isOwner: (writer) => owners.has(writer),
  }
}

function isSameStamp(one: Stamp | undefined, other: Stamp): boolean {
  return one?.clock === other.clock && one.writer === other.writer
}
