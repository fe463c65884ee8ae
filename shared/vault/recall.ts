import { base64, randomBytes } from "../bytes.js"
import { PspError } from "../errors.js"
import { nextClock } from "../hlc.js"
import { createCard, parseCard, writerIdOf, type Identity } from "../keys.js"
import { ownersOf } from "../ownership.js"
import { parseRemembered, type Remembered, type VaultMemory } from "../vault-memory.js"

export interface VaultOptions {
  identity: Identity
  /** The card of an owner to trust; without it, this identity's own vault. */
  owner?: string
  /** Where to remember between runs; without it, the store is read anew each time and cannot be caught going back. */
  memory?: VaultMemory
  /** ms since epoch. */
  now?: () => number
}

/**
 * What this device remembers, or what one knows that opens the vault for the first time.
 *
 * @throws `bad-card`, `card-changed`, `bad-identity`, `damaged` for a memory that somebody changed
 */
export async function recall({ identity, owner, memory, now = Date.now }: VaultOptions): Promise<Remembered> {
  const text = (await memory?.read()) ?? null
  const remembered = text === null ? null : parseRemembered(text)
  if (remembered !== null) {
    if (owner !== undefined) await refuseChangedOwner(remembered, owner)
    return remembered
  }
  const blank = blankMemory()
  const mine = await createCard(identity)
  if (owner !== undefined) {
    const pinned = await parseCard(owner)
    if (pinned.vault === null) throw new PspError("bad-card", `Cannot open vault: "${pinned.name}" owns none`)
    if (pinned.writerId !== (await writerIdOf(identity))) {
      return { ...blank, vault: pinned.vault, pinned: pinned.text, members: null, isUnsaved: false }
    }
  }
  if (identity.vault === null) {
    throw new PspError(
      "bad-identity",
      `Cannot open vault: "${identity.name}" owns none and trusts no owner; run psp trust`,
    )
  }
  const clock = nextClock(now(), null)
  const index = { clock, key: base64(randomBytes(32)) }
  const members = { root: mine, statements: [], closed: [], index, sessions: [], grants: [] }
  return { ...blank, vault: identity.vault, pinned: mine, members, isUnsaved: true, clock }
}

/** What one remembers who knows nothing yet. */
export function blankMemory(): Omit<Remembered, "vault" | "pinned" | "members" | "isUnsaved"> {
  return {
    granted: null,
    membersWrittenAt: 0,
    merged: [],
    written: [],
    bots: {},
    clock: null,
    marks: {},
    events: {},
  }
}

async function refuseChangedOwner(remembered: Remembered, owner: string): Promise<void> {
  const [asked, pinned] = await Promise.all([parseCard(owner), parseCard(remembered.pinned)])
  if (asked.writerId === pinned.writerId) return
  const told = remembered.members ?? remembered.granted
  const known = told === null ? null : await ownersOf(remembered.vault, told)
  if (known?.has(asked.writerId) === true) return
  throw new PspError(
    "card-changed",
    `Cannot trust "${asked.name}" (${asked.fingerprint}): this device already trusts "${pinned.name}" (${pinned.fingerprint}); ` +
      "if the owner really changed, forget the old one first",
  )
}
