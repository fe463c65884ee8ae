import { browser } from "wxt/browser"

/**
 * What opens, while this browser's identity is unlocked: in `storage.session`, which is memory, is gone when the browser closes, and is
 * shown to nobody but pages and background of this extension.
 */
interface Unlocked {
  age: string
  /** When the person last did something in a page of ours (ms since epoch). */
  usedAt: number
}

const key = "unlocked"
const alarm = "lock"

/** Minutes without use after which it locks by itself. */
export const lockSpans = [5, 15, 60, 8 * 60] as const
const usual = 15

/** A number only: `storage.local` may hold it. */
export async function readLockAfter(): Promise<number> {
  const { lockAfter } = await browser.storage.local.get<{ lockAfter?: number }>("lockAfter")
  return lockSpans.find((one) => one === lockAfter) ?? usual
}

export async function writeLockAfter(minutes: number): Promise<void> {
  await browser.storage.local.set({ lockAfter: minutes })
}

/** Null while it is locked; locks what was not used for too long. */
export async function unlockedSecret(now = Date.now()): Promise<string | null> {
  const unlocked = await read()
  if (unlocked === null) return null
  const idle = now - unlocked.usedAt
  // Used in the future: the clock was set back, and nobody knows for how long.
  if (idle >= 0 && idle < (await readLockAfter()) * 60_000) return unlocked.age
  await lockNow()
  return null
}

export async function keepUnlocked(age: string): Promise<void> {
  await browser.storage.session.set({ [key]: { age, usedAt: Date.now() } satisfies Unlocked })
  await browser.alarms.create(alarm, { periodInMinutes: 1 })
}

export async function lockNow(): Promise<void> {
  await browser.storage.session.remove(key)
  await browser.alarms.clear(alarm)
}

/** Fewer writes than keystrokes (ms). */
const noted = 20_000

/** The person does something in a page of ours: it stays unlocked a while longer. */
export async function noteUse(): Promise<void> {
  const [unlocked, age] = [await read(), await unlockedSecret()]
  if (unlocked === null || age === null || Date.now() - unlocked.usedAt < noted) return
  await browser.storage.session.set({ [key]: { age, usedAt: Date.now() } satisfies Unlocked })
}

/** In the background: also while nobody asks for it, nothing stays in memory longer than it may. */
export function watchLock(): void {
  browser.alarms.onAlarm.addListener(({ name }) => {
    if (name === alarm) void lockIfIdle()
  })
}

async function lockIfIdle(): Promise<void> {
  // Alarms outlive the browser, and what they were for does not.
  if ((await unlockedSecret()) === null) await browser.alarms.clear(alarm)
}

/** As it is locked or unlocked, by whichever page. @returns what ends the listening */
export function onUnlockChanged(listener: () => void): () => void {
  const hear = (changes: Record<string, unknown>, area: string) => {
    const before = (changes[key] as { oldValue?: Unlocked; newValue?: Unlocked } | undefined) ?? null
    if (area === "session" && before !== null && before.oldValue?.age !== before.newValue?.age) listener()
  }
  browser.storage.onChanged.addListener(hear)
  return () => browser.storage.onChanged.removeListener(hear)
}

async function read(): Promise<Unlocked | null> {
  return ((await browser.storage.session.get(key))[key] as Unlocked | undefined) ?? null
}
