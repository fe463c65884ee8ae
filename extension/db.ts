import { openDB, type DBSchema, type IDBPDatabase, type IDBPObjectStore, type StoreNames } from "idb"
import type { Prepared } from "../shared/vault.js"

/**
 * What the extension keeps, in its own IndexedDB: never `storage.local` or `storage.sync`, which other parts of a browser
 * sync, show and back up.
 */
interface Schema extends DBSchema {
  /** Single values by name; see the modules that use them. */
  kept: { key: string; value: string }
  /**
   * Secrets by name, as files: a Blob is a file of its own in the profile, which goes when another takes its place. Of a text the old one
   * stays in the database's files until the browser has a reason to tidy up (Chromium 156, Firefox 153).
   */
  secrets: { key: string; value: Blob }
  /** Sealed saves that wait for the native host, oldest first. */
  outbox: { key: number; value: WaitingSave }
  /** What their objects hold, by save, object and place: looking at what waits does not read it. */
  pieces: { key: [save: number, object: number, place: number]; value: Blob }
}

/** A sealed save on its way out. Holds no plaintext but the names the person sees in the list. */
export interface WaitingSave {
  /** The click it came from. */
  intentId: string
  prepared: Omit<Prepared, "objects"> & { objects: { name: string; size: number }[] }
  site: string
  account: string
  /** ms since epoch. */
  since: number
  /** What is in it, by name, for the access history; saves of earlier versions have none. */
  names?: string[]
}

let opening: Promise<IDBPDatabase<Schema>> | undefined

export function openDatabase(): Promise<IDBPDatabase<Schema>> {
  opening ??= openDB<Schema>("persistent-sessions", 3, {
    upgrade(database, from, _to, transaction) {
      // No release had versions 1 and 2.
      if (from < 1) database.createObjectStore("kept")
      if (from === 1) database.deleteObjectStore("outbox")
      if (from < 2) {
        database.createObjectStore("outbox", { autoIncrement: true })
        database.createObjectStore("pieces")
      }
      database.createObjectStore("secrets")
      // What stopped it is told by the opening itself.
      transaction.done.catch(() => undefined)
      // With its identity left behind, version 3 would make another one.
      moveIdentity(transaction.objectStore("kept"), transaction.objectStore("secrets")).catch(() => abort(transaction))
    },
    // Another version of this extension wants to upgrade: let it, and open anew at the next use.
    blocking(_current, _blocked, event) {
      ;(event.target as IDBDatabase).close()
      opening = undefined
    },
    terminated() {
      opening = undefined
    },
  }).catch((error: unknown) => {
    // The next use tries again.
    opening = undefined
    throw error
  })
  return opening
}

/** Nothing by half, whatever went wrong: some faults do not end the transaction by themselves. */
export function abort(transaction: { abort(): void }): void {
  try {
    transaction.abort()
  } catch {
    // It has ended already.
  }
}

type StoreOf<Name extends "kept" | "secrets"> = IDBPObjectStore<
  Schema,
  ArrayLike<StoreNames<Schema>>,
  Name,
  "versionchange"
>

/** Before version 3 it was a text among others. */
async function moveIdentity(kept: StoreOf<"kept">, secrets: StoreOf<"secrets">): Promise<void> {
  const identity = await kept.get("identity")
  if (identity === undefined) return
  await secrets.put(new Blob([identity]), "identity")
  await kept.delete("identity")
}

export async function readKept(name: string): Promise<string | null> {
  return (await (await openDatabase()).get("kept", name)) ?? null
}

export async function writeKept(name: string, value: string): Promise<void> {
  await (await openDatabase()).put("kept", value, name)
}

/** Writes unless something is there already, and says what is there now: pages and background may come at the same moment. */
export async function keepFirst(name: string, value: string): Promise<string> {
  const { store, done } = (await openDatabase()).transaction("kept", "readwrite")
  const kept = (await store.get(name)) ?? value
  await store.put(kept, name)
  await done
  return kept
}

/** Reads and writes in one step: what two pages change at the same moment is changed by both. */
export async function updateKept(name: string, change: (before: string | null) => string): Promise<void> {
  const { store, done } = (await openDatabase()).transaction("kept", "readwrite")
  await store.put(change((await store.get(name)) ?? null), name)
  await done
}

export async function readSecret(name: string): Promise<string | null> {
  return (await (await (await openDatabase()).get("secrets", name))?.text()) ?? null
}

/** On the disk when this returns. */
export async function writeSecret(name: string, value: string): Promise<void> {
  const { store, done } = (await openDatabase()).transaction("secrets", "readwrite", { durability: "strict" })
  await Promise.all([store.put(new Blob([value]), name), done])
}

/** As `keepFirst`. */
export async function keepFirstSecret(name: string, value: string): Promise<string> {
  const { store, done } = (await openDatabase()).transaction("secrets", "readwrite", { durability: "strict" })
  const kept = (await store.get(name)) ?? new Blob([value])
  await store.put(kept, name)
  await done
  return kept.text()
}

export async function deleteKept(name: string): Promise<void> {
  await (await openDatabase()).delete("kept", name)
}
