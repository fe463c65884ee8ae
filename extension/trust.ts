import { PspError } from "../shared/errors.js"
import { parseCard, type Card } from "../shared/keys.js"
import type { Vault } from "../shared/vault.js"
import { deleteKept, readKept, writeKept } from "./db.js"
import { adoptedBy, joinVaultOf, thisDevice } from "./device.js"
import type { Connection } from "./native-port.js"
import { createCard } from "../shared/keys.js"

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
const keptWaiting = "computer-waiting"

export async function trustOf(connection: Pick<Connection, "hello">): Promise<Trust> {
  const card = await computerCard(connection)
  if (card === null) return { state: "no-identity" }
  const { name, fingerprint } = card
  const known = await readKept(keptCard)
  if (known === null) return { state: "unknown", name, fingerprint }
  const before = await parseCard(known)
  if (before.writerId !== card.writerId || before.recipientId !== card.recipientId) {
    return { state: "changed", name, fingerprint, before: before.fingerprint }
  }
  return { state: (await isAwaitingAdoption()) ? "waiting" : "trusted", name, fingerprint }
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
    await joinVaultOf(card.text)
    await writeKept(keptWaiting, "yes")
  } else {
    await vault.addOwner(card.text)
  }
  await writeKept(keptCard, card.text)
  return trustOf(connection)
}

/** True while the person trusts a computer that has not let this browser into its vault yet. */
export async function isAwaitingAdoption(): Promise<boolean> {
  return (await readKept(keptWaiting)) !== null
}

/** Looks whether the computer has adopted this browser in the meantime. */
export async function checkAdoption(vault: Vault): Promise<boolean> {
  if (!(await isAwaitingAdoption())) return true
  await vault.refresh()
  if (!vault.isOwner) return false
  await deleteKept(keptWaiting)
  return true
}

async function ownsAnotherVault(card: Card, vault: Vault, connection: Connection): Promise<boolean> {
  if (card.vault === null || card.vault === vault.id) return false
  const { body } = await connection.request("list", { prefix: `${card.vault}/members/` })
  return body !== "[]"
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
