import { readKept, updateKept } from "./db.js"

/** A sealed save that the browser itself lost before it could go out. */
export interface LostSave {
  /** The click it came from. */
  id: string
  site: string
  account: string
  /** When it was sealed (ms since epoch). */
  since: number
}

const key = "lost"
/** A person who dismisses none must not fill the page. */
const maxLost = 200

/** Those that were not dismissed yet, the oldest first. */
export async function listLost(): Promise<LostSave[]> {
  return parseLost(await readKept(key))
}

/** Kept until the person has seen it: whoever thinks that a save went out does not save it again. */
export async function noteLost({ id, site, account, since }: LostSave): Promise<void> {
  await updateLost((lost) => [...lost.filter((one) => one.id !== id), { id, site, account, since }].slice(-maxLost))
}

export async function dismissLost(id: string): Promise<void> {
  await updateLost((lost) => lost.filter((one) => one.id !== id))
}

async function updateLost(change: (lost: LostSave[]) => LostSave[]): Promise<void> {
  await updateKept(key, (text) => JSON.stringify(change(parseLost(text))))
}

/** Written by this extension alone. */
function parseLost(text: string | null): LostSave[] {
  return text === null ? [] : (JSON.parse(text) as LostSave[])
}
