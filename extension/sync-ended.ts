import { readKept, updateKept } from "./db.js"
import type { SessionName } from "./forget.js"

/** A session that was kept in sync here until another device removed it. */
export interface EndedSync extends SessionName {
  /** When it was removed (ms since epoch). */
  removedAt: number
}

const key = "ended syncs"
/** A person who dismisses none must not fill the page. */
const maxEnded = 100

/** Those that were not dismissed yet: whoever thinks that a session is kept in sync relies on it. */
export async function listEnded(): Promise<EndedSync[]> {
  return parse(await readKept(key))
}

export async function noteEnded({ site, account, removedAt }: EndedSync): Promise<void> {
  await change({ site, account }, [{ site, account, removedAt }])
}

export async function dismissEnded(session: SessionName): Promise<void> {
  await change(session, [])
}

async function change({ site, account }: SessionName, added: EndedSync[]): Promise<void> {
  await updateKept(key, (text) => {
    const others = parse(text).filter((one) => one.site !== site || one.account !== account)
    return JSON.stringify([...others, ...added].slice(-maxEnded))
  })
}

function parse(text: string | null): EndedSync[] {
  return text === null ? [] : (JSON.parse(text) as EndedSync[])
}
