import { PspError } from "./errors.js"
import type { LoginCheck, LoginVerdict } from "./login-check.js"
import { judgeLoss, judgeState, withCheck } from "./login-state.js"
import type { Snapshot } from "./snapshot.js"

export interface Guarded {
  snapshot: Snapshot
  /** null: nobody told how being logged in looks, or it does not matter. */
  verdict: LoginVerdict | null
}

export interface GuardOptions {
  isForced: boolean
  /** Asks the site, where a browser is there to do so. */
  look?: (snapshot: Snapshot) => Promise<LoginVerdict>
  /** What the same browser showed while it was logged in: when nothing of that is left, it is not any more. */
  before?: Snapshot
  /** What to do about it, for the message. */
  fix: string
}

/**
 * The snapshot as it may take the place of the saved one: with what that remembers, and not when it is logged out.
 *
 * @throws `logged-out`
 */
export async function guardLogin(
  captured: Snapshot,
  check: LoginCheck | null,
  { isForced, look, before, fix }: GuardOptions,
): Promise<Guarded> {
  const snapshot = withCheck(captured, check)
  if (isForced) return { snapshot, verdict: null }
  const verdict = (before && judgeLoss(before, snapshot)) ?? (await judge(snapshot, look))
  if (verdict?.result !== "logged-out") return { snapshot, verdict }
  throw new PspError(
    "logged-out",
    `Cannot save session of ${snapshot.sites[0]}: it looks logged out (${verdict.why}), and would take the place of the saved one; ${fix}`,
  )
}

async function judge(snapshot: Snapshot, look: GuardOptions["look"]): Promise<LoginVerdict | null> {
  if (snapshot.check === undefined) return null
  const told = judgeState(snapshot, snapshot.check)
  return look === undefined || told.result === "logged-out" ? told : look(snapshot)
}
