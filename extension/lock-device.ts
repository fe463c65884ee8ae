import { PspError } from "../shared/errors.js"
import { identityToText, recipientOf, type OpenIdentity } from "../shared/keys.js"
import { shortestPassphrase } from "../shared/shortest-passphrase.js"
import { deleteKept, readKept, readSecret, updateKept, writeSecret } from "./db.js"
import { thisDevice } from "./device.js"
import { deviceToText, parseDevice } from "./locked-device.js"
import { openInWorker, sealInWorker } from "./passphrase-worker.js"
import { keepUnlocked, lockNow, unlockedSecret } from "./unlocked.js"

/** How this browser's identity is now. */
export type LockState = "none" | "locked" | "unlocked"

export async function lockState(): Promise<LockState> {
  const text = await readSecret("identity")
  if (text === null || parseDevice(text).file === null) return "none"
  return (await unlockedSecret()) === null ? "locked" : "unlocked"
}

/**
 * Locks the identity with a passphrase, or with another one; it stays unlocked until it is locked or idle. Called in a page of the extension.
 *
 * @throws `locked`, `usage` for a passphrase that is too short
 */
export async function setPassphrase(passphrase: string): Promise<void> {
  if (passphrase.length < shortestPassphrase) {
    throw new PspError("usage", `Cannot use this passphrase: it is shorter than ${shortestPassphrase} characters`)
  }
  const identity = await openDevice()
  const file = await sealInWorker(identity.age, passphrase)
  // In this order, for pages look at the lock when they hear of the second.
  await writeSecret("identity", await deviceToText(identity, file))
  await keepUnlocked(identity.age)
}

/** From then on whoever can read the profile is this browser. @throws `locked` */
export async function removePassphrase(): Promise<void> {
  await writeSecret("identity", identityToText(await openDevice()))
  await lockNow()
}

/**
 * Unlocks until it is not used for a while, or the browser closes. A wrong passphrase is counted, takes as long as the right one, and
 * changes nothing.
 *
 * @returns the wrong ones since the last right one: how many, and since when (ms since epoch)
 * @throws `wrong-passphrase`, `bad-identity`
 */
export async function unlockDevice(passphrase: string): Promise<Attempts | null> {
  const { identity, file } = parseDevice((await readSecret("identity")) ?? "")
  if (file === null) return null
  const age = await openInWorker(file, passphrase)
  if (age === null) {
    await updateKept(attemptsKey, (text) => {
      const { count, since } = attemptsIn(text) ?? { count: 0, since: Date.now() }
      return JSON.stringify({ count: count + 1, since })
    })
    throw new PspError("wrong-passphrase", "Cannot unlock: the passphrase is wrong; nothing was changed")
  }
  if ((await recipientOf({ ...identity, age })) !== identity.recipient) {
    throw new PspError("bad-identity", "Cannot unlock: what is locked is another identity's")
  }
  await keepUnlocked(age)
  const before = attemptsIn(await readKept(attemptsKey))
  await deleteKept(attemptsKey)
  return before
}

export interface Attempts {
  count: number
  /** ms since epoch. */
  since: number
}

const attemptsKey = "unlock attempts"

function attemptsIn(text: string | null): Attempts | null {
  return text === null ? null : (JSON.parse(text) as Attempts)
}

async function openDevice(): Promise<OpenIdentity> {
  const identity = await thisDevice()
  const { age } = identity
  if (age === null) throw new PspError("locked", "Cannot change the lock: unlock this browser first")
  return { ...identity, age }
}
