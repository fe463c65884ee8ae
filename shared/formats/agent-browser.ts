import { utf8Length } from "../bytes.js"
import type { Cookie, OriginState, Snapshot } from "../snapshot.js"
import { ofContext, ofCookies, type Export } from "./export.js"
import type { Found } from "./found.js"
import { readStorageState } from "./read-storage-state.js"
import { webStorageOf } from "./web-storage.js"
import { fitCookies, toCdpCookie } from "./write-cookies.js"

/**
 * The session as `agent-browser state load` reads it: a storageState with sessionStorage, and with cookies that know no
 * partition (one would be set as an ordinary cookie, so they are left out).
 *
 *     { "cookies": [{ name, value, domain, path, expires, size, httpOnly, secure, session, sameSite? }],
 *       "origins": [{ "origin", "localStorage": [{ name, value }], "sessionStorage": [{ name, value }] }] }
 *
 * @see https://github.com/vercel-labs/agent-browser cli/src/native/state.rs, cookies.rs
 */
export function snapshotToAgentBrowser(snapshot: Snapshot, { now = Date.now() } = {}): Export {
  const { kept, gaps } = fitCookies(snapshot.cookies, now)
  const partitioned = kept.filter(({ partition }) => partition !== null)
  const cookies = kept.filter(({ partition }) => partition === null).map(toAgentCookie)
  const { origins, gaps: lost } = webStorageOf(snapshot, format)
  return {
    text: `${JSON.stringify({ cookies, origins }, null, 2)}\n`,
    gaps: [
      ...gaps,
      ...ofCookies(
        partitioned,
        "partitioned cookie",
        `${format} has no partitions`,
        "restore with --format playwright",
      ),
      ...lost,
      ...ofContext(snapshot, `${format} has no place for it`),
    ],
  }
}

/**
 * What a state file of agent-browser holds. It writes an empty list also for a storage that it could not read: an empty one
 * counts as not captured.
 *
 * @throws `bad-snapshot` for what is none
 */
export function fromAgentBrowser(text: string): Found {
  const { origins, ...found } = readStorageState(text, format)
  return { ...found, ...(origins && { origins: origins.flatMap(withoutEmpty) }) }
}

const format = "agent-browser's state file"

function toAgentCookie(cookie: Cookie) {
  const { sameSite, ...rest } = toCdpCookie(cookie)
  return {
    ...rest,
    size: utf8Length(cookie.name) + utf8Length(cookie.value),
    session: cookie.expiresAt === null,
    ...(sameSite === undefined ? {} : { sameSite }),
  }
}

function withoutEmpty({ localStorage = [], ...state }: OriginState): OriginState[] {
  if (localStorage.length > 0) return [{ ...state, localStorage }]
  return state.indexedDB === undefined && state.opfs === undefined ? [] : [state]
}
