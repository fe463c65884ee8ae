import { cookieId } from "./cookies.js"
import { isCheckAddress, judgeLogin, type LoginCheck, type LoginVerdict } from "./login-check.js"
import type { Snapshot } from "./snapshot.js"

/**
 * What captured state alone tells of being logged in, where no browser can be asked: nothing good, but sometimes that it is
 * over. A tab that stands at a login instead of the remembered page says so, and a capture that holds nothing of that page.
 */
export function judgeState({ cookies, origins = [], tabs = [] }: Snapshot, check: LoginCheck): LoginVerdict {
  const { origin, hostname } = new URL(check.url)
  const ofOrigin = tabs.flatMap(({ url }) => (originOf(url) === origin ? [seenAt(url)] : []))
  const verdicts = ofOrigin.map((seen) => judgeLogin({ ...check, isRemembered: true }, seen))
  const isEveryTabOut = verdicts.length > 0 && verdicts.every(({ result }) => result === "logged-out")
  if (isEveryTabOut && verdicts[0] !== undefined) return verdicts[0]
  const hasCookies =
    cookies?.some(({ domain, hostOnly }) => domain === hostname || (!hostOnly && hostname.endsWith(`.${domain}`))) ??
    true
  const hasStorage =
    origins.some(
      (state) =>
        state.origin === origin && ((state.localStorage?.length ?? 0) > 0 || (state.indexedDB?.length ?? 0) > 0),
    ) || tabs.some((tab) => tab.sessionStorage.some((state) => state.origin === origin && state.items.length > 0))
  if (!hasCookies && !hasStorage) return { result: "logged-out", why: `nothing of ${origin} is in it` }
  return { result: "unclear", why: "what was captured alone does not tell" }
}

/**
 * What one browser shows of a login that it had before: when none of its cookies is left (of one without cookies: none of its
 * keys), somebody logged out, or the browser was cleared. A cookie whose end has come tells nothing. Null: nothing speaks for that.
 */
export function judgeLoss(before: Snapshot, { cookies, origins, capturedAt }: Snapshot): LoginVerdict | null {
  const lasting = (before.cookies ?? []).filter(({ expiresAt }) => expiresAt === null || expiresAt > capturedAt)
  if (lasting.length > 0) {
    const left = cookies === undefined ? null : new Set(cookies.map(cookieId))
    const isLost = left !== null && !lasting.some((cookie) => left.has(cookieId(cookie)))
    return isLost ? { result: "logged-out", why: "none of the cookies that it had is left" } : null
  }
  const had = keysOf(before.origins)
  const left = new Set(keysOf(origins))
  const isLost = origins !== undefined && had.length > 0 && !had.some((key) => left.has(key))
  return isLost ? { result: "logged-out", why: "nothing of the storage that it had is left" } : null
}

/** Of localStorage, and of records. */
function keysOf(origins: Snapshot["origins"] = []): string[] {
  return origins.flatMap(({ origin, partition, localStorage = [], indexedDB = [] }) => [
    ...localStorage.map(([key]) => JSON.stringify([origin, partition, key])),
    ...indexedDB.flatMap(({ name, stores }) =>
      stores.flatMap(({ name: store, records = [] }) =>
        records.map(({ key }) => JSON.stringify([origin, partition, name, store, key])),
      ),
    ),
  ])
}

/**
 * The snapshot with what an earlier save of the same session remembers of being logged in. Where that is at a site that this
 * capture leaves out, the report says so.
 */
export function withCheck(snapshot: Snapshot, check: LoginCheck | null): Snapshot {
  if (check === null) return snapshot
  if (isCheckAddress(check.url, snapshot.sites)) return { ...snapshot, check }
  const [why, fix] = ["it is at a site that was not captured this time", "capture that site too, or tell it anew"]
  const gap = { kind: "site", where: new URL(check.url).hostname, what: "the login check", why, fix, count: 1 } as const
  return { ...snapshot, report: { ...snapshot.report, gaps: [...snapshot.report.gaps, gap] } }
}

function seenAt(url: string) {
  return { url, status: 0, hasText: null, hasElement: null, asksPassword: false }
}

function originOf(url: string): string | null {
  try {
    return new URL(url).origin
  } catch {
    return null
  }
}
