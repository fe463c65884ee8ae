import { mayHoldLogin } from "../shared/login-cookies.js"
import type { Cookie } from "../shared/snapshot.js"
import type { SessionName } from "./forget.js"
import type { SyncSetting } from "./sync-settings.js"

/** What is known of a session that is kept in sync, beside how that goes. Names and times, no values. */
export interface HealthFacts extends SessionName {
  /** Cookies of its sites in this browser. */
  cookies: Pick<Cookie, "name" | "httpOnly" | "expiresAt">[]
  /** When the saved session ends (ms since epoch); null where the store does not say so now. */
  endsAt: number | null
  /** Why what is saved is no login any more; null: nothing speaks for that. */
  lost: string | null
  /** What of it is tied to this device, and why that is thought; null: nothing was found. */
  bound: { what: string; why: string } | null
  /** Since when a save of it has not gone out (ms since epoch); null: all have. */
  waitingSince: number | null
}

/** One word, and its reason; texts are for people, times ms since epoch. */
export type Health =
  /** The name of the cookie that ends; null for the saved session itself, or where no end is known. */
  | { word: "fresh"; name: string | null; endsAt: number | null }
  | { word: "expiring"; name: string | null; endsAt: number }
  | { word: "dead"; why: string }
  | { word: "bound"; what: string; why: string }
  | { word: "waiting"; since: number }
  | { word: "error"; why: string }

/** So long before its end a login is expiring (ms). */
const soon = 24 * 60 * 60 * 1000

/** How a session that is kept in sync is at a time (ms since epoch): what is most urgent for the person counts. */
export function healthOf(
  { error }: Pick<SyncSetting, "error">,
  { cookies, endsAt, lost, bound, waitingSince }: HealthFacts,
  now: number,
): Health {
  if (lost !== null) return { word: "dead", why: lost }
  if (endsAt !== null && endsAt <= now) return { word: "dead", why: "the saved session has ended" }
  // Before the error, which is then that the computer is away: what is here is safe.
  if (waitingSince !== null) return { word: "waiting", since: waitingSince }
  // What is here is saved all the same.
  if (error !== null && error.code !== "locked") return { word: "error", why: error.message }
  const own = endsAt === null ? null : { name: null, endsAt }
  const ends = [endOfLogin(cookies), own].filter((end) => end !== null)
  const [first] = ends.toSorted((one, other) => one.endsAt - other.endsAt)
  if (first !== undefined && first.endsAt <= now + soon) return { word: "expiring", ...first }
  if (bound !== null) return { word: "bound", ...bound }
  return first === undefined ? { word: "fresh", name: null, endsAt: null } : { word: "fresh", ...first }
}

/**
 * The end of the last cookie that may hold the login: sites renew a short one from a longer one. Those that end with the browser say
 * nothing, where others do.
 */
function endOfLogin(cookies: HealthFacts["cookies"]): { name: string; endsAt: number } | null {
  const ends = cookies
    .filter(mayHoldLogin)
    .flatMap(({ name, expiresAt }) => (expiresAt === null ? [] : [{ name, endsAt: expiresAt }]))
  return ends.toSorted((one, other) => other.endsAt - one.endsAt)[0] ?? null
}
