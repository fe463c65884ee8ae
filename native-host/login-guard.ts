import { isPspError, PspError } from "../shared/errors.js"
import type { LoginCheck, LoginVerdict } from "../shared/login-check.js"
import { judgeState, withCheck } from "../shared/login-state.js"
import type { Snapshot } from "../shared/snapshot.js"
import type { Vault } from "../shared/vault.js"
import type { CommandContext } from "./command.js"

export interface Guarded {
  snapshot: Snapshot
  /** null: nobody told how being logged in looks, or it does not matter. */
  verdict: LoginVerdict | null
}

/**
 * What the saved session remembers of being logged in; null when there is none, or it does not say. A session that cannot be
 * opened may be saved over, and what it remembered is lost.
 */
export async function rememberedCheck(
  vault: Vault,
  { say }: Pick<CommandContext, "say">,
  site: string,
  account: string,
): Promise<LoginCheck | null> {
  try {
    return (await vault.load(site, { account }))?.check ?? null
  } catch (error) {
    if (!isPspError(error) || ["unreachable", "denied", "rate-limited", "aborted"].includes(error.code)) throw error
    say(`What is saved of ${site} cannot be opened (${error.code}): what it may remember of being logged in is lost`)
    return null
  }
}

/**
 * The snapshot as it may take the place of the saved one: with what that remembers, and not when it is logged out.
 *
 * @param look asks the site, where a browser is there to do so
 * @throws `logged-out`
 */
export async function guardLogin(
  captured: Snapshot,
  check: LoginCheck | null,
  { isForced, look }: { isForced: boolean; look?: (snapshot: Snapshot) => Promise<LoginVerdict> },
): Promise<Guarded> {
  const snapshot = withCheck(captured, check)
  if (snapshot.check === undefined || isForced) return { snapshot, verdict: null }
  const told = judgeState(snapshot, snapshot.check)
  const verdict = look === undefined || told.result === "logged-out" ? told : await look(snapshot)
  if (verdict.result !== "logged-out") return { snapshot, verdict }
  throw new PspError(
    "logged-out",
    `Cannot save session of ${snapshot.sites[0]}: it looks logged out (${verdict.why}), and would take the place of the saved one; log in and capture again, or add --force`,
  )
}

/** For people: what a look found. */
export function verdictText({ result, why }: LoginVerdict): string {
  return `Login check: ${result.replace("-", " ")}: ${why}`
}
