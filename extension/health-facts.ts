import { isPspError } from "../shared/errors.js"
import { judgeState } from "../shared/login-state.js"
import { boundKeyGaps } from "../shared/portability/bound-keys.js"
import { deviceBoundGaps } from "../shared/portability/device-bound.js"
import type { Snapshot } from "../shared/snapshot.js"
import type { LoadedSession } from "../shared/vault.js"
import { captureCookies } from "./capture-cookies.js"
import type { HealthFacts } from "./health.js"
import { withOpenHost } from "./host.js"
import { listWaiting } from "./outbox.js"
import { readSettings, type SyncSetting } from "./sync-settings.js"

/** What is known of all sessions that are kept in sync; while the computer is away it is what this browser has. */
export async function readHealthFacts(): Promise<HealthFacts[]> {
  const settings = await readSettings()
  if (settings.length === 0) return []
  const found = await Promise.all(settings.map(ownFacts))
  try {
    return await withOpenHost(async ({ use }) => {
      const facts: HealthFacts[] = []
      for (const own of found) {
        const { site, account } = own
        // What cannot be opened is told by the look that keeps it in sync.
        const saved = await use((vault) => vault.loadSession(site, { account }).catch(ignoreExpected))
        facts.push(saved === null ? own : { ...own, ...savedFacts(saved) })
      }
      return facts
    })
  } catch (error) {
    ignoreExpected(error)
    return found
  }
}

async function ownFacts({ site, account, scope }: SyncSetting): Promise<HealthFacts> {
  const found = scope.kinds.includes("cookies")
    ? await Promise.all([site, ...scope.alsoSites].map((one) => captureCookies(one, scope.storeId, []).catch(() => [])))
    : []
  const waiting = (await listWaiting()).find((one) => one.site === site && one.account === account)
  const cookies = found.flat().map(({ name, httpOnly, expiresAt }) => ({ name, httpOnly, expiresAt }))
  return { site, account, cookies, endsAt: null, lost: null, bound: null, waitingSince: waiting?.since ?? null }
}

function savedFacts({ snapshot, expiresAt }: LoadedSession): Pick<HealthFacts, "endsAt" | "lost" | "bound"> {
  const [gap] = [...boundKeyGaps(snapshot), ...deviceBoundGaps(snapshot, [])]
  const bound = gap === undefined ? null : { what: gap.what, why: gap.why }
  return { endsAt: expiresAt, lost: whyLost(snapshot), bound }
}

/** As the remembered check judges it, else only when nothing at all is left. */
function whyLost(snapshot: Snapshot): string | null {
  const { check, cookies = [], origins = [], tabs = [] } = snapshot
  if (check !== undefined) {
    const { result, why } = judgeState(snapshot, check)
    return result === "logged-out" ? why : null
  }
  const isEmpty =
    cookies.length === 0 &&
    origins.every(({ localStorage = [], indexedDB = [] }) => localStorage.length + indexedDB.length === 0) &&
    tabs.every(({ sessionStorage }) => sessionStorage.every(({ items }) => items.length === 0))
  return isEmpty ? "nothing of the login is left" : null
}

function ignoreExpected(error: unknown): null {
  if (!isPspError(error)) throw error
  return null
}
