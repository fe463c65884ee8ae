import { aboutDevice, isNoted } from "../shared/device-events.js"
import { isPspError, PspError } from "../shared/errors.js"
import { createCard, parseCard, type Card } from "../shared/keys.js"
import type { Provider } from "../shared/provider.js"
import type { SaveEntry, Vault } from "../shared/vault.js"
import { ownsSessions } from "../shared/vault/owns-sessions.js"
import { readKept, writeKept } from "./db.js"
import {
  adoptedBy,
  beginJoining,
  finishJoining,
  joining,
  openDeviceVault,
  openJoinedVault,
  thisDevice,
} from "./device.js"
import { endsIn } from "./keep-rules.js"
import type { Connection } from "./native-port.js"
import { noteAccess, tool } from "./note-access.js"
import { createPortProvider } from "./port-provider.js"

/**
 * How this browser and this computer stand to each other.
 *
 * - `unknown`: the computer was never trusted; its card is shown, the person decides.
 * - `waiting`: the person trusts the computer, which owns a vault already and has not adopted this browser yet.
 * - `trusted`: both own the vault together.
 * - `changed`: the computer shows another card than the one that was trusted. Nothing is sealed to it.
 * - `no-identity`: the host answers, but the computer has no identity yet.
 */
export type Trust =
  | { state: "unknown" | "waiting" | "trusted"; name: string; fingerprint: string }
  | { state: "changed"; name: string; fingerprint: string; before: string }
  | { state: "no-identity" }

const keptCard = "computer"

/** Does what makes the computer an owner; waits for saves that are being sealed, and lets none begin meanwhile. */
export function changingOwners<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks.request("owners", work)
}

/** Seals while nobody becomes an owner: what is sealed to the owners of before would stay closed to the new one. */
export function withOwners<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks.request("owners", { mode: "shared" }, work)
}

export async function trustOf(connection: Pick<Connection, "hello" | "request">): Promise<Trust> {
  const card = await computerCard(connection)
  if (card === null) return { state: "no-identity" }
  const { name, fingerprint } = card
  const known = await readKept(keptCard)
  if (known === null) return { state: "unknown", name, fingerprint }
  const before = await parseCard(known)
  if (before.writerId !== card.writerId || before.recipientId !== card.recipientId) {
    if (!(await hasSucceeded(card, before, connection)))
      return { state: "changed", name, fingerprint, before: before.fingerprint }
    await writeKept(keptCard, card.text)
  }
  return { state: (await isAwaitingAdoption()) ? "waiting" : "trusted", name, fingerprint }
}

/**
 * True when this vault's owners say that the computer has new keys: the new ones are an owner's, by a chain of signatures from the
 * one that this browser knows, and the old ones are removed. A host alone cannot say so.
 */
async function hasSucceeded(
  card: Card,
  before: Card,
  connection: Pick<Connection, "hello" | "request">,
): Promise<boolean> {
  try {
    const vault = await openDeviceVault(createPortProvider(connection))
    await vault.refresh()
    const owners = vault.owners()
    const isIn = ({ writerId, recipientId }: Card) =>
      owners.some((owner) => owner.writerId === writerId && owner.recipientId === recipientId)
    return vault.isOwner && isIn(card) && !owners.some(({ writerId }) => writerId === before.writerId)
  } catch (error) {
    if (isPspError(error)) return false
    throw error
  }
}

/** What the person last decided, without asking the host. */
export async function isTrusted(): Promise<boolean> {
  return (await readKept(keptCard)) !== null && !(await isAwaitingAdoption())
}

/**
 * Shares the vault with this computer, whose fingerprint the person has seen: this browser's vault, or, when the computer
 * owns one with something in it already, the computer's.
 *
 * @param seen the fingerprint that was on the screen when the person pressed the button
 * @throws `card-changed` when the computer shows another card by now
 */
export async function trustComputer(vault: Vault, connection: Connection, seen: string): Promise<Trust> {
  const card = await computerCard(connection)
  if (card === null) throw noIdentity()
  const trust = await trustOf(connection)
  if (trust.state === "changed" || card.fingerprint !== seen) {
    throw new PspError(
      "card-changed",
      "Cannot trust this computer: it shows another fingerprint than before; compare it with what `psp card` prints",
    )
  }
  await connection.request("offer", { card: vault.card.text })
  if (await ownsAnotherVault(card, vault, connection)) {
    await beginJoining(card.text)
  } else {
    await vault.refresh()
    const isNew = !vault.owners().some(({ writerId }) => writerId === card.writerId)
    await vault.addOwner(card.text)
    if (isNew || !(await isNoted(vault, "added", card))) await noteAccess(vault, [aboutDevice("added", card, tool)])
  }
  await writeKept(keptCard, card.text)
  return trustOf(connection)
}

/** True while the person trusts a computer that has not let this browser into its vault yet. */
export async function isAwaitingAdoption(): Promise<boolean> {
  return (await joining()) !== null
}

/**
 * Looks whether the computer has adopted this browser in the meantime, and if so moves what this browser saved until then
 * into the computer's vault. Nothing may wait in the outbox: it is sealed for the vault that is left.
 *
 * @param vault the vault this browser leaves; not to be used any more after true
 */
export async function checkAdoption(vault: Vault, provider: Provider): Promise<boolean> {
  const owner = await joining()
  if (owner === null) return true
  const joined = await openJoinedVault(provider, owner)
  await joined.refresh()
  if (!joined.isOwner) return false
  await joined.saveAll(newerIn(vault, joined))
  await finishJoining(owner)
  return true
}

/** What a vault has of which the other has nothing, or something older. */
async function* newerIn(vault: Vault, other: Vault): AsyncGenerator<SaveEntry> {
  for (const { site, account } of await vault.list()) {
    // What cannot be opened any more cannot be moved, and stays where it is.
    const mine = await vault.loadSession(site, { account }).catch(onlyUnreadable)
    const theirs = await other.loadSession(site, { account }).catch(onlyUnreadable)
    if (mine !== null && (theirs === null || theirs.savedAt < mine.savedAt)) {
      yield { snapshot: mine.snapshot, expiresAt: mine.expiresAt, endOf: endsIn(mine) }
    }
  }
}

function onlyUnreadable(error: unknown): null {
  if (isPspError(error) && ["expired", "damaged", "corrupt", "rolled-back"].includes(error.code)) return null
  throw error
}

async function ownsAnotherVault(card: Card, vault: Vault, connection: Connection): Promise<boolean> {
  return card.vault !== vault.id && ownsSessions(createPortProvider(connection), card)
}

async function computerCard({ hello }: Pick<Connection, "hello">): Promise<Card | null> {
  return hello.computer === null ? null : parseCard(hello.computer.card)
}

function noIdentity(): PspError {
  return new PspError("no-identity", "Cannot trust this computer: it has no identity yet; run: psp install")
}

/** This browser's own card, to compare fingerprints. */
export async function ownCard(): Promise<Card> {
  const identity = await thisDevice()
  return parseCard(await createCard({ ...identity, vault: (await adoptedBy()) === null ? identity.vault : null }))
}
