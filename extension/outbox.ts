import type { Vault } from "../shared/vault.js"
import { openDatabase, type WaitingSave } from "./db.js"

/**
 * Sealed saves wait here until the native host has acknowledged them. A commit is idempotent (names end in the digest of
 * the bytes), so putting one again after a crash in between still leaves exactly one object.
 */
export async function enqueue(save: WaitingSave): Promise<void> {
  await (await openDatabase()).add("outbox", save)
}

export interface Waiting {
  id: number
  site: string
  account: string
  since: number
}

/** What waits, oldest first. */
export async function listWaiting(): Promise<Waiting[]> {
  const database = await openDatabase()
  const waiting: Waiting[] = []
  for (
    let cursor = await database.transaction("outbox").store.openCursor();
    cursor !== null;
    cursor = await cursor.continue()
  ) {
    const { site, account, since } = cursor.value
    waiting.push({ id: cursor.key, site, account, since })
  }
  return waiting
}

export async function isWaiting(intentId: string): Promise<boolean> {
  const database = await openDatabase()
  for (
    let cursor = await database.transaction("outbox").store.openCursor();
    cursor !== null;
    cursor = await cursor.continue()
  ) {
    if (cursor.value.intentId === intentId) return true
  }
  return false
}

/** Drops what waits for a session, because the person forgets it. */
export async function dropWaiting(site: string, account: string): Promise<number> {
  const database = await openDatabase()
  const own = (await listWaiting()).filter((save) => save.site === site && save.account === account)
  for (const { id } of own) await database.delete("outbox", id)
  return own.length
}

let draining: Promise<number> | undefined

/**
 * Puts what waits, in order, and stops at the first fault; what was put is gone from the outbox, the rest stays.
 *
 * @returns how many went out
 * @throws whatever the store or the host answered
 */
export async function drain(vault: Pick<Vault, "commit">): Promise<number> {
  // One at a time in this process; a second process (an update) would only repeat idempotent puts.
  draining ??= drainNow(vault).finally(() => (draining = undefined))
  return draining
}

async function drainNow(vault: Pick<Vault, "commit">): Promise<number> {
  const database = await openDatabase()
  let sent = 0
  for (;;) {
    const cursor = await database.transaction("outbox").store.openCursor()
    if (cursor === null) return sent
    const { key, value } = cursor
    await vault.commit(value.prepared)
    await database.delete("outbox", key)
    sent++
  }
}
