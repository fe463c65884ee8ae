import { isPspError } from "../shared/errors.js"
import type { LoginCheck, LoginVerdict } from "../shared/login-check.js"
import type { Vault } from "../shared/vault.js"
import type { CommandContext } from "./command.js"

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

/** What to do about a capture that is logged out. */
export const captureFix = "log in and capture again, or add --force"

/** For people: what a look found. */
export function verdictText({ result, why }: LoginVerdict): string {
  return `Login check: ${result.replace("-", " ")}: ${why}`
}
