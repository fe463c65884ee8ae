/** What the extension keeps of what it told. */
interface Told {
  triedAt: number | null
  readAt: number | null
}

/**
 * Runs in a page of the extension: when the history was last read for news (ms since epoch). With `isDue` it may be read again now, as
 * after a quarter of an hour.
 */
export async function lastLook(isDue = false): Promise<number | null> {
  const opened = await new Promise<IDBDatabase>((resolve) => {
    const asking = indexedDB.open("persistent-sessions")
    asking.onsuccess = () => resolve(asking.result)
  })
  const transaction = opened.transaction("kept", "readwrite")
  const kept = transaction.objectStore("kept")
  const told = await new Promise<Told>((resolve) => {
    const asking: IDBRequest<unknown> = kept.get("access-told")
    asking.onsuccess = () => {
      const before = JSON.parse(String(asking.result)) as Told
      if (isDue) kept.put(JSON.stringify({ ...before, triedAt: null }), "access-told")
      transaction.oncomplete = () => resolve(before)
    }
  })
  opened.close()
  return told.readAt
}

/** Runs there, too: the notifications that the browser has of the extension, by their names. */
export async function shownNotices(): Promise<string[]> {
  return new Promise((resolve) => chrome.notifications.getAll((all) => resolve(Object.keys(all))))
}

/** Runs there, too: from now on notifications that the browser closed are noted. */
export function noteClosed(): void {
  const closed: string[] = []
  const { notifications } = (globalThis as unknown as { browser: typeof chrome }).browser
  notifications.onClosed.addListener((id) => closed.push(id))
  Object.assign(globalThis, { closedNotices: closed })
}

export function notedAsClosed(): string[] {
  return (globalThis as unknown as { closedNotices: string[] }).closedNotices
}
